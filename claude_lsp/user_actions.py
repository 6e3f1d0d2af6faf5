"""Actions that users define in their settings: what they may say, checked."""

from __future__ import annotations

import difflib
import re
import typing
from dataclasses import dataclass, field, fields
from typing import Any, Literal

PLACEHOLDERS = ("selection", "file", "diagnostics", "symbol", "language")
"""What a prompt may name in braces; double braces stand for themselves."""

_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{(\w+)\}")
_NAME = re.compile(r"[A-Za-z][\w-]{0,40}")
_KIND = re.compile(r"quickfix|refactor(?:\.[\w-]+)*|source\.claude\.[\w.-]+")
_LONGEST_PROMPT = 8000


@dataclass(frozen=True)
class UserAction:
    """An action of the user's own.

    Attributes:
        title: as the editor's menu shows it.
        prompt: what is asked, with placeholders such as {selection}.
        output: what comes of it: edits of the document, findings, or a document to read.
        tier: which model answers.
        context: whose context it gets; empty for what suits its output.
        kind: the code action kind it is listed under; empty for one with its name.
        languages: those it is offered in; empty for all.
        confirm: whether to ask before it is sent, with its price.
        from_project: whether a project's own file defines it; such a one always asks.
    """

    title: str
    prompt: str
    output: Literal["edit", "findings", "document"] = "document"
    tier: Literal["haiku", "sonnet", "opus"] = "sonnet"
    context: Literal["", "none", "fix", "rewrite", "document", "test", "explain", "review"] = ""
    kind: str = ""
    languages: tuple[str, ...] = ()
    confirm: bool = False
    from_project: bool = field(default=False, metadata={"internal": True})


def user_action(name: str, table: Any) -> UserAction:
    """Return an action from its table in the settings.

    Raises:
        ValueError: it is not usable; the message completes "actions NAME ...".
    """
    if isinstance(table, UserAction):
        return table
    if not _NAME.fullmatch(name):
        raise ValueError("needs a name of letters, digits, - and _ that begins with a letter")
    if not isinstance(table, dict):
        raise ValueError(f"must be a table with title and prompt, not {table!r}")  # noqa: TRY004
    hints = typing.get_type_hints(UserAction)
    known = [each.name for each in fields(UserAction) if not each.metadata.get("internal")]
    for key in table:
        if key not in known:
            raise ValueError(f"has no option {key}{_near(key, known)}")
    for key in ("title", "prompt"):
        if not isinstance(table.get(key), str) or not table[key].strip():
            raise ValueError(f"needs a {key}")
    values: dict[str, Any] = {}
    for key, value in table.items():
        values[key] = _checked(key, value, hints[key])
    action = UserAction(**values)
    if len(action.prompt) > _LONGEST_PROMPT:
        raise ValueError(f"has a prompt of more than {_LONGEST_PROMPT:,} characters")
    for word in placeholders(action.prompt):
        if word not in PLACEHOLDERS:
            there = ", ".join(f"{{{each}}}" for each in PLACEHOLDERS)
            hint = _near(word, PLACEHOLDERS, "{{{}}}")
            raise ValueError(f"has an unknown placeholder {{{word}}}{hint} (there are {there})")
    if action.kind and not _KIND.fullmatch(action.kind):
        raise ValueError(
            f"has the kind {action.kind!r}; it is quickfix, refactor… or source.claude…"
        )
    return action


def placeholders(prompt: str) -> list[str]:
    """Return the placeholders of a prompt, in their order."""
    return [match[1] for match in _PLACEHOLDER.finditer(prompt) if match[1]]


def filled(prompt: str, values: dict[str, str]) -> str:
    """Return a prompt with its placeholders filled in; what is filled in is not looked at again."""

    def one(match: re.Match[str]) -> str:
        return values[match[1]] if match[1] else match.group()[0]

    return _PLACEHOLDER.sub(one, prompt)


def _checked(key: str, value: Any, hint: Any) -> Any:
    if typing.get_origin(hint) is Literal:
        if value not in typing.get_args(hint):
            choices = ", ".join(choice for choice in typing.get_args(hint) if choice)
            raise ValueError(f"needs one of {choices} for {key}, not {value!r}")
        return value
    if hint is bool:
        if not isinstance(value, bool):
            raise ValueError(f"needs true or false for {key}, not {value!r}")
        return value
    if hint is str:
        if not isinstance(value, str):
            raise ValueError(f"needs a text for {key}, not {value!r}")
        return value
    if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
        raise ValueError(f"needs a list of texts for {key}, not {value!r}")
    return tuple(value)


def _near(word: str, known: typing.Sequence[str], form: str = "{}") -> str:
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {form.format(near[0])}?" if near else ""
