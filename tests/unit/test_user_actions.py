"""What a definition of an action may say, and which layer may define one."""

from __future__ import annotations

import re
from typing import Any

import pytest

from claude_lsp.actions.custom import symbol_at
from claude_lsp.configuration import Layer, merge
from claude_lsp.settings import schema
from claude_lsp.text.snapshots import Snapshot
from claude_lsp.user_actions import UserAction, filled, placeholders, user_action

GOOD: dict[str, Any] = {"title": "Do", "prompt": "Do it to {selection}"}


@pytest.mark.parametrize(
    ("name", "table", "message"),
    [
        ("do", {"title": "Do"}, "needs a prompt"),
        ("do", {"prompt": "Do"}, "needs a title"),
        ("do", {**GOOD, "title": " "}, "needs a title"),
        ("do", "text", "must be a table"),
        ("1", GOOD, "needs a name"),
        ("a b", GOOD, "needs a name"),
        ("do", {**GOOD, "promt": "x"}, "has no option promt; did you mean prompt?"),
        ("do", {**GOOD, "from_project": False}, "has no option from_project"),
        ("do", {**GOOD, "prompt": "{selecton}"}, "did you mean {selection}?"),
        ("do", {**GOOD, "prompt": "{zzz}"}, "unknown placeholder {zzz} (there are {selection}"),
        ("do", {**GOOD, "output": "edits"}, "needs one of edit, findings, document for output"),
        ("do", {**GOOD, "tier": "fast"}, "needs one of haiku, sonnet, opus for tier"),
        ("do", {**GOOD, "context": "all"}, "for context, not 'all'"),
        ("do", {**GOOD, "kind": "source.fixAll"}, "has the kind 'source.fixAll'"),
        ("do", {**GOOD, "languages": "python"}, "needs a list of texts for languages"),
        ("do", {**GOOD, "confirm": "yes"}, "needs true or false for confirm"),
        ("do", {**GOOD, "prompt": "x" * 8001}, "more than 8,000 characters"),
    ],
)
def test_what_is_wrong_is_told(name: str, table: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        user_action(name, table)


def test_braces_and_placeholders() -> None:
    prompt = "{file} {{file}} { a } {selection}"
    assert placeholders(prompt) == ["file", "selection"]
    values = {"file": "a.py", "selection": "{language}"}
    assert filled(prompt, values) == "a.py {file} { a } {language}"


def layers(*given: tuple[str, dict[str, Any]]) -> Any:
    return merge(
        [Layer(f"{scope} {n}", scope, {"actions": table}) for n, (scope, table) in enumerate(given)]  # type: ignore[arg-type]
    )


def test_a_faulty_one_takes_none_with_it() -> None:
    found = layers(("user", {"good": GOOD, "bad": {"title": "x"}}))
    assert list(found.settings.actions) == ["good"]
    assert [each.message for each in found.problems] == ["actions bad needs a prompt"]


def test_layers_add_up_and_the_later_of_the_user_wins() -> None:
    found = layers(("user", {"a": GOOD, "b": GOOD}), ("user", {"b": {**GOOD, "title": "B"}}))
    titles = {name: each.title for name, each in found.settings.actions.items()}
    assert titles == {"a": "Do", "b": "B"}


def test_a_project_cannot_take_the_users_place() -> None:
    found = layers(("user", {"a": GOOD}), ("project", {"a": {**GOOD, "title": "Theirs"}}))
    assert found.settings.actions["a"].title == "Do"
    assert "is yours already" in found.problems[0].message
    found = layers(("project", {"a": {**GOOD, "title": "Theirs"}}), ("user", {"a": GOOD}))
    assert found.settings.actions["a"] == UserAction("Do", GOOD["prompt"])


def test_what_a_project_defines_is_marked_and_never_the_dearest() -> None:
    found = layers(("project", {"a": {**GOOD, "tier": "opus"}, "b": {**GOOD, "tier": "haiku"}}))
    assert [each.from_project for each in found.settings.actions.values()] == [True, True]
    assert [each.tier for each in found.settings.actions.values()] == ["sonnet", "haiku"]
    assert "can't choose opus" in found.problems[0].message


def test_the_schema_knows_them() -> None:
    entry = schema()["properties"]["actions"]["additionalProperties"]
    assert entry["required"] == ["title", "prompt"]
    assert "from_project" not in entry["properties"]
    assert entry["properties"]["output"]["enum"] == ["edit", "findings", "document"]


@pytest.mark.parametrize(
    ("language", "text", "line", "symbol"),
    [
        ("python", "class A:\n    def b(self):\n        pass\n\nx = 1\n", 2, "A.b"),
        ("python", "class A:\n    def b(self):\n        pass\n\nx = 1\n", 4, ""),
        ("typescript", "class A {\n  b() {\n    return 1;\n  }\n}\n", 2, "A.b"),
        ("go", "package a\n\nfunc F() {\n\tg()\n}\n", 3, "F"),
        ("plaintext", "hello\n", 0, ""),
    ],
)
def test_the_symbol_at_a_line(language: str, text: str, line: int, symbol: str) -> None:
    assert symbol_at(Snapshot("file:///a", 1, text, language), line) == symbol
