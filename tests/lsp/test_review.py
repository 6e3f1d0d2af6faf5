"""Reviews: findings as diagnostics, one by one, moved by edits, never lost by a failure."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from lsprotocol import types

from claude_lsp.lsp import publish
from claude_lsp.text.snapshots import path_from_uri
from tests.lsp.editor import (
    ENCODINGS,
    PYTHON,
    client_range,
    finding,
    pause,
    place_of,
    plain,
    span_of,
)
from tests.lsp.pair import modern
from tests.messages_api import Disconnect, Gate, replies

if TYPE_CHECKING:
    from tests.lsp.editor import Editor

OURS = Path(publish.__file__)
OUR_TEXT = OURS.read_text("utf-8")
STALE = " (the text has changed since this was found)"
LIMIT = finding(PYTHON, "LIMIT = 10", title="Never used")
RESULT = finding(PYTHON, "    result = 0", title="Starts at 0", severity="critical")
RETURN = finding(PYTHON, "    return result", title="Wrong result", severity="minor")


@pytest.fixture(autouse=True)
def publish_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "_REPUBLISH_AFTER_S", 0.01)


async def review(editor: Editor, uri: str, *findings: dict[str, Any]) -> None:
    editor.api.script(replies.json_findings(list(findings)))
    await editor.run("claude.review", {"uri": uri})


async def until_shown(editor: Editor, uri: str, expected: list[tuple[int, str]]) -> None:
    await editor.client.wait_for(lambda: editor.shown(uri) == expected)


async def test_findings_appear_one_by_one_before_the_end(editor: Editor) -> None:
    uri = editor.open()
    first, second = Gate(), Gate()
    editor.api.script(replies.json_findings([LIMIT, RESULT, RETURN], between=[first, second]))
    await editor.command("claude.review", {"uri": uri})
    await first.wait_reached()
    await until_shown(editor, uri, [(0, "Never used")])
    first.open()
    await second.wait_reached()
    await until_shown(editor, uri, [(0, "Never used"), (4, "Starts at 0")])
    second.open()
    await editor.settled()
    assert editor.shown(uri) == [(0, "Never used"), (4, "Starts at 0"), (7, "Wrong result")]
    assert editor.messages == []
    assert editor.api.messages[0].model == "claude-sonnet-5-5"
    assert editor.statuses[-2:] == [("working", "reviewing"), ("idle", "")]


async def test_what_a_diagnostic_says(editor: Editor) -> None:
    uri = editor.open()
    await review(editor, uri, RESULT)
    (shown,) = editor.client.diagnostics[uri]
    assert shown.range == client_range(span_of(PYTHON, "result = 0"))
    assert shown.severity is types.DiagnosticSeverity.Error
    assert shown.code == "review.correctness"
    assert shown.source == "claude"
    assert shown.message == "Starts at 0\n\nIt is wrong."
    assert isinstance(shown.data, dict)
    assert len(shown.data["fingerprint"]) == 16
    assert editor.client.published[-1].version == 1


async def test_data_only_for_clients_that_give_it_back(unstarted: Editor) -> None:
    capabilities = modern()
    assert capabilities.text_document is not None
    capabilities.text_document.publish_diagnostics = None
    await unstarted.start(capabilities)
    uri = unstarted.open()
    await review(unstarted, uri, RESULT)
    (shown,) = unstarted.client.diagnostics[uri]
    assert shown.data is None


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_columns_are_the_clients(unstarted: Editor, encoding: str) -> None:
    await unstarted.start(encoding=encoding)
    text = 'a = "😀é"; bad = 1\n'
    uri = unstarted.open(text)
    await review(unstarted, uri, finding(text, "bad = 1"))
    (shown,) = unstarted.client.diagnostics[uri]
    assert shown.range == client_range(span_of(text, "bad = 1", encoding))


async def test_edits_above_move_it_and_edits_of_its_text_make_it_stale(editor: Editor) -> None:
    uri = editor.open()
    await review(editor, uri, RESULT)
    editor.client.change(uri, ((0, 0), (0, 0)), "import sys\n\n")
    await until_shown(editor, uri, [(6, "Starts at 0")])
    editor.client.change(uri, ((6, 13), (6, 14)), "7")
    await editor.client.wait_for(lambda: "changed" in editor.client.diagnostics[uri][0].message)
    (shown,) = editor.client.diagnostics[uri]
    assert shown.message.endswith(STALE)
    assert shown.severity is types.DiagnosticSeverity.Hint
    assert editor.client.published[-1].version == 3
    # And further edits still move it; undoing the change makes it good again.
    editor.client.change_many(uri, [(((0, 0), (1, 0)), ""), (((5, 13), (5, 14)), "0")])
    await until_shown(editor, uri, [(5, "Starts at 0")])
    (shown,) = editor.client.diagnostics[uri]
    assert not shown.message.endswith(STALE)
    assert shown.severity is types.DiagnosticSeverity.Error


async def test_the_client_hears_of_moves_once_the_typing_pauses(
    editor: Editor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish, "_REPUBLISH_AFTER_S", 0.05)
    uri = editor.open()
    await review(editor, uri, RESULT)
    before = len(editor.client.published)
    for _ in range(10):
        editor.client.change(uri, ((0, 0), (0, 0)), "\n")
        await pause()
    assert len(editor.client.published) == before
    await until_shown(editor, uri, [(14, "Starts at 0")])
    assert len(editor.client.published) == before + 1


async def test_edits_during_the_review_are_followed(editor: Editor) -> None:
    uri = editor.open()
    gate = Gate()
    editor.api.script(replies.partial("") + gate + replies.json_findings([RESULT, LIMIT]))
    await editor.command("claude.review", {"uri": uri})
    await gate.wait_reached()
    editor.client.change(uri, ((0, 0), (0, 0)), "import sys\n\n")
    editor.client.change(uri, ((2, 0), (2, 5)), "MOST")
    gate.open()
    await editor.settled()
    assert editor.shown(uri)[0] == (6, "Starts at 0")
    limit = editor.client.diagnostics[uri][1]
    assert limit.range.start.line == 2
    assert limit.message.endswith(STALE)


async def test_edits_in_the_same_packet_as_the_command_are_followed(editor: Editor) -> None:
    uri = editor.open()
    editor.api.script(replies.json_findings([RESULT]))
    params = types.ExecuteCommandParams("claude.review", [{"uri": uri}])
    waiting = editor.client.workspace_execute_command(params)
    editor.client.change(uri, ((0, 0), (0, 0)), "import sys\n\n")
    await editor.settled()
    assert waiting.done()
    assert editor.shown(uri) == [(6, "Starts at 0")]


async def test_a_review_that_went_well_replaces_the_earlier_one_only_then(
    editor: Editor,
) -> None:
    uri = editor.open()
    await review(editor, uri, LIMIT, RESULT)
    gate = Gate()
    editor.api.script(replies.json_findings([RESULT, RETURN], between=[gate]))
    await editor.command("claude.review", {"uri": uri})
    await gate.wait_reached()
    await pause()
    assert {line for line, _ in editor.shown(uri)} == {0, 4}
    gate.open()
    await editor.settled()
    assert editor.shown(uri) == [(4, "Starts at 0"), (7, "Wrong result")]


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (replies.partial("") + Disconnect(), "broke off"),
        (replies.max_tokens(""), "cut at the model's output limit"),
        (replies.stream_error(""), "overloaded"),
        (replies.refusal(""), "declined"),
    ],
    ids=["interrupted", "truncated", "error event", "refused"],
)
async def test_a_failed_review_keeps_the_earlier_findings_and_those_it_found(
    editor: Editor, end: Any, words: str
) -> None:
    uri = editor.open()
    await review(editor, uri, LIMIT, RESULT)
    editor.api.answer = replies.partial('{"findings":[' + json.dumps(RETURN)) + end
    await editor.run("claude.review", {"uri": uri})
    assert {line for line, _ in editor.shown(uri)} == {0, 4, 7}
    (error,) = editor.errors
    assert words in error
    assert not any("no findings" in message for message in editor.messages)
    assert editor.statuses[-1][0] == "blocked"


async def test_a_review_that_broke_off_is_asked_for_once_more(editor: Editor) -> None:
    uri = editor.open()
    broken = replies.partial('{"findings":[' + json.dumps(LIMIT)) + Disconnect(reset=False)
    editor.api.script(broken, replies.json_findings([LIMIT, RESULT]))
    await editor.run("claude.review", {"uri": uri})
    assert {line for line, _ in editor.shown(uri)} == {0, 4}
    assert (len(editor.api.messages), editor.messages) == (2, [])


async def test_a_failure_before_anything_came_keeps_everything(editor: Editor) -> None:
    uri = editor.open()
    await review(editor, uri, LIMIT)
    editor.api.answer = replies.error(401)
    await editor.run("claude.review", {"uri": uri})
    assert editor.shown(uri) == [(0, "Never used")]
    assert len(editor.errors) == 1


async def test_an_answer_that_is_no_review_never_reads_as_clean(editor: Editor) -> None:
    uri = editor.open()
    await review(editor, uri, LIMIT)
    editor.api.script(replies.text("Looks good to me!"))
    await editor.run("claude.review", {"uri": uri})
    assert editor.shown(uri) == [(0, "Never used")]
    (error,) = editor.errors
    assert "could not be used" in error
    assert not any("no findings" in message for message in editor.messages)


async def test_no_findings_is_told_and_clears_the_earlier_ones(editor: Editor) -> None:
    uri = editor.open()
    await review(editor, uri, LIMIT)
    await review(editor, uri)
    assert editor.shown(uri) == []
    assert editor.messages == ["no findings in code.py"]


async def test_findings_that_are_not_in_the_text_are_counted_and_told(editor: Editor) -> None:
    uri = editor.open()
    invented = finding(PYTHON, "imagined_call(everything, at, once)", title="Invented")
    await review(editor, uri, LIMIT, invented)
    assert editor.shown(uri) == [(0, "Never used")]
    (message,) = editor.messages
    assert message == "1 finding in code.py (1 dropped: the quoted text is not in the file)"


async def test_only_dropped_findings_do_not_read_as_clean(editor: Editor) -> None:
    uri = editor.open()
    await review(editor, uri, finding(PYTHON, "imagined_call(everything, at, once)"))
    (message,) = editor.messages
    assert message.startswith("no findings in code.py (1 dropped: ")


async def test_limits_of_severity_confidence_and_number(unstarted: Editor) -> None:
    unstarted.file(
        "claude-lsp.toml", '[review]\nmin_severity = "major"\nmin_confidence = 0.5\nmax_findings=1'
    )
    await unstarted.start()
    uri = unstarted.open()
    loop = finding(PYTHON, "        result += value", title="Doubtful", confidence=0.2)
    await review(unstarted, uri, LIMIT, RESULT, RETURN, loop)
    # Of the two that are left, the worst.
    assert unstarted.shown(uri) == [(4, "Starts at 0")]
    (message,) = unstarted.messages
    assert "below review.min_severity" in message
    assert "below review.min_confidence" in message
    assert "1 dropped: over review.max_findings" in message


async def test_a_suggested_fix_applies_cleanly_after_edits(editor: Editor) -> None:
    uri = editor.open()
    await review(editor, uri, {**RESULT, "replacement": "    result = 1\n    count = 0"})
    editor.client.change(uri, ((0, 0), (0, 0)), "# 😀\n")
    place = place_of(editor.client.texts[uri], "result = 0")
    (fix, *_) = await editor.actions(uri, (place, place), only=["quickfix"])
    assert editor.client.apply(fix.edit) is None
    await pause()
    expected = "# 😀\n" + PYTHON.replace("result = 0", "result = 1\n    count = 0")
    assert editor.text(uri) == expected
    await until_shown(editor, uri, [])


async def test_the_command_that_applies_a_suggestion(editor: Editor) -> None:
    uri = editor.open("a = 1\r\nb = 2\r\n")
    item = finding("a = 1\nb = 2\n", "b = 2", replacement="b = 3\nc = 4")
    await review(editor, uri, item)
    fingerprint = editor.client.diagnostics[uri][0].data["fingerprint"]  # type: ignore[index]
    await editor.run("claude.applyFix", {"uri": uri, "fingerprint": fingerprint})
    assert editor.text(uri) == "a = 1\r\nb = 3\r\nc = 4\r\n"
    assert editor.messages == []
    await until_shown(editor, uri, [])


async def test_a_suggestion_is_not_applied_to_other_text(editor: Editor) -> None:
    uri = editor.open()
    await review(editor, uri, {**RESULT, "replacement": "    result = 1"})
    fingerprint = editor.client.diagnostics[uri][0].data["fingerprint"]  # type: ignore[index]
    editor.client.change(uri, span_of(PYTHON, "= 0"), "= 5")
    await editor.run("claude.applyFix", {"uri": uri, "fingerprint": fingerprint})
    assert editor.text(uri) == PYTHON.replace("= 0", "= 5")
    (message,) = editor.messages
    assert message == "the suggestion was not applied: the text there has changed meanwhile"


async def test_a_fix_as_neovim_tells_it(editor: Editor) -> None:
    """Neovim sends only what differs, so that the edit looks like one inside the finding."""
    uri = editor.open()
    await review(editor, uri, {**RESULT, "replacement": "    result = 0.0"})
    editor.client.change(uri, (place_of(PYTHON, "result = 0", end=True),) * 2, ".0")
    await until_shown(editor, uri, [])


async def test_two_documents_at_once(editor: Editor) -> None:
    gate = Gate()
    one, two = editor.open(PYTHON, "one.py"), editor.open(PYTHON, "two.py")
    first = {**LIMIT, "path": "one.py"}
    second = {**RESULT, "path": "two.py"}
    editor.api.script(
        replies.json_findings([first], between=[gate]), when=lambda r: "Review one.py" in r.text
    )
    editor.api.script(replies.json_findings([second]), when=lambda r: "Review two.py" in r.text)
    await editor.command("claude.review", {"uri": one})
    await editor.command("claude.review", {"uri": two})
    await until_shown(editor, two, [(4, "Starts at 0")])
    await until_shown(editor, one, [(0, "Never used")])
    assert editor.statuses[-1] == ("working", "reviewing")
    gate.open()
    await editor.settled()
    assert editor.statuses[-1] == ("idle", "")


async def test_clear_one_document_and_all(editor: Editor) -> None:
    one, two = editor.open(PYTHON, "one.py"), editor.open(PYTHON, "two.py")
    for uri, name in ((one, "one.py"), (two, "two.py")):
        await review(editor, uri, {**LIMIT, "path": name})
    await editor.command("claude.clear", {"uri": one})
    assert (editor.shown(one), editor.shown(two)) == ([], [(0, "Never used")])
    await editor.command("claude.clear")
    assert editor.shown(two) == []
    await editor.command("claude.clear", two)
    assert editor.shown(two) == []


async def test_clear_takes_back_only_the_findings_that_are_named(editor: Editor) -> None:
    uri = editor.open()
    await review(editor, uri, LIMIT, RESULT)
    (data,) = (each.data for each in editor.client.diagnostics[uri] if each.range.start.line == 0)
    assert isinstance(data, dict)
    named = [data["fingerprint"]]
    await editor.command("claude.clear", {"uri": uri, "fingerprints": named})
    assert editor.shown(uri) == [(4, "Starts at 0")]
    await editor.command("claude.clear", {"fingerprints": []})
    assert editor.shown(uri) == [(4, "Starts at 0")]


async def test_findings_survive_closing_and_stand_where_the_file_has_them(
    editor: Editor,
) -> None:
    uri = editor.open()
    await review(editor, uri, RESULT)
    # Typed, but never saved: the file does not have these lines.
    editor.client.change(uri, ((0, 0), (0, 0)), "\n\n\n")
    await until_shown(editor, uri, [(7, "Starts at 0")])
    editor.client.close(uri)
    await until_shown(editor, uri, [(4, "Starts at 0")])
    path = path_from_uri(uri)
    assert path is not None
    changed = "# changed by another program\n" + PYTHON
    editor.client.open(uri, changed)
    await until_shown(editor, uri, [(5, "Starts at 0")])


async def test_a_document_that_closes_during_its_review_gets_its_findings(editor: Editor) -> None:
    uri = editor.open()
    gate = Gate()
    editor.api.script(replies.partial("") + gate + replies.json_findings([RESULT]))
    await editor.command("claude.review", {"uri": uri})
    await gate.wait_reached()
    editor.client.close(uri)
    gate.open()
    await editor.settled()
    assert editor.shown(uri) == [(4, "Starts at 0")]


async def test_a_file_that_is_gone_takes_its_findings_along(editor: Editor) -> None:
    uri = editor.open()
    await review(editor, uri, RESULT)
    path = path_from_uri(uri)
    assert path is not None
    path.unlink()
    editor.client.close(uri)
    await until_shown(editor, uri, [])


async def test_spellings_of_an_address_are_one_document(editor: Editor) -> None:
    path = editor.root / "a+b c.py"
    path.write_text(PYTHON)
    ours = path.as_uri()
    assert "%20" in ours
    spelled = ours.replace("+", "%2B").replace("file:///", "file://localhost/")
    editor.client.open(spelled, PYTHON)
    await review(editor, spelled, {**RESULT, "path": path.name})
    assert editor.shown(spelled) == [(4, "Starts at 0")]
    await editor.command("claude.clear", ours)
    assert editor.shown(spelled) == []


async def test_instructions_and_the_question_reach_the_model(unstarted: Editor) -> None:
    unstarted.file("claude-lsp.toml", '[review]\ninstructions = "Mind the overflow."')
    await unstarted.start()
    uri = unstarted.open()
    await review(unstarted, uri)
    sent = unstarted.api.messages[0].text
    assert "Mind the overflow." in sent
    assert "Review code.py above." in sent


async def test_cancelling_a_review_keeps_what_is_shown(editor: Editor) -> None:
    uri = editor.open()
    await review(editor, uri, LIMIT)
    gate = Gate()
    editor.api.script(replies.json_findings([RESULT], between=[gate]))
    await editor.command("claude.review", {"uri": uri})
    await gate.wait_reached()
    await editor.client.wait_for(lambda: len(editor.shown(uri)) == 2)
    assert await editor.command("claude.cancel") == 1
    await editor.api.messages[1].wait_disconnected()
    await editor.settled()
    assert {line for line, _ in editor.shown(uri)} == {0, 4}
    assert editor.messages == []


async def test_a_second_review_of_a_document_takes_the_place_of_the_first(
    editor: Editor,
) -> None:
    uri = editor.open()
    gate = Gate()
    editor.api.script(replies.json_findings([LIMIT], between=[gate]))
    editor.api.script(replies.json_findings([RESULT]))
    await editor.command("claude.review", {"uri": uri})
    await gate.wait_reached()
    await until_shown(editor, uri, [(0, "Never used")])
    await editor.run("claude.review", {"uri": uri})
    assert editor.api.messages[0].disconnected
    # The first one's finding was not confirmed by the one that went well.
    assert editor.shown(uri) == [(4, "Starts at 0")]


async def test_ignored_documents_are_not_reviewed(editor: Editor) -> None:
    uri = editor.open("KEY=1\n", ".env", "dotenv")
    await editor.run("claude.review", {"uri": uri})
    (error,) = editor.errors
    assert ".env is not sent" in error
    assert editor.api.requests == []


async def test_our_own_source_is_reviewed(unstarted: Editor) -> None:
    await unstarted.start(root=OURS.parents[2])
    text, uri = OUR_TEXT, OURS.as_uri()
    unstarted.client.open(uri, text)
    quote = "    def begin(self, source: str) -> Run:"
    item = {**finding(text, quote), "path": "claude_lsp/lsp/publish.py"}
    await review(unstarted, uri, item)
    assert unstarted.shown(uri)[0][0] == text[: text.index(quote)].count("\n")


async def test_the_command_answers_before_the_review(editor: Editor) -> None:
    uri = editor.open()
    gate = Gate()
    editor.api.script(replies.partial("") + gate + replies.json_findings([]))
    async with asyncio.timeout(5):
        assert await editor.command("claude.review", {"uri": uri}) is None
        await gate.wait_reached()
        gate.open()
        await editor.settled()


async def test_a_range_in_the_arguments_is_allowed(editor: Editor) -> None:
    uri = editor.open()
    editor.api.script(replies.json_findings([LIMIT]))
    await editor.run("claude.review", {"uri": uri, "range": plain(((0, 0), (0, 0)))})
    assert editor.shown(uri) == [(0, "Never used")]
