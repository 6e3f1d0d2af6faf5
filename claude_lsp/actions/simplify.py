"""Make the selection simpler without changing what it does."""

from __future__ import annotations

from claude_lsp.actions.editing import edit_action, lines_of

_TASK = """\
You make code simpler. It does afterwards exactly what it did, for every input, errors and order \
of effects included, and what others call keeps its name and signature. Take out what is needless: \
branches that come to the same, state that can be computed, indirection with one user, code that \
the standard library or a helper shown here has already. Do not shorten names, golf, or change \
what is simple already. Keep comments that still say why."""

ACTION = edit_action(
    "simplify",
    does="Make the selection simpler; what it does stays the same.",
    title=lambda _situation: "Simplify the selection",
    applies=lambda situation: not situation.range.empty,
    task=_TASK,
    question=lambda situation: f"Simplify {lines_of(situation)} of the document above.",
    recipe="rewrite",
)
