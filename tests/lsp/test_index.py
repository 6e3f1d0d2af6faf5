"""The index behind an editor: events, buffers, folders and the end of a session."""

from __future__ import annotations

import asyncio
import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from lsprotocol import types

from claude_lsp.text.snapshots import path_from_uri, uri_from_path
from claude_lsp.workspace.index import builder
from claude_lsp.workspace.index.workers import Workers
from tests.lsp.editor import client_range, plain
from tests.messages_api import replies
from tests.unit.index_kit import files_in

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Callable
    from pathlib import Path

    from claude_lsp.workspace.codebase import Codebase
    from tests.lsp.editor import Editor

MAIN = "from shop.prices import Price\n\n\ndef total(price: Price):\n    return price.\n"
CURSOR = (4, 17)
PRICES = "class Price:\n    def {name}(self, rate: float) -> float: ...\n"
CREATED, CHANGED, DELETED = types.FileChangeType


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only waiting itself is not tested here."""
    monkeypatch.setattr("claude_lsp.workspace.codebase._PAUSE_S", 0)


@pytest.fixture
async def shop(unstarted: Editor) -> str:
    """A session in a workspace of two files; return the address of the open one."""
    editor = unstarted
    editor.api.respond(lambda _: replies.text("<fill>x</fill>"))
    editor.file("shop/prices.py", PRICES.format(name="with_tax"))
    await editor.start()
    await editor.indexed()
    return editor.open(MAIN, "shop/main.py")


async def seen(editor: Editor, uri: str) -> str:
    """Return what an explanation sends; a completion would be remembered."""
    await editor.run("claude.explain", place(uri))
    return editor.api.messages[-1].text


async def told(editor: Editor, *changes: tuple[str, types.FileChangeType]) -> None:
    """Tell the server of changes on disk, and wait until it has taken them in."""
    events = [types.FileEvent(uri_from_path(editor.root / name), kind) for name, kind in changes]
    params = types.DidChangeWatchedFilesParams(events)
    editor.client.workspace_did_change_watched_files(params)
    await editor.ready()
    await editor.indexed()


def codebase(editor: Editor) -> Codebase:
    engine = editor.server.session.current_engine
    assert engine is not None
    return engine.codebase


# ----- events


async def test_files_that_are_changed_created_and_deleted(unstarted: Editor, shop: str) -> None:
    editor = unstarted
    assert "def with_tax" in await seen(editor, shop)
    editor.file("shop/prices.py", PRICES.format(name="without_tax"))
    await told(editor, ("shop/prices.py", CHANGED))
    text = await seen(editor, shop)
    assert "def without_tax" in text
    assert "def with_tax" not in text
    editor.file("shop/more.py", "def price_of(price): ...\n")
    await told(editor, ("shop/more.py", CREATED))
    assert "def price_of" in await seen(editor, shop)
    (editor.root / "shop/prices.py").unlink()
    await told(editor, ("shop/prices.py", DELETED))
    assert "def without_tax" not in await seen(editor, shop)


async def test_folders_that_are_created_moved_and_deleted(unstarted: Editor, shop: str) -> None:
    editor = unstarted
    editor.file("new/deep/more.py", "def price_of(price): ...\n")
    await told(editor, ("new", CREATED))
    assert 'path="new/deep/more.py"' in await seen(editor, shop)
    (editor.root / "new").rename(editor.root / "old")
    await told(editor, ("new", DELETED), ("old", CREATED))
    text = await seen(editor, shop)
    assert 'path="old/deep/more.py"' in text
    assert 'path="new/deep/more.py"' not in text
    shutil.rmtree(editor.root / "old")
    await told(editor, ("old", DELETED))
    assert "def price_of" not in await seen(editor, shop)


@pytest.mark.parametrize("name", [".gitignore", ".claudeignore"])
async def test_a_rule_that_is_added_and_taken_back(unstarted: Editor, shop: str, name: str) -> None:
    editor = unstarted
    editor.file(".git/HEAD", "ref: refs/heads/main\n")
    editor.file(name, "prices.py\n")
    await told(editor, (name, CREATED))
    assert "def with_tax" not in await seen(editor, shop)
    (editor.root / name).unlink()
    await told(editor, (name, DELETED))
    assert "def with_tax" in await seen(editor, shop)


async def test_a_checkout_that_the_editor_tells_of(unstarted: Editor, shop: str) -> None:
    editor = unstarted
    editor.file("shop/prices.py", PRICES.format(name="elsewhere"))
    editor.file(".git/HEAD", "ref: refs/heads/other\n")
    await told(editor, (".git/HEAD", CHANGED))
    assert "def elsewhere" in await seen(editor, shop)


async def test_a_checkout_that_nobody_tells_of(unstarted: Editor) -> None:
    editor = unstarted
    editor.api.respond(lambda _: replies.text("<fill>x</fill>"))
    editor.file("shop/prices.py", PRICES.format(name="with_tax"))
    editor.file(".git/HEAD", "ref: refs/heads/main\n")
    editor.file(".git/index", "one")
    await editor.start()
    await editor.indexed()
    uri = editor.open(MAIN, "shop/main.py")
    editor.file("shop/prices.py", PRICES.format(name="elsewhere"))
    editor.file(".git/index", "two")
    # The request that finds out does not wait for it; the next one has it.
    await seen(editor, uri)
    await editor.indexed()
    assert "def elsewhere" in await seen(editor, uri)


async def test_a_file_that_is_saved_without_an_event(unstarted: Editor, shop: str) -> None:
    editor = unstarted
    prices = uri_from_path(editor.root / "shop/prices.py")
    editor.client.open(prices, PRICES.format(name="saved"))
    editor.file("shop/prices.py", PRICES.format(name="saved"))
    editor.client.save(prices)
    editor.client.close(prices)
    await editor.ready()
    await editor.indexed()
    assert "def saved" in await seen(editor, shop)


async def test_events_of_places_that_are_none_of_ours(unstarted: Editor, shop: str) -> None:
    editor = unstarted
    names = ["../elsewhere.py", "", "node_modules/x/index.js", "%zz", "shop/prices.py/x", ".git/x"]
    await told(editor, *((name, kind) for name in names for kind in types.FileChangeType))
    editor.client.workspace_did_change_watched_files(
        types.DidChangeWatchedFilesParams(
            [types.FileEvent(uri, CHANGED) for uri in ("untitled:x", "memfs:/x.py", "::", "")]
        )
    )
    await editor.ready()
    assert "def with_tax" in await seen(editor, shop)
    assert editor.messages == []


# ----- buffers


async def test_open_buffers_win_and_closing_gives_the_file_back(
    unstarted: Editor, shop: str
) -> None:
    editor = unstarted
    prices = uri_from_path(editor.root / "shop/prices.py")
    editor.client.open(prices, PRICES.format(name="typed"))
    text = await seen(editor, shop)
    assert "def typed" in text
    assert "def with_tax" not in text
    # Whatever happens to the file meanwhile.
    editor.file("shop/prices.py", PRICES.format(name="elsewhere"))
    await told(editor, ("shop/prices.py", CHANGED))
    assert "def typed" in await seen(editor, shop)
    editor.client.change(prices, None, PRICES.format(name="retyped"))
    assert "def retyped" in await seen(editor, shop)
    editor.client.close(prices)
    text = await seen(editor, shop)
    assert "def elsewhere" in text
    assert "typed" not in text


async def test_a_new_buffer_is_known_until_it_is_closed(unstarted: Editor, shop: str) -> None:
    editor = unstarted
    uri = uri_from_path(editor.root / "shop/unsaved.py")
    editor.client.open(uri, "def price_of(price): ...\n")
    assert "def price_of" in await seen(editor, shop)
    editor.client.close(uri)
    assert "def price_of" not in await seen(editor, shop)


async def test_what_a_diagnostic_points_to_goes_with_its_fix(unstarted: Editor, shop: str) -> None:
    editor = unstarted
    prices = editor.file("shop/prices.py", "# far above\n" * 20 + PRICES.format(name="with_tax"))
    await told(editor, ("shop/prices.py", CHANGED))
    there = types.Location(prices, client_range(((20, 0), (20, 5))))
    problem = types.Diagnostic(
        client_range(((4, 11), (4, 16))),
        "does not fit",
        related_information=[types.DiagnosticRelatedInformation(there, "defined here")],
    )
    (fix,) = await editor.actions(shop, ((0, 0), (5, 0)), [problem], ["quickfix"])
    await editor.run(fix.command.command, *fix.command.arguments)
    assert "a diagnostic points here (line 21)" in editor.api.messages[-1].text


# ----- folders and settings


def folders_changed(
    editor: Editor, added: tuple[Path, ...] = (), removed: tuple[Path, ...] = ()
) -> None:
    event = types.WorkspaceFoldersChangeEvent(
        *([types.WorkspaceFolder(uri_from_path(path), path.name) for path in paths]
          for paths in (added, removed))
    )  # fmt: skip
    params = types.DidChangeWorkspaceFoldersParams(event)
    editor.client.workspace_did_change_workspace_folders(params)


@pytest.mark.parametrize("nested", [False, True])
async def test_each_folder_has_its_own_index(
    unstarted: Editor, shop: str, tmp_path: Path, nested: bool
) -> None:
    editor = unstarted
    other = editor.root / "inner" if nested else tmp_path / "other"
    (other / "shop").mkdir(parents=True)
    (other / "shop/prices.py").write_text(PRICES.format(name="of_the_other"))
    (first,) = codebase(editor).folders
    folders_changed(editor, added=(other,))
    await editor.ready()
    await editor.indexed()
    kept, added = codebase(editor).folders
    assert kept is first
    assert added.root == other
    uri = uri_from_path(other / "shop/main.py")
    editor.client.open(uri, MAIN)
    text = await seen(editor, uri)
    assert "def of_the_other" in text
    assert "def with_tax" not in text
    assert "def with_tax" in await seen(editor, shop)
    folders_changed(editor, removed=(other,))
    await editor.ready()
    assert codebase(editor).folders == (first,)
    assert "def with_tax" in await seen(editor, shop)


async def test_settings_keep_the_index_unless_they_are_about_it(
    unstarted: Editor, shop: str
) -> None:
    editor = unstarted
    (first,) = codebase(editor).folders
    for options, same in (
        ({"completion": {"max_tokens": 11}}, True),
        ({"context": {"ignore": ["prices.py"]}}, False),
        ({"context": {"index": False}}, False),
    ):
        editor.client.settings["claude"] = options
        params = types.DidChangeConfigurationParams(None)
        editor.client.workspace_did_change_configuration(params)
        await editor.ready()
        await editor.indexed()
        (now,) = codebase(editor).folders
        assert (now is first) is same
        first = now
        assert ("def with_tax" in await seen(editor, shop)) is same


async def test_settings_that_change_all_the_time_leave_nothing_behind(
    unstarted: Editor, shop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor = unstarted
    monkeypatch.setattr(builder, "_FEW_FILES", 0)
    processes = observed(monkeypatch)
    for number in range(12):
        editor.client.settings["claude"] = {"context": {"max_file_kb": 100 + number}}
        params = types.DidChangeConfigurationParams(None)
        editor.client.workspace_did_change_configuration(params)
        await asyncio.sleep(number / 300)
    await editor.ready()
    await editor.indexed()
    assert editor.server.session._replaced == []
    assert all(process.returncode is not None for process in processes)
    assert "def with_tax" in await seen(editor, shop)


# ----- the end


def observed(monkeypatch: pytest.MonkeyPatch) -> list[Process]:
    """Return the worker processes, as they are started."""
    start = Workers._start
    started: list[Process] = []

    async def watched(self: Workers) -> Process:
        process = await start(self)
        started.append(process)
        return process

    monkeypatch.setattr(Workers, "_start", watched)
    return started


async def test_the_end_of_a_session_ends_its_workers_and_searches(
    unstarted: Editor, monkeypatch: pytest.MonkeyPatch, empty_home: Path
) -> None:
    editor = unstarted
    for number in range(300):
        editor.file(f"shop/part_{number}.py", "def part(price): ...\n" * 50)
    started = asyncio.Event()
    processes = observed(monkeypatch)
    exchange = Workers._exchange

    async def watched(self: Workers, *arguments: Any) -> dict[str, Any]:
        started.set()
        return await exchange(self, *arguments)

    monkeypatch.setattr(Workers, "_exchange", watched)
    await editor.start()
    await started.wait()
    uri = editor.open(MAIN, "shop/main.py")
    asking = asyncio.ensure_future(editor.suggest(uri, CURSOR))
    await asyncio.sleep(0.01)
    editor.client.exit(None)
    await editor.server.wait_stopped()
    await editor.server.close(2.0)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    assert processes
    assert all(process.returncode is not None for process in processes)
    assert [path.name for path in files_in(empty_home) if "part-" in path.name] == []


# ----- what is shown is what is sent


SHOWN: dict[str, Callable[[Editor, str], Any]] = {
    "complete": lambda editor, uri: editor.run("claude.complete", place(uri)),
    "fix": lambda editor, uri: editor.run("claude.fix", problem(uri)),
    "explain": lambda editor, uri: editor.run("claude.explain", place(uri)),
    "review": lambda editor, uri: editor.run("claude.review", {"uri": uri}),
}


def place(uri: str) -> dict[str, Any]:
    return {"uri": uri, "range": plain((CURSOR, CURSOR))}


def problem(uri: str) -> dict[str, Any]:
    span = plain((CURSOR, CURSOR))
    return {**place(uri), "problems": [{"range": span, "message": "no such name"}]}


@pytest.mark.parametrize("action", SHOWN)
async def test_what_is_shown_is_what_is_sent(unstarted: Editor, shop: str, action: str) -> None:
    editor = unstarted
    editor.file("shop/uses.py", "from shop.main import total\n\n\ndef use():\n    total(1)\n")
    editor.file("shop/alike.py", MAIN.replace("price.", "price.with_tax(0.2)") * 4)
    await told(editor, ("shop/uses.py", CREATED), ("shop/alike.py", CREATED))
    asked = {"uri": shop} if action == "review" else problem(shop)
    if action != "fix":
        asked.pop("problems", None)
    await editor.run("claude.showContext", {**asked, "action": action})
    path = path_from_uri(editor.client.shown[-1].uri)
    assert path is not None
    shown = path.read_text("utf-8")
    assert editor.api.messages == []
    await SHOWN[action](editor, shop)
    (received,) = editor.api.messages
    body = received.body
    sent = [block["text"] for block in body["system"]]
    sent += [block["text"] for block in body["messages"][0]["content"]]
    assert "def with_tax" in shown
    assert ("looks alike" in shown) is (action in {"complete", "fix"})
    assert ("uses total" in shown) is (action != "complete")
    position = 0
    for text in sent:
        position = shown.index(text, position) + len(text)
    # And nothing beside it: all that is left are headings.
    rest = shown.split("--- system ---")[1]
    for text in sent:
        rest = rest.replace(text, "", 1)
    assert {line for line in rest.split("\n") if line.strip("`")} <= {
        "--- user, stable ---",
        "--- user, volatile ---",
    }
    assert json.dumps(body["messages"]).count('"role"') == 1
