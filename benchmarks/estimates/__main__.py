"""How good estimates of tokens are, and what keeping limits costs: `make bench-estimates`.

    python -m benchmarks.estimates [--quick] [--seed N] [--data FOLDER] [--json FILE]

Nothing here passes or fails: bars say what is aimed at.
"""

from __future__ import annotations

import argparse
import json
import statistics
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.context.bench import default_data, say
from benchmarks.estimates.judges import judges
from benchmarks.estimates.overhead import Overhead, overhead
from benchmarks.estimates.sessions import MODES, prompts
from benchmarks.estimates.texts import pieces
from benchmarks.table import machine
from claude_lsp.actions import ACTIONS
from claude_lsp.actions.action import Situation
from claude_lsp.context import tokens
from claude_lsp.context.calibration import ENOUGH, KEPT, Observation, correction
from claude_lsp.settings import Settings
from claude_lsp.text.positions import Position, Range
from claude_lsp.text.snapshots import Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.estimates.judges import Judge
    from benchmarks.estimates.sessions import Prompt

_COUNT, _QUICK = 4_000, 800
_ACTIONS = {"typing": "complete", "review": "review"}
_BAR_ERROR, _BAR_OVER = 0.03, 0.001
_SHARES = {"claude-4.7": 1.25, "claude-3": 1.6}
"""The bound of a family of which nothing has been observed, over its estimate."""


@dataclass(frozen=True)
class Row:
    """One tokenizer and language; shares, not per cent.

    Attributes:
        tokenizer: whose counts are true.
        language: of the code.
        requests: how many, after the first few.
        uncorrected: median error of the estimate without what was observed.
        error: the same with it.
        error_95: what 19 of 20 errors are within.
        over: of the requests that took more than their bound.
        margin: median distance from the expectation to the bound.
    """

    tokenizer: str
    language: str
    requests: int
    uncorrected: float
    error: float
    error_95: float
    over: float
    margin: float

    @property
    def holds(self) -> bool:
        """Whether both bars hold."""
        return self.error <= _BAR_ERROR and self.over <= _BAR_OVER


def judged(played: Iterable[Iterable[Prompt]], judge: Judge, language: str) -> Row:
    """Return how good the estimates of some sequences of prompts are."""
    raw, errors, margins, over = [], [], [], 0
    for sequence in played:
        seen: list[Observation] = []
        for prompt in sequence:
            known = correction(seen[-KEPT:])
            expected = known.expected(prompt.fixed, prompt.varying)
            margin = _SHARES[judge.family] - 1 if known.margin is None else known.margin
            if len(seen) >= ENOUGH:
                raw.append(abs((prompt.fixed + prompt.varying) / prompt.real - 1))
                errors.append(abs(expected / prompt.real - 1))
                margins.append(margin)
                over += prompt.real > expected * (1 + margin)
            seen.append(Observation(prompt.fixed, prompt.varying, expected, prompt.real))
    ordered = sorted(errors)
    return Row(
        judge.name,
        language,
        len(errors),
        statistics.median(raw),
        statistics.median(errors),
        ordered[int(len(ordered) * 0.95)],
        over / len(errors),
        statistics.median(margins),
    )


def _own_words(every: Sequence[Judge], mode: str) -> list[tuple[int, int]]:
    """Return how much the fixed part of an action's prompt takes: estimated, real, by judge."""
    document = Snapshot("file:///a.py", 1, "x = 1\n", "python")
    span = Range(Position(0, 0), Position(0, 0))
    system = ACTIONS[_ACTIONS[mode]].prompt(Situation(document, "a.py", span), Settings()).system
    return [(tokens.estimate(system, judge.family), judge.count(system)) for judge in every]


def as_markdown(rows: Sequence[Row], kept: Overhead) -> str:
    """Return both tables."""
    head = (
        *("tokenizer", "language", "requests", "error before", "error after"),
        *("19 of 20 within", "over the bound", "bound above", "holds"),
    )
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    lines += [
        f"| {row.tokenizer} | {row.language} | {row.requests:,} | {row.uncorrected:.1%} "
        f"| {row.error:.1%} | {row.error_95:.1%} | {row.over * 1000:.2f} in 1,000 "
        f"| {row.margin:.0%} | {'yes' if row.holds else '**no**'} |"
        for row in rows
    ]
    return "\n".join([*lines, "", kept.as_markdown()])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a fifth of the requests")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data", type=Path, default=default_data())
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    tokens.warm()
    every = judges(options.data)
    say("counting pieces of real files, which takes a minute")
    found = pieces(options.data, every, options.seed)
    count = _QUICK if options.quick else _COUNT
    words = {mode: _own_words(every, mode) for mode in MODES}
    rows = [
        judged(
            (
                prompts(
                    found[language],
                    number,
                    words[mode][number],
                    mode,
                    count=count,
                    seed=options.seed,
                )
                for mode in MODES
            ),
            judge,
            language,
        )
        for number, judge in enumerate(every)
        for language in found
    ]
    kept = overhead()
    print(as_markdown(rows, kept))
    if options.json:
        report = {"machine": machine(), "rows": [asdict(row) for row in rows], **asdict(kept)}
        options.json.write_text(json.dumps(report, indent=2), "utf-8")


if __name__ == "__main__":
    main()
