"""The scorer of the context benchmark, on places small enough to judge by eye."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from benchmarks.context import bench, score, tokens
from benchmarks.context.assembler import AssemblerError, LocalAssembler, ProgramAssembler
from benchmarks.context.cases import Case, Gold, header_of, read_fold, write_fold
from benchmarks.context.cases_python import without_imports_of
from benchmarks.context.score import ContextText, Found, look_for

if TYPE_CHECKING:
    from pathlib import Path

SEND = Gold(
    name="send",
    file="mail/outbox.py",
    line=10,
    end=14,
    header="def send(message: Message, retries: int = 3) -> Receipt:",
    header_count=1,
    parent=None,
    params=("message", "retries"),
    kind="function",
    use="name",
    visible=False,
)
CLOSE = replace(
    SEND,
    name="close",
    header="def close(self) -> None:",
    header_count=3,
    parent="Outbox",
    params=(),
    kind="method",
    use="attr",
)
CASE = Case(
    id="mail-1-0",
    project="mail",
    language="python",
    file="mail/main.py",
    mode="line",
    prefix="def deliver(outbox, letter):\n    ",
    suffix="\n",
    held="return send(letter, retries=outbox.patience)",
    golds=(SEND,),
    unseen=("patience", "retries", "send"),
)


@pytest.fixture(autouse=True)
def words_as_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    """One token a word, so that a budget can be counted by eye and nothing heavy is needed."""

    def cut(text: str, budget: int) -> tuple[str, int]:
        words = text.split(" ")
        return " ".join(words[:budget]), min(len(words), budget)

    monkeypatch.setattr(tokens, "cut", cut)


def scored(
    context: str, case: Case = CASE, budget: int = 1000, *, copied: bool = False
) -> score.Score:
    return score.score(case, context, budget, copied=copied)


@pytest.mark.parametrize(
    "context",
    [
        "# mail/outbox.py\ndef send(message: Message, retries: int = 3) -> Receipt:\n    ...",
        "│    def send(message:   Message, retries: int = 3) -> Receipt",
        "⋮ def send(message: Message, retries: int = 3) -> Receipt: # queue and wait",
    ],
)
def test_a_header_is_found_however_it_is_indented_spaced_or_continued(context: str) -> None:
    assert look_for(SEND, ContextText(context)) == Found(definition=True, signature=True, name=True)


@pytest.mark.parametrize(
    ("context", "name"),
    [
        ("send(letter)", True),
        ("x = 1; def send(message: Message, retries: int = 3) -> Receipt:", True),
        ("def send(message: Message) -> Receipt:", True),
        ("def send_all(messages):", False),
        ("", False),
    ],
)
def test_a_mention_of_the_name_is_no_definition(context: str, *, name: bool) -> None:
    assert look_for(SEND, ContextText(context)) == Found(
        definition=False, signature=False, name=name
    )


def test_only_the_first_eighty_characters_of_a_header_must_agree() -> None:
    long = replace(SEND, header=SEND.header + " " + "x" * 60)
    assert look_for(long, ContextText(long.header[:80] + " and more")).definition
    assert not look_for(long, ContextText(long.header[:70])).definition


def test_a_signature_counts_only_with_four_fifths_of_its_parameters_close_behind() -> None:
    many = replace(SEND, header="def send(", params=("a1", "b2", "c3", "d4", "e5"))
    assert look_for(many, ContextText("def send(a1, b2, c3, d4)")).signature
    assert not look_for(many, ContextText("def send(a1, b2, c3)")).signature
    far = "def send(\n" + " " * 3000 + "a1, b2, c3, d4, e5)"
    assert look_for(many, ContextText(far)) == Found(definition=True, signature=False, name=True)


@pytest.mark.parametrize(
    ("context", "found"),
    [
        ("# mail/outbox.py\nclass Outbox:\n    def close(self) -> None:", True),
        ("# mail.outbox\nclass Outbox(Box):\n    def close(self) -> None:", True),
        ("# mail/inbox.py\nclass Outbox:\n    def close(self) -> None:", False),
        ("# mail/outbox.py\nclass Inbox:\n    def close(self) -> None:", False),
    ],
)
def test_a_header_that_others_share_needs_its_file_and_class(context: str, *, found: bool) -> None:
    assert look_for(CLOSE, ContextText(context)).definition is found


def test_parameters_of_a_shared_header_are_looked_for_below_its_own_file() -> None:
    gold = replace(CLOSE, header="def close(", params=("force",))
    other = "# mail/inbox.py\nclass Inbox:\n    def close(self)\n" + "\n" * 3000
    own = "# mail/outbox.py\nclass Outbox:\n    def close(self, force)\n"
    assert look_for(gold, ContextText(other + own)).signature


def test_shares_are_of_the_gold_definitions() -> None:
    result = scored(SEND.header, replace(CASE, golds=(SEND, CLOSE)))
    assert result.definitions == 0.5
    assert result.signatures == 0.5
    assert not result.all
    assert result.unseen == pytest.approx(2 / 3)


def test_what_is_beyond_the_budget_does_not_count() -> None:
    context = "one two three\n" + SEND.header
    assert scored(context, budget=100).all
    cut = scored(context, budget=3)
    assert (cut.definitions, cut.over, cut.tokens) == (0.0, True, 3)
    assert not scored(context, budget=100).over


def test_the_held_out_text_in_a_context_is_a_leak_unless_the_project_has_it_too() -> None:
    context = f"def other():\n    {CASE.held}\n"
    assert scored(context).leaked
    assert not scored(context, copied=True).leaked
    assert not scored("send(letter)").leaked
    assert not scored("x = send()", replace(CASE, held="send()")).leaked


def test_a_fold_is_written_without_what_it_holds_out_and_read_again(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "mail").mkdir(parents=True)
    (source / "mail" / "main.py").write_text(CASE.prefix + CASE.held + CASE.suffix)
    (source / "mail" / "outbox.py").write_text("import x\n")
    fold = tmp_path / "mail-1"
    write_fold(fold, source, sorted(source.rglob("*.py")), [CASE])
    (read,) = read_fold(fold)
    assert read == CASE
    assert (fold / "root" / CASE.file).read_text() == CASE.prefix + CASE.suffix
    assert (fold / "root" / "mail" / "outbox.py").read_text() == "import x\n"
    assert bench.copied_ids([read]) == frozenset()
    (fold / "root" / "copy.py").write_text(CASE.held)
    assert bench.copied_ids([read]) == {CASE.id}


def test_only_imports_that_nothing_else_uses_are_taken_out() -> None:
    prefix = "from a import (\n    send,\n    keep as kept,\n)\nfrom b import patience\n\nkept()\n"
    without, removed = without_imports_of(prefix, "send(patience, kept)", "\n")
    assert removed == ("send", "patience")
    assert without == "from a import keep as kept\n\nkept()\n"


def test_headers_are_compared_without_indentation_and_in_one_spacing() -> None:
    assert header_of("\t  def  a( b ):  \n") == "def a( b ):"


class Fixed:
    """Answers the same for every place."""

    def index(self, root: str) -> None:
        pass

    def update(self, root: str, file: str, text: str) -> None:
        pass

    def assemble(self, root: str, file: str, prefix: str, suffix: str, budget: int) -> str:
        return SEND.header


def test_a_run_asks_for_each_case_at_each_budget() -> None:
    done = bench.run(
        "fixed", LocalAssembler(Fixed), [CASE], frozenset(), budgets=(2, 100), bits=False
    )
    assert [(each.budget, each.score.definitions) for each in done.answers] == [(2, 0), (100, 1)]


_PROGRAM = """
import json, sys
for line in sys.stdin:
    question = json.loads(line)
    answer = {"context_text": question["prefix"]} if question["op"] == "assemble" else {"ok": True}
    print(json.dumps({"error": "no"} if question["root"] == "bad" else answer), flush=True)
"""


def test_a_program_is_asked_line_by_line(tmp_path: Path) -> None:
    pytest.importorskip("psutil")
    program = tmp_path / "program.py"
    program.write_text(_PROGRAM)
    with ProgramAssembler(f"{sys.executable} {program}") as assembler:
        assembler.index("root")
        assert assembler.assemble("root", "a.py", "é\n", "", 10) == "é\n"
        assert assembler.cpu_seconds() >= 0
        with pytest.raises(AssemblerError, match="no"):
            assembler.index("bad")
