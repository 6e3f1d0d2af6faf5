"""Names of libraries: the languages' own, and those whose modules are called otherwise."""

from __future__ import annotations

import re
import sys

# Also what is gone from newer versions, and is no library all the same.
_GONE = """
__future__ __main__ _typeshed asynchat asyncore imp smtpd distutils tomllib cgi cgitb crypt
nntplib pipes telnetlib uu xdrlib msilib nis ossaudiodev spwd sndhdr imghdr audioop aifc sunau
chunk mailcap lib2to3 annotationlib compression
"""
PYTHON_MODULES = sys.stdlib_module_names | frozenset(_GONE.split())

_NODE = """
assert async_hooks buffer child_process cluster console constants crypto dgram
diagnostics_channel dns domain events fs http http2 https inspector module net os path
perf_hooks process punycode querystring readline repl stream string_decoder sys timers tls
trace_events tty url util v8 vm wasi worker_threads zlib bun
"""
NODE_MODULES = frozenset(_NODE.split())

_TABLE = """
attr attrs
Crypto pycryptodome pycrypto
Cryptodome pycryptodomex
Levenshtein levenshtein python-levenshtein
MySQLdb mysqlclient
OpenSSL pyopenssl
PIL pillow
Xlib python-xlib
bs4 beautifulsoup4
crontab python-crontab
cv2 opencv-python opencv-python-headless opencv-contrib-python
dateutil python-dateutil
discord discord-py py-cord
docx python-docx
dotenv python-dotenv
faiss faiss-cpu faiss-gpu
fitz pymupdf
flask_sqlalchemy flask-sqlalchemy
gi pygobject
git gitpython
github pygithub
gitlab python-gitlab
google googleapis-common-protos protobuf
googleapiclient google-api-python-client
graphql graphql-core
grpc grpcio
jose python-jose
jwt pyjwt
kafka kafka-python
ldap python-ldap
magic python-magic
memcache python-memcached
more_itertools more-itertools
mpl_toolkits matplotlib
multipart python-multipart
mypy_extensions mypy-extensions
nacl pynacl
odf odfpy
openid python3-openid
paho paho-mqtt
past future
pkg_resources setuptools
pptx python-pptx
psycopg2 psycopg2-binary
psycopg psycopg psycopg-binary
pydantic_core pydantic
pylab matplotlib
pytest_asyncio pytest-asyncio
pythoncom pywin32
pywintypes pywin32
ruamel ruamel-yaml
serial pyserial
skimage scikit-image
sklearn scikit-learn
slugify python-slugify
socks pysocks
sphinx_rtd_theme sphinx-rtd-theme
starlette fastapi
_pytest pytest
telegram python-telegram-bot
tree_sitter tree-sitter
typing_extensions typing-extensions
usb pyusb
websocket websocket-client
win32api pywin32
win32com pywin32
win32con pywin32
win32event pywin32
win32file pywin32
wx wxpython
xdg pyxdg
yaml pyyaml
zmq pyzmq
zope zope-interface
"""

KNOWN: dict[str, frozenset[str]] = {
    module: frozenset(names) for module, *names in map(str.split, _TABLE.strip().splitlines())
}
"""The distributions, by normalised name, that hold a Python module of another name."""

USED_WITHOUT_IMPORT = re.compile(
    r"^(?:types-|@types/|pytest|setuptools|wheel|pip$|gunicorn|uvicorn|hypercorn|daphne|tzdata"
    r"|typing-extensions|psycopg|mysqlclient|pymysql|asyncpg|aiosqlite|greenlet|colorama|cffi"
    r"|mypy|ruff|black|flake8|pre-commit|tox|nox|sphinx|mkdocs|eslint|prettier|typescript$|tslib"
    r"|webpack|vite|rollup|babel|@babel|postcss|tailwindcss|core-js|regenerator-runtime)"
    r"|-stubs$|-plugin|-loader|-preset|-config|-cli$|-binary$|^importlib-|^backports|-compat$"
)
"""Names of what runs, types, builds or is found by name, and is imported by nobody."""
