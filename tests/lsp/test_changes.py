"""Commit messages and summaries of what is staged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pygls.exceptions import JsonRpcInvalidParams

from claude_lsp.actions.describe_changes import message_of
from claude_lsp.text.snapshots import path_from_uri
from tests.lsp.editor import PYTHON
from tests.messages_api import Disconnect, Gate, replies
from tests.planted import IGNORED, PASSWORD
from tests.unit.git_kit import Repository

if TYPE_CHECKING:
    from tests.lsp.editor import Editor

MESSAGE = "Add a limit\n\nIt was missing."
TEMPLATE = "\n# Please enter the commit message for your changes.\n"


@pytest.fixture
def repository(editor: Editor) -> Repository:
    """A project with a commit, and something staged in each of three languages."""
    repository = Repository(editor.root)
    repository.commit("feat: begin", code_py=PYTHON)
    repository.write("code.py", PYTHON.replace("LIMIT = 10", "LIMIT = 20"))
    repository.write("web/add.ts", "export const add = 1;\n")
    repository.write("lib/add.go", "package lib\n")
    repository.git("add", "-A")
    repository.write("code.py", PYTHON + "unstaged = 1\n")
    return repository


def shown_text(editor: Editor) -> str:
    (params,) = editor.client.shown
    path = path_from_uri(params.uri)
    assert path is not None
    return path.read_text("utf-8")


async def test_the_message_opens_as_a_document(editor: Editor, repository: Repository) -> None:
    editor.api.script(replies.text(f"```\n{MESSAGE}\n```"))
    await editor.run("claude.commitMessage")
    assert shown_text(editor) == f"# Commit message\n\n```text\n{MESSAGE}\n```\n"
    (sent,) = editor.api.messages
    assert sent.model == "claude-haiku-5-5"
    assert "-LIMIT = 10\n+LIMIT = 20\n" in sent.text
    assert 'path="web/add.ts" why="staged change"' in sent.text
    assert 'path="lib/add.go" why="staged change"' in sent.text
    assert "unstaged" not in sent.text
    assert "feat: begin" in sent.text
    assert repository.git("diff", "--cached", "--name-only") == "code.py\nlib/add.go\nweb/add.ts"


async def test_the_message_goes_into_the_open_commit_message(
    editor: Editor, repository: Repository
) -> None:
    path = repository.root / ".git" / "COMMIT_EDITMSG"
    uri = editor.file(".git/COMMIT_EDITMSG", TEMPLATE)
    editor.client.open(uri, TEMPLATE, "git-commit")
    (offer, *_) = await editor.actions(uri, ((0, 0), (0, 0)), only=["source.claude.commitMessage"])
    assert offer.title == "Claude: Write the commit message"
    editor.api.script(replies.text(MESSAGE))
    await editor.run(offer.command.command, *offer.command.arguments)
    assert editor.text(uri) == MESSAGE + TEMPLATE
    assert editor.client.shown == []
    assert path.read_text() == TEMPLATE
    assert "Please enter" not in editor.api.messages[0].text
    (again, *_) = await editor.actions(
        uri, ((0, 0), (0, 0)), only=["refactor.rewrite.claude.again"]
    )
    assert again.title == "Claude: Again, with sonnet: Write the commit message"
    editor.api.script(replies.text("Better"))
    await editor.run(again.command.command, *again.command.arguments)
    assert editor.api.messages[1].model == "claude-sonnet-5-5"
    assert editor.text(uri) == f"Better\n{MESSAGE}{TEMPLATE}"


async def test_what_the_user_types_into_the_message_stays(
    editor: Editor, repository: Repository
) -> None:
    uri = editor.file(".git/COMMIT_EDITMSG", TEMPLATE)
    editor.client.open(uri, TEMPLATE, "git-commit")
    gate = Gate()
    editor.api.script(replies.partial("") + gate + replies.text(MESSAGE))
    await editor.command("claude.commitMessage", {"uri": uri})
    await gate.wait_reached()
    editor.client.change(uri, ((0, 0), (0, 0)), "Mine")
    gate.open()
    await editor.settled()
    assert editor.text(uri) == "Mine" + TEMPLATE
    assert MESSAGE in shown_text(editor)
    assert repository.root.is_dir()


async def test_a_summary_for_reviewers(editor: Editor, repository: Repository) -> None:
    uri = editor.open(repository.root.joinpath("code.py").read_text())
    editor.api.script(replies.text("The limit is twice as high."))
    await editor.run("claude.summarizeChanges", {"uri": uri})
    assert shown_text(editor) == "# What is staged in project\n\nThe limit is twice as high.\n"


async def test_what_must_not_leave_does_not(editor: Editor, repository: Repository) -> None:
    repository.write(".claudeignore", "secret/\n")
    repository.write("secret/plan.py", f"{IGNORED} = 1\n")
    repository.write("config.py", f'password = "{PASSWORD}"\n')
    repository.git("add", "-Af")
    editor.api.script(replies.text(MESSAGE))
    await editor.run("claude.commitMessage")
    (message,) = editor.messages
    assert message.startswith("not shown to Claude: secret/plan.py (")
    assert IGNORED.encode() not in editor.api.requests[0].raw
    assert PASSWORD.encode() not in editor.api.requests[0].raw
    assert "<redacted:" in editor.api.messages[0].text


async def test_nothing_staged_is_told(editor: Editor) -> None:
    Repository(editor.root).commit("begin", code_py=PYTHON)
    await editor.run("claude.commitMessage")
    assert editor.messages == ["nothing is staged; run 'git add' first"]
    assert editor.api.requests == []


async def test_the_first_commit_has_no_examples(editor: Editor) -> None:
    repository = Repository(editor.root)
    repository.write("code.py", PYTHON)
    repository.git("add", "-A")
    editor.api.script(replies.text(MESSAGE))
    await editor.run("claude.commitMessage")
    assert "added\n@@ -0,0 +1,8 @@" in editor.api.messages[0].text


async def test_without_a_repository_it_says_so(editor: Editor) -> None:
    with pytest.raises(JsonRpcInvalidParams, match="in no git repository"):
        await editor.command("claude.commitMessage")


async def test_an_answer_that_broke_off_is_not_inserted(
    editor: Editor, repository: Repository
) -> None:
    uri = editor.file(".git/COMMIT_EDITMSG", TEMPLATE)
    editor.client.open(uri, TEMPLATE, "git-commit")
    editor.api.script(replies.partial("Add a li") + Disconnect())
    await editor.run("claude.commitMessage", {"uri": uri})
    assert editor.text(uri) == TEMPLATE
    assert len(editor.errors) == 1
    assert repository.root.is_dir()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("Add\n", "Add"),
        ("```\nAdd\n\nMore.\n```", "Add\n\nMore."),
        ("```text\nAdd\n```\n", "Add"),
        ("Say `x` in ```y```", "Say `x` in ```y```"),
    ],
)
def test_a_fence_around_the_message_is_taken_off(answer: str, message: str) -> None:
    assert message_of(answer) == message
