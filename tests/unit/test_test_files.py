"""Where tests go: the project's own convention, never outside, never into what is kept back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from claude_lsp.settings import Settings
from claude_lsp.text.snapshots import Snapshot, uri_from_path
from claude_lsp.workspace.destination import Destination, Refused
from claude_lsp.workspace.languages import language_of
from claude_lsp.workspace.test_files import destination_of_tests, test_path
from claude_lsp.workspace.workspace import Workspace
from tests.unit.index_kit import write

if TYPE_CHECKING:
    from pathlib import Path

test_path.__test__ = False  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("source", "files", "expected"),
    [
        # What is there is extended, the nearest of several.
        ("pkg/a.py", "pkg/a.py tests/unit/test_a.py", "tests/unit/test_a.py"),
        ("pkg/a.py", "pkg/a.py pkg/tests/test_a.py other/tests/test_a.py", "pkg/tests/test_a.py"),
        ("src/a.ts", "src/a.ts src/a.spec.ts", "src/a.spec.ts"),
        ("a.go", "a.go a_test.go", "a_test.go"),
        # Learnt from the tests of others.
        ("pkg/x/b.py", "pkg/x/a.py pkg/x/b.py tests/x/test_a.py", "tests/x/test_b.py"),
        ("pkg/x/b.py", "pkg/x/a.py pkg/x/b.py tests/pkg/x/test_a.py", "tests/pkg/x/test_b.py"),
        ("pkg/b.py", "pkg/a.py pkg/b.py pkg/a_test.py", "pkg/b_test.py"),
        ("src/b.ts", "src/a.ts src/b.ts src/__tests__/a.spec.ts", "src/__tests__/b.spec.ts"),
        ("lib/x/b.rb", "lib/x/a.rb lib/x/b.rb test/x/a_test.rb", "test/x/b_test.rb"),
        ("src/b.ts", "src/a.ts src/b.ts test/a.test.ts", "test/b.test.ts"),
        # Most tests decide.
        (
            "src/d.js",
            "src/a.js src/b.js src/c.js src/d.js src/a.test.js src/b.test.js test/c.spec.js",
            "src/d.test.js",
        ),
        # What is usual.
        ("a.py", "a.py", "tests/test_a.py"),
        ("pkg/a.py", "pkg/a.py test/helper.py", "test/test_a.py"),
        ("src/a.tsx", "src/a.tsx", "src/a.test.tsx"),
        ("cmd/a.go", "cmd/a.go", "cmd/a_test.go"),
        ("src/main/java/x/A.java", "src/main/java/x/A.java", "src/test/java/x/ATest.java"),
        ("lib/x/a.rb", "lib/x/a.rb", "spec/x/a_spec.rb"),
        ("src/a.rs", "src/a.rs", "tests/a.rs"),
        ("a.c", "a.c", "test_a.c"),
    ],
)
def test_the_file_that_tests_belong_in(source: str, files: str, expected: str) -> None:
    assert test_path(source, files.split()) == expected


def found(root: Path, name: str, **options: tuple[str, ...]) -> Destination | Refused:
    settings = Settings()
    text = (root / name).read_text() if (root / name).is_file() else ""
    path = root / name
    snapshot = Snapshot(uri_from_path(path), 1, text, language_of(path))
    return destination_of_tests(Workspace((root,), settings), snapshot, **options)  # type: ignore[arg-type]


def test_a_file_that_is_there_comes_with_its_text(tmp_path: Path) -> None:
    write(tmp_path, "a.py", "a = 1\n")
    write(tmp_path, "tests/test_a.py", "import a\n")
    destination = found(tmp_path, "a.py")
    assert isinstance(destination, Destination)
    assert (destination.origin, destination.exists) == ("tests/test_a.py", True)
    assert (destination.snapshot.text, destination.snapshot.version) == ("import a\n", None)


def test_an_open_file_counts_as_it_is_in_the_editor(tmp_path: Path) -> None:
    write(tmp_path, "a.py", "a = 1\n")
    path = write(tmp_path, "tests/test_a.py", "import a\n")
    shown = Snapshot(uri_from_path(path), 3, "import a  # typed\n", "python")
    destination = found(tmp_path, "a.py", opened=(shown,))  # type: ignore[arg-type]
    assert isinstance(destination, Destination)
    assert destination.snapshot is shown


def test_a_new_file_is_empty(tmp_path: Path) -> None:
    write(tmp_path, "a.py", "a = 1\n")
    destination = found(tmp_path, "a.py")
    assert isinstance(destination, Destination)
    assert (destination.origin, destination.exists) == ("tests/test_a.py", False)
    assert (destination.snapshot.text, destination.snapshot.language) == ("", "python")


@pytest.mark.parametrize(("ignore", "reason"), [("tests/", "tests/"), ("*_a.py", "test_a")])
def test_what_is_ignored_is_not_touched(tmp_path: Path, ignore: str, reason: str) -> None:
    write(tmp_path, "a.py", "a = 1\n")
    write(tmp_path, ".claudeignore", f"{ignore}\n")
    destination = found(tmp_path, "a.py")
    assert isinstance(destination, Refused)
    assert reason in destination.reason


def test_a_link_out_of_the_workspace_is_not_followed(tmp_path: Path) -> None:
    root = tmp_path / "project"
    write(root, "a.py", "a = 1\n")
    (tmp_path / "elsewhere").mkdir()
    (root / "tests").symlink_to(tmp_path / "elsewhere")
    destination = found(root, "a.py")
    assert isinstance(destination, Refused)
    assert "outside" in destination.reason


def test_a_file_outside_of_every_folder_has_no_tests(tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    assert isinstance(found(root, str(tmp_path / "a.py")), Refused)


def test_a_test_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    write(tmp_path, "a.py", "a = 1\n")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_a.py").write_bytes(b"\xff\xfe\x00\x00\x01")
    destination = found(tmp_path, "a.py")
    assert isinstance(destination, Refused)
    assert "can't be read" in destination.reason
