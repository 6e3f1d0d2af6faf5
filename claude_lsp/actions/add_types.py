"""Add type annotations to the selection."""

from __future__ import annotations

from claude_lsp.actions.editing import edit_action, lines_of

_LANGUAGES = frozenset(
    {"python", "typescript", "typescriptreact", "javascript", "javascriptreact", "php", "ruby"}
)
"""Those in which types may be left out. JavaScript takes them as JSDoc."""

_TASK = """\
You add type annotations to code that lacks them: parameters, results, attributes, and variables \
whose type can't be inferred. Use the precise types that the code and its callers show, by the \
names that the project has for them, in the syntax that the project's version of the language \
takes; in JavaScript, as JSDoc. Add the imports that they need. No `Any`, `any` or `mixed` where \
something better is known, no casts, no change of behaviour."""

ACTION = edit_action(
    "addTypes",
    does="Add type annotations to the selection.",
    title=lambda _situation: "Add types to the selection",
    applies=lambda situation: (
        not situation.range.empty and situation.snapshot.language in _LANGUAGES
    ),
    task=_TASK,
    question=lambda situation: (
        f"Add the missing types in {lines_of(situation)} of the document above."
    ),
    recipe="rewrite",
)
