"""No secret and nothing ignored leaves in any action, by whatever way it came into the context."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.secrets.__main__ import LEAST_RECALL
from benchmarks.secrets.corpus import planted
from benchmarks.secrets.measure import is_left
from claude_lsp.actions import ACTIONS
from claude_lsp.actions.action import Place, Problem, Situation, Surroundings
from claude_lsp.claude.errors import ClaudeError
from claude_lsp.cli.main import CONTEXTS
from claude_lsp.context import tokens
from claude_lsp.text.positions import Position, Range
from claude_lsp.text.snapshots import Snapshot, uri_from_path
from claude_lsp.workspace.languages import language_of
from tests.messages_api import MessagesApi, replies
from tests.planted import IGNORED
from tests.unit.engine_kit import engine_for, point_at
from tests.unit.index_kit import write
from tests.unit.test_redact import BY_FORM, BY_PLACE, block

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from claude_lsp.engine import Engine

KEY_LINES = block(60).split("\n")
MARK = "PRIVATE" + " KEY-----"
KEY = "\n".join([f"-----BEGIN RSA {MARK}", *KEY_LINES, f"-----END RSA {MARK}"])
SECRETS = [secret for _, secret in BY_FORM] + [secret for _, _, secret in BY_PLACE]
LINES = [f'value = "{secret}"' for _, secret in BY_FORM]
LINES += [template.replace("@", secret, 1) for _, template, secret in BY_PLACE]

DOCUMENT = """\
from app.prices import Price, connect
from private.keys import private_price


def checkout(prices: list[Price]) -> Price:
    total = Price(0)
    for price in prices:
        total = total.with_tax(price)
    connect(total)
    return total
"""
# Everywhere a secret can come from: definitions, look-alikes, uses, places that are pointed at.
FILES = {
    "app/main.py": DOCUMENT,
    "app/prices.py": "class Price:\n"
    + "".join(f"    secret_{n} = {secret!r}\n" for n, (_, secret) in enumerate(BY_FORM))
    + "    def with_tax(self, password: str = 'hT7!kq92Lm') -> Price: ...\n\n"
    + "".join(
        f'def connect{n or ""}(price, token="{secret}"):\n    """Use {secret}."""\n'
        for n, (_, secret) in enumerate(BY_FORM)
    ),
    "app/alike.py": "\n".join(
        line for secret in LINES for line in (*DOCUMENT.split("\n")[5:8], f"    {secret}")
    ),
    "app/tests/test_main.py": "from app.main import checkout\n\n\ndef test_checkout():\n"
    '    password =\n  "hT7!kq92Lm"\n    assert checkout([])\n'
    + "".join(f"    {line}\n" for line in LINES[:4]),
    "app/uses.py": "from app.main import checkout\n"
    'const = {\n  secret_key:\n  "hT7!kq92LmhT7!kq92Lm"}\n'
    + "".join(f"checkout([])\n{line}\n" for line in LINES[4:9]),
    "app/recent.py": f"one = 1\nkey = '''\n{KEY}\n'''\n",
    "app/related.py": f"two = 2\nkey = '''\n{KEY}\n'''\n",
    ".gitignore": "vendor/\n",
    ".claudeignore": "private/\n",
    "private/keys.py": f"def private_price({IGNORED}): return Price({IGNORED}).with_tax()\n" * 4,
    "vendor/lib.py": f"def connect({IGNORED}): checkout({IGNORED})\n" * 4,
    "app/.env": f"{IGNORED}=1\ncheckout=2\n",
    "app/server.key": f"{IGNORED}\n",
    "set/aside.py": f"def connect({IGNORED}): checkout({IGNORED})\n" * 4,
}
FOCUS = Position(8, 4)


@pytest.fixture(scope="module", autouse=True)
def vocabulary() -> None:
    assert tokens.warm()


@pytest.fixture
def root(tmp_path: Path, messages_api: MessagesApi, monkeypatch: pytest.MonkeyPatch) -> Path:
    point_at(messages_api, monkeypatch)
    messages_api.respond(lambda _: replies.text("<fill>x</fill>"))
    folder = tmp_path / "project"
    for name, text in FILES.items():
        write(folder, name, text)
    write(folder, ".git/HEAD", "ref: refs/heads/main\n")
    write(tmp_path, "elsewhere.py", f"def connect({IGNORED}): checkout({IGNORED})\n")
    return folder


def opened(path: Path, text: str | None = None) -> Snapshot:
    content = path.read_text("utf-8") if text is None else text
    return Snapshot(uri_from_path(path), 7, content, language_of(path))


def surroundings(root: Path, names: Sequence[str] = ()) -> Surroundings:
    """Everything open that must not be, and edits in the middle of a key and in ignored files."""
    paths = [root / name for name in FILES if IGNORED in FILES[name]]
    paths.append(root.parent / "elsewhere.py")
    documents = [opened(path, f"# typed\ndef connect({IGNORED}): checkout({IGNORED})\n" * 9)
                 for path in paths]  # fmt: skip
    documents += [opened(root / name) for name in names]
    places = [Place(uri_from_path(root / "app/recent.py"), line) for line in (30, 2)]
    places += [Place(uri_from_path(path), 1) for path in paths]
    return Surroundings(documents, places)


def situation(root: Path, **others: Any) -> Situation:
    here = Range(FOCUS, FOCUS)
    related = [Place(uri_from_path(root / "app/related.py"), line) for line in (33, 2)]
    related += [Place(uri_from_path(root / name), 1) for name in FILES if IGNORED in FILES[name]]
    problem = Problem(here, f"bad: {LINES[-1]}", "lint", related=tuple(related))
    document = opened(root / "app/main.py")
    return Situation(document, "app/main.py", here, (problem,), evidence="\n".join(LINES), **others)


async def sent(engine: Engine, name: str, place: Situation, around: Surroundings) -> None:
    prepared = await engine.prepare(ACTIONS[name], place, around)
    with contextlib.suppress(ClaudeError):
        async for _ in engine.run(ACTIONS[name], place, prepared):
            pass


def check(api: MessagesApi, *needles: str) -> str:
    """Return the text of the last request, in none of whose bytes a secret stands."""
    assert api.requests
    for received in api.requests:
        for secret in [*SECRETS, *KEY_LINES, "hT7!kq92Lm", IGNORED]:
            assert secret.encode() not in received.raw, secret
            assert secret not in received.text, secret
    for needle in needles:
        assert needle in api.requests[-1].text
    return api.requests[-1].text


LARGE: dict[str, Any] = {
    "context__tokens": 100_000,
    "completion__context_tokens": 100_000,
    "context__ignore": ["set/"],
}
DIRECT = CONTEXTS


@pytest.mark.parametrize("index", [True, False])
@pytest.mark.parametrize("name", ACTIONS)
async def test_nothing_that_must_not_leave_leaves(
    root: Path, messages_api: MessagesApi, name: str, index: bool
) -> None:
    async with engine_for(root, **LARGE, context__index=index) as engine:
        engine.codebase.update()
        await engine.codebase.settled()
        around = surroundings(root, ["app/recent.py", "app/related.py", "app/prices.py"])
        await sent(engine, name, situation(root), around)
        text = check(messages_api)
        if name in DIRECT:
            # The places where secrets stand are in it all the same.
            assert "<redacted:" in text
            assert "class Price" in text
        if name == "fix":
            assert "a diagnostic points here" in text
        if index and ACTIONS[name].recipe.uses:
            assert 'path="app/uses.py" why="uses checkout' in text
        if index and name == "complete":
            assert "looks alike" in text
            assert "edited a moment ago" in text


@pytest.mark.parametrize("name", ["complete", "fix"])
@pytest.mark.parametrize("how", ["rule file", "new rule file", "setting", "git rules"])
async def test_what_became_ignored_after_it_was_indexed_does_not_leave(
    root: Path, messages_api: MessagesApi, name: str, how: str
) -> None:
    (root / ".claudeignore").unlink()
    open_ones = Surroundings([opened(root / "private/keys.py")])
    everything = {key: value for key, value in LARGE.items() if key != "context__ignore"}
    async with engine_for(root, **everything) as engine:
        engine.codebase.update()
        await engine.codebase.settled()
        place = situation(root)
        prepared = await engine.prepare(ACTIONS[name], place, open_ones)
        assert any(part.origin == "private/keys.py" for part in prepared.context.parts)
        if how == "rule file":
            write(root, ".gitignore", "vendor/\nset/\nprivate/\n")
        elif how == "new rule file":
            write(root, ".claudeignore", "private/\nset/\n")
        elif how == "git rules":
            write(root, ".git/info/exclude", "private/\nset/\n")
        if how != "setting":
            await sent(engine, name, place, open_ones)
            check(messages_api, "class Price")
    if how == "setting":
        everything["context__ignore"] = ["private/", "set/"]
        async with engine_for(root, **everything) as engine:
            await sent(engine, name, place, open_ones)
            check(messages_api)


async def test_what_was_ready_and_became_ignored_does_not_leave(
    root: Path, messages_api: MessagesApi
) -> None:
    (root / ".claudeignore").unlink()
    write(root, ".gitignore", "vendor/\nset/\n")
    async with engine_for(root, **LARGE, context__deadline_ms=10_000) as engine:
        engine.codebase.update()
        await engine.codebase.settled()
        place = situation(root, automatic=True)
        prepared = await engine.prepare(ACTIONS["complete"], place)
        assert any(part.origin == "private/keys.py" for part in prepared.context.parts)
        write(root, ".claudeignore", "private/\n")
        await sent(engine, "complete", place, Surroundings())
        check(messages_api, "class Price")


@pytest.mark.parametrize("name", DIRECT)
@pytest.mark.parametrize(
    "path", ["private/keys.py", "vendor/lib.py", "app/.env", "../elsewhere.py"]
)
async def test_a_document_that_must_not_leave_is_refused(
    root: Path, messages_api: MessagesApi, name: str, path: str
) -> None:
    async with engine_for(root, **LARGE) as engine:
        document = opened((root / path).resolve())
        place = replace(situation(root), snapshot=document, origin=path)
        with pytest.raises(ClaudeError):
            await sent(engine, name, place, surroundings(root))
        assert messages_api.requests == []


@pytest.mark.parametrize("name", DIRECT)
async def test_secrets_around_the_place_itself_do_not_leave(
    root: Path, messages_api: MessagesApi, name: str
) -> None:
    text = "\n".join([*LINES, KEY, ""])
    write(root, "app/main.py", text)
    async with engine_for(root, **LARGE) as engine:
        for line, column in (
            (0, 0),
            (3, 400),
            (12, 10),
            (len(LINES) - 1, 400),
            (len(LINES) + 9, 5),
        ):
            at = Position(line, column)
            for span in (Range(at, at), Range(at, Position(line + 2, 5))):
                place = replace(situation(root), range=span)
                await sent(engine, name, place, Surroundings())
        check(messages_api, "<redacted:private-key>")


async def test_the_corpus_of_secrets_does_not_leave(root: Path, messages_api: MessagesApi) -> None:
    """Some files of `benchmarks/secrets`, whose redaction is tested by itself, all the way out."""
    pages = planted()[::4]
    async with engine_for(root, **LARGE, context__index=False) as engine:
        for start in range(0, len(pages), 60):
            text = "\n\n".join(page.text for page in pages[start : start + 60])
            path = write(root, f"app/part_{start}.py", text)
            document = opened(path)
            here = document.index.range_of(0, len(text))
            place = Situation(document, f"app/part_{start}.py", here)
            await sent(engine, "explain", place, Surroundings([document]))
    left, total = [], 0
    for start, request in zip(range(0, len(pages), 60), messages_api.requests, strict=True):
        assert "<redacted:" in request.text
        for page in pages[start : start + 60]:
            secrets = [page.text[mark.start : mark.end] for mark in page.marks]
            left += [secret for secret in secrets if is_left(secret, request.text)]
            total += len(secrets)
    assert total > 100
    assert len(left) <= (1 - LEAST_RECALL) * total, left
