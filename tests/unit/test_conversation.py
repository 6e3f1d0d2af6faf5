"""Conversations: what is read from any text, what is sent of it, and what its blocks become."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_lsp.actions import ACTIONS
from claude_lsp.actions.action import Situation
from claude_lsp.actions.blocks import Unfit, block_at, edits_of
from claude_lsp.claude.catalog import lookup
from claude_lsp.claude.errors import ClaudeError
from claude_lsp.claude.request import Block, Message, parameters
from claude_lsp.cli import main
from claude_lsp.cli import process as exit_codes
from claude_lsp.context import tokens
from claude_lsp.context.assemble import LeftOut
from claude_lsp.context.conversation import Attachment, assemble_messages
from claude_lsp.disclosure import as_text
from claude_lsp.text.conversation import AnswerText, Reference, Turn, opening, parse
from claude_lsp.text.edits import apply_edits
from claude_lsp.text.positions import Position, Range
from claude_lsp.text.snapshots import Snapshot, uri_from_path
from tests import cases_loader
from tests.messages_api.models import MODELS
from tests.messages_api.rules import check_message
from tests.unit.engine_kit import engine_for, request
from tests.unit.git_kit import Repository
from tests.unit.index_kit import write

if TYPE_CHECKING:
    from pathlib import Path

    from claude_lsp.engine import Prepared

PIECES = [
    "## You\n", "## Claude\n", "##you\n", "# CLAUDE:\n", "### Claude (opus)\n", "```\n", "~~~~\n",
    "````py path=a.py\n", "text\n", "\n", "@file:a.py ", "@diff\n", "## You and me\n", "\\## You\n",
    "*(claude-lsp: hint)*\n", "a", " ", "\r\n", "#", "`", "## Clau",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=12), max_size=40).map("".join)
A_FILE = Attachment("a.py", "".join(f"value_{n} = {n}\n" for n in range(60)), "python")


@pytest.fixture(scope="module", autouse=True)
def vocabulary() -> None:
    assert tokens.warm()


def named(folder: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", cases_loader.paths(folder), ids=lambda path: path.stem)


async def prepared_for(root: Path, text: str, limit: int = 40_000) -> Prepared:
    uri = uri_from_path(root / "talk.claude.md")
    document = Snapshot(uri, 1, text, "markdown")
    everything = document.index.range_of(0, len(text))
    situation = Situation(document, "talk.claude.md", everything)
    async with engine_for(root, ask__context_tokens=1000) as engine:
        if "@symbol" in text:
            engine.codebase.update()
            await engine.codebase.settled()
        action = replace(
            ACTIONS["ask"], recipe=replace(ACTIONS["ask"].recipe, budget=lambda _: limit)
        )
        return await engine.prepare(action, situation)


def said(prepared: Prepared) -> str:
    """Return the messages as a case has them."""
    made = prepared.request
    every = [*made.earlier, Message("user", tuple(b for b in made.blocks if isinstance(b, Block)))]
    texts = ("\n".join(block.text for block in each.blocks).strip("\n") for each in every)
    return "".join(f"=== {each.role}\n{text}\n" for each, text in zip(every, texts, strict=True))


@named("ask")
async def test_what_is_sent(path: Path, tmp_path: Path) -> None:
    sections = cases_loader.load(path).sections
    for name, text in sections.items():
        if name.startswith("file "):
            write(tmp_path, name.removeprefix("file "), text)
    write(tmp_path, ".git/HEAD", "ref: refs/heads/main\n")
    limit = int(sections.get("limit", "40000"))
    if "problem" in sections:
        with pytest.raises(ClaudeError) as raised:
            await prepared_for(tmp_path, sections["conversation"], limit)
        problem = raised.value.failure.message.removeprefix("The conversation is not sent: ")
        cases_loader.expect(path, "problem", f"{problem}\n")
        return
    prepared = await prepared_for(tmp_path, sections["conversation"], limit)
    cases_loader.expect(path, "messages", said(prepared))
    left_out = [f"{each.origin}: {each.reason}\n" for each in prepared.context.left_out]
    if "not sent" in sections:
        cases_loader.expect(path, "not sent", "".join(left_out))
    else:
        assert left_out == []
    for block in (block for each in prepared.request.earlier for block in each.blocks):
        assert block.text in as_text(prepared)


@named("ask_block")
def test_what_becomes_of_a_block(path: Path) -> None:
    sections = cases_loader.load(path).sections
    old = sections["file"].replace("<END>\n", "")
    (info,) = (name.removeprefix("block ") for name in sections if name.startswith("block "))
    document = ["## Claude\n", f"```{info}\n", *sections[f"block {info}"].splitlines(True), "```\n"]
    for newline in ("\n", "\r\n"):
        block = block_at(document, 2)
        assert block is not None
        edits = edits_of(block, block.content(document), old.replace("\n", newline))
        if isinstance(edits, Unfit):
            cases_loader.expect(path, "unfit", f"{edits.reason}\n")
            continue
        assert "unfit" not in sections
        wanted = sections["result"].replace("<END>\n", "")
        made = apply_edits(old.replace("\n", newline), edits)
        # A file that is not there yet has no line endings to follow.
        assert made == (wanted.replace("\n", newline) if old else wanted)
        if "edits" in sections and newline == "\n":
            told = "".join(
                f"{e.range.start.line + 1}:{e.range.start.column}-{e.range.end.line + 1}:"
                f'{e.range.end.column} "{e.text}"\n'
                for e in edits
            )
            cases_loader.expect(path, "edits", told)


@given(TEXTS, st.integers(40, 900), st.sampled_from([True, False]))
def test_any_text_gives_a_valid_list_within_its_limit(
    text: str, limit: int, attached: bool
) -> None:
    turns = parse(text).turns
    roles = [turn.role for turn in turns]
    assert all(one != other for one, other in itertools.pairwise(roles))
    assert all(turn.text.strip() == turn.text != "" for turn in turns)
    every = {reference for turn in turns for reference in turn.references}
    attachments = dict.fromkeys(every, (A_FILE,)) if attached else {}
    made = assemble_messages(turns, attachments, limit, "claude-4.7")
    assert (made.problem is None) == bool(made.messages)
    if made.problem is not None:
        assert not turns or roles[-1] == "assistant" or "takes about" in made.problem
        return
    roles = [message.role for message in made.messages]
    assert roles[0] == roles[-1] == "user"
    assert all(one != other for one, other in itertools.pairwise(roles))
    assert made.tokens <= limit
    *earlier, newest = [
        Message(each.role, tuple(Block(p.text, p.tokens, stable=True) for p in each.parts))
        for each in made.messages
    ]
    body = parameters(request("claude-sonnet-5-5", blocks=newest.blocks, earlier=tuple(earlier)))
    check_message(body, MODELS)  # raises what the service would answer


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=12), max_size=30), TEXTS)
def test_any_answer_is_one_turn_of_the_document_that_it_is_written_into(
    pieces: list[str], behind: str
) -> None:
    writer = AnswerText()
    written = "".join([*map(writer.feed, pieces), writer.close()])
    document = f"## You\n\nWhy?\n\n## Claude\n\n{written}\n\n## You\n\nand {behind}"
    turns = parse(document).turns
    if parse(f"## Claude\n\n{written}").turns:
        assert turns[0] == Turn("user", "Why?")
        assert [turn.role for turn in turns[:3]] == ["user", "assistant", "user"]
        assert turns[2].text.startswith("and")
    # Whatever the pieces it came in.
    other = AnswerText()
    again = "".join([*map(other.feed, "".join(pieces)), other.close()])
    assert again == written


@given(
    st.builds(
        Reference,
        st.just("file"),
        st.text(alphabet="ab .-_/é()#'😀", min_size=1).filter(lambda name: name.strip() == name),
        st.integers(1, 99),
    )
)
def test_a_reference_that_is_written_is_read_again(reference: Reference) -> None:
    reference = reference._replace(last=reference.first)
    if re.search(r"#L\d", reference.name):
        return
    (turn,) = parse(opening(reference, "Why?")).turns
    assert turn.references == (reference,)


def test_what_stands_in_front_stays_the_same_from_turn_to_turn() -> None:
    """So that the cache serves it, save where the oldest turns are left out, many at a time."""
    turns, kept, cuts = [], 0, 0
    before: list[Any] = []
    for number in range(60):
        turns.append(Turn("user", f"question {number} " + "word " * 40))
        made = assemble_messages(turns, {}, 3000, "claude-4.7")
        count = int(re.findall(r"\d+", made.left_out[0].origin)[0]) if made.left_out else 0
        sent = [[part.text for part in message.parts] for message in made.messages]
        if count == kept:
            assert sent[: len(before)] == before
        else:
            cuts += 1
            assert count > kept
        before, kept = sent, count
        turns.append(Turn("assistant", f"answer {number} " + "word " * 40))
    assert 1 < cuts < 8


def test_the_end_of_the_last_two_user_messages_is_marked_for_the_cache() -> None:
    block = Block("text", 2000, stable=True)
    earlier = (Message("user", (block, block)), Message("assistant", (block,)))
    newest = {"blocks": (block, block), "earlier": earlier, "repeats": "stable"}
    made = parameters(request("claude-sonnet-5-5", **newest))
    marks = [
        ["cache_control" in block for block in message["content"]] for message in made["messages"]
    ]
    assert marks == [[False, True], [False], [True, True]]
    assert lookup("claude-sonnet-5-5").cache_minimum < 4000


async def test_a_difference_is_that_to_the_last_commit_without_what_is_ignored(
    tmp_path: Path,
) -> None:
    repository = Repository(tmp_path)
    repository.commit(a_py="one = 1\n", secret__keys_py="KEY = 1\n")
    repository.write("a.py", "one = 2\n")
    repository.write("secret/keys.py", "KEY = 2\n")
    repository.write(".claudeignore", "secret/\n")
    repository.write("b.py", "staged = 1\n")
    repository.git("add", "b.py")
    prepared = await prepared_for(tmp_path, "## You\n\n@diff and @diff:staged")
    text = said(prepared)
    assert "--- a.py\nmodified\n@@ -1,1 +1,1 @@\n-one = 1\n+one = 2\n--- b.py" in text
    assert text.count("+staged = 1\n") == 2
    assert text.count("+one = 2\n") == 1
    assert "KEY" not in text
    (left_out,) = prepared.context.left_out
    assert left_out == LeftOut("the change of secret/keys.py", "ignored by .claudeignore")


def test_the_command_line_shows_what_a_conversation_would_send(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, "a.py", "one = 1\n")
    talk = write(tmp_path, "talk.claude.md", "Hi\n\n## Claude\n\nHo\n\n## You\n\n@file:a.py\n")
    arguments = ["context", str(talk), "--root", str(tmp_path), "--action", "ask"]
    assert main.run(arguments) == exit_codes.DONE
    out = capsys.readouterr().out
    assert "--- user, stable ---\nHi\n--- assistant, stable ---\nHo\n--- user, stable ---\n" in out
    assert '<document path="a.py" language="python">\none = 1\n</document>\n' in out
    arguments[1] = f"{tmp_path / 'a.py'}:1"
    assert main.run([*arguments, "--instruction", "Why?"]) == exit_codes.DONE
    assert capsys.readouterr().out.endswith("@file:a.py\n\nWhy?\n")


async def test_a_document_of_two_megabytes_is_answered(tmp_path: Path) -> None:
    text = "".join(
        f"## You\n\nQuestion {n} @file:a{n}.py\n\n## Claude\n\n{'word ' * 180}\n\n"
        for n in range(2000)
    )
    text += "## You\n\nAnd now?"
    assert len(text) > 1_890_000
    prepared = await prepared_for(tmp_path, text)
    assert prepared.request.prompt_tokens < 42_000
    assert len(prepared.request.earlier) > 20
    (oldest, *_) = prepared.context.left_out
    assert re.fullmatch(r"the \d+ oldest turns", oldest.origin)


def test_a_selection_is_referred_to_by_its_lines() -> None:
    from claude_lsp.actions.ask import reference_to

    document = Snapshot("file:///w/a b.py", 1, "one\ntwo\nthree\n", "python")
    at = Position

    def reference(start: Position, end: Position) -> str:
        return str(reference_to(Situation(document, "a b.py", Range(start, end))))

    assert reference(at(1, 0), at(2, 0)) == '@file:"a b.py"#L2'
    assert reference(at(0, 1), at(1, 2)) == '@file:"a b.py"#L1-L2'
    assert reference(at(0, 0), at(3, 0)) == '@file:"a b.py"'
    assert reference(at(1, 1), at(1, 1)) == '@file:"a b.py"'
