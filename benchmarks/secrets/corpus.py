"""Files with planted secrets, each known to the character. The same seed gives the same files."""

from __future__ import annotations

import base64
import json
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.secrets import places
from benchmarks.secrets.forms import FORMS, PEM_LABELS, draw, pem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.secrets.forms import Form
    from benchmarks.secrets.places import Place

SEED = 2026


@dataclass(frozen=True)
class Mark:
    """Where something that counts stands in a file.

    Attributes:
        group: the row of the report that counts it.
        name: what it is called there.
        start: its first character.
        end: behind its last character.
    """

    group: str
    name: str
    start: int
    end: int


@dataclass
class Page:
    """A file, and what in it counts: secrets in one corpus, innocent words in the other."""

    path: str
    text: str = ""
    marks: list[Mark] = field(default_factory=list)

    def add(self, template: str, *values: tuple[str, str, str, str]) -> None:
        """Append a text with (group, name, word to replace, value) put in and marked."""
        rest = template
        for group, name, word, value in values:
            head, found, rest = rest.partition(word)
            assert found, (template, word)
            self.text += head
            self.marks.append(Mark(group, name, len(self.text), len(self.text) + len(value)))
            self.text += value
        self.text += rest


def planted(seed: int = SEED) -> list[Page]:
    """Return the files with secrets."""
    source = random.Random(seed)
    pages = [
        *_by_form(source),
        *_connections(source),
        *_headers(source),
        *_azure_and_webhooks(source),
        *_private_keys(source),
        *_clusters(source),
        *_encoded(source),
    ]
    return [page for page in pages if page.marks]


def named(line: str, name: str) -> str:
    """Write the name of a secret into a line, as the line's language writes names."""
    words = name.split("_")
    pascal = "".join(word.title() for word in words)
    for word, written in (
        ("SNAKE", name),
        ("UPPER", name.upper()),
        ("CAMEL", pascal[0].lower() + pascal[1:]),
        ("PASCAL", pascal),
        ("KEBAB", name.replace("_", "-")),
    ):
        line = line.replace(word, written)
    return line


def _by_form(source: random.Random) -> Iterator[Page]:
    """Every form in three places; what can be known alone stands without its name in one."""
    turn, unnamed = 0, 0
    for form in FORMS:
        for again in range(3):
            if form.alone and again == 2:
                place = places.UNNAMED[unnamed % len(places.UNNAMED)]
                unnamed += 1
            else:
                place = places.NAMED[turn % len(places.NAMED)]
                turn += 1
            yield _page(place, form, draw(form.template, source))


def _page(place: Place, form: Form, value: str) -> Page:
    page = Page(place.path)
    page.add(named(place.before, form.name))
    page.add(named(place.line, form.name) + "\n", (form.group, form.name, "VALUE", value))
    page.add(named(place.after, form.name))
    return page


def _connections(source: random.Random) -> Iterator[Page]:
    for place in places.CONNECTIONS:
        for _ in range(2):
            value = draw("{password}", source).replace("#", "x").replace("?", "y").replace("%", "z")
            page = Page(place.path)
            page.add(place.line + "\n", ("connection strings", place.path, "VALUE", value))
            yield page


def _headers(source: random.Random) -> Iterator[Page]:
    for place in places.HEADERS:
        page = Page(place.path)
        basic = base64.b64encode(f"deploy:{draw('{password}', source)}".encode()).decode()
        word = "BASIC" if "BASIC" in place.line else "VALUE"
        value = basic if word == "BASIC" else draw("{A40}", source)
        page.add(place.before)
        page.add(place.line + "\n", ("headers and logins", place.path, word, value))
        page.add(place.after)
        yield page


def _azure_and_webhooks(source: random.Random) -> Iterator[Page]:
    templates = {
        "KEY64": "{b64}",
        "KEY32": "{b32}",
        "SIG": "{A42}%3D",
        "VALUE": "T{U8}/B{U10}/{A24}",
        "DISCORD": "{d18}/{u68}",
        "TEAMS": "{uuid}@{uuid}/IncomingWebhook/{h32}/{uuid}",
        "TELEGRAM": "{d10}:AA{u33}",
    }
    for group, kind in (("cloud keys", places.AZURE), ("webhooks", places.WEBHOOKS)):
        for place in kind:
            word = next(word for word in templates if word in place.line)
            page = Page(place.path)
            page.add(place.line + "\n", (group, place.path, word, draw(templates[word], source)))
            yield page


def _private_keys(source: random.Random) -> Iterator[Page]:
    group = "private keys"
    for label in PEM_LABELS:
        key = pem(source, label)
        page = Page("keys.py")
        page.add('KEY = """VALUE"""\n\nPORT = 1\n', (group, label, "VALUE", key))
        yield page
        page = Page("service.json")
        escaped = pem(source, label).replace("\n", "\\n")
        page.add('{"private_key": "VALUE\\n", "id": "1"}\n', (group, label, "VALUE", escaped))
        yield page
        page = Page("values.yaml")
        indented = pem(source, label, ending="\n    ")
        page.add("tls:\n  key: |\n    VALUE\n  on: true\n", (group, label, "VALUE", indented))
        yield page
        page = Page("Key.java")
        joined = pem(source, label, ending='\\n" +\n        "')
        page.add('String key = "VALUE";\n', (group, label, "VALUE", joined))
        yield page
    page = Page("key.tf")
    page.add(places.TERRAFORM_KEY, (group, "heredoc", "SECRET", pem(source, PEM_LABELS[0])))
    yield page


def _clusters(source: random.Random) -> Iterator[Page]:
    group = "kubeconfig"
    certificate = base64.b64encode(
        b"-----BEGIN CERTIFICATE-----\n" + source.randbytes(300)
    ).decode()
    for name, value in (
        ("client-key-data", base64.b64encode(pem(source, PEM_LABELS[0]).encode()).decode()),
        ("client-key-data", base64.b64encode(pem(source, PEM_LABELS[1]).encode()).decode()),
        ("token", draw("{jwt}", source)),
        ("token", draw("sha256~{u43}", source)),
        ("password", draw("{password}", source)),
    ):
        page = Page("cluster.yaml")
        text = places.KUBECONFIG.replace("CERTIFICATE", certificate)
        page.add(text.replace("SECRET", f"{name}: SECRET"), (group, name, "SECRET", value))
        yield page


def _encoded(source: random.Random) -> Iterator[Page]:
    group = "base64"

    def encoded(text: str) -> str:
        return base64.b64encode(text.encode()).decode()

    contents = {
        "password": "{password}",
        "DATABASE_URL": "postgres://shop:{A20}@db.internal:5432/shop",
        "redis-url": "redis://:{A24}@cache.internal:6379/0",
        "api-key": "{A40}",
        "STRIPE": "sk_live_{A24}",
        "GITHUB": "ghp_{A36}",
        "config": '{"auth": {"user": "shop", "password": "{A18}"}}',
    }
    for name, template in contents.items():
        for _ in range(3):
            page = Page("secret.yaml")
            value = encoded(draw(template, source))
            page.add(
                places.KUBERNETES_SECRET.replace("SECRET", f"{name}: SECRET"),
                (group, name, "SECRET", value),
            )
            yield page
    for label in PEM_LABELS[:4]:
        page = Page("secret.yaml")
        text = places.KUBERNETES_SECRET.replace("SECRET", "tls.key: SECRET")
        page.add(text, (group, label, "SECRET", encoded(pem(source, label) + "\n")))
        yield page
    for _ in range(3):
        page = Page("docker.json")
        value = encoded(f"robot:{draw('{A32}', source)}")
        page.add(
            '{"auths": {"registry.example.internal": {"auth": "SECRET"}}}\n',
            (group, "docker", "SECRET", value),
        )
        yield page
        page = Page("npmrc.txt")
        page.add("//registry.example.internal/:_auth=SECRET\n", (group, "npm", "SECRET", value))
        yield page
    account = {
        "type": "service_account",
        "project_id": "shop",
        "private_key": pem(source, PEM_LABELS[2]) + "\n",
        "client_email": "deploy@shop.iam.example",
    }
    for text in (json.dumps(account), json.dumps(account, indent=2)):
        page = Page("ci.yml")
        page.add("env:\n  GCP_ACCOUNT: SECRET\n", (group, "account", "SECRET", encoded(text)))
        yield page
