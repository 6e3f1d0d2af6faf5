"""A finding is recognised again after the edits that do not touch it, and only then."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_lsp.findings import fingerprint as module
from claude_lsp.findings.fingerprint import context_key, fingerprint, symbol_path
from claude_lsp.text.lines import LineIndex

SOURCE = """import os

LIMIT = 3


class Store:
    def load(self, path):
        if not path:
            return None
        for line in open(path):
            if line:
                self.add(line)
            self.add(line)
        return None

    async def save(
        self,
        path,
    ):
        data = self.pack(
            path, "#1",
        )
        return None


def main():
    def inner():
        return None

    return None
"""
LINES = SOURCE.splitlines()
FILLED = [n for n, line in enumerate(LINES) if line.strip()]
INSIDE = [n for n in FILLED if symbol_path(LINES, n)]
ANY_LINE = st.sampled_from(FILLED)
RULE = "review.correctness"


def identity(lines: list[str], line: int, path: str = "src/a.py") -> str:
    return fingerprint(RULE, path, LineIndex("\n".join(lines) + "\n"), line)


def definition_above(line: int) -> int:
    """Return the first line of the body of the innermost definition around a line."""
    level = len(LINES[line]) - len(LINES[line].lstrip())
    for number in range(line - 1, -1, -1):
        text = LINES[number]
        indent = len(text) - len(text.lstrip())
        if text.strip() and indent < level and re.match(r"\s*(class|def) .*:$", text):
            return number + 1
    return 0


@given(ANY_LINE, st.lists(st.sampled_from(["", "import sys", "# note"]), min_size=1))
def test_it_survives_lines_inserted_above(line: int, new: list[str]) -> None:
    assert identity(new + LINES, line + len(new)) == identity(LINES, line)


@given(st.sampled_from(INSIDE))
def test_it_survives_lines_inserted_above_in_the_same_function(line: int) -> None:
    first = definition_above(line)
    indent = LINES[first][: len(LINES[first]) - len(LINES[first].lstrip())]
    new = [indent + "log('called')", "", indent + "# note"]
    assert identity(LINES[:first] + new + LINES[first:], line + 3) == identity(LINES, line)


@given(ANY_LINE)
def test_it_survives_a_line_inserted_below(line: int) -> None:
    indent = LINES[line][: len(LINES[line]) - len(LINES[line].lstrip())]
    below = [*LINES[: line + 1], indent + "other()", LINES[line], *LINES[line + 1 :]]
    assert identity(below, line) == identity(LINES, line)


@given(ANY_LINE, st.sampled_from(["  ", "        ", "\t"]))
def test_it_survives_another_indentation_of_the_file(line: int, unit: str) -> None:
    def indented(text: str) -> str:
        depth = (len(text) - len(text.lstrip())) // 4
        return unit * depth + text.lstrip()

    assert identity([indented(text) for text in LINES], line) == identity(LINES, line)


@given(st.sampled_from(INSIDE))
def test_it_survives_the_same_text_added_above_in_another_symbol(line: int) -> None:
    new = ["def another():", LINES[line].lstrip().rjust(40), ""]
    assert identity(new + LINES, line + 3) == identity(LINES, line)


@given(ANY_LINE, st.sampled_from(["  # checked", " # type: ignore", "   "]))
def test_it_survives_a_trailing_comment_and_other_blanks(line: int, tail: str) -> None:
    changed = [*LINES[:line], LINES[line] + tail, *LINES[line + 1 :]]
    assert identity(changed, line) == identity(LINES, line)


def test_it_survives_other_line_endings() -> None:
    for line in FILLED:
        windows = fingerprint(RULE, "src/a.py", LineIndex("\r\n".join(LINES)), line)
        assert windows == identity(LINES, line)


@given(ANY_LINE)
def test_it_changes_when_the_line_itself_changes(line: int) -> None:
    changed = [*LINES[:line], LINES[line] + "  + 1", *LINES[line + 1 :]]
    assert identity(changed, line) != identity(LINES, line)


def test_no_two_lines_of_a_file_share_it() -> None:
    assert len({identity(LINES, line) for line in FILLED}) == len(FILLED)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 3), st.sampled_from(["def a():", "def b():", "if c:", "x", "}", ""])
        ),
        max_size=25,
    )
)
def test_no_two_lines_of_any_file_share_it(nested: list[tuple[int, str]]) -> None:
    index = LineIndex("".join(f"{' ' * 4 * depth}{code}\n" for depth, code in nested))
    filled = [line for line in range(len(index.lines)) if index.line(line).strip()]
    found = [fingerprint("review.tests", "a.py", index, line) for line in filled]
    assert len(set(found)) == len(filled)


def test_it_depends_on_rule_and_path_but_the_context_key_not_on_the_path() -> None:
    index = LineIndex(SOURCE)
    assert fingerprint("review.tests", "a.py", index, 8) != fingerprint(RULE, "a.py", index, 8)
    assert fingerprint(RULE, "b.py", index, 8) != fingerprint(RULE, "a.py", index, 8)
    assert context_key(RULE, "b.py", index, 8) == context_key(RULE, "a.py", index, 8)
    assert context_key(RULE, "a.py", index, 8) != context_key("review.tests", "a.py", index, 8)


def test_it_is_the_same_in_every_process_and_version() -> None:
    assert identity(LINES, 8) == "dec43ea638498de4"


@settings(max_examples=60)
@given(st.lists(st.text(alphabet=" \tab{}():#x=", max_size=10), max_size=15), st.integers(-2, 20))
def test_any_text_and_line_have_one(lines: list[str], line: int) -> None:
    assert re.fullmatch("[0-9a-f]{16}", identity(lines, line))
    assert isinstance(symbol_path(lines, line), tuple)


CASES = {
    "python": (
        "class A:\n  @property\n  def f(\n    self,\n  ) -> int:\n    if x:\n      return 1",
        ("A", "f"),
    ),
    "python, half edited": ("class A:\n    def f(self:\n        return (1 +", ("A", "f")),
    "python, call over lines": ("def f():\n    g(\n        1,", ("f",)),
    "python, else": ("def f():\n    if x:\n        a()\n    else:\n        b()", ("f",)),
    "javascript": (
        "export class A {\n  get(a, b) {\n    if (a) {\n      return b;",
        ("A", "get"),
    ),
    "javascript, arrow": ("const f = async (a) => {\n  await g();", ("f",)),
    "javascript, private": ("class A {\n  #f(a) {\n    g();", ("A", "f")),
    "javascript, test": ("describe('a b', () => {\n  it('c', () => {\n    x();", ("'a b'", "'c'")),
    "typescript": (
        "export default interface A {\n  b: string;",
        ("A",),
    ),
    "go": ("func (s *Server) Run(\n\tctx Context,\n) error {\n\treturn nil", ("Server.Run",)),
    "go, type": ("type T struct {\n\tname string", ("T",)),
    "rust": (
        "impl<T> Show for List<T> {\n    pub(crate) fn f(&self) -> u8 {\n        0",
        ("impl<T>ShowforList<T>", "f"),
    ),
    "java": (
        "public class A {\n  private static int f(int a)\n      throws X {\n    return 1;",
        ("A", "f"),
    ),
    "c, brace on its own line": (
        "static int f(int a,\n             int b)\n{\n    return 1;",
        ("f",),
    ),
    "c, preprocessor": ("int f(void) {\n#ifdef X\n    return 1;", ("f",)),
    "c++": ("void A::f(int a) const {\n  g();", ("A::f",)),
    "ruby": ("module M\n  class A\n    def self.f?\n      1", ("M", "A", "self.f?")),
    "comment at the margin": ("def f():\n    a()\n# note\n    b()", ("f",)),
    "blank line": ("def f():\n    a()\n", ("f",)),
    "top level": ("x = 1\ny = 2", ()),
}


@pytest.mark.parametrize("name", CASES)
def test_symbols_are_found_by_indentation(name: str) -> None:
    source, expected = CASES[name]
    lines = source.split("\n")
    line = len(lines) - 1
    if name == "blank line":
        lines.append("    c()")
    assert symbol_path(lines, line) == expected


def test_many_equal_lines_are_counted_in_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[str] = []
    level = module._level

    def counted(line: str) -> int:
        measured.append(line)
        return level(line)

    monkeypatch.setattr(module, "_level", counted)
    index = LineIndex("data = [\n" + "    {},\n" * 3_000 + "]\n")
    fingerprint(RULE, "a.py", index, 2_999)
    assert len(measured) < 5 * 3_000
