"""Hundreds of generated trees with ignore files everywhere: each path is judged as git judges it.

All trees stand in one repository and one question is asked about all their paths, so that git
starts once for each kind of rules.
"""

from __future__ import annotations

import random
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from claude_lsp.workspace.ignore import IgnoreRules
from claude_lsp.workspace.patterns import Patterns

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")

TREES = 100
NAMES = [
    *(
        "a",
        "b",
        "A",
        "ab",
        "aB",
        "x.x",
        "y.X",
        "a ",
        " a",
        "é",
        "日本",
        "[a-",
        "!x",
        "#h",
        "-",
        "a]",
    ),
    *("foo", "Foo", "build", "a\\b", "*", "?", "~", "a.b.c", "b-1", "log.TXT", "a\tb"),
]
SEGMENTS = [
    *("a", "b", "A", "ab", "foo", "build", "*", "?", "a*", "*.x", "*.X", "*o*", "??", "*a*b*", "~"),
    *("**", "***", "a**", "**b", "[ab]", "[!a]", "[^b-z]", "[]a]", "[a-", "[!]a]", "[[:upper:]]*"),
    *(
        "[a-c-]",
        "[\\]a]",
        "[[:alpha:]][[:digit:]]",
        "[[:nope:]]",
        "\\a",
        "\\*",
        "\\?",
        "\\\\",
        "a\\",
    ),
    *(
        "\\!x",
        "\\#h",
        "#h",
        "!x",
        "é",
        "é*",
        "日?",
        "a ",
        "a\\ ",
        "\\ a",
        "[a-\\c]",
        "a.b.?",
        "a\\\\b",
    ),
    *("b-[0-9]", "log.txt", "a\tb", ".", "..", "[a/b]", "x.[xX]", "[A-Z]*", "[Z-A]"),
]
ENDS = ["", "", "", "/", "/", " ", "  ", "\\ ", "\t", "/ ", "/**", "/*", "/**/"]
STARTS = ["", "", "", "/", "**/", "/**/", "./", "//"]


def pattern(source: random.Random) -> str:
    if source.random() < 0.06:
        return source.choice(
            ["", " ", "!", "/", "!/", "\\", "#", "# a", "\\#", "!!a", "**", "!**", "/*"]
        )
    parts = source.choices(SEGMENTS, k=source.choice([1, 1, 1, 2, 2, 3]))
    negation = "!" if source.random() < 0.3 else ""
    return negation + source.choice(STARTS) + "/".join(parts) + source.choice(ENDS)


def ignore_file(source: random.Random, prefix: str = "") -> bytes:
    lines = [prefix + pattern(source) for _ in range(source.randrange(1, 7))]
    ending = source.choice(["\n", "\n", "\r\n"])
    text = ending.join(lines) + source.choice(["", ending, ending * 2])
    bom = b"\xef\xbb\xbf" if source.random() < 0.15 else b""
    return bom + text.encode()


def paths_of(source: random.Random) -> list[str]:
    """Return files up to four folders deep."""
    folders = ["/".join(source.choices(NAMES, k=source.randrange(1, 4))) for _ in range(6)]
    files = source.sample(NAMES, k=6)
    for folder in folders:
        files += [f"{folder}/{name}" for name in source.sample(NAMES, k=4)]
    # What is a folder in one place must not be a file in another.
    above = {"/".join(path.split("/")[:n]) for path in files for n in range(1, path.count("/") + 1)}
    return sorted({path for path in files if path not in above})


def plant(root: Path, source: random.Random, rules: str) -> list[str]:
    """Write trees with ignore files in some of their folders, and return the paths of files."""
    paths = []
    for number in range(TREES):
        files = paths_of(source)
        folders = {""} | {path.rpartition("/")[0] for path in files}
        for folder in sorted(folders):
            place = root / f"t{number}" / folder
            place.mkdir(parents=True, exist_ok=True)
            if not folder or source.random() < 0.4:
                (place / rules).write_bytes(ignore_file(source))
        paths += [f"t{number}/{path}" for path in files]
    return paths


def ignored_by_git(root: Path, paths: list[str], *options: str) -> set[str]:
    done = subprocess.run(
        ["git", *options, "check-ignore", "--stdin", "-z", "--no-index"],
        cwd=root,
        input="\0".join(paths).encode(),
        capture_output=True,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stderr
    return set(filter(None, done.stdout.decode().split("\0")))


def differences(root: Path, paths: list[str], expected: set[str]) -> dict[str, str | None]:
    rules = IgnoreRules(root)
    with rules.walking():
        reasons = {path: rules.reason(path) for path in paths}
    return {path: why for path, why in reasons.items() if (why is not None) != (path in expected)}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    folder = tmp_path / "project"
    subprocess.run(["git", "init", "-q", folder], check=True)
    return folder


def exclude(source: random.Random, count: int) -> bytes:
    """Return what holds for the whole repository: most of it about some of the trees."""
    lines = []
    for _ in range(count):
        scope = f"t{source.randrange(TREES)}/" if source.random() < 0.9 else ""
        lines.append(f"{scope}{pattern(source).removeprefix('!').lstrip('/.')}")
    return "\n".join(lines).encode()


@pytest.mark.parametrize("seed", [1, 2])
def test_ignore_files_in_every_folder(root: Path, seed: int) -> None:
    paths = plant(root, random.Random(seed), ".gitignore")
    expected = ignored_by_git(root, paths)
    assert 0.1 * len(paths) < len(expected) < 0.95 * len(paths)
    assert differences(root, paths, expected) == {}


@pytest.mark.parametrize("personal", ["configured", "usual place"])
def test_the_files_that_hold_for_a_whole_repository(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, personal: str
) -> None:
    source = random.Random(3)
    paths = plant(root, source, ".gitignore")
    (root / ".git/info").mkdir(exist_ok=True)
    (root / ".git/info/exclude").write_bytes(exclude(source, 120))
    own = tmp_path / "configuration" / "git" / "ignore"
    own.parent.mkdir(parents=True)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "configuration"))
    if personal == "configured":
        own = tmp_path / "my excludes"
        subprocess.run(["git", "config", "core.excludesFile", str(own)], cwd=root, check=True)
    before = ignored_by_git(root, paths)
    own.write_bytes(exclude(source, 120))
    expected = ignored_by_git(root, paths)
    assert expected != before
    assert differences(root, paths, expected) == {}


def test_where_case_does_not_count(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = plant(root, random.Random(4), ".gitignore")
    expected = ignored_by_git(root, paths, "-c", "core.ignorecase=true")
    assert expected != ignored_by_git(root, paths, "-c", "core.ignorecase=false")
    defaults = Patterns.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "fold_case", True)
    assert differences(root, paths, expected) == {}


def test_our_own_ignore_files_have_the_same_rules(root: Path, tmp_path: Path) -> None:
    paths = plant(root, random.Random(5), ".gitignore")
    expected = ignored_by_git(root, paths)
    other = tmp_path / "other"
    plant(other, random.Random(5), ".claudeignore")
    assert differences(other, paths, expected) == {}
