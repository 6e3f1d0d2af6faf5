"""The lightbulb: what is offered where, in the form that the client takes, and never a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from lsprotocol import types
from pytest_lsp import client_capabilities

from claude_lsp.actions import ACTIONS
from claude_lsp.lsp.handlers.code_action import AGAIN, APPLY_BLOCK, KINDS
from claude_lsp.lsp.routes import COMMANDS
from tests.lsp.editor import (
    PYTHON,
    client_range,
    diagnostic,
    finding,
    place_of,
    plain,
    span_of,
)
from tests.lsp.pair import modern
from tests.messages_api import replies
from tests.unit.git_kit import Repository

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.lsp.editor import Editor

WHOLE = ((0, 0), (8, 0))
COMPLETE = "refactor.rewrite.claude.complete"
SELECTED = [
    f"refactor.rewrite.claude.{name}"
    for name in ("rewrite", "document", "simplify", "addTypes", "test")
]
STAGED = ["source.claude.commitMessage", "source.claude.changeSummary"]
IMAGE = "refactor.rewrite.claude.describeImage"
EXPLAIN = "refactor.rewrite.claude.explain"
ASK = "refactor.rewrite.claude.ask"
REVIEW = "source.claude.review"
ARCHITECTURE = "source.claude.reviewArchitecture"


@pytest.fixture(autouse=True)
async def nothing_is_sent(unstarted: Editor) -> AsyncIterator[None]:
    """Hold for every test here: asking for actions never makes a request."""
    yield
    sent = [request for request in unstarted.api.messages if "You review code" not in request.text]
    assert sent == []


def kinds(actions: list[Any]) -> list[str]:
    return [str(getattr(action.kind, "value", action.kind)) for action in actions]


async def review(editor: Editor, uri: str, *findings: dict[str, Any]) -> None:
    editor.api.script(replies.json_findings(list(findings)))
    await editor.run("claude.review", {"uri": uri})


def test_every_action_has_a_command_and_a_kind() -> None:
    assert {action.command for action in ACTIONS.values()} <= {name for name, _ in COMMANDS}
    others = [f"{REVIEW}.{scope}" for scope in ("selection", "changes", "staged")]
    assert [
        "quickfix",
        COMPLETE,
        *SELECTED,
        IMAGE,
        EXPLAIN,
        ASK,
        *STAGED,
        REVIEW,
        ARCHITECTURE,
        *others,
        AGAIN,
        APPLY_BLOCK,
    ] == KINDS


async def test_a_selection_can_be_reviewed_by_itself(editor: Editor) -> None:
    uri = editor.open()
    span = span_of(PYTHON, "result = 0")
    (_, selection) = await editor.actions(uri, span, only=[REVIEW])
    assert (selection.kind, selection.title) == (
        f"{REVIEW}.selection",
        "Claude: Review the selection",
    )
    assert selection.command.command == "claude.review"
    assert dict(selection.command.arguments[0]) == {
        "uri": uri,
        "scope": "selection",
        "range": plain(span),
    }


async def test_changes_are_offered_where_there_is_git_and_git_is_not_run(
    editor: Editor, monkeypatch: pytest.MonkeyPatch
) -> None:
    Repository(editor.root)
    uri = editor.open()
    monkeypatch.setenv("PATH", "")
    place = place_of(PYTHON, "result = 0")
    offered = await editor.actions(uri, (place, place), only=["source"])
    assert kinds(offered) == [REVIEW, ARCHITECTURE, f"{REVIEW}.changes", f"{REVIEW}.staged"]
    assert dict(offered[-1].command.arguments[0]) == {"uri": uri, "scope": "staged"}


@pytest.mark.parametrize(
    ("only", "offered"),
    [
        (None, ["quickfix", COMPLETE, EXPLAIN, ASK, REVIEW, ARCHITECTURE]),
        ([], ["quickfix", COMPLETE, EXPLAIN, ASK, REVIEW, ARCHITECTURE]),
        ([""], ["quickfix", COMPLETE, EXPLAIN, ASK, REVIEW, ARCHITECTURE]),
        (["quickfix"], ["quickfix"]),
        (["refactor"], [COMPLETE, EXPLAIN, ASK]),
        (["refactor.rewrite"], [COMPLETE, EXPLAIN, ASK]),
        (["refactor.rewrite.claude.explain"], [EXPLAIN]),
        (["source"], [REVIEW, ARCHITECTURE]),
        (["source.claude"], [REVIEW, ARCHITECTURE]),
        (["source.claude.review"], [REVIEW]),
        (["source.fixAll"], []),
        (["source.organizeImports"], []),
        (["refactor.extract"], []),
        (["quick", "sour"], []),
        (["quickfix", "source.claude.review"], ["quickfix", REVIEW]),
    ],
)
async def test_kinds_and_their_parents(
    editor: Editor, only: list[str] | None, offered: list[str]
) -> None:
    uri = editor.open()
    problem = diagnostic(PYTHON, "result = 0")
    place = place_of(PYTHON, "result = 0")
    actions = await editor.actions(uri, (place, place), [problem], only)
    assert kinds(actions) == offered


async def test_a_completion_is_offered_at_a_place_and_not_for_a_selection(editor: Editor) -> None:
    uri = editor.open()
    actions = await editor.actions(uri, span_of(PYTHON, "result = 0"))
    assert kinds(actions) == [*SELECTED, EXPLAIN, ASK, REVIEW, ARCHITECTURE, f"{REVIEW}.selection"]
    assert [each.title for each in actions][:6] == [
        "Claude: Rewrite the selection…",
        "Claude: Document the selection",
        "Claude: Simplify the selection",
        "Claude: Add types to the selection",
        "Claude: Write tests for the selection",
        "Claude: Explain the selection",
    ]


async def test_a_definition_under_the_cursor_can_be_documented(editor: Editor) -> None:
    uri = editor.open()
    place = place_of(PYTHON, "def total")
    document = "refactor.rewrite.claude.document"
    assert document in kinds(await editor.actions(uri, (place, place)))
    place = place_of(PYTHON, "for value")
    assert document not in kinds(await editor.actions(uri, (place, place)))


async def test_all_of_a_kind_are_offered_once_where_the_kind_has_a_name(editor: Editor) -> None:
    uri = editor.open()
    problems = [
        diagnostic(PYTHON, "LIMIT", "one", code="E1", source="lint"),
        diagnostic(PYTHON, "for", "two", code="E1", source="lint"),
        diagnostic(PYTHON, "return", "three"),
    ]
    titles = [each.title for each in await editor.actions(uri, WHOLE, problems, ["quickfix"])]
    assert titles == [
        "Claude: Fix: one",
        "Claude: Fix: two",
        "Claude: Fix: three",
        "Claude: Fix all in this file: lint E1",
    ]


async def test_all_of_our_own_kind_are_offered_if_there_are_several(editor: Editor) -> None:
    uri = editor.open()
    items = [finding(PYTHON, quote) for quote in ("LIMIT = 10", "    result = 0")]
    await review(editor, uri, *items, finding(PYTHON, "    return result", rule="review.races"))
    shown = editor.client.diagnostics[uri]
    fixes = await editor.actions(uri, WHOLE, shown, ["quickfix"])
    (everything,) = [each for each in fixes if "Fix all" in each.title]
    assert everything.title == "Claude: Fix all in this file: claude review.correctness"


async def test_a_diagnostic_of_another_tool_comes_back_in_the_commands_arguments(
    editor: Editor,
) -> None:
    uri = editor.open()
    problem = diagnostic(PYTHON, "result = 0", "unused", code="F841", source="linter")
    fix, _everything = await editor.actions(uri, WHOLE, [problem], ["quickfix"])
    assert fix.title == "Claude: Fix: unused"
    assert fix.diagnostics == (problem,)
    span = plain(span_of(PYTHON, "result = 0"))
    assert fix.command.command == "claude.fix"
    (arguments,) = fix.command.arguments
    assert arguments["uri"] == uri
    assert dict(arguments)["problems"] == [
        {"range": span, "message": "unused", "source": "linter", "code": "F841", "related": []}
    ]


async def test_every_diagnostic_is_offered_by_itself(editor: Editor) -> None:
    uri = editor.open()
    problems = [diagnostic(PYTHON, "LIMIT", "one"), diagnostic(PYTHON, "for", "two", code=7)]
    fixes = await editor.actions(uri, WHOLE, problems, ["quickfix"])
    titles = [fix.title for fix in fixes if "Fix all" not in fix.title]
    assert titles == ["Claude: Fix: one", "Claude: Fix: two"]


@pytest.mark.parametrize("strip", [False, True])
async def test_our_own_diagnostic_gets_its_whole_finding_back(editor: Editor, strip: bool) -> None:
    uri = editor.open()
    await review(
        editor, uri, finding(PYTHON, "    result = 0", title="Odd", explanation="Long story.")
    )
    (ours,) = editor.client.diagnostics[uri]
    if strip:
        # ALE gives neither back.
        ours = types.Diagnostic(ours.range, "cut off", code=ours.code)
    fix, *_ = await editor.actions(uri, WHOLE, [ours], ["quickfix"])
    (problem,) = fix.command.arguments[0]["problems"]
    assert problem["message"] == "Odd: Long story."
    assert problem["source"] == "claude"
    assert problem["code"] == "review.correctness"


async def test_a_suggestion_is_an_edit_of_its_own(editor: Editor) -> None:
    uri = editor.open()
    item = finding(PYTHON, "    result = 0", title="Odd", replacement="    result = 1")
    await review(editor, uri, item)
    place = place_of(PYTHON, "result = 0")
    suggestion, *_ = await editor.actions(uri, (place, place))
    assert suggestion.title == "Apply suggestion: Odd"
    assert suggestion.kind == types.CodeActionKind.QuickFix
    assert suggestion.is_preferred is True
    assert suggestion.command is None
    assert editor.client.apply(suggestion.edit) is None
    await editor.settled()
    assert editor.text(uri) == PYTHON.replace("result = 0", "result = 1")
    # It has been followed, so it is no finding any more.
    await editor.client.wait_for(lambda: not editor.client.diagnostics[uri])


async def test_a_suggestion_for_text_that_has_changed_is_not_offered(editor: Editor) -> None:
    uri = editor.open()
    await review(editor, uri, finding(PYTHON, "    result = 0", replacement="    result = 1"))
    editor.client.change(uri, span_of(PYTHON, "= 0"), "= 17")
    actions = await editor.actions(uri, WHOLE, only=["quickfix"])
    assert [each.title.partition(":")[0] for each in actions] == ["Claude"] * 3


async def test_a_suggestion_elsewhere_is_not_offered(editor: Editor) -> None:
    uri = editor.open()
    await review(editor, uri, finding(PYTHON, "    result = 0", replacement="    result = 1"))
    assert await editor.actions(uri, ((0, 0), (0, 0)), only=["quickfix"]) == []


async def test_the_tag_of_language_models_and_preference_only_where_known(
    unstarted: Editor,
) -> None:
    capabilities = modern()
    assert capabilities.text_document is not None
    action = capabilities.text_document.code_action
    assert action is not None
    action.tag_support = action.is_preferred_support = None
    await unstarted.start(capabilities)
    uri = unstarted.open()
    await review(unstarted, uri, finding(PYTHON, "    result = 0", replacement="    result = 1"))
    actions = await unstarted.actions(uri, WHOLE)
    assert [each.tags for each in actions] == [None] * len(actions)
    assert [each.is_preferred for each in actions] == [None] * len(actions)


async def test_the_tag_of_language_models_where_known(editor: Editor) -> None:
    actions = await editor.actions(editor.open(), WHOLE)
    assert {each.tags for each in actions} == {(types.CodeActionTag.LlmGenerated,)}


async def test_a_client_without_literals_gets_commands_and_no_suggestion_is_lost(
    unstarted: Editor,
) -> None:
    capabilities = modern()
    assert capabilities.text_document is not None
    capabilities.text_document.code_action = None
    await unstarted.start(capabilities)
    uri = unstarted.open()
    await review(unstarted, uri, finding(PYTHON, "    result = 0", replacement="    result = 1"))
    actions = await unstarted.actions(uri, WHOLE)
    assert all(isinstance(each, types.Command) for each in actions)
    by_name = {each.command: each for each in actions}
    apply_fix = by_name["claude.applyFix"]
    await unstarted.run(apply_fix.command, *apply_fix.arguments)
    assert unstarted.text(uri) == PYTHON.replace("result = 0", "result = 1")


@pytest.mark.parametrize("name", ["Kate", "", "kate-editor"])
async def test_an_editor_that_runs_every_action_is_asked_before_each(
    unstarted: Editor, name: str
) -> None:
    await unstarted.start(name=name)
    uri = unstarted.open()
    await review(unstarted, uri, finding(PYTHON, "    result = 0", replacement="    result = 1"))
    unstarted.client.choose = lambda _: None
    unstarted.client.type_line = lambda _: {"text": "make it shorter"}
    actions = await unstarted.actions(uri, WHOLE)
    assert len(actions) == 10
    for action in actions:
        assert action.edit is None
        assert action.command.arguments[0]["confirm"] is True
        await unstarted.run(action.command.command, *action.command.arguments)
    assert len(unstarted.client.questions) == len(actions)
    assert "at most $" in unstarted.client.questions[1].message
    assert len(unstarted.api.messages) == 1
    assert unstarted.text(uri) == PYTHON


async def test_other_editors_are_not_asked(editor: Editor) -> None:
    for action in await editor.actions(editor.open(), WHOLE):
        assert "confirm" not in action.command.arguments[0]


@pytest.mark.parametrize("name", ["neovim@v0.11", "visual_studio_code@v1.65.2", "emacs@v29.1"])
async def test_real_clients_get_actions(unstarted: Editor, name: str) -> None:
    await unstarted.start(client_capabilities(name), name=name)
    uri = unstarted.open()
    actions = await unstarted.actions(uri, ((1, 0), (1, 0)), [diagnostic(PYTHON, "LIMIT")])
    assert kinds(actions) == ["quickfix", COMPLETE, EXPLAIN, ASK, REVIEW, ARCHITECTURE]


async def test_a_document_that_is_not_open_has_no_actions(editor: Editor) -> None:
    assert await editor.actions(editor.file("code.py", PYTHON), WHOLE) == []


async def test_actions_come_before_the_settings_were_read(unstarted: Editor) -> None:
    unstarted.pair.unheard.add(types.WORKSPACE_CONFIGURATION)
    await unstarted.client.initialize(root=unstarted.root)
    uri = unstarted.open()
    assert len(await unstarted.actions(uri, WHOLE)) == 9


async def test_ranges_stay_in_the_clients_units(unstarted: Editor) -> None:
    await unstarted.start(encoding="utf-8")
    text = 'x = "😀"; y = bad\n'
    uri = unstarted.open(text)
    span = span_of(text, "bad", "utf-8")
    problem = types.Diagnostic(client_range(span), "is bad")
    (fix,) = await unstarted.actions(uri, span, [problem], ["quickfix"])
    assert fix.command.arguments[0]["range"] == plain(span)
