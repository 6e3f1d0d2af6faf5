"""What the user does about findings: dismiss, restore, suppress, and open those of a report."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from claude_lsp.claude.account import Account
from claude_lsp.claude.client import Client
from claude_lsp.claude.ledger import Ledger
from claude_lsp.engine import Engine
from claude_lsp.findings.reporters import REPORTERS
from claude_lsp.findings.reporters.style import Style
from claude_lsp.lsp import publish
from claude_lsp.lsp.server import ClaudeServer
from claude_lsp.review import scope
from claude_lsp.review.dismissals import Dismissals
from claude_lsp.review.plan import make_plan
from claude_lsp.review.run import UnitFound
from claude_lsp.review.run import review as run
from claude_lsp.settings import Settings
from claude_lsp.workspace.codebase import Codebase
from claude_lsp.workspace.workspace import Workspace
from tests.lsp.editor import PYTHON, Editor, finding, pause, place_of
from tests.lsp.pair import Pair
from tests.messages_api import replies
from tests.unit.test_formats import found, report_with

if TYPE_CHECKING:
    from pathlib import Path

LIMIT = finding(PYTHON, "LIMIT = 10", title="Never used")
RESULT = finding(PYTHON, "    result = 0", title="Starts at 0")


@pytest.fixture(autouse=True)
def publish_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "_REPUBLISH_AFTER_S", 0.01)


async def review(editor: Editor, uri: str, *findings: dict[str, Any]) -> None:
    editor.api.script(replies.json_findings(list(findings)))
    await editor.run("claude.review", {"uri": uri})


def fingerprint(editor: Editor, uri: str, title: str) -> str:
    (shown,) = (each for each in editor.client.diagnostics[uri] if each.message.startswith(title))
    assert isinstance(shown.data, dict)
    return str(shown.data["fingerprint"])


async def until(editor: Editor, uri: str, *titles: str) -> None:
    await editor.client.wait_for(lambda: [title for _, title in editor.shown(uri)] == list(titles))


async def test_a_dismissed_finding_goes_at_once_and_stays_away_from_later_reviews(
    editor: Editor,
) -> None:
    uri = editor.open()
    await review(editor, uri, LIMIT, RESULT)
    key = fingerprint(editor, uri, "Never used")
    assert await editor.command("claude.dismiss", {"uri": uri, "fingerprint": key}) == 1
    await until(editor, uri, "Starts at 0")
    await review(editor, uri, LIMIT, RESULT)
    assert editor.shown(uri) == [(4, "Starts at 0")]
    assert editor.messages == ["1 finding in code.py (1 dropped: dismissed or suppressed)"]


async def test_a_dismissal_survives_a_restart_of_the_server(editor: Editor) -> None:
    uri = editor.open()
    await review(editor, uri, LIMIT, RESULT)
    key = fingerprint(editor, uri, "Never used")
    await editor.run("claude.dismiss", {"uri": uri, "fingerprint": key})
    async with Pair(ClaudeServer) as pair:
        later = Editor(pair, editor.api, editor.root)
        await later.start()
        again = later.open()
        await review(later, again, LIMIT, RESULT)
        assert later.shown(again) == [(4, "Starts at 0")]


async def test_what_was_said_last_is_what_is_kept(
    editor: Editor, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = editor.open()
    await review(editor, uri, LIMIT)
    named = {"uri": uri, "fingerprint": fingerprint(editor, uri, "Never used")}
    dismiss = Dismissals.dismiss

    def slowly(store: Dismissals, entries: Any) -> None:
        time.sleep(0.05)
        dismiss(store, entries)

    monkeypatch.setattr(Dismissals, "dismiss", slowly)
    await editor.command("claude.dismiss", named)
    await editor.command("claude.dismiss", {**named, "restore": True})
    await editor.settled()
    assert not Dismissals(editor.root).read()


async def test_what_is_dismissed_while_the_store_is_read_stays_dismissed(
    editor: Editor, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = editor.open()
    await review(editor, uri, LIMIT, RESULT)
    key = fingerprint(editor, uri, "Never used")
    read, reading, go_on = Dismissals.read, threading.Event(), threading.Event()

    def slowly(store: Dismissals) -> frozenset[str]:
        dismissed = read(store)
        reading.set()
        assert go_on.wait(10)
        return dismissed

    monkeypatch.setattr(Dismissals, "read", slowly)
    editor.api.script(replies.json_findings([LIMIT, RESULT]))
    await editor.command("claude.review", {"uri": uri})
    assert await asyncio.to_thread(reading.wait, 10)
    await editor.command("claude.dismiss", {"uri": uri, "fingerprint": key})
    go_on.set()
    await editor.settled()
    assert editor.shown(uri) == [(4, "Starts at 0")]
    assert Dismissals(editor.root).read() == {key}


async def test_what_is_restored_is_shown_where_it_stands_by_now(editor: Editor) -> None:
    uri = editor.open()
    await review(editor, uri, LIMIT, RESULT)
    keys = [fingerprint(editor, uri, title) for title in ("Never used", "Starts at 0")]
    named = [{"uri": uri, "fingerprint": key} for key in keys]
    assert await editor.command("claude.dismiss", named) == 2
    await until(editor, uri)
    editor.client.change(uri, ((0, 0), (0, 0)), "\n\n")
    await pause()
    restored = await editor.command("claude.dismiss", {**named[0], "restore": True})
    assert restored == 1
    elsewhere = {"uri": editor.file("other.py", ""), "restore": True}
    assert await editor.command("claude.dismiss", elsewhere) == 0
    await editor.client.wait_for(lambda: editor.shown(uri) == [(2, "Never used")])
    assert await editor.command("claude.dismiss", {"restore": True}) == 1
    await until(editor, uri, "Never used", "Starts at 0")
    await editor.settled()
    assert not Dismissals(editor.root).read()


async def test_a_dismissed_finding_is_offered_nothing(editor: Editor) -> None:
    uri = editor.open()
    await review(editor, uri, RESULT)
    place = place_of(PYTHON, "result = 0")
    titles = [each.title for each in await editor.actions(uri, (place, place), only=["quickfix"])]
    assert titles == [
        "Claude: Explain: Starts at 0",
        "Claude: Dismiss: Starts at 0",
        "Claude: Suppress by a comment: Starts at 0",
    ]
    await editor.run("claude.dismiss", {"fingerprint": fingerprint(editor, uri, "Starts")})
    assert await editor.actions(uri, (place, place), only=["quickfix"]) == []


async def test_explaining_a_finding_tells_the_model_what_it_says(editor: Editor) -> None:
    uri = editor.open()
    await review(editor, uri, RESULT)
    place = place_of(PYTHON, "result = 0")
    explain, *_ = await editor.actions(uri, (place, place), only=["quickfix"])
    editor.api.script(replies.text("Because."))
    await editor.run(explain.command.command, *explain.command.arguments)
    assert "Starts at 0: It is wrong." in editor.api.messages[-1].text


@pytest.mark.parametrize("argument", [{}, {"uri": "file:///x"}, {"fingerprint": "x"}])
async def test_dismissing_nothing_is_refused(editor: Editor, argument: dict[str, str]) -> None:
    with pytest.raises(JsonRpcException, match="needs the fingerprints"):
        await editor.command("claude.dismiss", argument)


async def test_suppressing_writes_a_comment_that_counts_once_it_has_a_reason(
    editor: Editor,
) -> None:
    uri = editor.open()
    await review(editor, uri, RESULT)
    key = fingerprint(editor, uri, "Starts at 0")
    await editor.run("claude.suppress", {"uri": uri, "fingerprint": key})
    comment = "    # claude-lsp: ignore[correctness] reason\n"
    assert comment + "    result = 0\n" in editor.text(uri)
    (shown,) = editor.client.shown
    assert shown.selection is not None
    line, start = shown.selection.start.line, shown.selection.start.character
    assert editor.text(uri).splitlines()[line][start : start + 6] == "reason"
    await until(editor, uri, "Starts at 0")
    editor.client.change(uri, ((line, start), (line, start + 6)), "sums begin at nought")
    await until(editor, uri)
    # Without the comment it is back.
    editor.client.change(uri, ((line, 0), (line + 1, 0)), "")
    await until(editor, uri, "Starts at 0")


async def test_a_reason_that_comes_along_is_written(editor: Editor) -> None:
    uri = editor.open()
    await review(editor, uri, LIMIT)
    key = fingerprint(editor, uri, "Never used")
    argument = {"uri": uri, "fingerprint": key, "reason": "used by\n plugins"}
    await editor.run("claude.suppress", argument)
    text = "# claude-lsp: ignore[correctness] used by plugins\nLIMIT = 10\n"
    assert editor.text(uri).startswith(text)
    await until(editor, uri)


async def test_no_comment_is_written_into_a_string(editor: Editor) -> None:
    text = 'text = """\nfirst\nsecond\n"""\n'
    uri = editor.open(text)
    await review(editor, uri, finding(text, "second"))
    key = fingerprint(editor, uri, "About")
    await editor.run("claude.suppress", {"uri": uri, "fingerprint": key})
    assert editor.text(uri) == text
    assert editor.messages == ["no comment can stand above this line; dismiss the finding instead"]


async def test_a_review_in_ci_gives_the_same_fingerprints(editor: Editor) -> None:
    uri = editor.open()
    await review(editor, uri, LIMIT, RESULT)
    shown = {fingerprint(editor, uri, title) for title in ("Never used", "Starts at 0")}
    editor.file("code.py", PYTHON)
    path = editor.root / "code.py"
    settings = Settings()
    workspace = Workspace((editor.root,), settings)
    ledger = Ledger()
    client = Client(settings, ledger)
    codebase = Codebase(workspace)
    try:
        engine = Engine(settings, workspace, client, codebase)
        plan = make_plan(scope.files(workspace, editor.root, [path], "code.py"), settings)
        editor.api.script(replies.json_findings([LIMIT, RESULT]))
        events = [event async for event in run(engine, plan.units, Account())]
    finally:
        await codebase.close()
        await client.close()
        ledger.close()
    assert {each.finding.fingerprint for each in events if isinstance(each, UnitFound)} == shown


async def test_what_the_project_accepts_is_not_shown(unstarted: Editor) -> None:
    accepted = found(PYTHON, "    result = 0", path="code.py")
    tolerated = found(PYTHON, "LIMIT = 10", path="code.py")
    key = {"fingerprint": accepted.fingerprint, "rule": "r", "path": "code.py", "title": "t"}
    unstarted.file("base.json", json.dumps({"version": 1, "findings": [key]}))
    unstarted.file(
        "claude-lsp.toml",
        f'[review]\nbaseline = "base.json"\n[suppress]\n'
        f'{tolerated.fingerprint} = {{reason = "known", until = 2999-01-01}}\n',
    )
    await unstarted.start()
    uri = unstarted.open()
    await review(unstarted, uri, LIMIT, RESULT, finding(PYTHON, "    return result", title="New"))
    assert unstarted.shown(uri) == [(7, "New")]


# ----- reports


def write_report(editor: Editor, name: str, style: str, *findings: Any) -> Path:
    path = editor.root / name
    path.write_text(REPORTERS[style](report_with(*findings), Style()), "utf-8")
    return path


@pytest.mark.parametrize("style", ["json", "sarif"])
async def test_a_report_is_shown_where_its_findings_stand_now(editor: Editor, style: str) -> None:
    moved = "import os\n\n" + PYTHON.replace("    return result\n", "    return None\n")
    uri = editor.open(moved)
    other = editor.file("other.py", PYTHON)
    path = write_report(
        editor,
        f"report.{style}",
        style,
        found(PYTHON, "result = 0", "code.py", title="Zero", replacement="result = 1"),
        found(PYTHON, "return result", "code.py", title="Gone"),
        found(PYTHON, "LIMIT = 10", "other.py", title="Elsewhere"),
        found(PYTHON, "LIMIT = 10", "missing.py", title="Missing"),
        found(PYTHON, "LIMIT = 10", "../outside.py", title="Outside"),
    )
    await editor.run("claude.openReport", {"path": path.name})
    assert editor.shown(uri) == [(6, "Zero")]
    assert editor.shown(other) == [(0, "Elsewhere")]
    assert editor.messages == [
        f"{path.name}: 5 findings, 2 shown, 2 no longer found, 1 outside of this workspace"
    ]
    # Fixable from there.
    place = place_of(moved, "result = 0")
    fix, *_ = await editor.actions(uri, (place, place))
    assert editor.client.apply(fix.edit) is None
    await editor.settled()
    assert "result = 1" in editor.text(uri)


async def test_a_report_of_another_tool_is_shown_too(editor: Editor) -> None:
    uri = editor.open()
    region = {"startLine": 5, "snippet": {"text": "    result = 0"}}
    location = {"artifactLocation": {"uri": uri}, "region": region}
    result = {
        "ruleId": "X1",
        "level": "error",
        "message": {"text": "Bad thing. Do not."},
        "locations": [{"physicalLocation": location}],
    }
    log = {"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "x"}}, "results": [result]}]}
    address = editor.file("other.sarif", json.dumps(log))
    await editor.run("claude.openReport", {"uri": address})
    (shown,) = editor.client.diagnostics[uri]
    assert (shown.code, shown.message) == ("X1", "Bad thing\n\nDo not.")
    assert shown.severity is types.DiagnosticSeverity.Warning


@pytest.mark.parametrize("text", ["", "{", '{"runs": 3}', '{"a": 1}', "\xff"])
async def test_what_is_no_report_is_told(editor: Editor, text: str) -> None:
    editor.file("report.json", "")
    (editor.root / "report.json").write_bytes(text.encode("latin-1"))
    await editor.run("claude.openReport", {"path": "report.json"})
    (message,) = editor.messages
    assert message.startswith("report.json is no report that can be shown: ")


# ----- the file


def test_several_editors_lose_no_dismissal_of_each_other(tmp_path: Path) -> None:
    from claude_lsp.findings.baseline import Entry

    keys = [f"{number:016x}" for number in range(40)]

    async def all_at_once() -> None:
        stores = [Dismissals(tmp_path, tmp_path / "state") for _ in range(4)]
        await asyncio.gather(
            *(
                asyncio.to_thread(stores[number % 4].dismiss, [Entry(key, "r", "p", "t")])
                for number, key in enumerate(keys)
            )
        )

    asyncio.run(all_at_once())
    assert Dismissals(tmp_path, tmp_path / "state").read() == set(keys)


def test_damaged_lines_are_told_once_and_the_others_hold(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from claude_lsp.findings.baseline import Entry

    store = Dismissals(tmp_path, tmp_path / "state")
    one, two = (Entry(digit * 16, "r", "p", "é\x00") for digit in "12")
    store.dismiss([one])
    with store.path.open("ab") as file:
        file.write(b'{"dismiss": "33\xff\x00\nnull\n{"dismiss": 4}\n{"dismi')  # torn by a crash
    store.dismiss([two])
    assert store.read() == {one.fingerprint, two.fingerprint}
    assert store.read() == {one.fingerprint, two.fingerprint}
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "4 damaged lines" in caplog.text


def test_a_file_that_cannot_be_read_is_no_crash(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = Dismissals(tmp_path, tmp_path / "state")
    store.path.mkdir(parents=True)
    assert store.read() == frozenset()
    assert "can't be read" in caplog.text


async def test_a_dismissal_that_cannot_be_kept_is_told(editor: Editor) -> None:
    uri = editor.open()
    await review(editor, uri, RESULT)
    Dismissals(editor.root).path.mkdir(parents=True)
    await editor.run("claude.dismiss", {"fingerprint": fingerprint(editor, uri, "Starts")})
    assert editor.messages[0].startswith("the dismissal holds only until the editor ends: ")
    assert editor.shown(uri) == []
    await review(editor, uri, RESULT)
    assert editor.shown(uri) == []
