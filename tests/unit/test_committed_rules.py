"""The ignore files of what a change is made against hold beside those of the change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from claude_lsp.review import scope, sides
from claude_lsp.settings import Settings
from claude_lsp.workspace.committed_rules import CommittedRules, committed_rules
from claude_lsp.workspace.workspace import Workspace
from tests.unit.git_kit import Repository

if TYPE_CHECKING:
    from pathlib import Path

CLAUDE, GIT = "ignored by .claudeignore", "ignored by .gitignore"
FILES = {
    ".gitignore": b"*.log\n/build/\n",
    ".claudeignore": b"secret/\n*.data\n",
    "deep/.claudeignore": b"!kept.data\n/here.py\n",
}


@pytest.mark.parametrize(
    ("path", "there", "expected"),
    [
        ("a.py", None, None),
        ("a.data", None, f"{CLAUDE} of 0123456789ab"),
        ("x/a.log", None, f"{GIT} of 0123456789ab"),
        ("build/x/y.py", None, f"{GIT} of 0123456789ab"),
        ("x/build/y.py", None, None),
        ("secret/deep/a.py", None, f"{CLAUDE} of 0123456789ab"),
        ("deep/kept.data", None, None),
        ("deep/other.data", None, f"{CLAUDE} of 0123456789ab"),
        ("deep/here.py", None, f"{CLAUDE} of 0123456789ab"),
        ("deep/er/here.py", None, None),
        # What both ignore is not new, whichever file says so; what only the change ignores is.
        ("a.data", CLAUDE, CLAUDE),
        ("a.data", GIT, GIT),
        ("a.py", CLAUDE, f"{CLAUDE}, newly with this change"),
        ("a.py", GIT, f"{GIT}, newly with this change"),
        # Other reasons are not the change's.
        ("a.py", "outside the workspace", "outside the workspace"),
        ("a.pem", "secret-bearing file (*.pem)", "secret-bearing file (*.pem)"),
    ],
)
def test_the_stricter_of_both_holds(
    tmp_path: Path, path: str, there: str | None, expected: str | None
) -> None:
    rules = CommittedRules(tmp_path, "0123456789abcdef", FILES)
    assert rules.stricter(tmp_path / path, there) == expected


def test_what_lies_elsewhere_is_no_business_of_theirs(tmp_path: Path) -> None:
    rules = CommittedRules(tmp_path / "r", "0123456789abcdef", {".gitignore": b"*\n"})
    assert rules.stricter(tmp_path / "other.py", None) is None


def test_a_change_is_judged_by_the_rules_of_both_sides(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    body = "x = 1\n"
    before = repository.commit(
        a_py=body,
        b_py=body,
        sub__c_py=body,
        **{".claudeignore": "b.py\n", "sub/.gitignore": "c.py\n"},
    )
    (repository.root / "sub/.gitignore").unlink()
    body += "y = 2\n"
    repository.commit(
        a_py=body, b_py=body, sub__c_py=body, d_py=body, **{".claudeignore": "d.py\n"}
    )
    rules = committed_rules(repository.root, before)
    workspace = Workspace((repository.root,), Settings(), rules)
    found = scope.changes(workspace, repository.root, sides.against(repository.root, before))
    assert [document.origin for document in found.documents] == ["a.py"]
    assert {path: reason for path, reason in found.skipped if path.endswith(".py")} == {
        "b.py": f"{CLAUDE} of {before[:12]}",
        "d.py": f"{CLAUDE}, newly with this change",
        "sub/c.py": f"{GIT} of {before[:12]}",
    }
    (notice,) = found.notices
    assert notice.startswith("The change ignores 1 file of its own")
