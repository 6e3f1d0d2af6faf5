"""Reviews of a selection and of what git says has changed, in the editor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from lsprotocol import types

from tests.lsp.editor import PYTHON, finding, plain, span_of
from tests.messages_api import replies
from tests.unit.git_kit import Repository

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lsp.editor import Editor

LIMIT = finding(PYTHON, "LIMIT = 10", title="Never used")
RESULT = finding(PYTHON, "    result = 0", title="Starts at 0")
RETURN = finding(PYTHON, "    return result", title="Wrong result")


@pytest.fixture
def repository(editor: Editor) -> Repository:
    made = Repository(editor.root)
    made.commit(one_py=PYTHON, two_py=PYTHON, three_py=PYTHON)
    return made


def uri_of(root: Path, name: str) -> str:
    return (root / name).as_uri()


async def review(editor: Editor, findings: list[dict[str, Any]], **arguments: Any) -> None:
    editor.api.script(replies.json_findings(findings))
    await editor.run("claude.review", arguments)


async def test_a_selection_is_reviewed_and_nothing_else_reported(editor: Editor) -> None:
    uri = editor.open()
    await review(editor, [LIMIT, RESULT], uri=uri)
    span = plain(span_of(PYTHON, "    result = 0"))
    await review(editor, [LIMIT, RETURN], uri=uri, scope="selection", range=span)
    sent = editor.api.messages[1].text
    assert "Review lines 5 of code.py above." in sent
    # What was found elsewhere before stays: it was not looked at again.
    assert editor.shown(uri) == [(0, "Never used")]
    (message,) = editor.messages
    assert message.startswith("no findings in code.py (")
    assert "1 dropped: not about the selected lines" in message


async def test_what_has_changed_is_reviewed_also_in_files_that_are_not_open(
    editor: Editor, repository: Repository
) -> None:
    repository.write("one.py", PYTHON.replace("result = 0", "result = 1"))
    repository.write("new.py", "def new():\n    return 1 / 0\n")
    repository.git("rm", "-q", "--cached", "three.py")
    repository.git("reset", "-q", "--", "three.py")
    changed = {**finding(PYTHON, "    result = 0"), "path": "one.py", "quote": "result = 1"}
    new = finding("def new():\n    return 1 / 0\n", "    return 1 / 0", title="Divides by zero")
    await review(editor, [changed, {**new, "path": "new.py"}], scope="changes")
    (request,) = editor.api.messages
    assert '<document path="one.py" language="python" lines="2-8 of 8"' in request.text
    assert ' change="modified">' in request.text
    assert "-    result = 0\n+    result = 1\n" in request.text
    assert "two.py" not in request.text
    assert editor.shown(uri_of(editor.root, "one.py")) == [(4, "About result = 0")]
    assert editor.shown(uri_of(editor.root, "new.py")) == [(1, "Divides by zero")]
    assert editor.messages == []


async def test_what_is_staged_is_reviewed_as_it_is_staged(
    editor: Editor, repository: Repository
) -> None:
    repository.write("one.py", PYTHON.replace("LIMIT = 10", "LIMIT = 20"))
    repository.git("add", "one.py")
    repository.write("one.py", PYTHON.replace("LIMIT = 10", "LIMIT = 30"))
    await review(editor, [], scope="staged", uri=uri_of(editor.root, "two.py"))
    (request,) = editor.api.messages
    assert "LIMIT = 20" in request.text
    assert "LIMIT = 30" not in request.text
    assert editor.messages == ["no findings in 1 changed file"]


async def test_nothing_has_changed(editor: Editor, repository: Repository) -> None:
    await editor.run("claude.review", {"scope": "changes"})
    await editor.run("claude.review", {"scope": "staged"})
    assert editor.messages == ["Nothing changed in the working tree.", "Nothing is staged."]
    assert editor.api.messages == []


async def test_outside_of_any_repository_it_says_so(editor: Editor) -> None:
    await editor.run("claude.review", {"scope": "changes"})
    (message,) = editor.messages
    assert "is in no git repository" in message


async def test_a_failed_review_of_changes_takes_nothing_back(
    editor: Editor, repository: Repository
) -> None:
    repository.write("one.py", PYTHON.replace("result = 0", "result = 1"))
    changed = {**RESULT, "path": "one.py", "quote": "result = 1"}
    await review(editor, [changed], scope="changes")
    editor.api.script(replies.text("Looks good."))
    await editor.run("claude.review", {"scope": "changes"})
    assert editor.shown(uri_of(editor.root, "one.py")) == [(4, "Starts at 0")]
    (error,) = editor.errors
    assert "could not be used" in error


async def test_many_calls_are_not_made_without_asking(
    editor: Editor, repository: Repository
) -> None:
    body = "".join(f"def function_{n}(value):\n    return value * {n}\n\n\n" for n in range(150))
    for number in range(8):
        repository.write(f"large_{number}.py", body)
    editor.client.choose = lambda _: None
    await editor.run("claude.review", {"scope": "changes"})
    (question,) = editor.client.questions
    assert " calls, " in question.message
    assert "at most $" in question.message
    assert editor.api.messages == []


async def test_a_wrong_scope_is_refused(editor: Editor) -> None:
    uri = editor.open()
    with pytest.raises(Exception, match="scope is file, selection, changes or staged"):
        await editor.command("claude.review", {"uri": uri, "scope": "everything"})
    with pytest.raises(Exception, match="needs a range"):
        await editor.command("claude.review", {"uri": uri, "scope": "selection"})


async def test_a_large_document_is_reviewed_in_parts(unstarted: Editor) -> None:
    await unstarted.start(options={"context": {"tokens": 2000}})
    text = "".join(f"value_{number} = compute({number})\n" for number in range(400))
    uri = unstarted.open(text)
    late = finding(text, "value_399 = compute(399)", title="The last line")
    unstarted.api.respond(
        lambda received: replies.json_findings([late] if "value_399" in received.text else [])
    )
    await unstarted.run("claude.review", {"uri": uri})
    assert len(unstarted.api.messages) > 3
    assert unstarted.shown(uri) == [(399, "The last line")]
    assert unstarted.messages == []


async def save(editor: Editor, uri: str) -> None:
    editor.client.text_document_did_save(
        types.DidSaveTextDocumentParams(types.TextDocumentIdentifier(uri))
    )
    await editor.settled()


async def test_on_save_what_has_changed_in_the_file_is_reviewed_once(
    unstarted: Editor,
) -> None:
    editor = unstarted
    repository = Repository(editor.root)
    repository.commit(one_py=PYTHON, two_py=PYTHON)
    await editor.start(options={"review": {"on_save": True}})
    changed = PYTHON.replace("result = 0", "result = 1")
    repository.write("two.py", changed)
    uri = editor.open(changed, "one.py")
    odd = {**finding(PYTHON, "    result = 0"), "path": "one.py", "quote": "result = 1"}
    editor.api.respond(lambda _: replies.json_findings([odd]))
    await save(editor, uri)
    (request,) = editor.api.messages
    assert '<document path="two.py"' not in request.text
    assert editor.shown(uri) == [(4, "About result = 0")]
    await save(editor, uri)
    assert len(editor.api.messages) == 1
    assert editor.messages == []
    (usage,) = editor.server.session.ledger.usage(())
    assert usage.requests == 1
    assert editor.server.session.ledger.spent_today().automatic_usd > 0


@pytest.mark.parametrize("options", [{}, {"review": {"on_save": True}}])
async def test_saving_asks_nothing_where_nothing_has_changed_or_nobody_wants_it(
    unstarted: Editor, options: dict[str, Any]
) -> None:
    editor = unstarted
    repository = Repository(editor.root)
    repository.commit(one_py=PYTHON)
    await editor.start(options=options)
    if not options:
        repository.write("one.py", PYTHON + "more = 1\n")
    uri = editor.open(repository.root.joinpath("one.py").read_text(), "one.py")
    await save(editor, uri)
    assert editor.api.messages == []
    assert editor.messages == []


async def test_a_limit_on_saving_is_told_once_and_not_by_a_pop_up_for_each(
    unstarted: Editor,
) -> None:
    editor = unstarted
    repository = Repository(editor.root)
    repository.commit(one_py=PYTHON)
    await editor.start(
        options={"review": {"on_save": True}, "spend": {"automatic_day_usd": 0.000001}}
    )
    for number in range(3):
        uri = editor.open(PYTHON + f"more = {number}\n", "one.py")
        await save(editor, uri)
    assert editor.api.messages == []
    assert len(editor.messages) <= 1
