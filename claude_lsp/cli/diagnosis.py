"""What `claude-lsp doctor --report` writes: one page that can be read before it is sent.

Nothing is sent by itself. What could tell who somebody is or what they work on is taken out: keys,
headers, names of the user and the machine, the home folder and the workspace's path.
"""

from __future__ import annotations

import getpass
import json
import os
import platform
import re
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from claude_lsp import __version__
from claude_lsp.cli.common import shown_values

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from claude_lsp.cli.doctor import Check
    from claude_lsp.configuration import Configuration

_HEAD = """\
# claude-lsp report

Read this before you send it: nothing has been sent. Keys, secrets, headers, your name, your
machine's name and your folders were replaced, as far as they could be recognised. The log below has
no lines of the level debug, which could hold source.
"""
_LIBRARIES = (
    *("pygls", "lsprotocol", "anthropic", "httpx2", "tiktoken", "platformdirs", "rapidfuzz"),
    *("pillow", "numpy", "tree-sitter"),
)
_VARIABLES = re.compile(
    r"(?:ANTHROPIC|CLAUDE_LSP|OTEL)_|(?:HTTPS?|ALL|NO)_PROXY\Z|SSL_CERT_", re.IGNORECASE
)
_SECRET_VARIABLES = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|HEADERS", re.IGNORECASE)
_RECORD = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (?P<level>[A-Z]+) ")
_LOG_BYTES = 200_000
_LOG_LINES = 200
_LONGEST_LINE = 500
_SHORTEST_NAME = 3
_NO_NAMES = frozenset({"root", "user", "admin", "home", "runner", "ubuntu", "localhost", "claude"})


def diagnosis(checks: Iterable[Check], configuration: Configuration, root: Path) -> str:
    """Return the page as Markdown.

    Args:
        checks: what doctor found.
        configuration: the settings and where they come from.
        root: the workspace.
    """
    page = "\n".join(
        (
            _HEAD,
            "## Versions\n",
            *_listed(_versions()),
            "\n## What doctor found\n",
            *_listed((f"{check.name} ({check.state})", check.detail) for check in checks),
            "\n## Settings that differ from their defaults\n",
            *_listed(_settings(configuration)),
            "\n## Environment\n",
            *_listed((name, "(set)") for name in sorted(os.environ) if _VARIABLES.match(name)),
            "\n## The end of the log\n",
            *_log(configuration.settings.log.file),
            "",
        )
    )
    return _anonymous(page, configuration, root)


def _listed(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    lines = [f"- {name}: {value}" for name, value in pairs]
    yield from lines or ["none"]


def _versions() -> Iterator[tuple[str, str]]:
    yield "claude-lsp", __version__
    yield "Python", f"{platform.python_version()} ({platform.python_implementation()})"
    yield "system", f"{platform.system()} {platform.release()}, {platform.machine()}"
    for name in _LIBRARIES:
        try:
            yield name, metadata.version(name)
        except metadata.PackageNotFoundError:
            yield name, "missing"


def _settings(configuration: Configuration) -> Iterator[tuple[str, str]]:
    for item, value in shown_values(configuration.settings):
        if layer := configuration.origins.get(item.key):
            yield item.key, f"{json.dumps(value)} [{layer}]"


def _log(file: str) -> list[str]:
    if not file:
        return ["There is no log file; the setting `log.file` names one."]
    try:
        with Path(file).expanduser().open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - _LOG_BYTES))
            lines = log.read().decode("utf-8", "replace").splitlines()
    except OSError as error:
        return [f"It can't be read: {error.strerror or error}"]
    kept, shown = [], False
    for line in lines:
        if record := _RECORD.match(line):
            shown = record["level"] != "DEBUG"
        if shown:
            kept.append("    " + line[:_LONGEST_LINE])
    return kept[-_LOG_LINES:] or ["It has no lines above the level debug."]


def _anonymous(page: str, configuration: Configuration, root: Path) -> str:
    """Take out what is known to be private, then what looks like a secret."""
    from claude_lsp.context.redact import redact

    for value in sorted(_known_secrets(configuration), key=len, reverse=True):
        page = page.replace(value, "(secret)")
    for folder, name in _folders(root):
        flags = re.IGNORECASE if sys.platform in {"win32", "darwin"} else 0
        page = re.sub(rf"{re.escape(folder)}(?![\w-])", name, page, flags=flags)
    for word, name in _names().items():
        page = re.sub(rf"(?<![A-Za-z0-9]){re.escape(word)}(?![A-Za-z0-9])", name, page)
    return redact(page).text


def _known_secrets(configuration: Configuration) -> Iterator[str]:
    for name, value in os.environ.items():
        if _VARIABLES.match(name) and _SECRET_VARIABLES.search(name) and len(value) >= 6:
            yield value
    yield from (value for value in configuration.settings.endpoint.headers.values() if value)


def _folders(root: Path) -> Iterator[tuple[str, str]]:
    """Yield the folders to replace, the inner ones first, as they are written and as they are."""
    for folder, name in ((root, "(workspace)"), (Path.home(), "~")):
        for path in dict.fromkeys((folder, folder.resolve())):
            if len(path.parts) > 1:
                yield str(path), name
                if "\\" in str(path):
                    yield str(path).replace("\\", "\\\\"), name


def _names() -> Mapping[str, str]:
    names = {platform.node(): "(machine)", platform.node().partition(".")[0]: "(machine)"}
    names[Path.home().name] = "(user)"
    try:
        names[getpass.getuser()] = "(user)"
    except (OSError, KeyError):
        names.pop("", None)  # a process without a user has no name to hide
    return {
        word: name
        for word, name in names.items()
        if len(word) >= _SHORTEST_NAME and word.lower() not in _NO_NAMES
    }
