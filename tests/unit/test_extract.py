"""Extraction by text cases, by properties of any text, and against Python's own parser."""

from __future__ import annotations

import ast
import inspect
import logging
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_lsp.workspace.index import grammars
from claude_lsp.workspace.index.extract import (
    MAX_CHARACTERS,
    MAX_WORD,
    MAX_WORDS,
    extract,
)
from claude_lsp.workspace.index.outline import MAX_SYMBOLS
from claude_lsp.workspace.index.records import MAX_DOC, MAX_SIGNATURE, FileRecord
from claude_lsp.workspace.languages import language_of
from tests import cases_loader

if TYPE_CHECKING:
    from pathlib import Path

CASES = [
    path
    for folder in sorted((cases_loader.CASES / "symbols").iterdir())
    for path in cases_loader.paths(f"symbols/{folder.name}")
]
LANGUAGES = [*grammars.GRAMMARS, "markdown", "json", "yaml", "css", "kotlin", "plaintext"]
EXPECTED = {"symbols", "imports"}
SOURCES = [
    (language_of(name), text)
    for path in CASES
    for name, text in cases_loader.load(path).sections.items()
    if name not in EXPECTED
]


def described(path: str, record: FileRecord) -> str:
    """Return a record's definitions, one a line."""
    lines = []
    for one in record.symbols:
        holder = f"{record.symbols[one.parent].name}." if one.parent >= 0 else ""
        parts = [
            f"{path}:{one.line + 1}-{one.end + 1} {one.kind} {holder}{one.name}",
            f"  {one.signature}",
        ]
        for word, value in (
            ("doc", one.doc),
            ("bases", " ".join(one.bases)),
            ("types", " ".join(one.types)),
            ("returns", " ".join(one.returns)),
        ):
            if value:
                parts.append(f"  {word}: {value}")
        lines += parts
    if not record.parsed:
        lines.append(f"{path} not parsed")
    if record.namespace:
        lines.append(f"{path} namespace {record.namespace}")
    return "".join(f"{line}\n" for line in lines)


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_definitions_of_a_case(path: Path) -> None:
    files = {
        name: text
        for name, text in cases_loader.load(path).sections.items()
        if name not in EXPECTED
    }
    actual = "".join(
        described(name, extract(text, language_of(name))) for name, text in files.items()
    )
    cases_loader.expect(path, "symbols", actual)


# --- Any text -------------------------------------------------------------------------------


def check(text: str, language: str) -> FileRecord:
    record = extract(text, language)
    assert record.language == language
    normal = text.replace("\r\n", "\n").replace("\r", "\n")
    assert record.lines == normal.count("\n") + 1
    for position, one in enumerate(record.symbols):
        assert 0 <= one.line <= one.end < record.lines
        assert len(one.signature) <= MAX_SIGNATURE
        assert "\n" not in one.signature
        assert len(one.doc) <= MAX_DOC
        assert one.parent == -1 or record.symbols[one.parent].kind == "class"
        assert one.parent != position
        f"{one}".encode()
    assert all(0 <= one.line < record.lines for one in record.imports)
    assert all(word and len(word) <= MAX_WORD for word in record.words)
    assert {word for pair in record.pairs for word in pair} <= record.words
    return record


@st.composite
def mutated(draw: st.DrawFn) -> tuple[str, str]:
    """Return a language and a text of it, cut, doubled and littered."""
    language, text = draw(st.sampled_from(SOURCES))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 80)))
        litter = draw(
            st.one_of(
                st.just(""),
                st.sampled_from([*list("({}\"'`\x00\ré�#"), "/*"]),
                st.just(text[start:end] * 2),
            )
        )
        text = text[:start] + litter + text[end:]
    return language, text


@settings(max_examples=150, deadline=None)
@given(mutated())
def test_any_mutation_of_code_gives_a_sound_record(example: tuple[str, str]) -> None:
    language, text = example
    check(text, language)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(LANGUAGES), st.text(alphabet=st.characters(), max_size=300))
def test_any_text_gives_a_sound_record(language: str, text: str) -> None:
    check(text, language)


@pytest.mark.parametrize(("language", "text"), SOURCES)
def test_line_endings_make_no_difference(language: str, text: str) -> None:
    expected = extract(text, language)
    assert extract(text.replace("\n", "\r\n"), language) == expected
    assert extract(text.replace("\n", "\r"), language) == expected


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_empty_text_has_a_record(language: str) -> None:
    record = check("", language)
    assert (record.lines, record.symbols, record.words) == (1, (), frozenset())


def test_characters_of_several_bytes_shift_nothing() -> None:
    text = (
        'größe = "Ünïcödé 🎉"\n\n\n'
        'class Straße(Übung):\n    """Läuft."""\n    def añadir(self): ...\n'
    )
    record = check(text, "python")
    assert [(one.name, one.line, one.signature) for one in record.symbols] == [
        ("größe", 0, 'größe = "Ünïcödé 🎉"'),
        ("Straße", 3, "class Straße(Übung)"),
        ("añadir", 5, "def añadir(self)"),
    ]
    assert record.symbols[1].doc == "Läuft."
    assert {"größe", "Straße", "añadir"} <= record.words


def test_nul_bytes_and_halves_of_pairs_hide_nothing() -> None:
    record = check("a = 1\0\ndef f(): '\ud800'\nclass B: pass\n", "python")
    assert {"f", "B"} <= {one.name for one in record.symbols}


# --- Words and pairs ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "text", "pairs"),
    [
        ("python", "self.client.get(x).json", {("self", "client"), ("client", "get")}),
        ("typescript", "a?.b; c!.d; make().run", {("a", "b"), ("c", "d"), ("make", "run")}),
        ("cpp", "a->b; std::move", {("a", "b"), ("std", "move")}),
        ("ruby", "a&.b", {("a", "b")}),
        ("php", "$this->name; Foo::BAR", {("$this", "name"), ("Foo", "BAR")}),
        ("python", "x = 1.5; y = a . b", set()),
    ],
)
def test_pairs(language: str, text: str, pairs: set[tuple[str, str]]) -> None:
    assert extract(text, language).pairs == pairs


def test_text_languages_have_words_but_no_pairs() -> None:
    record = extract("see config.toml and read_file()", "markdown")
    assert record.pairs == frozenset()
    assert {"config", "toml", "read_file"} <= record.words


# --- Limits ---------------------------------------------------------------------------------


def test_a_line_of_megabytes_is_not_parsed() -> None:
    record = check("x" * (MAX_CHARACTERS + 1), "javascript")
    assert not record.parsed
    assert record.words == frozenset()


def test_minified_code_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: bytes, language: str) -> None:
        raise AssertionError("minified code was parsed")

    monkeypatch.setattr(grammars, "parse", refuse)
    record = check("function a(b){return b.c};" * 5000, "javascript")
    assert not record.parsed
    assert ("b", "c") in record.pairs


def test_a_long_text_keeps_the_definitions_of_its_start() -> None:
    text = "def f(): pass\n" + "# filler\n" * (MAX_CHARACTERS // 8)
    record = check(text, "python")
    assert [one.name for one in record.symbols] == ["f"]
    assert not record.parsed


def test_a_million_identifiers_are_bounded() -> None:
    record = check("".join(f"v{number}=1\n" for number in range(120_000)), "python")
    assert len(record.words) == MAX_WORDS
    assert len(record.symbols) == MAX_SYMBOLS


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("opening", ["(", "{\n", "[", "class A {\n", "<a>", "if x:\n "])
def test_deep_nesting_does_not_exhaust_the_stack(language: str, opening: str) -> None:
    check(opening * 5_000, language)


def test_a_text_that_takes_too_long_is_guessed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(grammars, "PARSE_SECONDS", -1.0)
    text = "class Late:\n    def method(self): pass\n" * 5000
    record = check(text, "python")
    assert not record.parsed
    assert [one.kind for one in record.symbols[:2]] == ["class", "method"]
    assert "too long" in caplog.text
    monkeypatch.undo()
    assert extract("x = 1\n", "python").parsed


def test_without_a_grammar_lines_are_guessed_and_it_is_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    missing = grammars.Grammar("tree_sitter_that_is_not_there", "language", "python")
    monkeypatch.setitem(grammars.GRAMMARS, "python", missing)
    grammars._grammar.cache_clear()
    monkeypatch.setattr(grammars, "_parsers", type(grammars._parsers)())
    try:
        text = "from a import (b,\n    c)\nclass A:\n    def m(self): ...\ndef f(): ...\n"
        for _ in range(2):
            record = check(text, "python")
            assert [(one.kind, one.parent, one.name) for one in record.symbols] == [
                ("class", -1, "A"),
                ("method", 0, "m"),
                ("function", -1, "f"),
            ]
            assert [one.local for one in record.imports] == ["b", "c"]
            assert not record.parsed
        assert caplog.text.count("no grammar for python") == 1
    finally:
        grammars._grammar.cache_clear()


@pytest.mark.parametrize("language", grammars.GRAMMARS)
def test_every_grammar_loads(language: str) -> None:
    assert grammars.parse(b"", language) is not None


@pytest.mark.parametrize("language", grammars.GRAMMARS)
def test_every_handler_names_a_node_that_the_grammar_has(language: str) -> None:
    from tree_sitter import Language

    rules = grammars.rules_of(language)
    assert rules is not None
    spoken: set[str] = set()
    for other, grammar in grammars.GRAMMARS.items():
        if grammar.rules == grammars.GRAMMARS[language].rules:
            known = grammars._grammar(other)
            assert isinstance(known, Language)
            spoken |= {
                known.node_kind_for_id(number) or "" for number in range(known.node_kind_count)
            }
    assert set(rules.handlers) - spoken == {"ERROR"}


# --- Against Python's own parser ------------------------------------------------------------


def standard_modules() -> list[str]:
    import argparse
    import asyncio.base_events
    import dataclasses
    import enum
    import http.client
    import typing

    modules = (argparse, asyncio.base_events, dataclasses, enum, http.client, typing, inspect, ast)
    return [inspect.getsource(module) for module in modules]


def defined(body: list[ast.stmt], holder: str | None) -> set[tuple[str, str | None]]:
    found: set[tuple[str, str | None]] = set()
    for one in body:
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add((one.name, holder))
            if isinstance(one, ast.ClassDef):
                found |= defined(one.body, one.name)
            continue
        for field in ("body", "orelse", "finalbody", "handlers"):
            inner = getattr(one, field, [])
            found |= defined(inner if isinstance(inner, list) else [], holder)
    return found


@pytest.mark.parametrize("number", range(8))
def test_definitions_of_the_standard_library_are_those_that_python_finds(number: int) -> None:
    text = standard_modules()[number]
    record = extract(text, "python")
    found = {
        (one.name, record.symbols[one.parent].name if one.parent >= 0 else None)
        for one in record.symbols
        if one.kind in {"class", "function", "method"}
    }
    assert found == defined(ast.parse(text).body, None)
