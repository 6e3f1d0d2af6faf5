"""The patch of all fixes is one that git takes, and a fix leaves code that parses."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_lsp.findings.finding import Severity
from claude_lsp.findings.patch import render
from claude_lsp.review.fixes import checked
from claude_lsp.text.lines import LineIndex
from claude_lsp.text.snapshots import Snapshot
from tests.unit.test_formats import found

if TYPE_CHECKING:
    from pathlib import Path

    from claude_lsp.findings.finding import Finding

NUMBERS = "".join(f"value_{number} = {number}\n" for number in range(30))
FILES = {
    "a.py": NUMBERS,
    "windows.txt": "one\r\ntwo\r\nthree\r\n",
    "old mac é.txt": "one\rtwo\nthree",
    "sub folder/no end.py": "x = 1\ny = 2",
    'quo"te\ttab.py': "x = 1\n",
}


def fixes() -> list[Finding]:
    wanted = (
        ("a.py", "value_3 = 3", "value_3 = 30"),
        ("a.py", "value_4 = 4\nvalue_5 = 5\n", ""),
        ("a.py", "value_25 = 25", "value_25 = 250\nvalue_26 = None"),
        ("windows.txt", "two\r\nthree", "2\r\n3"),
        ("old mac é.txt", "three", "drei"),
        ("sub folder/no end.py", "y = 2", "y = 3\nz = 4"),
        ('quo"te\ttab.py', "x = 1", "x = 2"),
    )
    return [found(FILES[path], old, path=path, replacement=new) for path, old, new in wanted]


def git(root: Path, *arguments: str) -> None:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize("in_repository", [True, False])
def test_git_applies_the_patch(tmp_path: Path, in_repository: bool) -> None:
    root = tmp_path / "project"
    root.mkdir()
    if in_repository:
        git(root, "init", "-q")
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text.encode())
    patch, taken = render(fixes(), {name: LineIndex(text) for name, text in FILES.items()})
    assert len(taken) == 7
    (tmp_path / "fixes.patch").write_bytes(patch.encode())
    git(root, "apply", "--whitespace=nowarn", str(tmp_path / "fixes.patch"))
    for name, text in FILES.items():
        expected = text
        for finding in fixes():
            if finding.path == name:
                expected = expected.replace(finding.quote, finding.replacement or "")
        assert (root / name).read_bytes().decode() == expected, name


def test_of_two_fixes_of_one_place_the_worse_findings_is_taken() -> None:
    worse = found(NUMBERS, "value_3 = 3", replacement="one", severity=Severity.CRITICAL)
    other = found(NUMBERS, "value_3 = 3\nvalue_4", replacement="two", severity=Severity.INFO)
    patch, taken = render([other, worse], {"a.py": LineIndex(NUMBERS)})
    assert taken == [worse]
    assert "+one" in patch
    assert "two" not in patch


def test_a_text_that_has_changed_is_not_patched() -> None:
    finding = found(NUMBERS, "value_3 = 3", replacement="x")
    assert render([finding], {"a.py": LineIndex("\n" + NUMBERS)}) == ("", [])
    assert render([finding], {}) == ("", [])


@pytest.mark.parametrize(
    ("text", "quote", "replacement", "kept"),
    [
        ("def f():\n    return 1\n", "return 1", "return 2", True),
        ("def f():\n    return 1\n", "return 1", "return (2", False),
        ("def f(:\n    return 1\n", "return 1", "return 2", True),
        ("def f(:\n    return 1\n", "return 1", "return (2", False),
    ],
)
def test_a_fix_that_breaks_the_syntax_is_not_offered(
    text: str, quote: str, replacement: str, kept: bool
) -> None:
    finding = found(text, quote, replacement=replacement)
    after = checked(finding, Snapshot("file:///a.py", None, text, "python"))
    assert (after.replacement is not None) == kept


def test_without_a_grammar_a_fix_is_offered() -> None:
    finding = found("a b\n", "b", replacement="(c")
    assert checked(finding, Snapshot("file:///a", None, "a b\n", "plaintext")) == finding


@given(st.lists(st.sampled_from([*"ab\n\r", "\r\n"]), max_size=30).map("".join), st.data())
def test_any_patch_can_be_made(text: str, data: st.DataObject) -> None:
    quote = data.draw(st.sampled_from([text[a:b] for a in range(3) for b in range(a + 1, 6)]))
    if quote in text and quote:
        new = data.draw(st.text("ab\n", max_size=5))
        patch, _ = render([found(text, quote, replacement=new)], {"a.py": LineIndex(text)})
        assert patch == "" or patch.endswith("\n")
