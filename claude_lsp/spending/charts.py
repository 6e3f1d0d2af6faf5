"""Plots as SVG: pure functions from numbers to markup, coloured by the page's style sheet.

Everything that is not a number is escaped here, once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from claude_lsp.spending.words import dollars, seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

COLOURS = 8
"""How many series the style sheet can tell apart, as the classes c0, c1, ..."""

_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 10, 24
_WIDEST_BAR = 34.0
_ROW = 38


@dataclass(frozen=True)
class Series:
    """One colour of a plot: a name, and a value for each bucket."""

    name: str
    values: Sequence[float]


def steps(most: float, about: int = 4) -> list[float]:
    """Return round numbers from 0 to the first that is not below `most`."""
    if most <= 0:
        return [0.0, 1.0]
    raw = most / about
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(one * size for one in (1, 2, 2.5, 5, 10) if raw <= one * size * 1.0000001)
    return [step * number for number in range(math.ceil(most / step - 1e-9) + 1)]


def stacked(
    labels: Sequence[str],
    ticks: Sequence[tuple[int, str]],
    series: Sequence[Series],
    *,
    width: int = 1040,
    height: int = 270,
) -> str:
    """Return bars of dollars, one for each label, with the series on top of each other.

    Args:
        labels: what each bar is called when it is pointed at.
        ticks: which bars are named below the axis, and how.
        series: the first one stands at the bottom.
        width: of the picture, in its own units.
        height: the same.
    """
    sums = [sum(each.values[n] for each in series) for n in range(len(labels))]
    frame = _Frame(width, height, len(labels), steps(max(sums, default=0)))
    places = _places(frame.steps[1])
    parts = [frame.grid(lambda step: f"${step:,.{places}f}"), frame.names(ticks)]
    wide = min(frame.slot * 0.78, _WIDEST_BAR)
    for n, label in enumerate(labels):
        bottom, left = 0.0, frame.middle(n) - wide / 2
        told = [f"{label}: {dollars(sums[n])}"]
        bars = []
        for number, each in enumerate(series):
            value = each.values[n]
            if value <= 0:
                continue
            top = frame.y(bottom + value)
            bars.append(
                f'<rect class="c{number % COLOURS}" x="{left:.1f}" y="{top:.1f}"'
                f' width="{wide:.1f}" height="{frame.y(bottom) - top:.1f}"/>'
            )
            told.append(f"{each.name}: {dollars(value)}")
            bottom += value
        if bars:
            parts.append(f"<g>{_title(told)}{''.join(bars)}{frame.hit(n)}</g>")
    return _svg(width, height, parts)


def line(
    labels: Sequence[str],
    ticks: Sequence[tuple[int, str]],
    values: Sequence[float | None],
    weights: Sequence[float],
    told: Sequence[str],
    *,
    width: int = 510,
    height: int = 210,
) -> str:
    """Return shares (0 to 1) over time, above faint bars of how much each one rests on.

    Args:
        labels: what each place is called when it is pointed at.
        ticks: which places are named below the axis, and how.
        values: the shares; None leaves a gap.
        weights: what the bars show, on a scale of their own.
        told: what is said of each place beside its share.
        width: of the picture, in its own units.
        height: the same.
    """
    frame = _Frame(width, height, len(labels), [0, 0.25, 0.5, 0.75, 1])
    parts = [frame.grid(lambda share: f"{share:.0%}"), frame.names(ticks)]
    most = max(weights, default=0) or 1
    wide = min(frame.slot * 0.78, _WIDEST_BAR)
    for n, weight in enumerate(weights):
        if weight > 0:
            top = frame.y(0.45 * weight / most)
            parts.append(
                f'<rect class="weight" x="{frame.middle(n) - wide / 2:.1f}" y="{top:.1f}"'
                f' width="{wide:.1f}" height="{frame.y(0) - top:.1f}"/>'
            )
    run: list[str] = []
    for n, value in enumerate([*values, None]):
        if value is not None:
            run.append(f"{frame.middle(n):.1f},{frame.y(value):.1f}")
        elif run:
            parts.append(f'<polyline class="line" points="{" ".join(run)}"/>')
            run = []
    dots = len(labels) <= 45
    for n, value in enumerate(values):
        if value is not None:
            alone = (n == 0 or values[n - 1] is None) and values[n + 1 : n + 2] in ([], [None])
            title = _title([f"{labels[n]}: {value:.0%}", told[n]])
            place = f'cx="{frame.middle(n):.1f}" cy="{frame.y(value):.1f}"'
            dot = f'<circle class="dot" {place} r="3"/>' if dots or alone else ""
            parts.append(f"<g>{title}{dot}{frame.hit(n)}</g>")
    return _svg(width, height, parts)


@dataclass(frozen=True)
class Spread:
    """A row of a plot of times: its name, and seconds from the usual to the rare."""

    name: str
    times: Sequence[float]
    kind: str


def spreads(groups: Sequence[tuple[str, Sequence[Spread]]], *, width: int = 510) -> str:
    """Return times on a scale of powers of ten: a line from the usual to the rare for each row.

    Args:
        groups: rows that belong together, under their common name.
        width: of the picture, in its own units.
    """
    times = [time for _, rows in groups for row in rows for time in row.times if time > 0]
    low = 10.0 ** math.floor(math.log10(min(times, default=0.1)))
    high = 10.0 ** math.ceil(math.log10(max(times, default=10.0) * 1.0001))
    left, right = 118, width - 16
    span = max(1.0, math.log10(high / low))

    def x(time_s: float) -> float:
        return left + (right - left) * math.log10(max(time_s, low) / low) / span

    height = _TOP + _ROW * len(groups) + _BOTTOM
    parts = []
    for power in range(round(span) + 1):
        at = low * 10**power
        parts.append(
            f'<line class="grid" x1="{x(at):.1f}" x2="{x(at):.1f}" y1="{_TOP}"'
            f' y2="{height - _BOTTOM}"/>'
            f'<text class="tick" x="{x(at):.1f}" y="{height - 8}" text-anchor="middle">'
            f"{seconds(at)}</text>"
        )
    for number, (name, rows) in enumerate(groups):
        middle = _TOP + _ROW * number + _ROW / 2
        parts.append(
            f'<text class="name" x="{left - 10}" y="{middle + 4:.1f}" text-anchor="end">'
            f"{escape(_short(name, 16))}<title>{escape(name)}</title></text>"
        )
        for place, row in enumerate(rows):
            y = middle + 12 * (place - (len(rows) - 1) / 2)
            usual, often, rare = row.times
            told = _title(
                [
                    f"{name}, {row.name}",
                    f"half within {seconds(usual)}",
                    f"9 of 10 within {seconds(often)}",
                    f"99 of 100 within {seconds(rare)}",
                ]
            )
            parts.append(
                f'<g class="{row.kind}">{told}'
                f'<line class="spread" x1="{x(usual):.1f}" x2="{x(rare):.1f}" y1="{y}" y2="{y}"/>'
                f'<circle class="usual" cx="{x(usual):.1f}" cy="{y}" r="4.5"/>'
                f'<circle class="often" cx="{x(often):.1f}" cy="{y}" r="3"/>'
                f'<line class="rare" x1="{x(rare):.1f}" x2="{x(rare):.1f}" y1="{y - 4}"'
                f' y2="{y + 4}"/></g>'
            )
    return _svg(width, height, parts)


def comparison(rows: Sequence[tuple[str, float, str]], *, width: int = 510) -> str:
    """Return one bar below the other, each with its name and value; the last one stands out."""
    most = max((value for _, value, _ in rows), default=0) or 1
    height = 52 * len(rows) + 4
    parts = []
    for number, (name, value, told) in enumerate(rows):
        top = 52 * number
        kind = "plain paid" if number == len(rows) - 1 else "plain"
        parts.append(
            f'<text class="name" x="0" y="{top + 16}">{escape(name)}</text>'
            f'<text class="value" x="{width}" y="{top + 16}" text-anchor="end">'
            f"{escape(told)}</text>"
            f'<rect class="trough" x="0" y="{top + 24}" width="{width}" height="16" rx="4"/>'
            f'<rect class="{kind}" x="0" y="{top + 24}"'
            f' width="{max(width * value / most, 3 if value else 0):.1f}" height="16" rx="4"/>'
        )
    return _svg(width, height, parts)


@dataclass(frozen=True)
class _Frame:
    """The axes of a plot over time, and where things stand between them."""

    width: int
    height: int
    count: int
    steps: Sequence[float]

    @property
    def slot(self) -> float:
        return (self.width - _LEFT - _RIGHT) / max(1, self.count)

    def middle(self, number: int) -> float:
        return _LEFT + self.slot * (number + 0.5)

    def y(self, value: float) -> float:
        room = self.height - _TOP - _BOTTOM
        return _TOP + room * (1 - value / self.steps[-1])

    def grid(self, unit: Callable[[float], str]) -> str:
        return "".join(
            f'<line class="{"grid" if step else "axis"}" x1="{_LEFT}" x2="{self.width - _RIGHT}"'
            f' y1="{self.y(step):.1f}" y2="{self.y(step):.1f}"/>'
            f'<text class="tick" x="{_LEFT - 8}" y="{self.y(step) + 4:.1f}" text-anchor="end">'
            f"{unit(step)}</text>"
            for step in self.steps
        )

    def names(self, ticks: Sequence[tuple[int, str]]) -> str:
        return "".join(
            f'<text class="tick" x="{self.middle(number):.1f}" y="{self.height - 6}"'
            f' text-anchor="middle">{escape(name)}</text>'
            for number, name in ticks
        )

    def hit(self, number: int) -> str:
        """Return what is pointed at: the whole height of a slot, so that a low bar can be met."""
        left = self.middle(number) - self.slot / 2
        return (
            f'<rect class="hit" x="{left:.1f}" y="{_TOP}" width="{self.slot:.1f}"'
            f' height="{self.height - _TOP - _BOTTOM}"/>'
        )


def _places(step: float) -> int:
    """Return how many decimal places of an amount of money tell the steps of an axis apart."""
    fitting = (places for places in (0, 2, 3, 4, 5) if math.isclose(round(step, places), step))
    return next(fitting, 6)


def _svg(width: int, height: float, parts: Sequence[str]) -> str:
    return f'<svg viewBox="0 0 {width} {height:.0f}" role="img">{"".join(parts)}</svg>'


def _title(lines: Sequence[str]) -> str:
    return f"<title>{escape(chr(10).join(lines))}</title>"


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
