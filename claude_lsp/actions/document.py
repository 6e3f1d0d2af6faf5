"""Write the documentation of definitions, in the project's own style."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from claude_lsp.actions.editing import edit_action, lines_of

if TYPE_CHECKING:
    from claude_lsp.actions.action import Situation

_DEFINITION = re.compile(
    r"^\s*(?:(?:export|default|public|private|protected|internal|static|final|abstract|async|pub"
    r"(?:\([^)]*\))?|unsafe|override|virtual|inline|open|data|sealed|local)\s+)*"
    r"(?:def|class|func|fun|function\*?|fn|struct|enum|trait|interface|impl|type|module|sub|proc)\b"
)
_METHOD = re.compile(r"^\s*(?:[\w<>\[\],.?*&:]+\s+)*[\w$]+\s*\([^;]*\)[^;=]*\{\s*$")
_CONTROL = re.compile(
    r"^\s*(?:\}\s*)?(?:if|for|while|switch|catch|return|else|do|try|with|match)\b"
)

_TASK = """\
You write the documentation of definitions. Follow the style of the documentation that the \
document and its neighbours have: the same form (docstring, comment above), the same sections and \
tags, the same tone, length and line width. Say what a reader can't see from the name and the \
types: meaning, units, shapes, what is returned in which case, errors, side effects. State only \
what the code shows. Documentation that is there already is corrected where it is wrong, else \
left. Change no code."""


def _applies(situation: Situation) -> bool:
    if not situation.range.empty:
        return True
    line = situation.snapshot.index.line(situation.range.start.line)
    return _DEFINITION.match(line) is not None or (
        _METHOD.match(line) is not None and _CONTROL.match(line) is None
    )


ACTION = edit_action(
    "document",
    does="Document the definitions in the selection, or at the cursor, as their neighbours are.",
    title=lambda situation: (
        "Document this definition" if situation.range.empty else "Document the selection"
    ),
    applies=_applies,
    task=_TASK,
    question=lambda situation: (
        f"Document what is defined at {lines_of(situation)} of the document above."
    ),
)
