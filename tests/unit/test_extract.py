"""Extraction: what a file defines, imports and mentions, in every language of the index."""

# ruff: noqa: ISC004, E501 - snippets read best as they are

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_lsp.workspace.index.extract import extract

SOURCES = {
    "python": (
        'from a.b import c as d\n\n\nclass Shape(Base):\n    """A shape."""\n\n    size: int = 1\n\n'
        "    def area(self, unit: Unit) -> Area:\n        return self.size.scaled(unit)\n\n\n"
        "def make() -> Shape:\n    def inner(): ...\n    return Shape()\n\n\nLIMIT = 3\n",
        {"Shape", "area", "size", "make", "LIMIT"},
    ),
    "typescript": (
        'import { a as b } from "./x";\nexport class Shape extends Base {\n  size = 1;\n'
        "  area(unit: Unit): Area { return this.size.scaled(unit); }\n}\n"
        "export interface Named { name: string }\nexport const make = (): Shape => new Shape();\n",
        {"Shape", "size", "area", "Named", "make"},
    ),
    "javascript": (
        'import x from "./x.js";\nclass Shape { area() { return 1; } }\nfunction make() {}\n',
        {"Shape", "area", "make"},
    ),
    "go": (
        'package p\n\nimport "fmt"\n\ntype Shape struct { Size int }\n\n'
        "func (s *Shape) Area() int { return s.Size }\n\nfunc Make() *Shape { return nil }\n",
        {"Shape", "Size", "Area", "Make"},
    ),
    "rust": (
        "use crate::a::B;\npub struct Shape { size: u32 }\nimpl Shape {\n"
        "    pub fn area(&self) -> u32 { self.size }\n}\npub trait Named { fn name(&self); }\n"
        "fn make() -> Shape { todo!() }\n",
        {"Shape", "size", "area", "Named", "make"},
    ),
    "java": (
        "package p;\nimport a.b.C;\npublic class Shape extends Base {\n  private int size;\n"
        "  public Area area(Unit unit) { return null; }\n}\n",
        {"Shape", "size", "area"},
    ),
    "c": (
        '#include "x.h"\nstruct shape { int size; };\nint area(struct shape *s) { return s->size; }\n',
        {"shape", "area"},
    ),
    "cpp": (
        '#include "x.h"\nclass Shape : public Base {\n public:\n  int area() const;\n};\n'
        "int make() { return 1; }\n",
        {"Shape", "area", "make"},
    ),
    "csharp": (
        "using System;\nnamespace P {\n  public class Shape : Base {\n"
        "    public int Size { get; set; }\n    public Area Area(Unit unit) { return null; }\n  }\n}\n",
        {"Shape", "Size", "Area"},
    ),
    "ruby": (
        "require 'x'\nclass Shape < Base\n  def area(unit)\n    1\n  end\nend\ndef make; end\n",
        {"Shape", "area", "make"},
    ),
    "php": (
        "<?php\nuse A\\B;\nclass Shape extends Base {\n  public function area(Unit $u): Area {}\n}\n"
        "function make() {}\n",
        {"Shape", "area", "make"},
    ),
    "shellscript": ("source ./x.sh\nmake() {\n  echo 1\n}\n", {"make"}),
}


@pytest.mark.parametrize("language", SOURCES)
def test_definitions_are_found(language: str) -> None:
    text, names = SOURCES[language]
    record = extract(text, language)
    assert record.parsed
    assert names <= {symbol.name for symbol in record.symbols}
    for symbol in record.symbols:
        assert symbol.parent == -1 or record.symbols[symbol.parent].kind == "class"
        assert symbol.name in text.split("\n")[symbol.line]


@pytest.mark.parametrize("language", SOURCES)
def test_line_endings_do_not_matter(language: str) -> None:
    text, _ = SOURCES[language]
    record, windows = extract(text, language), extract(text.replace("\n", "\r\n"), language)
    assert [s.name for s in record.symbols] == [s.name for s in windows.symbols]
    assert [s.line for s in record.symbols] == [s.line for s in windows.symbols]
    assert record.imports == windows.imports


def test_what_is_known_of_a_python_file() -> None:
    record = extract(SOURCES["python"][0], "python")
    by_name = {symbol.name: symbol for symbol in record.symbols}
    assert "inner" not in by_name
    assert (by_name["Shape"].kind, by_name["Shape"].bases) == ("class", ("Base",))
    assert by_name["Shape"].doc == "A shape."
    assert record.symbols[by_name["area"].parent].name == "Shape"
    assert by_name["area"].kind == "method"
    assert "Unit" in by_name["area"].types
    assert by_name["area"].returns == ("Area",)
    assert [(one.local, one.module, one.original) for one in record.imports] == [("d", "a.b", "c")]
    assert ("size", "scaled") in record.pairs
    assert {"Shape", "scaled", "LIMIT"} <= record.words


def test_broken_code_still_shows_its_definitions() -> None:
    record = extract("class A(\n\n\ndef whole(x): return x\n\n\ndef cut(", "python")
    assert not record.parsed
    assert {"A", "whole", "cut"} <= {symbol.name for symbol in record.symbols}


@given(st.sampled_from(sorted(SOURCES)), st.data())
def test_no_text_makes_it_fail(language: str, data: st.DataObject) -> None:
    text, _ = SOURCES[language]
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    noise = data.draw(st.text(max_size=20))
    mutated = text[:start] + noise + text[end:]
    record = extract(mutated, language)
    assert all(0 <= s.line <= s.end for s in record.symbols)
    assert all(len(s.signature) <= 700 for s in record.symbols)
    assert all(-1 <= s.parent < len(record.symbols) for s in record.symbols)
