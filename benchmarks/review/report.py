"""One Markdown table of what was measured, with the bars beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from benchmarks.review import command, fingerprints

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from benchmarks.review.command import Overheads, Sent
    from benchmarks.review.replay import Replay
    from benchmarks.review.stream import Streamed


class Row(NamedTuple):
    """One line of the table.

    Attributes:
        figure: what was measured.
        value: the figure.
        unit: behind it.
        bar: what is aimed at; None where nothing is.
        least: whether the bar is the least that it should be, and not the most.
    """

    figure: str
    value: float
    unit: str = ""
    bar: float | None = None
    least: bool = False

    @property
    def holds(self) -> bool | None:
        """Whether the bar holds; None without one."""
        if self.bar is None:
            return None
        return self.value >= self.bar if self.least else self.value <= self.bar

    def cells(self) -> tuple[str, str, str, str]:
        """Return what stands in the table."""
        bar = "" if self.bar is None else f"{'>=' if self.least else '<='} {self._with(self.bar)}"
        verdict = {True: "yes", False: "**no**", None: ""}[self.holds]
        return self.figure, self._with(self.value), bar, verdict

    def _with(self, value: float) -> str:
        number = f"{value:,.0f}" if value == int(value) or value >= 1000 else f"{value:.3g}"
        return f"{number} {self.unit}".strip()


def table(rows: Sequence[Row]) -> str:
    """Return the rows as Markdown."""
    lines = [("figure", "measured", "bar", "holds"), ("---",) * 4, *(row.cells() for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def of_anchors(rates: Mapping[str, float]) -> Iterator[Row]:
    """Yield the rows of the first section."""
    for title, name, bar in (
        ("as it was sent", "", 97),
        ("after 12 edits", ", drift", 97),
        ("after 12 edits and one of the line itself", ", drift and edited", 96),
    ):
        yield Row(f"quote found, text {title}: at its line", rates[f"hit{name}"], "%", bar, True)
        yield Row(f"quote found, text {title}: elsewhere", rates[f"wrong{name}"], "%")
    yield Row("quote without a line number: at its line", rates["hit without hint"], "%")
    yield Row("invented quotes accepted", rates["invented quote accepted"], "%", 0)
    yield Row(
        "invented quotes without a line number, accepted", rates["invented, without hint"], "%"
    )
    yield Row("processor time of one search", rates["milliseconds"], "ms")


def of_fingerprints(rates: Mapping[str, float]) -> Iterator[Row]:
    """Yield the rows of the second section."""
    for name in (*fingerprints.UNCHANGED, fingerprints.RENAMED):
        yield Row(f"fingerprint the same: {name}", rates[name], "%", 100, True)
    for name, bar in ((fingerprints.SAME_FUNCTION, None), (fingerprints.FIXED, 1)):
        yield Row(f"fingerprint the same: {name}", rates[name], "%", bar)
    yield Row(fingerprints.COLLISIONS, rates[fingerprints.COLLISIONS], "%", 0)


def of_replay(replay: Replay) -> Iterator[Row]:
    """Yield the rows of the third section."""
    figures = replay.figures()
    count = f"of {figures['changes with a bug']:,.0f} changes with a bug"
    operators = f"{figures['operators']:.0f} kinds"
    yield Row(f"{count}, {operators}: bug shown within 3 lines", figures["near"], "%", 99, True)
    yield Row(f"{count}: bug shown at its very line", figures["exact"], "%", 99, True)
    yield Row("findings for each such change", figures["findings"])
    yield Row("junk for each such change", figures["junk"], "", 0.05)
    yield Row("duplicates for each such change", figures["duplicates"], "", 0.1)
    clean = f"of {figures['clean changes']:,.0f} good changes"
    yield Row(f"{clean}: with a finding", figures["clean with a finding"], "%", 5)
    yield Row("reviews that were not complete", figures["not complete"], "", 0)
    yield Row("calls for each change", figures["calls"])


def of_stream(streamed: Streamed) -> Iterator[Row]:
    """Yield the rows of the fourth section."""
    what = f"{streamed.findings} findings in one answer of {streamed.size / 1000:.0f} kB"
    yield Row(f"{what}: first one complete to published", streamed.first_ms, "ms", 20)
    yield Row(f"{what}: processor time of all", streamed.cpu_s, "s", 0.6)
    yield Row(f"{what}: published", streamed.published)
    yield Row(f"{what}: dropped, as the same or not found", streamed.dropped)


def of_overheads(overheads: Overheads) -> Iterator[Row]:
    """Yield the rows of the fifth section."""
    nothing_sent = (command.DRY, command.OFFLINE, command.REPLAYED)
    bars = {command.ASKED: 1.9} | dict.fromkeys(nothing_sent, 0.4)
    for name in overheads.seconds:
        title = f"small change, processor time of the command, {name}"
        yield Row(title, overheads.median(name), "s", bars.get(name))


def of_sent(changes: Sequence[Sent]) -> Iterator[Row]:
    """Yield the rows of the sixth section."""
    bars = {"small": (1, 9), "medium": (8, 90), "large": (43, 400)}
    for each in changes:
        size = f"{each.diff:,} B" if each.diff < 10_000 else f"{each.diff / 1000:,.0f} kB"
        what = f"diff of {size} in {each.files:,} file{'s'[: each.files > 1]}"
        calls, sent = bars.get(each.name, (None, None))
        yield Row(f"{what}: calls", each.calls, "", calls)
        yield Row(f"{what}: sent", each.sent / 1000, "kB", sent)
        if each.name == command.HUGE:
            yield Row(
                f"{what}: tokens sent, of {command.BUDGET:,}", each.tokens, "", command.BUDGET
            )
        yield Row(f"{what}: files reviewed", each.reviewed)
        yield Row(f"{what}: files that the report accounts for", each.told, "", each.files, True)
        yield Row(f"{what}: processor time", each.cpu_s, "s")
