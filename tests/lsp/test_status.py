"""What is shown of the work: the state for editors that ask for it, jobs and their progress."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from lsprotocol import types

from claude_lsp.claude import ledger
from claude_lsp.lsp import progress as progress_module
from claude_lsp.lsp.handlers import reviews
from claude_lsp.lsp.jobs import Jobs
from tests.lsp.editor import PYTHON, edit, edits
from tests.lsp.pair import modern
from tests.messages_api import Gate, replies

if TYPE_CHECKING:
    from tests.lsp.editor import Editor

FIX = edit(PYTHON, "LIMIT = 10", "LIMIT = 20")


async def test_the_state_of_a_session(editor: Editor) -> None:
    assert editor.statuses == [("working", "starting"), ("idle", "")]
    uri = editor.open()
    editor.api.script(replies.error(401))
    await editor.run("claude.explain", {"uri": uri})
    editor.api.script(edits(FIX))
    await editor.fix(uri, "LIMIT")
    await editor.settled()
    states = [state for state, _ in editor.statuses[2:]]
    assert states == ["working", "blocked", "working", "idle"]
    assert editor.statuses[3][1].startswith("The API key was not accepted")


async def test_what_today_has_cost_is_told_with_the_state(editor: Editor) -> None:
    def spend() -> tuple[float, float, float]:
        told = editor.client.statuses[-1]
        assert told["spend_automatic_limit_usd"] == 2.0
        return tuple(told[f"spend_{name}_usd"] for name in ("today", "automatic_today", "limit"))

    assert editor.client.statuses[0]["spend_today_usd"] is None  # nobody has looked yet
    assert spend() == (0.0, 0.0, 10.0)
    uri = editor.open()
    editor.api.script(edits(FIX))
    await editor.fix(uri, "LIMIT")
    await editor.settled()
    asked, automatic, _ = spend()
    assert asked > automatic == 0.0
    editor.api.script(replies.text("<fill>x</fill>"))
    await editor.suggest(uri, (8, 0))
    await editor.settled()
    today, automatic, _ = spend()
    assert today == pytest.approx(asked + automatic)
    assert automatic > 0.0
    assert today == pytest.approx(editor.server.session.ledger.spent_today().total_usd, abs=1e-6)


async def test_at_a_limit_it_is_told_what_was_spent_on_what(editor: Editor) -> None:
    uri = editor.open()
    editor.api.script(edits(FIX))
    await editor.fix(uri, "LIMIT")
    await editor.settled()
    limits = {"claude": {"spend": {"actions": {"explain": {"day_usd": 0.0001}}, "day_usd": 0.01}}}
    editor.client.workspace_did_change_configuration(types.DidChangeConfigurationParams(limits))
    await editor.settled()
    await editor.run("claude.explain", {"uri": uri})
    await editor.settled()
    state, detail = editor.statuses[-1]
    assert state == "blocked"
    assert "spend.day_usd leaves $0.00" in detail
    assert "(today: fix $0.00" in detail
    assert "wait for the next day" in detail
    assert any(detail in message for message in editor.messages)


async def test_the_limits_that_are_told_follow_the_settings(editor: Editor) -> None:
    settings = {"claude": {"spend": {"day_usd": 3, "automatic_day_usd": 1}}}
    editor.client.workspace_did_change_configuration(types.DidChangeConfigurationParams(settings))
    await editor.settled()
    told = editor.client.statuses[-1]
    assert (told["spend_limit_usd"], told["spend_automatic_limit_usd"]) == (3.0, 1.0)


async def test_a_spend_that_is_not_known_is_told_as_such(
    editor: Editor, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = editor.server.session.ledger._open()
    connection.execute(
        "INSERT INTO requests (started, day, action, tier, model, automatic, outcome)"
        " VALUES (0, ?, 'fix', 'sonnet', 'unheard-of', 0, 'ok')",
        (ledger.today(),),
    )
    uri = editor.open()
    editor.api.script(edits(FIX))
    await editor.fix(uri, "LIMIT")
    await editor.settled()
    assert editor.client.statuses[-1]["spend_today_usd"] is None
    # Tomorrow nothing of that counts.
    monkeypatch.setattr(ledger, "today", lambda: "2999-01-01")
    await editor.run("claude.explain", {"uri": uri})
    assert editor.client.statuses[-1]["spend_today_usd"] is not None


async def test_it_is_working_until_the_last_job_has_ended(editor: Editor) -> None:
    gates = {}
    for name in ("one.py", "two.py"):
        uri = editor.open(PYTHON, name)
        gates[uri] = Gate()
        editor.api.script(replies.partial("") + gates[uri] + edits(FIX))
        await editor.fix(uri, "LIMIT")
        await gates[uri].wait_reached()
    editor.api.script(replies.text("<fill>x</fill>"))
    await editor.suggest(uri, (8, 0))
    assert editor.statuses[-1] == ("working", "fix")
    for gate in gates.values():
        assert editor.statuses[-1][0] == "working"
        gate.open()
        await editor.client.wait_for(lambda: editor.client.applied)
    await editor.settled()
    assert editor.statuses[-1] == ("idle", "")


async def test_a_bug_of_ours_is_told_and_ends_the_work(
    editor: Editor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(reviews, "review_units", fail)
    await editor.run("claude.review", {"uri": editor.open()})
    (error,) = editor.errors
    assert "an internal error ended this (reviewing)" in error
    assert "ZeroDivisionError" in caplog.text
    assert editor.statuses[-1] == ("idle", "")
    (reports,) = editor.client.reports.values()
    assert reports[-1] == {"kind": "end", "message": "failed"}


async def test_a_client_without_progress_gets_none(unstarted: Editor) -> None:
    capabilities = modern()
    assert capabilities.window is not None
    capabilities.window.work_done_progress = None
    await unstarted.start(capabilities)
    uri = unstarted.open()
    unstarted.api.script(edits(FIX))
    await unstarted.fix(uri, "LIMIT")
    await unstarted.settled()
    assert unstarted.client.reports == {}
    assert "LIMIT = 20" in unstarted.text(uri)


@pytest.mark.parametrize("silent", [False, True])
async def test_work_goes_on_without_a_progress_that_could_not_be_made(
    editor: Editor, silent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_module, "_CREATE_S", 0.02)
    if silent:
        editor.pair.unheard.add(types.WINDOW_WORK_DONE_PROGRESS_CREATE)
    else:
        del editor.client.protocol.fm.features[types.WINDOW_WORK_DONE_PROGRESS_CREATE]
    uri = editor.open()
    editor.api.script(edits(FIX))
    await editor.fix(uri, "LIMIT")
    await editor.settled()
    assert editor.client.reports == {}
    assert "LIMIT = 20" in editor.text(uri)


async def test_no_progress_is_left_behind(editor: Editor) -> None:
    uri = editor.open()
    editor.api.answer = edits()
    for _ in range(3):
        await editor.fix(uri, "LIMIT")
        await editor.settled()
    assert editor.server.work_done_progress.tokens == {}
    assert editor.server.jobs._tasks == set()
    assert editor.server.jobs._newest == {}


async def test_the_button_of_a_superseded_job_does_not_cancel_the_new_one(
    editor: Editor,
) -> None:
    uri = editor.open()
    gates = [Gate(), Gate()]
    editor.api.script(replies.partial("") + gates[0])
    editor.api.script(replies.partial("") + gates[1] + edits(FIX))
    await editor.fix(uri, "LIMIT")
    await gates[0].wait_reached()
    (old,) = editor.client.reports
    await editor.fix(uri, "LIMIT")
    editor.client.window_work_done_progress_cancel(types.WorkDoneProgressCancelParams(old))
    await gates[1].wait_reached()
    gates[1].open()
    await editor.settled()
    assert "LIMIT = 20" in editor.text(uri)


# ----- the owner of the tasks


async def test_a_superseded_job_may_end_in_peace_and_is_waited_for() -> None:
    jobs, log = Jobs(), []

    async def slow(name: str) -> None:
        try:
            await asyncio.sleep(10)
        finally:
            await asyncio.sleep(0.01)
            log.append(f"{name} cleaned up")

    for name in ("first", "second", "third"):
        jobs.start("key", slow(name))
        await asyncio.sleep(0)
    assert jobs.cancel("key")
    assert not jobs.cancel("key")
    assert jobs.cancel_all() == 0
    await jobs.close()
    assert sorted(log) == ["first cleaned up", "second cleaned up", "third cleaned up"]
    assert not jobs.cancel("key")


async def test_the_end_of_an_old_job_does_not_touch_the_new_one() -> None:
    jobs = Jobs()
    released = asyncio.Event()

    async def wait() -> None:
        await released.wait()

    old = jobs.start("key", wait())
    await asyncio.sleep(0)
    new = jobs.start("key", wait())
    await asyncio.wait([old])
    assert old.cancelled()
    assert jobs.cancel("key")
    await asyncio.wait([new])
    assert new.cancelled()


async def test_a_job_that_fails_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    jobs = Jobs()

    async def fail() -> None:
        raise ZeroDivisionError

    await asyncio.wait([jobs.start("key", fail())])
    await asyncio.sleep(0)
    assert "the job key failed" in caplog.text
