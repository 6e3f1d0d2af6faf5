from __future__ import annotations

import os
from pathlib import Path

import pytest

from claude_lsp.settings import Settings
from claude_lsp.text.snapshots import Snapshot, uri_from_path
from claude_lsp.workspace import neighbours as module
from claude_lsp.workspace.files import TextFile, Unreadable, read_text
from claude_lsp.workspace.neighbours import neighbours
from claude_lsp.workspace.workspace import Workspace

LONG_AGO = 1_600_000_000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project whose files have not been touched for long, as most have not."""
    files = {
        "app/main.py": "from app.models import User\nfrom . import views\nimport app.secrets_of\n",
        "app/__init__.py": "NAME = 1\n",
        "app/models.py": "class User: ...\n",
        "app/views.py": "def show(): ...\n",
        "app/test_main.py": "def test(): ...\n",
        "app/zebra.py": "ZEBRA = 1\n",
        "app/Makefile": "all:\n",
        "web/page.ts": 'import { draw } from "./draw";\nimport "../../outside";\n',
        "web/draw.ts": "export const draw = 1;\n",
    }
    for name, text in files.items():
        write(tmp_path / name, text)
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    os.utime(path, (LONG_AGO, LONG_AGO))


def opened(path: Path, text: str | None = None, language: str = "python") -> Snapshot:
    return Snapshot(uri_from_path(path), 1, path.read_text() if text is None else text, language)


def found(
    document: Snapshot, root: Path, *others: Snapshot, roots: tuple[Path, ...] | None = None
) -> list[tuple[str, str]]:
    workspace = Workspace((root,) if roots is None else roots, Settings())
    kept, _ = neighbours(document, workspace, [document, *others])
    return [(workspace.origin(each.snapshot), each.reason) for each in kept]


def test_imports_come_before_open_files_and_those_before_the_folder(root: Path) -> None:
    other = root / "other.py"
    write(other, "OTHER = 1\n")
    assert found(opened(root / "app/main.py"), root, opened(other)) == [
        ("app/models.py", "imported"),
        ("app/views.py", "imported"),
        ("app/__init__.py", "imported"),
        ("other.py", "open in the editor"),
        ("app/test_main.py", "same folder"),
        ("app/zebra.py", "same folder"),
    ]


def test_scripts_are_found_by_relative_imports_and_never_outside_the_workspace(root: Path) -> None:
    write(root.parent / "outside.ts", "export {};\n")
    document = opened(root / "web/page.ts", language="typescript")
    assert found(document, root / "web") == [("draw.ts", "imported")]


def test_a_file_without_an_ending_has_only_such_siblings(root: Path) -> None:
    write(root / "app/Dockerfile", "FROM x\n")
    document = opened(root / "app/Makefile", language="makefile")
    assert found(document, root) == [("app/Dockerfile", "same folder")]


def test_an_open_buffer_wins_over_the_disk(root: Path) -> None:
    buffer = opened(root / "app/models.py", "class Changed: ...\n")
    kept, _ = neighbours(opened(root / "app/main.py"), Workspace((root,), Settings()), [buffer])
    assert kept[0].snapshot is buffer


def test_a_file_that_is_refused_is_named_but_not_read(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(root / ".claudeignore", "models.py\n")
    read = []
    monkeypatch.setattr(module, "_on_disk", lambda name: read.append(Path(name).name))
    _, refused = neighbours(opened(root / "app/main.py"), Workspace((root,), Settings()), [])
    assert [each.origin for each in refused] == ["app/models.py"]
    assert "models.py" not in read


def test_a_file_that_has_not_changed_is_read_once(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []

    def reading(path: Path, limit: int) -> TextFile | Unreadable:
        read.append(path)
        return read_text(path, limit)

    monkeypatch.setattr(module, "read_text", reading)
    document = opened(root / "app/main.py")
    first = found(document, root)
    assert len(read) == len(first)
    assert found(document, root) == first
    assert len(read) == len(first)


@pytest.mark.parametrize("settled", [True, False])
def test_a_file_that_has_changed_is_read_again(root: Path, *, settled: bool) -> None:
    path = root / "app/models.py"
    workspace = Workspace((root,), Settings())
    document = opened(root / "app/main.py")
    for text in ("class First: ...\n", "class Other: ...\n", "class Third: ...\n"):
        path.write_text(text, "utf-8")
        if settled:
            # Only the time tells; the size is the same.
            seconds = LONG_AGO + len(text) + ord(text[6])
            os.utime(path, (seconds, seconds))
        kept, _ = neighbours(document, workspace, [])
        assert kept[0].snapshot.text == text


def test_files_of_the_same_time_and_size_in_quick_succession_are_told_apart(root: Path) -> None:
    path = root / "app/models.py"
    document = opened(root / "app/main.py")
    workspace = Workspace((root,), Settings())
    path.write_text("class A: ...\n", "utf-8")
    now = path.stat().st_mtime_ns
    assert neighbours(document, workspace, [])[0][0].snapshot.text == "class A: ...\n"
    path.write_text("class B: ...\n", "utf-8")
    os.utime(path, ns=(now, now))
    assert neighbours(document, workspace, [])[0][0].snapshot.text == "class B: ...\n"


def test_at_most_so_many_files_are_found(root: Path) -> None:
    for number in range(30):
        write(root / f"app/file{number:02}.py", f"X = {number}\n")
    assert len(found(opened(root / "app/main.py"), root)) == 12


def test_a_file_belongs_to_the_innermost_folder(root: Path) -> None:
    workspace = Workspace((root, root / "app"), Settings())
    assert workspace.root_of(root / "app/main.py") == root / "app"
    assert workspace.root_of(root / "app") == root / "app"
    assert workspace.root_of(root / "web/page.ts") == root
    assert workspace.root_of(root.with_name(root.name + "2") / "x.py") is None
