"""Reviews of a whole project: facts without a model, and a question before anything is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from lsprotocol import types

from claude_lsp.lsp import publish
from claude_lsp.text.snapshots import path_from_uri, uri_from_path
from tests.lsp.editor import finding
from tests.messages_api import Disconnect, Finish, Gate, Reply, replies

if TYPE_CHECKING:
    from tests.lsp.editor import Editor

ONE = "from package import two\n\n\ndef first():\n    return two.second()\n"
TWO = "from package import one\n\n\ndef second():\n    return one.first()\n"


@pytest.fixture
def project(unstarted: Editor) -> Editor:
    """Two modules that import each other."""
    unstarted.file("package/__init__.py", "")
    unstarted.file("package/one.py", ONE)
    unstarted.file("package/two.py", TWO)
    return unstarted


@pytest.fixture(autouse=True)
def publish_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "_REPUBLISH_AFTER_S", 0.01)


def no(_question: Any) -> None:
    """Close the question without an answer."""


def shown(editor: Editor) -> dict[str, list[str]]:
    """Return the rules shown by file."""
    prefix = uri_from_path(editor.root) + "/"
    return {
        uri.removeprefix(prefix): [str(each.code) for each in diagnostics]
        for uri, diagnostics in editor.client.diagnostics.items()
        if diagnostics
    }


def judged(quote: str = "def second():", path: str = "package/two.py") -> dict[str, Any]:
    return finding(TWO, quote, path=path, rule="arch.seam", title="In the wrong place")


async def test_facts_need_no_key(project: Editor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    monkeypatch.delenv("ANTHROPIC_CONFIG_DIR")
    await project.start()
    await project.run("claude.reviewArchitecture")
    assert any(rule.startswith("arch.") for rules in shown(project).values() for rule in rules)
    # Asking would be no use.
    assert project.client.questions == []
    (error,) = project.errors
    assert "No Anthropic API key was found" in error
    notice = "1 fact about the architecture, computed from the code; no model was asked"
    assert notice in project.messages
    assert project.api.requests == []


async def test_the_question_names_model_and_price_and_no_is_no(project: Editor) -> None:
    await project.start()
    project.client.choose = no
    await project.run("claude.reviewArchitecture")
    (question,) = project.client.questions
    assert "claude-opus-5-5" in question.message
    assert "at most $" in question.message
    assert "tokens" in question.message
    assert [each.title for each in question.actions or ()] == ["Send", "Cancel"]
    assert project.api.requests == []
    assert project.messages == ["1 fact about the architecture; nothing was sent"]
    assert shown(project) != {}


async def test_a_client_that_cannot_ask_sends_nothing(project: Editor) -> None:
    await project.start()
    del project.client.protocol.fm.features[types.WINDOW_SHOW_MESSAGE_REQUEST]
    await project.run("claude.reviewArchitecture")
    assert project.api.requests == []
    assert project.errors == []


async def test_findings_in_files_that_are_not_open(project: Editor) -> None:
    await project.start()
    project.api.script(replies.json_findings([judged()]))
    await project.run("claude.reviewArchitecture")
    (request,) = project.api.messages
    assert request.model == "claude-opus-5-5"
    assert "package/two.py" in request.text
    assert "arch.seam" in shown(project)["package/two.py"]
    uri = uri_from_path(project.root / "package/two.py")
    found = [d for d in project.client.diagnostics[uri] if d.code == "arch.seam"]
    assert found[0].range.start == types.Position(3, 0)
    (message,) = project.messages
    assert "1 finding of claude-opus-5-5" in message


async def test_another_run_replaces_facts_and_findings_that_are_gone(project: Editor) -> None:
    await project.start()
    project.api.script(replies.json_findings([judged()]))
    await project.run("claude.reviewArchitecture")
    project.file("package/two.py", TWO.replace("from package import one\n", "").replace("one.", ""))
    project.api.script(replies.json_findings([]))
    await project.run("claude.reviewArchitecture")
    assert shown(project) == {}


async def test_a_run_that_fails_keeps_the_earlier_findings(project: Editor) -> None:
    await project.start()
    project.api.script(replies.json_findings([judged()]))
    await project.run("claude.reviewArchitecture")
    before = shown(project)
    project.api.script(replies.partial('{"findings":[') + Disconnect())
    await project.run("claude.reviewArchitecture")
    assert shown(project) == before
    (error,) = project.errors
    assert "broke off" in error


async def test_reviews_of_a_file_and_of_the_project_do_not_replace_each_other(
    project: Editor,
) -> None:
    await project.start()
    uri = uri_from_path(project.root / "package/two.py")
    project.client.open(uri, TWO)
    project.api.script(replies.json_findings([judged()]))
    await project.run("claude.reviewArchitecture")
    before = shown(project)["package/two.py"]
    quote = "    return one.first()"
    project.api.script(replies.json_findings([finding(TWO, quote, path="package/two.py")]))
    await project.run("claude.review", {"uri": uri})
    assert shown(project)["package/two.py"] == [*before, "review.correctness"]
    project.api.script(replies.json_findings([]))
    await project.run("claude.review", {"uri": uri})
    assert shown(project)["package/two.py"] == before


async def test_an_open_buffer_that_differs_from_the_file(project: Editor) -> None:
    await project.start()
    path = project.root / "package/two.py"
    spelled = uri_from_path(path).replace("two.py", "%74wo.py")
    project.client.open(spelled, "# not saved\n\n" + TWO)
    project.api.script(replies.json_findings([judged()]))
    await project.run("claude.reviewArchitecture")
    # Under the client's own spelling of the address, and where the buffer has the text.
    found = [d for d in project.client.diagnostics[spelled] if d.code == "arch.seam"]
    assert found[0].range.start.line == 5
    project.client.change(spelled, ((0, 0), (1, 0)), "")
    await project.client.wait_for(
        lambda: (
            [
                d.range.start.line
                for d in project.client.diagnostics[spelled]
                if d.code == "arch.seam"
            ]
            == [4]
        )
    )


async def test_a_document_that_is_opened_later_takes_the_findings_over(project: Editor) -> None:
    await project.start()
    project.api.script(replies.json_findings([judged()]))
    await project.run("claude.reviewArchitecture")
    ours = uri_from_path(project.root / "package/two.py")
    spelled = ours.replace("two.py", "%74wo.py")
    rules = [each.code for each in project.client.diagnostics[ours]]
    project.client.open(spelled, "\n" + TWO)
    await project.client.wait_for(lambda: project.client.diagnostics.get(spelled))
    assert [each.code for each in project.client.diagnostics[spelled]] == rules
    assert project.client.diagnostics[ours] == []


async def test_findings_of_files_that_were_not_shown_are_dropped_and_counted(
    project: Editor,
) -> None:
    await project.start()
    project.api.script(replies.json_findings([judged(path="package/nine.py")]))
    await project.run("claude.reviewArchitecture")
    (message,) = project.messages
    assert "0 findings" in message
    assert "1 dropped: the file was not shown" in message


async def test_ignored_files_are_not_sent(project: Editor) -> None:
    project.file(".claudeignore", "secret_sauce.py\n")
    project.file("package/secret_sauce.py", "from package import one, two\n" * 30)
    await project.start()
    project.api.script(replies.json_findings([]))
    await project.run("claude.reviewArchitecture")
    assert "secret_sauce" not in project.api.messages[0].text


async def test_it_needs_a_folder(unstarted: Editor) -> None:
    await unstarted.start(root="")
    await unstarted.run("claude.reviewArchitecture")
    assert unstarted.messages == ["an architecture review needs a folder; open one first"]
    assert unstarted.api.requests == []


async def test_an_empty_folder(unstarted: Editor) -> None:
    await unstarted.start()
    unstarted.client.choose = no
    await unstarted.run("claude.reviewArchitecture")
    assert unstarted.messages == ["0 facts about the architecture; nothing was sent"]
    assert unstarted.errors == []


async def test_clear_takes_the_facts_back(project: Editor) -> None:
    await project.start()
    project.client.choose = no
    await project.run("claude.reviewArchitecture")
    await project.command("claude.clear")
    assert shown(project) == {}


async def test_facts_of_files_that_are_not_open_point_to_both_ends(
    project: Editor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    monkeypatch.delenv("ANTHROPIC_CONFIG_DIR")
    project.file("claude-lsp.toml", '[arch]\nlayers = ["package.two", "package.low"]\n')
    project.file("package/low.py", "import package.two\n")
    await project.start()
    await project.run("claude.reviewArchitecture")
    found = {
        each.code: (uri, each)
        for uri, diagnostics in project.client.diagnostics.items()
        for each in diagnostics
    }
    uri, layer = found["arch.layer"]
    assert uri == uri_from_path(project.root / "package/low.py")
    assert (layer.range.start, layer.range.end) == (types.Position(0, 0), types.Position(0, 18))
    (related,) = layer.related_information or ()
    assert related.location.uri == uri_from_path(project.root / "package/two.py")
    assert project.api.requests == []


def leaky() -> dict[str, Any]:
    """A finding with two places, one of them in a file that only a tool shows."""
    places = [
        {"path": "package/two.py", "line": 4, "quote": "def second():", "shows": "the inside"},
        {"path": "notes.txt", "line": 2, "quote": "second() must", "shows": "who has to know it"},
    ]
    return judged() | {"places": places, "dependencies": [], "rule": "arch.boundary"}


def answer(*findings: dict[str, Any]) -> Reply:
    overview = [{"kind": "strength", "text": "Small."}, {"kind": "first", "text": "Begin here."}]
    return replies.json({"findings": list(findings), "overview": overview})


async def test_a_finding_links_its_places_and_the_overview_opens(project: Editor) -> None:
    notes = project.file("notes.txt", "first\nsecond() must be called twice\n")
    await project.start()
    # The buffer differs from the file: it is what the model reads, and where the link leads.
    project.client.open(notes, "new\nfirst\nsecond() must be called twice\n", "plaintext")
    project.api.script(replies.tool_use("read_file", {"path": "notes.txt"}), answer(leaky()))
    await project.run("claude.reviewArchitecture")
    assert "new\n" in project.api.messages[1].text or "1| new" in str(project.api.messages[1].body)
    uri = uri_from_path(project.root / "package/two.py")
    (found,) = [d for d in project.client.diagnostics[uri] if d.code == "arch.boundary"]
    assert found.range.start == types.Position(3, 0)
    (related,) = found.related_information or ()
    assert (related.location.uri, related.message) == (notes, "who has to know it")
    assert related.location.range.start == types.Position(2, 0)
    (shown_document,) = project.client.shown
    path = path_from_uri(shown_document.uri)
    assert path is not None
    assert path.read_text("utf-8") == (
        "# Architecture of project\n\n## Strengths\n\n- Small.\n\n"
        "## To do first\n\n1. Begin here.\n"
    )


async def test_a_link_follows_edits_of_the_other_file(project: Editor) -> None:
    text = "first\nsecond() must be called twice\n"
    notes = project.file("notes.txt", text)
    await project.start()
    project.api.script(replies.tool_use("read_file", {"path": "notes.txt"}), answer(leaky()))
    await project.run("claude.reviewArchitecture")
    uri = uri_from_path(project.root / "package/two.py")
    project.client.open(notes, "\n\n" + text, "plaintext")
    project.client.open(uri, TWO)
    project.client.change(uri, ((0, 0), (0, 0)), "\n")

    def lines() -> list[int]:
        found = [d for d in project.client.diagnostics[uri] if d.code == "arch.boundary"]
        return [r.location.range.start.line for d in found for r in d.related_information or ()]

    await project.client.wait_for(lambda: lines() == [3])


async def test_the_question_tells_of_the_looks_and_the_price_of_all(project: Editor) -> None:
    await project.start()
    project.client.choose = no
    await project.run("claude.reviewArchitecture")
    (question,) = project.client.questions
    assert "at most $2.00" in question.message
    assert "then up to 6 looks into the project" in question.message


async def test_cancelling_ends_the_dialogue(project: Editor) -> None:
    await project.start()
    gate = Gate()
    project.api.script(
        replies.tool_use("list_directory", {"path": "."}),
        replies.partial('{"findings":[') + gate + Finish(),
    )
    await project.command("claude.reviewArchitecture")
    await gate.wait_reached()
    await project.command("claude.cancel")
    await project.settled()
    await project.api.messages[1].wait_disconnected()
    gate.open()


async def test_what_would_be_sent_is_shown(project: Editor) -> None:
    await project.start()
    await project.run("claude.showContext", {"action": "architecture"})
    assert project.api.requests == []
    (shown_document,) = project.client.shown
    path = path_from_uri(shown_document.uri)
    assert path is not None
    text = path.read_text("utf-8")
    assert text.startswith("# architecture: what is sent\n")
    assert "project map: computed from the code" in text
    assert "--- tools ---\nread_file(" in text
