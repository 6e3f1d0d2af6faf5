"""Bugs: small changes of real code that still compiles, each by one of many operators."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.review.sources import compiles

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.review.sources import Source


class Mutant(NamedTuple):
    """A text with one bug.

    Attributes:
        operator: what was done, a name in `OPERATORS`.
        text: the whole text, with the bug.
        line: the 0-based line where the bug is, in this text. Where code was deleted: the line
            that now stands in its place.
        lines: how many lines have changed from there on; 0 where code was deleted.
        gone: the lines that were deleted.
    """

    operator: str
    text: str
    line: int
    lines: int = 1
    gone: tuple[str, ...] = ()

    @property
    def deleted(self) -> bool:
        """Whether the bug is that something is missing."""
        return bool(self.gone)


class Edit(NamedTuple):
    """Put a text in place of the one between two offsets."""

    start: int
    end: int
    text: str


class Code:
    """A text with its syntax tree, and the way from nodes to offsets; only ASCII."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tree = ast.parse(text)
        self._starts = [0]
        for line in text.split("\n"):
            self._starts.append(self._starts[-1] + len(line) + 1)
        self.nodes = [node for node in ast.walk(self.tree) if hasattr(node, "lineno")]

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Return the offsets of a node."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = self._starts[node.lineno - 1] + node.col_offset
        return start, self._starts[node.end_lineno - 1] + node.end_col_offset

    def of(self, node: ast.expr | ast.stmt) -> str:
        """Return the text of a node."""
        start, end = self.span(node)
        return self.text[start:end]

    def replace(self, node: ast.expr | ast.stmt, text: str) -> Edit:
        """Put a text in place of a node."""
        return Edit(*self.span(node), text)

    def between(
        self, left: ast.expr, right: ast.expr, old: str, new: str, *, word: bool = False
    ) -> Edit | None:
        """Replace an operator between two operands, None if that is not all that stands there."""
        start, end = self.span(left)[1], self.span(right)[0]
        gap = self.text[start:end]
        if gap.strip(" ()\n") != old or (word and not gap.strip("()").startswith((" ", "\n"))):
            return None
        at = start + gap.index(old)
        return Edit(at, at + len(old), new)

    def whole_lines(self, first: ast.stmt, last: ast.stmt) -> Edit | None:
        """Delete statements with their lines, None if something else stands on those."""
        start = self._starts[first.lineno - 1]
        end = self._starts[last.end_lineno or last.lineno]
        kept = self.text[start : self.span(first)[0]] + self.text[self.span(last)[1] : end]
        return None if kept.strip() else Edit(start, min(end, len(self.text)), "")


def candidates(text: str) -> list[tuple[str, Edit]]:
    """Return the edits that may make bugs of a text, each with the name of its operator."""
    code = Code(text)
    return [(name, edit) for name, operator in OPERATORS.items() for edit in operator(code)]


def mutant_of(text: str, name: str, edit: Edit) -> Mutant | None:
    """Return the bug that an edit makes; None if it compiles no longer, or means the same."""
    changed = text[: edit.start] + edit.text + text[edit.end :]
    if not compiles(changed) or ast.dump(ast.parse(changed)) == ast.dump(ast.parse(text)):
        return None
    return _mutant(name, text, edit, changed)


def mutants(sources: Sequence[Source], chance: random.Random) -> Iterator[tuple[Source, Mutant]]:
    """Yield bugs in any of some files: one of each operator after the other, as long as there are.

    Args:
        sources: the files.
        chance: decides which come first.
    """
    waiting: dict[str, list[tuple[Source, Edit]]] = {name: [] for name in OPERATORS}
    for source in sources:
        for name, edit in candidates(source.text):
            waiting[name].append((source, edit))
    for edits in waiting.values():
        chance.shuffle(edits)
    while any(waiting.values()):
        for name, edits in waiting.items():
            while edits:
                source, edit = edits.pop()
                mutant = mutant_of(source.text, name, edit)
                if mutant is not None:
                    yield source, mutant
                    break


def _mutant(name: str, text: str, edit: Edit, changed: str) -> Mutant:
    line = text.count("\n", 0, edit.start)
    if edit.text:
        return Mutant(name, changed, line, edit.text.count("\n") + 1)
    gone = text[edit.start : edit.end]
    if not gone.endswith("\n"):
        return Mutant(name, changed, line)
    lines = changed.split("\n")
    # A blank line is nothing to point at.
    near = (n for n in (line, line - 1, line + 1) if 0 <= n < len(lines) and lines[n].strip())
    return Mutant(name, changed, next(near, line), 0, tuple(gone.split("\n")[:-1]))


_COMPARED: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
}
_NEGATED: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
}
_CALCULATED: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "//"),
    ast.FloorDiv: ("//", "*"),
    ast.Div: ("/", "*"),
    ast.Mod: ("%", "//"),
}
_MISTAKEN = {
    "append": "extend", "extend": "append", "startswith": "endswith", "endswith": "startswith",
    "lower": "upper", "upper": "lower", "lstrip": "rstrip", "rstrip": "lstrip",
    "split": "rsplit", "partition": "rpartition", "find": "rfind", "pop": "get",
    "update": "setdefault", "min": "max", "max": "min", "any": "all", "all": "any",
    "setdefault": "get",
}  # fmt: skip


def _comparisons(
    code: Code, table: dict[type[ast.cmpop], tuple[str, str]], *, words: bool
) -> Iterator[Edit]:
    for node in code.nodes:
        if isinstance(node, ast.Compare):
            operands = [node.left, *node.comparators]
            for number, operator in enumerate(node.ops):
                if type(operator) not in table:
                    continue
                old, new = table[type(operator)]
                word = words and old.isalpha()
                edit = code.between(operands[number], operands[number + 1], old, new, word=word)
                if edit is not None:
                    yield edit


def _boundary(code: Code) -> Iterator[Edit]:
    return _comparisons(code, _COMPARED, words=False)


def _comparison_negated(code: Code) -> Iterator[Edit]:
    return _comparisons(code, _NEGATED, words=True)


def _logic(code: Code) -> Iterator[Edit]:
    for node in code.nodes:
        if isinstance(node, ast.BoolOp):
            old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
            edit = code.between(node.values[0], node.values[1], old, new, word=True)
            if edit is not None:
                yield edit


def _condition_negated(code: Code) -> Iterator[Edit]:
    for node in code.nodes:
        if isinstance(node, ast.If | ast.While) and isinstance(
            node.test, ast.Name | ast.Call | ast.Attribute
        ):
            yield code.replace(node.test, f"not {code.of(node.test)}")
        elif (
            isinstance(node, ast.If | ast.IfExp)
            and isinstance(node.test, ast.UnaryOp)
            and isinstance(node.test.op, ast.Not)
        ):
            yield code.replace(node.test, code.of(node.test.operand))


def _off_by_one(code: Code) -> Iterator[Edit]:
    for node in code.nodes:
        parts: list[ast.expr | None] = []
        if isinstance(node, ast.Subscript):
            sliced = node.slice
            parts = [sliced.lower, sliced.upper] if isinstance(sliced, ast.Slice) else [sliced]
        elif isinstance(node, ast.Compare):
            parts = [*node.comparators]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            parts = [*node.args] if node.func.id == "range" else []
        for part in parts:
            if isinstance(part, ast.Constant) and type(part.value) is int:
                yield code.replace(part, str(part.value + 1))


def _arithmetic(code: Code) -> Iterator[Edit]:
    for node in code.nodes:
        if isinstance(node, ast.BinOp) and type(node.op) in _CALCULATED:
            if isinstance(node.left, ast.Constant) and isinstance(node.left.value, str):
                continue  # Formatting, of which nobody would divide anything.
            old, new = _CALCULATED[type(node.op)]
            edit = code.between(node.left, node.right, old, new)
            if edit is not None:
                yield edit


def _flag(code: Code) -> Iterator[Edit]:
    for node in code.nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, bool):
            yield code.replace(node, str(not node.value))


def _result_lost(code: Code) -> Iterator[Edit]:
    for node in code.nodes:
        if isinstance(node, ast.Return) and node.value is not None:
            yield code.replace(node, f"return None  # {code.of(node.value).split(chr(10))[0]}"[:80])


def _await_lost(code: Code) -> Iterator[Edit]:
    for node in code.nodes:
        if isinstance(node, ast.Await):
            yield code.replace(node, code.of(node.value))


def _swallowed(code: Code) -> Iterator[Edit]:
    for node in code.nodes:
        if isinstance(node, ast.Raise):
            yield code.replace(node, "pass")


def _caught_too_much(code: Code) -> Iterator[Edit]:
    for node in code.nodes:
        if isinstance(node, ast.ExceptHandler) and isinstance(node.type, ast.Name | ast.Attribute):
            yield code.replace(node.type, "BaseException")


def _arguments_swapped(code: Code) -> Iterator[Edit]:
    for node in code.nodes:
        if isinstance(node, ast.Call) and len(node.args) >= 2:
            first, second = node.args[:2]
            starred = isinstance(first, ast.Starred) or isinstance(second, ast.Starred)
            one_line = first.lineno == second.end_lineno
            if not starred and one_line and code.of(first) != code.of(second):
                start, end = code.span(first)[0], code.span(second)[1]
                gap = code.text[code.span(first)[1] : code.span(second)[0]]
                yield Edit(start, end, f"{code.of(second)}{gap}{code.of(first)}")


def _shared_default(code: Code) -> Iterator[Edit]:
    for node in code.nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for default in (*node.args.defaults, *node.args.kw_defaults):
                if isinstance(default, ast.Constant) and default.value is None:
                    yield code.replace(default, "[]")


def _wrong_name(code: Code) -> Iterator[Edit]:
    for node in code.nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names = [each.arg for each in node.args.args if each.arg not in ("self", "cls")]
            for number, name in enumerate(names):
                other = names[(number + 1) % len(names)]
                for used in ast.walk(node):
                    if (
                        isinstance(used, ast.Name)
                        and used.id == name != other
                        and isinstance(used.ctx, ast.Load)
                    ):
                        yield code.replace(used, other)


def _loop_left(code: Code) -> Iterator[Edit]:
    for node in code.nodes:
        if isinstance(node, ast.Break | ast.Continue):
            yield code.replace(node, "continue" if isinstance(node, ast.Break) else "break")


def _wrong_call(code: Code) -> Iterator[Edit]:
    for node in code.nodes:
        if isinstance(node, ast.Call):
            function = node.func
            if isinstance(function, ast.Name) and function.id in _MISTAKEN:
                yield code.replace(function, _MISTAKEN[function.id])
            elif isinstance(function, ast.Attribute) and function.attr in _MISTAKEN:
                end = code.span(function)[1]
                yield Edit(end - len(function.attr), end, _MISTAKEN[function.attr])


def _wrong_key(code: Code) -> Iterator[Edit]:
    for node in code.nodes:
        key = node.slice if isinstance(node, ast.Subscript) else None
        if isinstance(key, ast.Constant) and isinstance(key.value, str) and len(key.value) > 3:
            start, end = code.span(key)
            yield Edit(start, end, code.text[start : end - 2] + code.text[end - 1])


def _call_lost(code: Code) -> Iterator[Edit]:
    for block in _blocks(code):
        for statement in block:
            wanted = isinstance(statement, ast.AugAssign) or (
                isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)
            )
            if wanted and len(block) > 1 and (edit := code.whole_lines(statement, statement)):
                yield edit


def _guard_lost(code: Code) -> Iterator[Edit]:
    for block in _blocks(code):
        for statement in block:
            if (
                isinstance(statement, ast.If)
                and not statement.orelse
                and len(statement.body) == 1
                and isinstance(statement.body[0], ast.Return | ast.Raise | ast.Continue)
                and len(block) > 1
                and (edit := code.whole_lines(statement, statement))
            ):
                yield edit


def _blocks(code: Code) -> Iterator[list[ast.stmt]]:
    for node in code.nodes:
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list):
                yield block


OPERATORS: dict[str, Callable[[Code], Iterator[Edit]]] = {
    "boundary of a comparison": _boundary,
    "comparison negated": _comparison_negated,
    "and / or": _logic,
    "condition negated": _condition_negated,
    "off by one": _off_by_one,
    "arithmetic": _arithmetic,
    "True / False": _flag,
    "result lost": _result_lost,
    "await lost": _await_lost,
    "error swallowed": _swallowed,
    "too much caught": _caught_too_much,
    "arguments swapped": _arguments_swapped,
    "default shared": _shared_default,
    "wrong variable": _wrong_name,
    "break / continue": _loop_left,
    "wrong function": _wrong_call,
    "wrong key": _wrong_key,
    "call deleted": _call_lost,
    "guard deleted": _guard_lost,
}
"""What makes the edits; each is one bug."""
