"""Tests that are written into another file: reviewed first, and never into what is kept back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from lsprotocol import types

from tests.lsp.editor import PYTHON, edit, edits, plain, span_of
from tests.lsp.pair import modern
from tests.messages_api import Gate, replies
from tests.planted import PASSWORD

if TYPE_CHECKING:
    from tests.lsp.editor import Editor

NEW = "from code import total\n\n\ndef test_total():\n    assert total([1, 2]) == 3\n"
ADDED = "def test_empty():\n    assert total([]) == 0"


def at(uri: str, text: str = PYTHON, needle: str = "def total(values):") -> dict[str, Any]:
    return {"uri": uri, "range": plain(span_of(text, needle))}


def appended(text: str) -> dict[str, Any]:
    return {"line": 1, "quote": "", "replacement": text}


async def test_a_new_file_is_created_once_the_user_has_seen_it(editor: Editor) -> None:
    uri = editor.open()
    editor.api.script(edits(appended(NEW)))
    await editor.run("claude.test", at(uri))
    ((params, applied),) = editor.client.applied
    assert applied
    create, change = params.edit.document_changes or ()
    assert isinstance(create, types.CreateFile)
    assert create.uri == uri.replace("code.py", "tests/test_code.py")
    assert create.options is not None
    assert not create.options.overwrite
    assert isinstance(change, types.TextDocumentEdit)
    assert editor.client.texts[create.uri] == NEW
    (annotation,) = (params.edit.change_annotations or {}).values()
    assert annotation.needs_confirmation
    assert params.metadata == types.WorkspaceEditMetadata(is_refactoring=True)
    assert annotation.description == "tests/test_code.py"
    assert [each.uri for each in editor.client.shown] == [create.uri]
    assert editor.text(uri) == PYTHON
    text = editor.api.messages[0].text
    assert "They go into the new file tests/test_code.py." in text


@pytest.mark.parametrize(
    ("name", "language", "source", "test_name", "test_text", "new"),
    [
        ("code.py", "python", PYTHON, "tests/test_code.py",
         "from code import total\n\n\ndef test_one():\n    assert total([1]) == 1\n", ADDED),
        ("add.ts", "typescript", "export const add = (a: number) => a;\n", "add.test.ts",
         'import { add } from "./add";\n\ntest("one", () => expect(add(1)).toBe(1));\n',
         'test("two", () => expect(add(2)).toBe(2));'),
        ("add.go", "go", "package a\n\nfunc add(a int) int { return a }\n", "add_test.go",
         "package a\n\nfunc TestOne(t *testing.T) {}\n", "func TestTwo(t *testing.T) {}"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("opened", [False, True])
async def test_an_existing_file_is_extended(
    editor: Editor,
    *,
    opened: bool,
    name: str,
    language: str,
    source: str,
    test_name: str,
    test_text: str,
    new: str,
) -> None:
    test_uri = editor.file(test_name, test_text)
    editor.client.texts[test_uri] = test_text
    uri = editor.open(source, name, language)
    if opened:
        editor.client.open(test_uri, test_text, language)
    first = test_text.split("\n", 1)[0]
    mark = "  # x" if language == "python" else " // x"
    editor.api.script(edits(edit(test_text, first, first + mark), appended(new)))
    await editor.run("claude.test", {"uri": uri})
    written = editor.client.texts[test_uri]
    assert written.startswith(first + mark)
    assert written.endswith(f"\n\n{new}\n")
    assert f'path="{test_name}" why="the test file to extend"' in editor.api.messages[0].text
    annotated = [bool(params.edit.change_annotations) for params, _ in editor.client.applied]
    assert annotated == ([False, False] if opened else [True])


@pytest.mark.parametrize("mark", ["", "\ufeff"])
async def test_line_endings_byte_order_mark_and_the_missing_last_ending_are_kept(
    editor: Editor, mark: str
) -> None:
    text = "import code\r\n\r\nold = '😀'; one = 1"
    test_uri = editor.file("tests/test_code.py", mark + text)
    # An editor keeps the mark beside its buffer.
    editor.client.texts[test_uri] = text
    uri = editor.open()
    changed = edit(text, "import code", "import code, sys")
    last = edit(text, "old = '😀'; one = 1", "old = '😀'; one = 2\ntwo = 2")
    editor.api.script(edits(changed, last))
    await editor.run("claude.test", at(uri))
    wanted = "import code, sys\r\n\r\nold = '😀'; one = 2\r\ntwo = 2"
    assert editor.client.texts[test_uri] == wanted
    assert editor.messages == []


async def test_added_tests_have_the_endings_of_the_file(editor: Editor) -> None:
    text = "import code\r\n"
    test_uri = editor.file("tests/test_code.py", text)
    editor.client.texts[test_uri] = text
    uri = editor.open()
    editor.api.script(edits(appended("def test_two():\n    pass")))
    await editor.run("claude.test", at(uri))
    wanted = "import code\r\n\r\ndef test_two():\r\n    pass\r\n"
    assert editor.client.texts[test_uri] == wanted


async def test_an_open_test_file_is_edited_where_the_user_moved_it(editor: Editor) -> None:
    test_uri = editor.open("import code\n\nold = 1\n", "tests/test_code.py")
    uri = editor.open()
    gate = Gate()
    item = edit("import code\n\nold = 1\n", "old = 1", "new = 1")
    editor.api.script(replies.partial("") + gate + edits(item))
    await editor.command("claude.test", at(uri))
    await gate.wait_reached()
    editor.client.change(test_uri, ((0, 0), (0, 0)), "# typed\n")
    gate.open()
    await editor.settled()
    assert editor.text(test_uri) == "# typed\nimport code\n\nnew = 1\n"


async def test_a_file_that_changed_on_disk_meanwhile_is_left_alone(editor: Editor) -> None:
    editor.file("tests/test_code.py", "import code\n")
    uri = editor.open()
    gate = Gate()
    editor.api.script(replies.partial("") + gate + edits(appended(ADDED)))
    await editor.command("claude.test", at(uri))
    await gate.wait_reached()
    editor.file("tests/test_code.py", "import other\n")
    gate.open()
    await editor.settled()
    assert editor.client.applied == []
    assert editor.messages[0] == (
        "tests/test_code.py was not written: the text there has changed meanwhile"
    )
    # What was paid for is shown all the same.
    assert len(editor.client.shown) == 1


async def test_a_file_that_was_created_meanwhile_is_not_overwritten(editor: Editor) -> None:
    uri = editor.open()
    gate = Gate()
    editor.api.script(replies.partial("") + gate + edits(appended(NEW)))
    await editor.command("claude.test", at(uri))
    await gate.wait_reached()
    editor.file("tests/test_code.py", "mine = 1\n")
    gate.open()
    await editor.settled()
    assert editor.client.applied == []


async def test_an_editor_that_creates_no_files_shows_them(unstarted: Editor) -> None:
    capabilities = modern()
    assert capabilities.workspace is not None
    capabilities.workspace.workspace_edit = None
    await unstarted.start(capabilities)
    uri = unstarted.open()
    unstarted.api.script(edits(appended(NEW)))
    await unstarted.run("claude.test", at(uri))
    assert unstarted.client.applied == []
    assert len(unstarted.client.shown) == 1
    assert unstarted.messages == [
        "tests/test_code.py was not written: the editor can't create files for a server"
    ]


async def test_nothing_is_sent_for_a_file_that_must_not_be_touched(editor: Editor) -> None:
    editor.file(".claudeignore", "tests/\n")
    uri = editor.open()
    await editor.run("claude.test", at(uri))
    (message,) = editor.messages
    assert message.startswith("the tests belong into tests/test_code.py, which is not touched")
    assert editor.api.requests == []


async def test_a_test_file_that_must_not_be_sent_is_not(editor: Editor) -> None:
    secret = f'password = "{PASSWORD}"\n'
    editor.file("tests/test_code.py", secret)
    uri = editor.open()
    editor.api.script(edits(appended(ADDED)))
    await editor.run("claude.test", at(uri))
    assert PASSWORD not in editor.api.messages[0].text
    ((params, _),) = editor.client.applied
    assert "redacted" not in json.dumps(str(params))


async def test_tests_that_do_not_parse_are_written_only_if_wanted(editor: Editor) -> None:
    uri = editor.open()
    editor.client.choose = lambda _: None
    editor.api.script(edits(appended("def test_total(:\n")))
    await editor.run("claude.test", at(uri))
    (question,) = editor.client.questions
    assert "do not parse" in question.message
    assert editor.client.applied == []


async def test_a_refusal_is_told_and_the_tests_shown(editor: Editor) -> None:
    uri = editor.open()
    editor.client.apply = lambda _: "cancelled"  # type: ignore[assignment,method-assign]
    editor.api.script(edits(appended(NEW)))
    await editor.run("claude.test", at(uri))
    assert editor.messages == [
        "tests/test_code.py was not written: the editor refused it: cancelled"
    ]
    assert len(editor.client.shown) == 1
