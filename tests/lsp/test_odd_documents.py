"""Documents that are no plain file of the workspace: what works there, and what is refused why."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from lsprotocol import types

from claude_lsp.text.snapshots import uri_from_path
from tests.lsp.editor import PYTHON, client_range, diagnostic, edit, edits, finding, span_of
from tests.lsp.test_completion import END, fill, texts
from tests.messages_api import replies
from tests.planted import AWS_KEY

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lsp.editor import Editor

FIXED = PYTHON.replace("LIMIT = 10", "LIMIT = 20")
CELL = "vscode-notebook-cell:/home/me/notes.ipynb#W0sZmlsZQ%3D%3D"
ADDRESSES = ["untitled:Untitled-1", CELL]


async def works(editor: Editor, uri: str) -> None:
    """Hold that everything works in a document: suggestions, a review, a fix, an explanation."""
    editor.api.script(fill("x"))
    assert texts(await editor.suggest(uri, END)) == ["x"]
    name = uri.rpartition("/")[2]
    editor.api.script(replies.json_findings([finding(PYTHON, "LIMIT = 10", path=name)]))
    await editor.run("claude.review", {"uri": uri})
    assert editor.shown(uri) == [(0, "About LIMIT = 10")]
    (fix, *_) = await editor.actions(
        uri, span_of(PYTHON, "LIMIT"), [diagnostic(PYTHON, "LIMIT")], ["quickfix"]
    )
    editor.api.script(edits(edit(PYTHON, "LIMIT = 10", "LIMIT = 20")))
    await editor.run(fix.command.command, *fix.command.arguments)
    assert editor.text(uri) == FIXED
    editor.api.script(replies.text("It adds."))
    await editor.run("claude.explain", {"uri": uri})
    assert len(editor.client.shown) == 1
    assert editor.messages == []


@pytest.mark.parametrize("uri", ADDRESSES)
async def test_a_buffer_that_is_on_no_disk(editor: Editor, uri: str) -> None:
    editor.client.open(uri, PYTHON)
    await works(editor, uri)
    editor.client.close(uri)
    await editor.settled()


@pytest.mark.parametrize("uri", ADDRESSES)
async def test_a_secret_in_it_does_not_leave(editor: Editor, uri: str) -> None:
    text = f'aws_key = "{AWS_KEY}"\nx = '
    editor.client.open(uri, text)
    editor.api.script(fill("1"))
    assert texts(await editor.suggest(uri, (1, 4))) == ["1"]
    assert AWS_KEY not in editor.api.messages[0].text


async def test_the_cells_of_a_notebook_are_documents(editor: Editor) -> None:
    """As a client tells them that syncs notebooks as such; it does so unasked."""
    notebook = types.NotebookDocument(
        "file:///home/me/notes.ipynb",
        "jupyter-notebook",
        1,
        [types.NotebookCell(types.NotebookCellKind.Code, CELL)],
    )
    cell = types.TextDocumentItem(CELL, "python", 1, PYTHON)
    editor.client.texts[CELL], editor.client.versions[CELL] = PYTHON, 1
    editor.client.notebook_document_did_open(types.DidOpenNotebookDocumentParams(notebook, [cell]))
    editor.api.script(fill("x"))
    assert texts(await editor.suggest(CELL, END)) == ["x"]
    change = types.NotebookDocumentCellContentChanges(
        types.VersionedTextDocumentIdentifier(2, CELL),
        [types.TextDocumentContentChangeWholeDocument("y = ")],
    )
    editor.client.notebook_document_did_change(
        types.DidChangeNotebookDocumentParams(
            types.VersionedNotebookDocumentIdentifier(2, notebook.uri),
            types.NotebookDocumentChangeEvent(
                cells=types.NotebookDocumentCellChanges(text_content=[change])
            ),
        )
    )
    editor.api.script(fill("2"))
    assert texts(await editor.suggest(CELL, (0, 4), invoked=True)) == ["2"]
    assert "y = " in editor.api.messages[-1].text
    editor.client.notebook_document_did_close(
        types.DidCloseNotebookDocumentParams(
            types.NotebookDocumentIdentifier(notebook.uri), [types.TextDocumentIdentifier(CELL)]
        )
    )
    assert await editor.suggest(CELL, (0, 4)) == []
    assert editor.messages == []


async def test_a_file_outside_the_workspace_is_not_sent_and_says_why(
    editor: Editor, tmp_path: Path
) -> None:
    path = tmp_path / "elsewhere.py"
    path.write_text(PYTHON, encoding="utf-8")
    uri = uri_from_path(path)
    editor.client.open(uri, PYTHON)
    assert await editor.suggest(uri, END) == []
    assert editor.statuses[-1][0] == "blocked"
    assert "outside the workspace" in editor.statuses[-1][1]
    assert await editor.actions(uri, ((0, 0), (0, 0)))
    for command in ("claude.review", "claude.explain"):
        editor.client.messages.clear()
        await editor.run(command, {"uri": uri})
        assert "outside the workspace" in editor.errors[0]
    assert editor.api.requests == []


async def test_a_file_of_ten_megabytes_is_opened_and_edited_and_refused(editor: Editor) -> None:
    line = "value = compute(1)  # as before\n"
    text = line * (10_000_000 // len(line))
    uri = editor.open(text, "large.py")
    small = editor.open()
    assert await editor.suggest(uri, (9, 0)) == []
    begun = time.process_time()
    for number in range(20):
        editor.client.change(uri, ((number, 0), (number, 0)), "#")
        assert await editor.suggest(uri, (number, 1)) == []
        assert await editor.actions(uri, ((number, 0), (number, 0)))
    assert "over 512 kB" in editor.statuses[-1][1]
    await editor.run("claude.review", {"uri": uri})
    assert "is not sent: over 512 kB" in editor.errors[0]
    assert editor.api.requests == []
    editor.api.script(fill("x"))
    assert texts(await editor.suggest(small, END)) == ["x"]
    assert time.process_time() - begun < 10  # seconds, where to read it for each key takes many


async def test_findings_of_a_document_that_is_opened_anew_and_shorter_lie_in_its_text(
    editor: Editor,
) -> None:
    uri = editor.open()
    editor.api.script(replies.json_findings([finding(PYTHON, "    return result")]))
    await editor.run("claude.review", {"uri": uri})
    editor.client.open(uri, "x")
    await editor.settled()
    (diagnostic,) = editor.client.diagnostics[uri]
    assert diagnostic.range == client_range(((0, 1), (0, 1)))
