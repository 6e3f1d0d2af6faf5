"""Conversations kept as documents: begun, continued, streamed in, and their blocks applied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from lsprotocol import types

from claude_lsp.claude.ledger import state_directory
from claude_lsp.lsp import answering
from claude_lsp.text.conversation import BROKE_OFF, CANCELLED
from claude_lsp.text.snapshots import path_from_uri
from tests.lsp.editor import PYTHON, Editor, finding, plain
from tests.lsp.pair import modern
from tests.messages_api import Gate, Hang, replies

if TYPE_CHECKING:
    from pathlib import Path

    from tests.messages_api.connection import ReceivedRequest

QUESTION = "## You\n\nWhy?\n"
NAME = "talk.claude.md"


@pytest.fixture(autouse=True)
def every_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write each piece as it comes, however soon."""
    monkeypatch.setattr(answering, "LINES_S", 0.0)
    monkeypatch.setattr(answering, "WORDS_S", 0.0)
    monkeypatch.setattr(answering, "_QUIET_S", 0.0)


def talk(editor: Editor, text: str = QUESTION) -> str:
    return editor.open(text, NAME, "markdown")


async def go_on(editor: Editor, uri: str, **others: Any) -> None:
    await editor.run("claude.continue", {"uri": uri, **others})


def messages(received: ReceivedRequest) -> list[tuple[str, str]]:
    """Return who said what, as it was sent."""
    return [
        (each["role"], "\n".join(block["text"] for block in each["content"]))
        for each in received.body["messages"]
    ]


def shown_path(editor: Editor) -> Path:
    (params,) = editor.client.shown
    path = path_from_uri(params.uri)
    assert path is not None
    return path


# ----- begin


async def test_a_question_about_a_selection_opens_a_document_that_refers_to_it(
    unstarted: Editor,
) -> None:
    capabilities = modern()
    capabilities.experimental = None
    await unstarted.start(capabilities)
    uri = unstarted.open()
    place = plain(((4, 0), (6, 0)))
    await unstarted.run(
        "claude.ask",
        {"uri": uri, "range": place, "problems": [{"range": place, "message": "is\nwrong"}]},
    )
    path = shown_path(unstarted)
    assert path.parent == unstarted.root / ".claude-lsp" / "conversations"
    assert path.name.endswith("-code.claude.md")
    assert path.read_text("utf-8") == (
        "*(claude-lsp: write your question below, then run the code action"
        ' "Claude: Continue")*\n\n'
        "## You\n\n@file:code.py#L5-L6\n\n> line 5: is wrong\n\n"
    )
    (params,) = unstarted.client.shown
    assert params.selection is not None
    assert params.selection.start == types.Position(7, 0)
    assert unstarted.api.requests == []


async def test_a_question_typed_at_once_is_answered_as_soon_as_the_document_is_open(
    editor: Editor,
) -> None:
    uri = editor.open()
    editor.client.type_line = lambda _: {"text": "Why 10?"}
    editor.api.script(replies.text("Because."))
    await editor.run("claude.ask", {"uri": uri})
    path = shown_path(editor)
    assert "why-10" in path.name
    (params,) = editor.client.shown
    editor.client.open(params.uri, path.read_text("utf-8"), "markdown")
    await editor.settled()
    assert editor.text(params.uri) == (
        "## You\n\n@file:code.py\n\nWhy 10?\n\n## Claude\n\nBecause.\n\n## You\n\n"
    )
    ((role, said),) = messages(editor.api.messages[0])
    assert role == "user"
    assert said.startswith('<document path="code.py" language="python">\nLIMIT = 10\n')
    assert said.endswith("@file:code.py\n\nWhy 10?")
    # Opened again later, it does not go on by itself.
    editor.client.close(params.uri)
    editor.client.open(params.uri, editor.client.texts[params.uri], "markdown")
    await editor.settled()
    assert len(editor.api.messages) == 1


async def test_a_question_that_is_not_typed_opens_nothing(editor: Editor) -> None:
    await editor.run("claude.ask", {"uri": editor.open()})
    assert editor.client.shown == []
    assert not (editor.root / ".claude-lsp").exists()


async def test_without_show_document_the_path_is_told(unstarted: Editor) -> None:
    capabilities = modern()
    capabilities.experimental = None
    assert capabilities.window is not None
    capabilities.window.show_document = None
    await unstarted.start(capabilities, {"ask": {"folder": "talks"}})
    await unstarted.run("claude.ask")
    (path,) = (unstarted.root / "talks").iterdir()
    assert unstarted.messages == [
        f"the conversation is in {path}; open it and write your question into it"
    ]


@pytest.mark.parametrize("folder", ["../out", "/tmp/out", "link"])
async def test_no_conversation_is_kept_outside_of_the_project(
    editor: Editor, folder: str, tmp_path: Path
) -> None:
    (editor.root / "link").symlink_to(tmp_path)
    editor.client.settings["claude"] = {"ask": {"folder": folder}}
    editor.client.workspace_did_change_configuration(
        types.DidChangeConfigurationParams(settings=None)
    )
    await editor.ready()
    await editor.run("claude.ask", {"uri": editor.open(), "instruction": "Why?"})
    assert editor.messages == [f"ask.folder is outside of the project: {folder}"]
    assert editor.client.shown == []


async def test_without_a_folder_it_is_kept_with_the_servers_own_files(unstarted: Editor) -> None:
    await unstarted.start(root="")
    uri = unstarted.open()
    await unstarted.run("claude.ask", {"uri": uri, "instruction": "Why?"})
    assert shown_path(unstarted).parent == state_directory() / "conversations"


async def test_an_ignored_file_is_not_asked_about(editor: Editor) -> None:
    uri = editor.open(name=".env", language="plaintext")
    await editor.run("claude.ask", {"uri": uri, "instruction": "Why?"})
    assert editor.messages == [".env is not sent: secret-bearing file (.env)"]
    assert editor.client.shown == []


async def test_the_menu_asks_and_in_a_conversation_continues(editor: Editor) -> None:
    uri, conversation = editor.open(), talk(editor)
    titles = {
        each: [a.title for a in await editor.actions(each, ((0, 0), (0, 0)))]
        for each in (uri, conversation)
    }
    assert "Claude: Ask…" in titles[uri]
    assert "Claude: Continue" in titles[conversation]
    editor.api.script(replies.text("So."))
    await editor.run("claude.ask", {"uri": conversation})
    assert "## Claude\n\nSo." in editor.text(conversation)


async def test_an_editor_that_runs_every_action_is_asked_first(unstarted: Editor) -> None:
    await unstarted.start(name="Kate")
    unstarted.client.choose = lambda _: None
    uri = unstarted.open()
    (chosen,) = await unstarted.actions(uri, ((0, 0), (8, 0)), only=["refactor.rewrite.claude.ask"])
    await unstarted.run(chosen.command.command, *chosen.command.arguments)
    (question,) = unstarted.client.questions
    assert question.message == "Claude: Open a new conversation?"
    assert not (unstarted.root / ".claude-lsp").exists()


async def test_what_would_be_sent_is_shown(editor: Editor) -> None:
    editor.file("a.py", "one = 1\n")
    uri = talk(editor, "## You\n\n@file:a.py\n")
    await editor.run("claude.showContext", {"uri": uri, "action": "ask"})
    assert '<document path="a.py" language="python">' in shown_path(editor).read_text("utf-8")
    assert editor.api.requests == []


# ----- continue


async def test_the_answer_streams_in_at_the_end_and_every_turn_is_sent(editor: Editor) -> None:
    uri = talk(editor)
    gate = Gate()
    editor.api.script(replies.partial("One.\nTwo ") + gate + replies.text("three.\n\n"))
    await editor.command("claude.continue", {"uri": uri})
    await gate.wait_reached()
    await editor.until_text(uri, "One.\nTwo ")
    assert editor.text(uri) == f"{QUESTION}\n## Claude\n\nOne.\nTwo "
    gate.open()
    await editor.settled()
    assert editor.text(uri) == f"{QUESTION}\n## Claude\n\nOne.\nTwo three.\n\n## You\n\n"
    end = (11, 0)
    editor.client.change(uri, (end, end), "And then?")
    editor.api.script(replies.text("Four."))
    await go_on(editor, uri)
    assert messages(editor.api.messages[1]) == [
        ("user", "Why?"),
        ("assistant", "One.\nTwo three."),
        ("user", "And then?"),
    ]
    assert editor.text(uri).endswith("\n\n## You\n\nAnd then?\n\n## Claude\n\nFour.\n\n## You\n\n")


async def test_the_next_turn_reads_the_ones_before_from_the_cache(editor: Editor) -> None:
    editor.file("large.py", "".join(f"number_{n} = {n}\n" for n in range(400)))
    uri = talk(editor, "## You\n\n@file:large.py Why?\n")
    for _ in range(3):
        editor.api.script(replies.text("Because of " + "this and " * 300))
        await go_on(editor, uri)
        editor.client.change(uri, None, editor.client.texts[uri] + "And why that?")
    usages = [each.usage or {} for each in editor.api.messages]
    read = [usage["cache_read_input_tokens"] for usage in usages]
    written = [usage["cache_creation_input_tokens"] for usage in usages]
    assert read[0] == 0 < written[0]
    assert read[1] == written[0]
    assert read[2] == written[0] + written[1]
    assert all(usage["input_tokens"] < 20 for usage in usages)


async def test_what_is_typed_meanwhile_stays_where_it_is_typed(editor: Editor) -> None:
    uri = talk(editor)
    gates = [Gate(), Gate()]
    editor.api.script(
        replies.partial("One two ") + gates[0] + replies.partial("three\nfour ") + gates[1]
        + replies.text("five")
    )  # fmt: skip
    await editor.command("claude.continue", {"uri": uri})
    await gates[0].wait_reached()
    await editor.until_text(uri, "One two ")
    editor.client.change(uri, ((0, 0), (0, 0)), "# Title\n\n")
    line = editor.client.texts[uri].count("\n")
    editor.client.change(uri, ((line, 8), (line, 8)), "next")
    gates[0].open()
    await editor.until_text(uri, "four ")
    line = editor.client.texts[uri].count("\n")
    column = len(editor.client.texts[uri].split("\n")[-1])
    editor.client.change(uri, ((line, column), (line, column)), " question")
    await gates[1].wait_reached()
    gates[1].open()
    await editor.settled()
    assert editor.text(uri) == (
        f"# Title\n\n{QUESTION}\n## Claude\n\nOne two three\nfour five\n\n## You\n\nnext question"
    )


async def test_the_piece_under_which_the_text_was_deleted_is_shown_elsewhere(
    editor: Editor,
) -> None:
    uri = talk(editor)
    gate = Gate()
    editor.api.script(replies.partial("One two ") + gate + replies.text("three"))
    await editor.command("claude.continue", {"uri": uri})
    await gate.wait_reached()
    await editor.until_text(uri, "One two ")
    # Together with what comes behind, so that there is no place left.
    editor.client.change(uri, ((6, 8), (6, 8)), "typed")
    editor.client.change(uri, ((6, 2), (6, 10)), "")
    gate.open()
    await editor.settled()
    assert editor.text(uri) == f"{QUESTION}\n## Claude\n\nOnped"
    assert editor.messages == [
        "the answer was not written to its end: the text there has changed meanwhile"
    ]
    assert shown_path(editor).read_text("utf-8") == "One two three\n"


async def test_a_cancelled_answer_keeps_what_arrived_and_says_so(editor: Editor) -> None:
    uri = talk(editor)
    gate = Gate()
    editor.api.script(replies.partial("Try\n```py\nx = 1 \n") + gate + Hang())
    await editor.command("claude.continue", {"uri": uri})
    await gate.wait_reached()
    await editor.until_text(uri, "Try\n")
    await editor.command("claude.cancel")
    await editor.settled()
    await editor.api.messages[0].wait_disconnected()
    assert editor.text(uri) == (
        f"{QUESTION}\n## Claude\n\nTry\n```py\nx = 1 \n```\n\n{CANCELLED}\n\n## You\n\n"
    )


async def test_a_second_continue_does_not_disturb_the_first(editor: Editor) -> None:
    uri = talk(editor)
    gate = Gate()
    editor.api.script(replies.partial("One ") + gate + replies.text("two"))
    await editor.command("claude.continue", {"uri": uri})
    await gate.wait_reached()
    await editor.command("claude.continue", {"uri": uri})
    gate.open()
    await editor.settled()
    assert editor.messages == ["an answer is being written here; cancel it first to ask again"]
    assert editor.text(uri).endswith("One two\n\n## You\n\n")


async def test_a_failure_leaves_nothing_that_looks_like_an_answer(editor: Editor) -> None:
    uri = talk(editor)
    editor.api.script(replies.error(400, "invalid_request_error", "no"))
    await go_on(editor, uri)
    assert editor.text(uri) == QUESTION
    assert len(editor.errors) == 1


async def test_an_answer_that_broke_off_is_marked_and_the_failure_told(editor: Editor) -> None:
    uri = talk(editor)
    editor.api.script(replies.stream_error("Half an ", "overloaded_error"))
    await go_on(editor, uri)
    assert editor.text(uri) == f"{QUESTION}\n## Claude\n\nHalf an \n\n{BROKE_OFF}\n\n## You\n\n"
    assert len(editor.errors) == 1


async def test_the_end_of_the_session_asks_nothing_more_of_the_editor(editor: Editor) -> None:
    uri = talk(editor)
    gate = Gate()
    editor.api.script(replies.partial("One ") + gate + Hang())
    await editor.command("claude.continue", {"uri": uri})
    await gate.wait_reached()
    await editor.until_text(uri, "One ")
    before = len(editor.client.applied)
    await editor.client.shutdown_async(None)
    await editor.settled()
    assert len(editor.client.applied) == before


async def test_closing_the_document_ends_the_stream(editor: Editor) -> None:
    uri = talk(editor)
    gate = Gate()
    editor.api.script(replies.partial("One ") + gate + Hang())
    await editor.command("claude.continue", {"uri": uri})
    await gate.wait_reached()
    editor.client.close(uri)
    await editor.api.messages[0].wait_disconnected()
    await editor.settled()
    assert editor.messages == []


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("", "## You\n\n"),
        ("## You\n\n", "## You\n\n"),
        (
            "## You\n\nWhy?\n\n## Claude\n\nSo.\n",
            "## You\n\nWhy?\n\n## Claude\n\nSo.\n\n## You\n\n",
        ),
    ],
)
async def test_where_nothing_is_asked_nothing_is_sent(
    editor: Editor, text: str, after: str
) -> None:
    uri = talk(editor, text)
    await go_on(editor, uri)
    assert editor.messages == [answering.NOTHING_ASKED]
    assert editor.text(uri) == after
    assert editor.api.requests == []


async def test_what_is_not_sent_is_told_under_the_heading_and_never_sent(editor: Editor) -> None:
    editor.file(".env", "KEY=1\n")
    uri = talk(editor, "## You\n\n@file:.env ![a](b.png) Why?")
    editor.api.script(replies.text("So."))
    await go_on(editor, uri)
    head = editor.text(uri).split("## Claude\n\n")[1]
    assert head == (
        "*(claude-lsp: not sent: the image b.png; images are not sent in a conversation)*\n\n"
        "*(claude-lsp: not sent: @file:.env; secret-bearing file (.env))*\n\n"
        "So.\n\n## You\n\n"
    )
    editor.client.change(uri, None, editor.client.texts[uri] + "And?")
    editor.api.script(replies.text("So."))
    await go_on(editor, uri)
    assert "KEY=1" not in editor.api.messages[1].text
    assert messages(editor.api.messages[1])[1] == ("assistant", "So.")


async def test_the_oldest_turns_are_left_out_visibly(editor: Editor) -> None:
    long = "".join(f"## You\n\n{n} {'word ' * 300}\n\n## Claude\n\nYes {n}.\n\n" for n in range(20))
    uri = talk(editor, f"{long}## You\n\nWhy?")
    editor.client.settings["claude"] = {"ask": {"context_tokens": 2000}}
    editor.client.workspace_did_change_configuration(
        types.DidChangeConfigurationParams(settings=None)
    )
    await editor.ready()
    editor.api.script(replies.text("So."))
    await go_on(editor, uri)
    sent = messages(editor.api.messages[0])
    told = editor.text(uri).split("## You\n\nWhy?\n\n## Claude\n\n")[1].split("\n")[0]
    assert told == (
        f"*(claude-lsp: not sent: the {41 - len(sent)} oldest turns; the token budget is used up)*"
    )
    assert 1 < len(sent) < 10


async def test_a_last_turn_that_is_too_long_is_refused_with_the_reason(editor: Editor) -> None:
    uri = talk(editor, "## You\n\n" + "word " * 400_000)
    await go_on(editor, uri)
    (error,) = editor.errors
    assert "its last turn takes about" in error
    assert "ask.context_tokens" in error
    assert editor.api.requests == []
    assert editor.text(uri).endswith("word ")


async def test_again_with_opus_answers_the_last_question_once_more(editor: Editor) -> None:
    uri = talk(editor)
    editor.api.script(replies.text("Once."))
    await go_on(editor, uri)
    actions = await editor.actions(uri, ((0, 0), (0, 0)))
    (again,) = [each for each in actions if "Again, with opus" in each.title]
    editor.api.script(replies.text("Better."))
    await editor.run(again.command.command, *again.command.arguments)
    assert editor.text(uri) == (
        f"{QUESTION}\n## Claude\n\nOnce.\n\n## Claude (opus)\n\nBetter.\n\n## You\n\n"
    )
    assert messages(editor.api.messages[1]) == [("user", "Why?")]
    assert [each.model for each in editor.api.messages] == ["claude-sonnet-5-5", "claude-opus-5-5"]


async def test_diagnostics_are_those_of_our_own_and_those_that_the_editor_gives(
    editor: Editor,
) -> None:
    code = editor.open()
    editor.api.script(replies.json_findings([finding(PYTHON, "LIMIT = 10")]))
    await editor.run("claude.review", {"uri": code})
    uri = talk(editor, "## You\n\n@diagnostics")
    editor.api.script(replies.text("So."))
    given = [{"uri": code, "line": 3, "message": "is odd", "source": "lint", "code": "E1"}]
    given.append({"uri": editor.file(".env", ""), "line": 0, "message": "KEY=1"})
    await go_on(editor, uri, diagnostics=given)
    said = editor.api.messages[1].text
    assert "code.py:1: claude review.correctness: About LIMIT = 10\n" in said
    assert "code.py:4: lint E1: is odd\n" in said
    assert "KEY=1" not in said


async def test_the_pieces_are_joined_where_the_editor_ends_the_last_line_by_itself(
    unstarted: Editor,
) -> None:
    capabilities = modern()
    capabilities.experimental = {"claude": {"joinUndo": True}}
    await unstarted.start(capabilities)
    uri = talk(unstarted)
    change_many = unstarted.client.change_many

    def ended(address: str, spans: Any) -> None:
        ((place, text),) = spans
        ends = unstarted.client.texts[address].endswith("\n") and place[0] == (3, 0)
        change_many(address, [(place, text + "\n" if ends else text)])

    unstarted.client.change_many = ended  # type: ignore[assignment,method-assign]
    gate = Gate()
    unstarted.api.script(replies.partial("One.\nTwo ") + gate + replies.text("three."))
    await unstarted.command("claude.continue", {"uri": uri})
    await gate.wait_reached()
    await unstarted.until_text(uri, "Two \n")
    gate.open()
    await unstarted.settled()
    wanted = f"{QUESTION}\n## Claude\n\nOne.\nTwo three.\n\n## You\n\n\n"
    assert unstarted.text(uri) == wanted
    first, *others = unstarted.client.joined
    assert not first
    assert others
    assert all(others)


async def test_one_answer_in_lines_with_carriage_returns(editor: Editor) -> None:
    uri = talk(editor, "## You\r\n\r\nWhy?\r\n")
    editor.api.script(replies.text("One.\nTwo."))
    await go_on(editor, uri)
    assert editor.text(uri) == (
        "## You\r\n\r\nWhy?\r\n\r\n## Claude\r\n\r\nOne.\r\nTwo.\r\n\r\n## You\r\n\r\n"
    )


# ----- apply a block


def block(info: str, *lines: str) -> str:
    return f"{QUESTION}\n## Claude\n\n```{info}\n" + "".join(f"{one}\n" for one in lines) + "```\n"


async def apply(editor: Editor, uri: str) -> None:
    """Choose the action from the menu, in the first line of the block."""
    actions = await editor.actions(uri, ((7, 0), (7, 0)))
    (chosen,) = [each for each in actions if "Apply this block" in each.title]
    await editor.run(chosen.command.command, *chosen.command.arguments)


async def test_a_block_becomes_a_minimal_edit_of_an_open_file(editor: Editor) -> None:
    code = editor.open()
    uri = talk(editor, block("diff path=code.py", "@@ -1 +1 @@", "-LIMIT = 10", "+LIMIT = 20"))
    await apply(editor, uri)
    assert editor.text(code) == PYTHON.replace("10", "20")
    (question,) = editor.client.questions
    assert question.message == "Claude: Apply this block to code.py (+1 -1 lines)?"
    ((params, _),) = editor.client.applied
    (change,) = params.edit.document_changes or ()
    assert isinstance(change, types.TextDocumentEdit)
    (only,) = change.edits
    assert isinstance(only, types.TextEdit)
    assert only.new_text == "2"


async def test_a_whole_file_is_written_once_the_user_has_seen_it(editor: Editor) -> None:
    editor.file("old.py", PYTHON)
    editor.client.texts[editor.file("old.py", PYTHON)] = PYTHON
    lines = PYTHON.replace("10", "20").rstrip("\n").split("\n")
    uri = talk(editor, block("python path=old.py", *lines))
    await apply(editor, uri)
    ((params, _),) = editor.client.applied
    (annotation,) = (params.edit.change_annotations or {}).values()
    assert annotation.needs_confirmation
    (shown,) = editor.client.shown
    assert editor.client.texts[shown.uri] == PYTHON.replace("10", "20")
    assert editor.client.questions == []


async def test_a_block_for_a_new_file_creates_it(editor: Editor) -> None:
    uri = talk(editor, block('python path="new dir/new.py"', "x = 1"))
    await apply(editor, uri)
    (shown,) = editor.client.shown
    assert shown.uri.endswith("new%20dir/new.py")
    assert editor.client.texts[shown.uri] == "x = 1\n"


async def test_a_block_that_waits_is_applied_when_it_is_accepted(unstarted: Editor) -> None:
    capabilities = modern()
    capabilities.experimental = {"claude": {"preview": {"accept": True}}}
    await unstarted.start(capabilities)
    code = unstarted.open()
    uri = talk(unstarted, block("diff path=code.py", "-LIMIT = 10", "+LIMIT = 20"))
    await apply(unstarted, uri)
    assert unstarted.text(code) == PYTHON
    (held,) = unstarted.server.previews._held
    await unstarted.run("claude.acceptPreview", {"id": held})
    assert unstarted.text(code) == PYTHON.replace("10", "20")


@pytest.mark.parametrize(
    ("info", "lines", "told"),
    [
        ("python path=.env", ("x = 1",), "into .env, which is not touched: secret-bearing file"),
        ("python path=link/a.py", ("x = 1",), "link/a.py"),
        ("python path=code.py", ("# ... existing code ...",), "it leaves lines out"),
        ("diff path=code.py", ("-nowhere", "+x"), "the lines of a hunk are not in the file"),
        ("python path=code.py", (PYTHON.rstrip("\n"),), "the file is like that already"),
        ("python path=code.py", ("KEY = '<redacted:token>'",), "it has <redacted:token>"),
    ],
)
async def test_a_block_that_does_not_fit_is_told_and_changes_nothing(
    editor: Editor, tmp_path: Path, info: str, lines: tuple[str, ...], told: str
) -> None:
    (editor.root / "link").symlink_to(tmp_path)
    code = editor.open()
    uri = talk(editor, block(info, *lines))
    await apply(editor, uri)
    (message,) = editor.messages
    assert message.startswith("the block was not applied")
    assert told in message
    assert editor.client.applied == []
    assert editor.text(code) == PYTHON


@pytest.mark.parametrize("path", ["../a.py", "/etc/passwd", "~/a.py", "C:\\a.py", "a/../../b"])
async def test_a_block_of_elsewhere_is_not_offered_nor_applied(editor: Editor, path: str) -> None:
    uri = talk(editor, block(f"python path={path}", "x = 1"))
    actions = await editor.actions(uri, ((7, 0), (7, 0)))
    assert [each for each in actions if "Apply" in each.title] == []
    await editor.run("claude.applyBlock", {"uri": uri, "range": plain(((7, 0), (7, 0)))})
    assert editor.messages == [f"the block was not applied: {path} is outside of the workspace"]


async def test_code_that_would_not_parse_is_applied_only_if_wanted(editor: Editor) -> None:
    code = editor.open()
    editor.client.choose = lambda _: None
    uri = talk(editor, block("diff path=code.py", "-LIMIT = 10", "+LIMIT = ("))
    await apply(editor, uri)
    (question,) = editor.client.questions
    assert "which would leave code that does not parse" in question.message
    assert editor.text(code) == PYTHON
