"""Files that nobody should wait for, or read to their end: pipes, devices, giants, links."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING

import pytest

from claude_lsp.cli.output import _written
from claude_lsp.configuration import PROJECT_FILE, load
from claude_lsp.lsp.verdicts import _read
from claude_lsp.reading import read_regular
from claude_lsp.settings import build
from claude_lsp.workspace import git
from claude_lsp.workspace.files import list_names
from claude_lsp.workspace.ignore import IgnoreRules
from claude_lsp.workspace.images import picture_of
from claude_lsp.workspace.workspace import Workspace
from tests.unit.engine_kit import snapshot

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

needs_pipes = pytest.mark.skipif(sys.platform == "win32", reason="needs pipes and links")


def pipe(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def giant(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(10**12)  # a hole: it takes no room


SPECIAL = pytest.mark.parametrize("make", [pipe, device, giant])


@needs_pipes
@SPECIAL
def test_no_file_is_waited_for_or_read_without_end(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    path = tmp_path / "file"
    make(path)
    with pytest.raises(OSError, match=r"not a regular file|over 9 kB"):
        read_regular(path, 10_000)


@needs_pipes
@SPECIAL
@pytest.mark.parametrize(
    "name",
    [PROJECT_FILE, "pyproject.toml", ".git", ".git/HEAD", ".git/commondir", ".gitignore",
     ".claudeignore", "sub/.gitignore", ".git/info/exclude", "accepted.json", "a.png", "sub/.git"],
)  # fmt: skip
async def test_no_file_of_a_project_is_waited_for(
    tmp_path: Path, make: Callable[[Path], None], name: str
) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    make(path)
    document = snapshot(tmp_path / "sub" / "a.md", "![x](../a.png)\n")

    def look() -> None:
        configuration = load(tmp_path, environment={})
        assert bool(configuration.problems) == name.endswith(".toml")
        settings = build({"review.baseline": "accepted.json"})
        workspace = Workspace((tmp_path,), settings)
        assert _read([], [tmp_path], settings) == (frozenset(), frozenset())
        list_names(tmp_path, IgnoreRules(tmp_path))
        workspace.reason_not_to_send(document)
        picture_of(workspace, document, "../a.png")
        git.root_of(tmp_path / "sub")

    async with asyncio.timeout(10):
        await asyncio.to_thread(look)


def test_an_ignore_file_without_end_hides_what_it_may_hide(tmp_path: Path) -> None:
    giant(tmp_path / ".gitignore")
    rules = IgnoreRules(tmp_path)
    reason = rules.reason("a.py")
    assert reason is not None
    assert "cannot be read (over" in reason


def test_a_great_many_patterns_all_count(tmp_path: Path) -> None:
    lines = (f"/folder{number}/**/*.{number}\n!keep{number}\n" for number in range(5_000))
    (tmp_path / ".gitignore").write_text("".join(lines) + "secret.py\n")
    rules = IgnoreRules(tmp_path)
    assert rules.reason("secret.py") == "ignored by .gitignore"
    assert rules.reason("folder4999/a/b.4999") == "ignored by .gitignore"
    assert rules.allowed_names(tmp_path, ["a.py", "secret.py"]) == ["a.py"]


@needs_pipes
@pytest.mark.parametrize("link", ["report.json", "reports"])
def test_no_report_is_written_through_a_link_that_a_project_brings(
    tmp_path: Path, link: str, capsys: pytest.CaptureFixture[str]
) -> None:
    project, outside = tmp_path / "project", tmp_path / "outside"
    (project / ".git").mkdir(parents=True)
    (project / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    outside.mkdir()
    (outside / "report.json").write_text("mine")
    path = project / "report.json" if link == "report.json" else project / "reports/report.json"
    (project / link).symlink_to(outside / "report.json" if link == "report.json" else outside)
    assert not _written(path, "text")
    assert (outside / "report.json").read_text() == "mine"
    assert "a link out of the project" in capsys.readouterr().err
    inside = project / "kept.json"
    assert _written(inside, "text")
    (project / "link.json").symlink_to(inside)
    assert _written(project / "link.json", "newer")
    assert inside.read_text() == "newer"
    assert _written(outside / "report.json", "text")


@pytest.mark.parametrize("name", ["../x.json", "/etc/passwd", "a\0b", "x" * 5000])
def test_a_baseline_of_elsewhere_is_not_read(tmp_path: Path, name: str) -> None:
    (tmp_path / "x.json").write_text("{}")
    project = tmp_path / "project"
    project.mkdir()
    settings = build({"review.baseline": name})
    assert _read([], [project], settings) == (frozenset(), frozenset())
