"""The bars of `docs/secrets.md`: what must be found, and what must be left alone."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

import pytest

from benchmarks.secrets.__main__ import LEAST_RECALL, MOST_TOUCHED, PAGE, report
from benchmarks.secrets.corpus import planted
from benchmarks.secrets.innocent import innocent
from benchmarks.secrets.measure import missed, touched
from claude_lsp.context.redact import Redactor, redact
from claude_lsp.context.secret_forms import KINDS, find_by_form

ROOT = Path(__file__).parents[2]


def test_the_corpus_is_as_large_as_is_said_and_the_same_every_time() -> None:
    pages = planted()
    secrets = [page.text[mark.start : mark.end] for page in pages for mark in page.marks]
    assert len(secrets) >= 300
    assert len(set(secrets)) >= 0.97 * len(secrets)
    assert sum(len(page.marks) for page in innocent()) >= 2_000
    assert [page.text for page in planted()] == [page.text for page in pages]


def test_secrets_are_found() -> None:
    tally = missed(planted())
    assert 1 - tally.share_wrong >= LEAST_RECALL, tally.examples
    assert tally.beside <= 20


def test_innocent_words_are_left_alone() -> None:
    tally = touched(innocent())
    assert tally.share_wrong <= MOST_TOUCHED, tally.examples


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_bars_hold_for_other_drawings(seed: int) -> None:
    """So that the rules are not made for the one drawing that the page shows."""
    assert 1 - missed(planted(seed)).share_wrong >= LEAST_RECALL
    assert touched(innocent(seed)).share_wrong <= MOST_TOUCHED


def test_names_are_stable_within_a_request_and_lead_back() -> None:
    pages = planted()
    redactor = Redactor()
    answers = [redactor.redact(page.text) for page in pages]
    for page, answer in zip(pages, answers, strict=True):
        assert redactor.redact(page.text) == answer
        assert answer.restore(answer.text) == page.text
        assert page.text.count("\n") == answer.text.count("\n")
        assert redact(answer.text).text == answer.text
    kinds = {found.kind for answer in answers for found in answer.found}
    assert kinds <= set(KINDS)


def test_python_stays_python_without_its_secrets() -> None:
    scripts = [page for page in planted() if page.path.endswith(".py")]
    parsed = 0
    for page in scripts:
        try:
            ast.parse(page.text)
        except SyntaxError:
            continue  # part of a file
        parsed += 1
        ast.parse(redact(page.text).text)
    assert parsed >= 40


def test_the_page_is_current() -> None:
    text, holds = report()
    assert holds
    assert PAGE.read_text(encoding="utf-8") == text, "run `make secrets-report`"


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="what is kept is asked of git")
def test_nothing_in_the_repository_looks_like_a_live_key() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True
    ).stdout.decode()
    found = []
    for name in filter(None, listed.split("\0")):
        path = ROOT / name
        if path.suffix in {".png", ".gz", ".bin"} or not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        found += [(name, kind) for _, _, kind in find_by_form(text)]
    assert not found, "put it together when it is used"
