"""Actions that change text as the user says, and the same once more by a higher tier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pygls.exceptions import JsonRpcInvalidParams

from tests.lsp.editor import PYTHON, diagnostic, edit, edits, finding, plain, span_of
from tests.lsp.pair import modern
from tests.messages_api import Disconnect, Gate, replies
from tests.planted import PASSWORD

if TYPE_CHECKING:
    from tests.lsp.editor import Editor

LOOP = "    for value in values:\n        result += value\n    return result"
SUM = "    result = 0\n" + LOOP
BETTER = PYTHON.replace(SUM, "    return sum(values)")
GO = "package main\n\nfunc add(a, b int) int {\n\treturn a + b\n}\n"
TYPESCRIPT = "export function add(a: number, b: number) {\n  return a + b;\n}\n"


def at(uri: str, text: str, needle: str, **others: Any) -> dict[str, Any]:
    return {"uri": uri, "range": plain(span_of(text, needle)), **others}


async def again(editor: Editor, uri: str, text: str, needle: str) -> list[Any]:
    only = ["refactor.rewrite.claude.again"]
    return await editor.actions(uri, span_of(text, needle), only=only)


async def test_the_editor_asks_for_the_instruction(editor: Editor) -> None:
    uri = editor.open()
    asked: list[Any] = []

    def answer(params: Any) -> dict[str, str]:
        asked.append(params)
        return {"text": " use sum "}

    editor.client.type_line = answer
    editor.api.script(edits(edit(PYTHON, SUM, "    return sum(values)")))
    await editor.run("claude.rewrite", at(uri, PYTHON, SUM))
    assert editor.text(uri) == BETTER
    assert [each["prompt"] for each in asked] == ["What should Claude do with the selection?"]
    assert "Change lines 5 to 8 of the document above as follows.\n\nuse sum" in (
        editor.api.messages[0].text
    )
    assert editor.api.messages[0].model == "claude-sonnet-5-5"
    ((params, _),) = editor.client.applied
    assert params.label == "Claude: Rewrite: use sum"


@pytest.mark.parametrize("answer", [None, {"text": " "}, {}, "text"])
async def test_who_types_nothing_has_changed_their_mind(editor: Editor, answer: Any) -> None:
    uri = editor.open()
    editor.client.type_line = lambda _: answer
    await editor.run("claude.rewrite", at(uri, PYTHON, SUM))
    assert editor.api.requests == []
    assert editor.messages == []


async def test_a_comment_asks_in_an_editor_that_cannot(unstarted: Editor) -> None:
    capabilities = modern()
    capabilities.experimental = None
    await unstarted.start(capabilities)
    text = PYTHON.replace("    result = 0", "    # claude: use sum\n    result = 0")
    uri = unstarted.open(text)
    unstarted.api.script(edits(edit(text, SUM, "    return sum(values)")))
    await unstarted.run("claude.rewrite", at(uri, text, SUM))
    assert unstarted.text(uri) == BETTER
    assert unstarted.messages == []


async def test_who_can_do_neither_is_told_how(unstarted: Editor) -> None:
    capabilities = modern()
    capabilities.experimental = None
    await unstarted.start(capabilities)
    uri = unstarted.open()
    await unstarted.run("claude.rewrite", at(uri, PYTHON, SUM))
    (message,) = unstarted.messages
    assert "`claude: make it iterative`" in message
    assert unstarted.api.requests == []


async def test_a_secret_in_the_instruction_does_not_leave(editor: Editor) -> None:
    uri = editor.open()
    editor.api.script(edits())
    words = f'connect with password = "{PASSWORD}"'
    await editor.run("claude.rewrite", at(uri, PYTHON, SUM, instruction=words))
    assert PASSWORD not in editor.api.messages[0].text
    assert "<redacted:" in editor.api.messages[0].text


@pytest.mark.parametrize(
    ("command", "text", "language", "quote", "new"),
    [
        ("claude.document", PYTHON, "python", "def total(values):",
         'def total(values):\n    """Return the sum."""'),
        ("claude.document", GO, "go", "func add(a, b int) int {",
         "// add returns the sum.\nfunc add(a, b int) int {"),
        ("claude.simplify", PYTHON, "python", SUM, "    return sum(values)"),
        ("claude.addTypes", TYPESCRIPT, "typescript", "export function add(a: number, b: number) {",
         "export function add(a: number, b: number): number {"),
    ],
)  # fmt: skip
async def test_actions_that_need_no_words(
    editor: Editor, *, command: str, text: str, language: str, quote: str, new: str
) -> None:
    uri = editor.open(text, "code.x", language)
    editor.api.script(edits(edit(text, quote, new)))
    await editor.run(command, at(uri, text, quote))
    assert editor.text(uri) == text.replace(quote, new)
    assert editor.messages == []


async def test_neighbours_show_how_things_are_documented(unstarted: Editor) -> None:
    docstring = '"""Return the area, in mm².\n\n    Args:\n        w: width.\n    """'
    unstarted.file("shapes.py", f"def area(w, h):\n    {docstring}\n    return w * h\n")
    await unstarted.start()
    uri = unstarted.open()
    await unstarted.indexed()
    unstarted.api.script(edits())
    await unstarted.run("claude.document", at(uri, PYTHON, "def total(values):"))
    text = unstarted.api.messages[0].text
    assert 'path="shapes.py" why="documentation of area"' in text
    assert "Return the area, in mm²." in text


async def test_all_of_a_kind_are_fixed_one_by_one(editor: Editor) -> None:
    uri = editor.open()
    gate = Gate()
    first, second = edit(PYTHON, "LIMIT = 10", "LIMIT = 20"), edit(PYTHON, "= 0", "= 1")
    second["quote"], second["replacement"] = "    result = 0", "    result = 1"
    editor.api.script(edits(first, second, between=[gate]))
    problems = [diagnostic(PYTHON, "LIMIT", "one", code="E1", source="lint")]
    actions = await editor.actions(uri, span_of(PYTHON, "LIMIT"), problems, ["quickfix"])
    (everything,) = [each for each in actions if "Fix all" in each.title]
    await editor.command(everything.command.command, *everything.command.arguments)
    await gate.wait_reached()
    await editor.client.wait_for(lambda: len(editor.client.applied) == 1)
    gate.open()
    await editor.settled()
    assert editor.text(uri) == PYTHON.replace("= 10", "= 20").replace("= 0", "= 1")
    assert "line 1: lint E1: one" in editor.api.messages[0].text


async def test_all_our_findings_of_a_kind_go_along(editor: Editor) -> None:
    uri = editor.open()
    items = [
        finding(PYTHON, "LIMIT = 10", title="First"),
        finding(PYTHON, "    result = 0", title="Second"),
    ]
    editor.api.script(replies.json_findings(items))
    await editor.run("claude.review", {"uri": uri})
    editor.api.script(edits())
    await editor.run("claude.fixAll", at(uri, PYTHON, "LIMIT"))
    text = editor.api.messages[-1].text
    assert "First: It is wrong." in text
    assert "Second: It is wrong." in text


async def test_fix_all_without_a_problem_says_what_it_needs(editor: Editor) -> None:
    uri = editor.open()
    with pytest.raises(JsonRpcInvalidParams, match=r"claude\.fixAll needs the problems"):
        await editor.command("claude.fixAll", at(uri, PYTHON, "LIMIT"))


# ----- what would not parse


BROKEN = edit(PYTHON, "    return result", "    return (result")
CLOSING = edit(PYTHON, "        result += value", "        result += (value")


async def test_an_edit_that_breaks_the_syntax_is_applied_only_if_the_user_says_so(
    editor: Editor,
) -> None:
    uri = editor.open()
    good = edit(PYTHON, "LIMIT = 10", "LIMIT = 20")
    editor.api.script(edits(BROKEN, good))
    await editor.run("claude.simplify", at(uri, PYTHON, SUM))
    (question,) = editor.client.questions
    assert question.message == (
        "Claude: an edit at line 8 would leave code that does not parse. Apply?"
    )
    assert editor.text(uri) == PYTHON.replace("= 10", "= 20").replace("return r", "return (r")


async def test_an_edit_that_breaks_the_syntax_and_is_not_wanted(editor: Editor) -> None:
    uri = editor.open()
    editor.client.choose = lambda _: None
    editor.api.script(edits(BROKEN))
    await editor.run("claude.simplify", at(uri, PYTHON, SUM))
    assert editor.text(uri) == PYTHON
    assert editor.messages == ["an edit dropped: the code would not parse"]
    assert await again(editor, uri, PYTHON, "LIMIT") == []


async def test_edits_that_parse_only_together_are_applied_together(editor: Editor) -> None:
    uri = editor.open()
    opening = edit(PYTHON, "    result = 0", "    result = (0 +")
    closing = edit(PYTHON, "    for value in values:", "    1)\n    for value in values:")
    editor.api.script(edits(opening, closing))
    await editor.run("claude.simplify", at(uri, PYTHON, SUM))
    assert editor.client.questions == []
    assert "result = (0 +\n    1)\n    for" in editor.text(uri)


async def test_what_was_broken_already_may_stay_broken(editor: Editor) -> None:
    text = PYTHON + "def (:\n"
    uri = editor.open(text)
    editor.api.script(edits(edit(text, "LIMIT = 10", "LIMIT = 20")))
    await editor.run("claude.simplify", at(uri, text, SUM))
    assert editor.client.questions == []
    assert editor.text(uri) == text.replace("= 10", "= 20")


async def test_an_edit_held_back_when_the_answer_breaks_off_is_told(editor: Editor) -> None:
    uri = editor.open()
    editor.api.script(edits(BROKEN, end=Disconnect()))
    await editor.run("claude.simplify", at(uri, PYTHON, SUM))
    assert editor.text(uri) == PYTHON
    assert "an edit dropped: the answer broke off before the rest" in editor.messages


async def test_without_a_grammar_nothing_is_held_back(editor: Editor) -> None:
    uri = editor.open("a (\n", "notes.txt", "plaintext")
    editor.api.script(edits(edit("a (\n", "a (", "b ((")))
    await editor.run("claude.simplify", at(uri, "a (\n", "a ("))
    assert editor.text(uri) == "b ((\n"


# ----- again, by a higher tier


async def test_what_was_done_can_be_done_again_by_the_next_higher_tier(editor: Editor) -> None:
    uri = editor.open()
    assert await again(editor, uri, PYTHON, "LIMIT") == []
    editor.api.script(edits(edit(PYTHON, "    result = 0", "    result = 1")))
    await editor.run("claude.rewrite", at(uri, PYTHON, SUM, instruction="use sum"))
    editor.client.change(uri, ((0, 0), (0, 0)), "# typed above\n")
    await editor.settled()
    text = editor.text(uri)
    (offer,) = await again(editor, uri, text, "for value")
    assert offer.title == "Claude: Again, with opus: Rewrite: use sum"
    assert await again(editor, uri, text, "LIMIT") == []
    editor.api.script(edits(edit(text, SUM.replace("= 0", "= 1"), "    return sum(values)")))
    await editor.run(offer.command.command, *offer.command.arguments)
    assert [each.model for each in editor.api.messages] == ["claude-sonnet-5-5", "claude-opus-5-5"]
    assert "Change lines 6 to 9 of the document above as follows.\n\nuse sum" in (
        editor.api.messages[1].text
    )
    assert editor.text(uri) == "# typed above\n" + BETTER
    # There is none above opus, and what comes next is asked of the usual tier.
    assert await again(editor, uri, editor.text(uri), "return") == []
    editor.api.script(edits())
    await editor.run("claude.simplify", at(uri, editor.text(uri), "return sum(values)"))
    assert editor.api.messages[2].model == "claude-sonnet-5-5"


async def test_a_fix_and_an_explanation_can_be_asked_again(editor: Editor) -> None:
    uri = editor.open()
    editor.api.script(edits(edit(PYTHON, "LIMIT = 10", "LIMIT = 20")))
    await editor.run("claude.fix", editor.problem(uri, "LIMIT", "is too small"))
    text = editor.text(uri)
    (offer,) = await again(editor, uri, text, "LIMIT")
    editor.api.script(edits())
    await editor.run(offer.command.command, *offer.command.arguments)
    assert "is too small" in editor.api.messages[1].text
    editor.api.script(replies.text("It adds."))
    await editor.run("claude.explain", at(uri, text, "result += value"))
    (offer,) = await again(editor, uri, text, "result += value")
    assert offer.title == "Claude: Again, with opus: Explain the selection"


async def test_the_route_decides_which_tier_is_the_next(unstarted: Editor) -> None:
    await unstarted.start(options={"routes": {"explain": "haiku"}})
    uri = unstarted.open()
    unstarted.api.script(replies.text("It adds."))
    await unstarted.run("claude.explain", at(uri, PYTHON, "LIMIT"))
    (offer,) = await again(unstarted, uri, PYTHON, "LIMIT")
    assert offer.command.arguments[0]["tier"] == "sonnet"


async def test_what_came_to_nothing_is_not_offered_again(editor: Editor) -> None:
    uri = editor.open()
    editor.api.script(edits())
    await editor.run("claude.simplify", at(uri, PYTHON, SUM))
    assert await again(editor, uri, PYTHON, "for value") == []


async def test_a_closed_document_forgets(editor: Editor) -> None:
    uri = editor.open()
    editor.api.script(replies.text("It adds."))
    await editor.run("claude.explain", at(uri, PYTHON, "LIMIT"))
    editor.client.close(uri)
    editor.client.open(uri, PYTHON)
    assert await again(editor, uri, PYTHON, "LIMIT") == []


async def test_an_unknown_tier_is_refused(editor: Editor) -> None:
    uri = editor.open()
    with pytest.raises(JsonRpcInvalidParams, match=r"one of haiku, sonnet, opus"):
        await editor.command("claude.explain", at(uri, PYTHON, "LIMIT", tier="cheap"))
