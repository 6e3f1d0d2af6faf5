"""Actions from the settings: offered everywhere, run by `claude.run`, and each of the cookbook."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.lsp.editor import PYTHON, diagnostic, edit, edits, finding, plain, span_of
from tests.messages_api import replies
from tests.planted import PASSWORD

if TYPE_CHECKING:
    from tests.lsp.editor import Editor

COOKBOOK = (Path(__file__).parents[2] / "docs" / "cookbook.md").read_text("utf-8")
RECIPES: dict[str, Any] = tomllib.loads(
    re.findall(r"^```toml\n(.*?)^```", COOKBOOK, re.DOTALL | re.MULTILINE)[1]
)["actions"]
SHOUT = {"title": "Shout", "prompt": "Make {selection} of {file} loud", "output": "edit"}


async def begin(editor: Editor, **actions: dict[str, Any]) -> str:
    await editor.start(options={"actions": actions})
    return editor.open()


def at(uri: str, needle: str, **others: Any) -> dict[str, Any]:
    return {"uri": uri, "range": plain(span_of(PYTHON, needle)), **others}


def titles(actions: list[Any]) -> list[str]:
    return [each.title for each in actions]


def test_the_cookbook_has_ten() -> None:
    assert len(RECIPES) == 10
    assert {each.get("output", "document") for each in RECIPES.values()} == {
        *("edit", "findings", "document")
    }


@pytest.mark.parametrize("name", RECIPES)
async def test_each_of_the_cookbook_does_what_it_says(unstarted: Editor, name: str) -> None:
    recipe = RECIPES[name]
    editor = unstarted
    uri = await begin(editor, **RECIPES)
    span = span_of(PYTHON, "    result = 0")
    offered = await editor.actions(uri, span, [diagnostic(PYTHON, "LIMIT", "is odd")])
    (action,) = [each for each in offered if each.title == f"Claude: {recipe['title']}"]
    output = recipe.get("output", "document")
    if output == "edit":
        editor.api.script(edits(edit(PYTHON, "    result = 0", "    result = 1")))
    elif output == "findings":
        editor.api.script(replies.json_findings([finding(PYTHON, "    result = 0", title="Odd")]))
    else:
        editor.api.script(replies.text("So it is."))
    await editor.run(action.command.command, *action.command.arguments)
    (sent,) = editor.api.messages
    assert sent.model == f"claude-{recipe.get('tier', 'sonnet')}-5-5"
    question = sent.body["messages"][0]["content"][-1]["text"]
    assert not re.search(r"\{\w+\}", question)
    if "{symbol}" in recipe["prompt"]:
        assert "total" in question
    if "{diagnostics}" in recipe["prompt"]:
        assert "line 1: is odd" in question
    if output == "edit":
        assert editor.text(uri) == PYTHON.replace("result = 0", "result = 1")
    elif output == "findings":
        assert editor.shown(uri) == [(4, "Odd")]
    else:
        assert len(editor.client.shown) == 1
    assert len(editor.client.questions) == recipe.get("confirm", False)
    assert editor.errors == []


async def test_offered_in_its_languages_only(unstarted: Editor) -> None:
    uri = await begin(unstarted, shout=SHOUT, go={**SHOUT, "title": "Go", "languages": ["go"]})
    assert "Claude: Shout" in titles(await unstarted.actions(uri, ((0, 0), (0, 0))))
    assert "Claude: Go" not in titles(await unstarted.actions(uri, ((0, 0), (0, 0))))
    other = unstarted.open("package a\n", "a.go", "go")
    assert "Claude: Go" in titles(await unstarted.actions(other, ((0, 0), (0, 0))))


async def test_without_a_name_the_user_chooses(unstarted: Editor) -> None:
    uri = await begin(unstarted, shout=SHOUT, why={"title": "Why", "prompt": "Why?"})
    unstarted.client.choose = lambda asked: asked.actions[1]  # type: ignore[index]
    unstarted.api.script(replies.text("Because."))
    await unstarted.run("claude.run", at(uri, "LIMIT"))
    (question,) = unstarted.client.questions
    assert [each.title for each in question.actions or ()] == ["Shout", "Why", "Cancel"]
    assert len(unstarted.client.shown) == 1


async def test_an_unknown_name_is_told_with_the_nearest(unstarted: Editor) -> None:
    uri = await begin(unstarted, shout=SHOUT)
    await unstarted.run("claude.run", at(uri, "LIMIT", action="shuot"))
    assert unstarted.messages == ["there is no action shuot; did you mean shout? (there are shout)"]


async def test_without_any_the_user_is_told_where_to_define_them(editor: Editor) -> None:
    await editor.run("claude.run", at(editor.open(), "LIMIT"))
    assert editor.messages == ["there are no actions of your own; define them as actions.NAME"]


async def test_again_by_the_next_tier(unstarted: Editor) -> None:
    uri = await begin(unstarted, shout={**SHOUT, "tier": "haiku"})
    unstarted.api.script(edits(edit(PYTHON, "LIMIT = 10", "LIMIT = 20")))
    await unstarted.run("claude.run", at(uri, "LIMIT = 10", action="shout"))
    only = ["refactor.rewrite.claude.again"]
    (offer,) = await unstarted.actions(uri, ((0, 0), (0, 0)), only=only)
    assert offer.title == "Claude: Again, with sonnet: Shout"
    unstarted.api.script(edits())
    await unstarted.run(offer.command.command, *offer.command.arguments)
    assert [each.model for each in unstarted.api.messages] == [
        "claude-haiku-5-5",
        "claude-sonnet-5-5",
    ]


async def test_what_a_project_defines_asks_first(unstarted: Editor) -> None:
    unstarted.file(
        "claude-lsp.toml",
        '[actions.shout]\ntitle = "Shout"\nprompt = "Shout {selection}"\noutput = "edit"\n'
        'tier = "opus"\nconfirm = false\n',
    )
    await unstarted.start()
    uri = unstarted.open()
    (warning,) = unstarted.messages
    assert "actions.shout: a project's own file can't choose opus" in warning
    unstarted.client.choose = lambda _: None
    await unstarted.run("claude.run", at(uri, "LIMIT", action="shout"))
    (question,) = unstarted.client.questions
    assert "claude-sonnet-5-5 for at most $" in question.message
    assert unstarted.api.requests == []


async def test_a_secret_in_the_selection_is_replaced_in_the_question_too(
    unstarted: Editor,
) -> None:
    text = f'password = "{PASSWORD}"\n'
    await unstarted.start(options={"actions": {"shout": SHOUT}})
    uri = unstarted.open(text)
    unstarted.api.script(edits())
    arguments = {"uri": uri, "range": plain(span_of(text, text[:-1])), "action": "shout"}
    await unstarted.run("claude.run", arguments)
    assert PASSWORD not in unstarted.api.messages[0].text
    assert unstarted.api.messages[0].text.count("<redacted:password>") == 2


async def test_a_built_in_action_cannot_be_replaced(unstarted: Editor) -> None:
    uri = await begin(unstarted, fix={"title": "Mine", "prompt": "Mine"})
    assert "Claude: Mine" not in titles(await unstarted.actions(uri, ((0, 0), (0, 0))))
