"""The tables that `benchmarks.context` prints."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from benchmarks.context.bench import Answer, Run

KEYS: dict[str, Callable[[Answer], str]] = {
    "fold": lambda answer: answer.case.fold,
    "project": lambda answer: answer.case.project,
    "language": lambda answer: answer.case.language,
    "mode": lambda answer: answer.case.mode,
}
_BITS_AT = 4000
_SPEED_AT = 4000


class Bar(NamedTuple):
    """What is aimed at, on all corpora; None where nothing is.

    Attributes:
        definitions: the least share of definitions, by budget.
        bits: the most bits per byte at 4,000 tokens.
        cpu_ms: the most processor time of an answer at 4,000 tokens, median and 95th percentile.
    """

    definitions: dict[int, float]
    bits: float | None = None
    cpu_ms: tuple[float, float] | None = None


BAR = Bar({1000: 0.76, 2000: 0.83, 4000: 0.88, 8000: 0.91}, bits=1.12, cpu_ms=(10, 30))
"""Whole buffers: what we want to reach. A prototype had .734, .801, .855, .889 at 46 / 155 ms."""

STRIPPED_BAR = Bar({1000: 0.27, 2000: 0.37, 4000: 0.52, 8000: 0.63}, bits=1.55)
"""Buffers without the imports of what is held out; the prototype had .209, .289, .455, .572."""


def table(runs: Sequence[Run], budgets: Sequence[int]) -> str:
    """Return the table: each assembler on whole buffers, then on those without the imports."""
    heads = (
        *("assembler", "cases", *(f"def {_short(budget)}" for budget in budgets)),
        *(f"{name} {_short(budgets[-1])}" for name in ("sig", "all", "unseen")),
        *(f"bits {_short(_BITS_AT)}", f"CPU ms {_short(_SPEED_AT)} p50 / p95"),
        *("tokens", "over", "leaks"),
    )
    rows = [heads, ("---",) * len(heads)]
    for title, stripped, bar in (("", False, BAR), (", no imports", True, STRIPPED_BAR)):
        groups = [
            (run, [answer for answer in run.answers if answer.case.stripped is stripped])
            for run in runs
        ]
        if any(answers for _, answers in groups):
            rows += [_row(run.name + title, answers, budgets) for run, answers in groups]
            rows.append(_bar_row(f"*bar{title}*", bar, budgets))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def breakdown(run: Run, key: str, budgets: Sequence[int]) -> str:
    """Return one assembler's share of definitions in whole buffers, by a property of the cases."""
    of = KEYS[key]
    whole = [answer for answer in run.answers if not answer.case.stripped]
    lines = [
        f"\n| {run.name} by {key} | cases | {' | '.join(f'def {_short(b)}' for b in budgets)} |",
        "|" + " --- |" * (len(budgets) + 2),
    ]
    for value in sorted({of(answer) for answer in whole}):
        answers = [answer for answer in whole if of(answer) == value]
        shares = [_share(_at(answers, budget)) for budget in budgets]
        lines.append(f"| {value} | {len(answers) // len(budgets)} | {' | '.join(shares)} |")
    return "\n".join(lines)


def percentile(values: Iterable[float], share: float) -> float:
    """Return the value that a share of all values is below; NaN of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def _row(name: str, answers: Sequence[Answer], budgets: Sequence[int]) -> tuple[str, ...]:
    most = _at(answers, budgets[-1])
    fast = [answer.cpu_ms for answer in _at(answers, _SPEED_AT)]
    bits = [answer.score.bits for answer in _at(answers, _BITS_AT) if answer.score.bits is not None]
    unseen = [answer.score.unseen for answer in most if answer.score.unseen is not None]
    over = sum(answer.score.over for answer in answers)
    return (
        name,
        str(len(most)),
        *(_share(_at(answers, budget)) for budget in budgets),
        _mean(answer.score.signatures for answer in most),
        _mean(float(answer.score.all) for answer in most),
        _mean(unseen),
        _mean(bits),
        f"{percentile(fast, 0.5):.1f} / {percentile(fast, 0.95):.1f}" if fast else "",
        f"{statistics.mean(answer.score.tokens for answer in most):.0f}" if most else "",
        f"{100 * over / len(answers):.0f} %" if answers else "",
        str(sum(answer.score.leaked for answer in answers)),
    )


def _bar_row(name: str, bar: Bar, budgets: Sequence[int]) -> tuple[str, ...]:
    least = [bar.definitions.get(budget) for budget in budgets]
    return (
        *(name, ""),
        *("" if share is None else f">= {share:.2f}" for share in least),
        *("", "", ""),
        "" if bar.bits is None else f"<= {bar.bits:.2f}",
        "" if bar.cpu_ms is None else f"<= {bar.cpu_ms[0]:g} / {bar.cpu_ms[1]:g}",
        *("", "0 %", "0"),
    )


def _at(answers: Iterable[Answer], budget: int) -> list[Answer]:
    return [answer for answer in answers if answer.budget == budget]


def _share(answers: Iterable[Answer]) -> str:
    return _mean(answer.score.definitions for answer in answers)


def _mean(values: Iterable[float]) -> str:
    found = list(values)
    return f"{statistics.mean(found):.3f}" if found else ""


def _short(budget: int) -> str:
    return f"{budget // 1000}k" if budget % 1000 == 0 else str(budget)
