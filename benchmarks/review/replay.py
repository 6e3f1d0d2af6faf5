"""Many changes reviewed by the real command, by an oracle behind a loopback Messages API."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import os
import random
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

from benchmarks.review.changes import buggy, clean
from benchmarks.review.command import environment_for
from benchmarks.review.oracle import lines_shown, remarks
from benchmarks.review.repository import add_branches, commit_all
from claude_lsp.cli.main import run
from tests.messages_api import ThreadedMessagesApi, replies

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.review.changes import Change
    from benchmarks.review.sources import Source
    from tests.messages_api import ReceivedRequest, Reply

_COMMAND = ("review", "--base", "main", "--format", "json", "--max-findings", "99")
NEAR = 3
"""Lines from the bug within which a finding is one of it."""


@dataclass
class Outcome:
    """What became of the remarks on one change.

    Attributes:
        change: what was reviewed.
        shown: the findings of the report, each with its path and 0-based line.
        dropped: what the report says was dropped, and why.
        status: of the report.
        calls: how many requests it took.
    """

    change: Change
    shown: list[tuple[str, int]] = field(default_factory=list)
    dropped: dict[str, int] = field(default_factory=dict)
    status: str = ""
    calls: int = 0

    @property
    def near(self) -> list[int]:
        """The lines of the findings that are about the bug."""
        bug = self.change.bug
        if bug is None:
            return []
        return [
            line for path, line in self.shown if path == bug.path and abs(line - bug.line) <= NEAR
        ]

    @property
    def exact(self) -> bool:
        """Whether one of those stands at the very line; next to what was deleted there are two."""
        bug = self.change.bug
        if bug is None:
            return False
        right = {bug.line}
        if bug.gone:
            lines = self.change.after[bug.path].split("\n")
            filled = [number for number, line in enumerate(lines) if line.strip()]
            place = filled.index(bug.line)
            right.update(filled[max(place - 1, 0) : place + 2])
        return not right.isdisjoint(self.near)


@dataclass
class Replay:
    """What became of all changes."""

    outcomes: list[Outcome]

    @property
    def buggy(self) -> list[Outcome]:
        return [each for each in self.outcomes if each.change.bug is not None]

    @property
    def clean(self) -> list[Outcome]:
        return [each for each in self.outcomes if each.change.bug is None]

    def figures(self) -> dict[str, float]:
        """Return shares in per cent, and means for each change."""
        buggy, clean = self.buggy, self.clean
        shown = sum(bool(each.near) for each in buggy)
        return {
            "changes with a bug": len(buggy),
            "operators": len({each.change.bug.operator for each in buggy if each.change.bug}),
            "near": 100 * shown / len(buggy),
            "exact": 100 * sum(each.exact for each in buggy) / len(buggy),
            "findings": sum(len(each.shown) for each in buggy) / len(buggy),
            "junk": sum(len(each.shown) - len(each.near) for each in buggy) / len(buggy),
            "duplicates": sum(max(0, len(each.near) - 1) for each in buggy) / len(buggy),
            "clean changes": len(clean),
            "clean with a finding": 100 * sum(bool(each.shown) for each in clean) / len(clean),
            "not complete": sum(each.status != "complete" for each in self.outcomes),
            "calls": sum(each.calls for each in self.outcomes) / len(self.outcomes),
        }

    def missed(self) -> Counter[str]:
        """Count the bugs that were not shown at their line, by operator."""
        return Counter(
            each.change.bug.operator for each in self.buggy if each.change.bug and not each.exact
        )


class Oracle:
    """Answers each request by what is to be said of the change that is being reviewed."""

    def __init__(self, others: Sequence[Source], seed: int) -> None:
        self._others = others
        self._seed = seed
        self._outcome: Outcome | None = None
        self._chance = random.Random()

    def expect(self, outcome: Outcome, number: int) -> None:
        """Name the change that is reviewed next."""
        self._outcome = outcome
        self._chance = random.Random(f"{self._seed} {number}")

    def answer(self, request: ReceivedRequest) -> Reply:
        """Say what is to be said of the files that were sent."""
        assert self._outcome is not None
        self._outcome.calls += 1
        change = self._outcome.change
        shown = lines_shown(request.text, change)
        return replies.json_findings(remarks(change, shown, self._others, self._chance), chunk=0)


def replay(sources: Sequence[Source], count: int, seed: int = 1) -> Replay:
    """Review so many changes with a bug, and a quarter as many without.

    Args:
        sources: the files of the project.
        count: how many.
        seed: the same makes the same changes and remarks.
    """
    chance = random.Random(seed)
    changes = [
        *itertools.islice(buggy(sources, chance), count),
        *itertools.islice(clean(sources, chance), max(1, count // 4)),
    ]
    outcomes = [Outcome(change) for change in changes]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        root = Path(folder, "project").resolve()
        for source in sources:
            source.write(root)
        commit_all(root, "base")
        add_branches(root, ((f"change-{n}", c.after) for n, c in enumerate(changes)))
        oracle = Oracle(sources, seed)
        with ThreadedMessagesApi() as api, _surroundings(api, Path(folder, "home"), root):
            api.respond(oracle.answer)
            for number, outcome in enumerate(outcomes):
                oracle.expect(outcome, number)
                _review(outcome, f"change-{number}")
    return Replay(outcomes)


def _review(outcome: Outcome, head: str) -> None:
    """Run the command as on the command line, but in this process: starting one takes a second."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        run([*_COMMAND, "--head", head])
    report = json.loads(printed.getvalue())
    outcome.status = report["status"]
    outcome.dropped = report["dropped"]
    outcome.shown = [(finding["path"], finding["line"] - 1) for finding in report["findings"]]


@contextlib.contextmanager
def _surroundings(api: ThreadedMessagesApi, home: Path, root: Path) -> Iterator[None]:
    """Stand in a project as somebody with a home of their own, whose service is this one."""
    environment = environment_for(api, home)
    with mock.patch.dict(os.environ, environment, clear=True), contextlib.chdir(root):
        yield
