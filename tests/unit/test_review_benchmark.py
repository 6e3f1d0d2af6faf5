"""The benchmark of reviews: its bugs are bugs, its noise is as it says, its table tells."""

from __future__ import annotations

import ast
import itertools
import random
from collections import Counter

import pytest

from benchmarks.review import anchors, fingerprints, report
from benchmarks.review.changes import Bug, Change, buggy, clean, unchanged_lines, with_benign_edits
from benchmarks.review.mutants import OPERATORS, candidates, mutant_of, mutants
from benchmarks.review.noise import FAR, NEAR, STYLES, invented, off_by, quoted
from benchmarks.review.oracle import lines_shown, remarks
from benchmarks.review.places import places_of
from benchmarks.review.replay import Outcome, Replay, replay
from benchmarks.review.sources import Source, compiles, is_plain
from benchmarks.review.stream import CHUNK, answer_of, findings_about
from claude_lsp.text.lines import LineIndex
from tests.messages_api.steps import Event

TEXT = '''"""A store."""

import os


class Store:
    """Keeps
    items."""

    def __init__(self, path, limit=None, *, strict=True):
        self.path = path
        self.limit = limit
        self.items = {}

    @property
    def full(self):
        return self.limit is not None and len(self.items) >= self.limit

    async def load(self, source, target):
        if not os.path.exists(source):
            return None
        try:
            data = await self.read(source, target)
        except OSError:
            raise ValueError(source)
        self.items.update(data)
        self.count += 1
        for number, line in enumerate(data["lines"]):
            if line.startswith("#") and number != 0:
                continue
            if number > 1 + 2 * self.limit:
                break
            self.add(line[1:])
        return self.items


def largest(values):
    if values:
        return max(values)
    return None
'''
SOURCE = Source("a/store.py", TEXT)
OTHER = Source(
    "a/other.py", "".join(f"def other_{n}(value):\n    return value + {n}\n\n\n" for n in range(40))
)


@pytest.mark.parametrize("operator", OPERATORS)
def test_every_operator_makes_bugs_that_compile_and_differ(operator: str) -> None:
    made = [
        mutant
        for name, edit in candidates(TEXT)
        if name == operator and (mutant := mutant_of(TEXT, name, edit)) is not None
    ]
    assert made
    for mutant in made:
        assert compiles(mutant.text)
        assert ast.dump(ast.parse(mutant.text)) != ast.dump(ast.parse(TEXT))
        before, after = TEXT.split("\n"), mutant.text.split("\n")
        if mutant.deleted:
            assert len(after) == len(before) - len(mutant.gone)
            assert after[mutant.line].strip()
        else:
            wrong = [n for n, (a, b) in enumerate(zip(before, after, strict=True)) if a != b]
            assert wrong
            assert wrong[0] == mutant.line


def test_operators_take_turns_and_the_seed_decides() -> None:
    first = [m.operator for _, m in itertools.islice(mutants([SOURCE], random.Random(1)), 12)]
    assert len(set(first)) == 12
    one, same, other = (
        [mutant for _, mutant in mutants([SOURCE], random.Random(seed))] for seed in (1, 1, 2)
    )
    assert one == same != other
    assert not is_plain("x = '\u00e9'\n")
    assert not is_plain("def broken(:\n")


def test_a_change_has_one_bug_and_the_other_edits_do_nothing() -> None:
    chance = random.Random(3)
    files = [SOURCE, OTHER]
    texts = {source.path: source.text for source in files}
    seen = Counter[int]()
    for change in itertools.islice(buggy(files, chance), 40):
        assert change.bug is not None
        seen[len(change.after)] += 1
        for path, text in change.after.items():
            assert compiles(text)
            same = ast.dump(ast.parse(text)) == ast.dump(ast.parse(texts[path]))
            assert same is (path != change.bug.path)
            assert text != texts[path]
        assert change.after[change.bug.path].split("\n")[change.bug.line].strip()
    assert set(seen) == {1, 2}
    for change in itertools.islice(clean(files, chance), 20):
        assert change.bug is None
        for path, text in change.after.items():
            assert text != texts[path]
            assert ast.dump(ast.parse(text)) == ast.dump(ast.parse(texts[path]))


def test_a_line_is_followed_through_the_benign_edits() -> None:
    lines = TEXT.split("\n")
    for seed in range(60):
        chance = random.Random(seed)
        kept = chance.randrange(9, 30)
        edited = with_benign_edits(TEXT, 4, chance, kept, 1)
        assert edited is not None
        text, moved = edited
        assert text.split("\n")[moved] == lines[kept]
    assert with_benign_edits("x = 1\n", 4, random.Random(1)) is None


def test_line_numbers_are_as_wrong_as_is_said() -> None:
    chance = random.Random(2)
    errors = [off_by(chance) for _ in range(4_000)]
    assert max(map(abs, errors)) == FAR
    # Those that are off by nothing by chance count as right too.
    assert 0.50 < sum(error == 0 for error in errors) / len(errors) < 0.56
    assert 0.80 < sum(abs(error) <= NEAR for error in errors) / len(errors) < 0.86


def test_quotes_are_as_their_style_says() -> None:
    lines = TEXT.split("\n")
    chance = random.Random(4)
    quotes = {style: quoted(lines, 9, style, chance, least=4, most=4) for style in STYLES}
    exact = "\n".join(lines[9:13])
    assert quotes["exact"] == exact
    assert quotes["dedented"].split("\n")[0] == lines[9].lstrip()
    assert quotes["diff prefix"] == "\n".join("+" + line for line in lines[9:13])
    assert quotes["numbered"].split(": ", 1)[1].startswith(lines[9])
    assert quotes["ellipsis"].split("\n") == [lines[9], "...", lines[12]]
    assert exact.startswith(quotes["truncated"])
    assert quotes["quotes changed"] == exact.replace('"', "'")
    assert quotes["slips"] != exact
    load = lines.index("        if not os.path.exists(source):")
    sizes = {quoted(lines, load, "exact", chance).count("\n") + 1 for _ in range(60)}
    assert sizes == {1, 2, 3, 4, 5}
    made_up = invented(TEXT, OTHER.text.split("\n"), chance)
    assert made_up is not None
    assert "".join(made_up.split()) not in "".join(TEXT.split())


def test_the_oracle_says_what_it_sees() -> None:
    change = next(buggy([SOURCE], random.Random(1)))
    assert change.bug is not None
    path, line = change.bug.path, change.bug.line
    everything = set(range(change.after[path].count("\n")))
    for seed in range(30):
        said = remarks(change, {path: everything}, [OTHER], random.Random(seed))
        titles = Counter(remark["title"] for remark in said)
        assert len(said) in (3, 4)
        assert set(titles.values()) == {1}
        about = [r for r in said if r["title"].startswith(("It is wrong", "The result"))]
        assert len(about) == 2
        assert all(abs(r["line"] - 1 - line) <= FAR + 2 for r in about)
    unseen = remarks(change, {path: everything - {line}}, [OTHER], random.Random(1))
    assert len(unseen) in (1, 2)
    assert remarks(change, {}, [OTHER], random.Random(1)) == []


def test_the_lines_that_a_prompt_shows() -> None:
    change = Change({"a.py": "x\n"}, {"a.py": "x\ny\nz\n", "b.py": "1\n2"}, None)
    prompt = (
        '<document path="a.py" language="python" lines="1-2, 4 of 9" change="modified">\n'
        '<document path="b.py" language="python" change="added">\n'
        '<document path="c.py" language="python">\n'
    )
    assert lines_shown(prompt, change) == {"a.py": {0, 1, 3}, "b.py": {0, 1}}


def test_unchanged_lines_are_not_next_to_a_change() -> None:
    before = "".join(f"line number {n}\n" for n in range(12))
    after = before.replace("line number 6\n", "another line\n")
    assert unchanged_lines(before, after) == [2, 3, 9, 10]


def test_a_review_is_replayed_by_the_command() -> None:
    played = replay([SOURCE, OTHER], 4, seed=1)
    figures = played.figures()
    assert (len(played.buggy), len(played.clean)) == (4, 1)
    assert {outcome.status for outcome in played.outcomes} == {"complete"}
    assert all(outcome.calls == 1 for outcome in played.outcomes)
    # Junk and what was said twice is dropped, for a reason.
    assert all(sum(outcome.dropped.values()) >= 2 for outcome in played.buggy)
    assert figures["near"] == 100


def test_what_counts_as_shown() -> None:
    bug = Bug("and / or", "a.py", 10, ())
    change = Change({}, {}, bug)
    found = Outcome(change, [("a.py", 10), ("a.py", 12), ("a.py", 20), ("b.py", 10)])
    missed = Outcome(change, [("a.py", 14)])
    good = Outcome(Change({}, {}, None), [("a.py", 1)])
    figures = Replay([found, missed, good]).figures()
    assert (figures["near"], figures["exact"]) == (50, 50)
    assert (figures["junk"], figures["duplicates"]) == (1.5, 0.5)
    assert figures["clean with a finding"] == 100


def test_places_are_statements_that_can_be_edited_alone() -> None:
    lines = TEXT.split("\n")
    places = {place.line: place.body for place in places_of(TEXT)}
    assert 6 not in places  # the docstring of two lines
    assert lines[places[lines.index("        self.items = {}")]].strip() == "self.path = path"
    for line in places:
        assert compiles("\n".join([*lines[:line], lines[line] + "  # note", *lines[line + 1 :]]))


def test_fingerprints_are_compared_over_edits() -> None:
    rates = fingerprints.measure([SOURCE, OTHER], 12)
    assert {rates[name] for name in (*fingerprints.UNCHANGED, fingerprints.RENAMED)} == {100}
    assert rates[fingerprints.FIXED] == rates[fingerprints.COLLISIONS] == 0


def test_drift_follows_a_line() -> None:
    for seed in range(40):
        chance = random.Random(seed)
        index = LineIndex(TEXT)
        drifted = anchors.drift(TEXT, 20, 12, chance)
        now = LineIndex(drifted.text).line(drifted.line)
        assert now.startswith(index.line(20))
        assert len(drifted.changes) == 12
        changed = anchors.edited(drifted, chance)
        assert "something_else" in LineIndex(changed.text).line(changed.line)


def test_a_long_answer_comes_in_small_pieces() -> None:
    found = findings_about(SOURCE, 50, random.Random(1))
    assert len(found) == 50
    pieces = [
        step.data["delta"]["text"] for step in answer_of(found, []).steps if isinstance(step, Event)
    ]
    assert max(map(len, pieces)) == CHUNK
    assert ast.literal_eval("".join(pieces).replace("null", "None"))["findings"] == found


@pytest.mark.parametrize(
    ("row", "cells"),
    [
        (report.Row("a", 97.25, "%", 97, True), ("a", "97.2 %", ">= 97 %", "yes")),
        (report.Row("a", 0.061, "", 0.05), ("a", "0.061", "<= 0.05", "**no**")),
        (report.Row("a", 1234), ("a", "1,234", "", "")),
        (report.Row("a", 0.0, "%", 0), ("a", "0 %", "<= 0 %", "yes")),
    ],
)
def test_rows(row: report.Row, cells: tuple[str, ...]) -> None:
    assert row.cells() == cells
    assert report.table([row]).count("\n") == 2
