"""Rewrite the selection as the user says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claude_lsp.actions.editing import edit_action, lines_of, shortened
from claude_lsp.actions.instruction import find_instruction

if TYPE_CHECKING:
    from claude_lsp.actions.action import Situation

_TASK = """\
You change code or text in a document as its author asks. Do what is asked and nothing beside it, \
in the document's own style; change what stands outside of the given lines only where the change \
needs it, such as an import or a caller in the same document. A comment that begins with "claude:" \
is the instruction itself and does not stay."""


def _title(situation: Situation) -> str:
    if situation.asked:
        return f"Rewrite: {shortened(situation.asked)}"
    found = find_instruction(situation.snapshot, situation.range)
    return "Rewrite the selection…" if found is None else f"Rewrite: {shortened(found.text)}"


ACTION = edit_action(
    "rewrite",
    does="Rewrite the selection by an instruction, typed or in a comment `claude: …`.",
    title=_title,
    applies=lambda situation: (
        not situation.range.empty
        or find_instruction(situation.snapshot, situation.range) is not None
    ),
    task=_TASK,
    question=lambda situation: (
        f"Change {lines_of(situation)} of the document above as follows.\n\n{situation.asked}"
    ),
)
