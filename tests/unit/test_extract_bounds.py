"""Extraction of texts that nobody would write: it ends, and what is kept is bounded."""

from __future__ import annotations

import pytest

from claude_lsp.workspace.index.extract import extract
from claude_lsp.workspace.index.grammars import GRAMMARS
from claude_lsp.workspace.index.outline import Outline
from claude_lsp.workspace.index.records import MAX_DOC, MAX_SIGNATURE

DEEP = 10_000


@pytest.mark.parametrize("language", GRAMMARS)
@pytest.mark.parametrize(
    "text",
    [
        "(" * DEEP,
        "x = " + "[" * DEEP + "]" * DEEP,
        "{\n" * DEEP,
        "class A {\n" * 2000,
        "f(" * DEEP + ")" * DEEP,
        "import a\n" * 6_000,
        "<<EOF\n'\"`${" * 500,
    ],
    ids=["open", "closed", "braces", "classes", "calls", "imports", "quotes"],
)
def test_no_text_brings_a_grammar_down(language: str, text: str) -> None:
    assert extract(text, language).lines == text.count("\n") + 1


@pytest.mark.parametrize("language", ["python", "typescript"])
def test_what_is_kept_of_a_file_is_bounded(language: str) -> None:
    text = "\n".join(f"a{n} = b{n}.c{n};" for n in range(26_000))
    record = extract(text, language)
    assert len(record.words) == 50_000
    assert len(record.symbols) <= 20_000


def test_a_text_that_was_not_foreseen_costs_only_itself(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RecursionError("deep")

    monkeypatch.setattr(Outline, "walk", fail)
    record = extract("def password(): ...\n", "python")
    assert (record.symbols, record.parsed) == ((), False)
    assert "a python text of 20 characters could not be read" in caplog.text
    assert "def password" not in caplog.text


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("def f(a={0}, b='SECRETSECRETSECRET'): ...\n", "python"),
        ('class A:\n    def f(self):\n        self.x = {0} + "SECRETSECRETSECRET"\n', "python"),
        (
            "class A {{\n  constructor() {{ this.x = {0} + 'SECRETSECRETSECRET'; }}\n}}\n",
            "typescript",
        ),
        ("class A\n  def initialize\n    @x = {0} + 'SECRETSECRETSECRET'\n  end\nend\n", "ruby"),
        ("key_{0}: SECRETSECRETSECRET\n", "yaml"),
    ],
    ids=["signature", "python field", "typescript field", "ruby field", "yaml"],
)
def test_a_word_that_a_signature_has_no_room_for_is_left_out_whole(
    text: str, language: str
) -> None:
    for filled in range(MAX_SIGNATURE - 60, MAX_SIGNATURE + 2):
        padding = ("1" + " + 1" * 200)[:filled]
        for symbol in extract(text.format(padding), language).symbols:
            assert len(symbol.signature) <= MAX_SIGNATURE
            assert "SECRETSECRETSECRET" in symbol.signature or "SEC" not in symbol.signature


def test_a_word_that_a_documentation_line_has_no_room_for_is_left_out_whole() -> None:
    for filled in range(MAX_DOC - 25, MAX_DOC + 2):
        text = f"# {('a ' * 100)[:filled]} SECRETSECRETSECRET\ndef f(): ...\n"
        (symbol,) = extract(text, "python").symbols
        assert len(symbol.doc) <= MAX_DOC
        assert "SECRETSECRETSECRET" in symbol.doc or "SEC" not in symbol.doc
