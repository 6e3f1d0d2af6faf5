"""What came of a working day, and the page about it."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

from benchmarks.server_process import LONGEST_WAIT_S
from benchmarks.soak.workday import EDITS, HOURS, OTHERS
from benchmarks.table import machine

WARM_HOURS = 2
"""Hours after which everything that is loaded once and kept is there."""

_GROWTH_BAR, _STALL_BAR_MS, _STALL_QUANTILE = 5.0, 50.0, 0.999


@dataclass
class Held:
    """What the server held at rest after an hour.

    Attributes:
        memory_mb: resident, of the server alone.
        tasks: of its loop.
        threads: of the process.
        descriptors: open files, pipes and sockets.
        connections: to the Messages API.
        processes: that it has started and that still run.
        late_ms: how late a timer of the loop was, every 10 ms of the hour.
    """

    memory_mb: float
    tasks: int
    threads: int
    descriptors: int
    connections: int
    processes: int
    late_ms: list[float] = field(repr=False)


@dataclass
class Day:
    """What came of the day."""

    held: list[Held]
    seconds: float
    requests: int
    faults: int
    lost: int
    applied: int
    refused: int
    errors: dict[str, int]

    def quantile(self, share: float) -> float:
        """Return how late the loop was at most in a share of the moments (milliseconds)."""
        late = sorted(each for held in self.held for each in held.late_ms)
        return late[min(len(late) - 1, int(len(late) * share))]

    @property
    def growth(self) -> float:
        """Per cent of memory that came after the warm-up."""
        warm, last = self.held[WARM_HOURS - 1], self.held[-1]
        return 100 * (last.memory_mb / warm.memory_mb - 1)

    def leaks(self) -> dict[str, tuple[int, int]]:
        """Return of each thing that may leak the most of the first half, and the least at the end.

        The index opens and closes files as it grows and is merged, so one hour says little; what
        leaks is never as low again as it once was at most.
        """
        first, last = self.held[: HOURS // 2], self.held[-3:]
        return {
            name: (
                max(getattr(each, name) for each in first),
                min(getattr(each, name) for each in last),
            )
            for name in ("tasks", "threads", "descriptors", "connections", "processes")
        }

    def broken(self) -> list[str]:
        """Return the bars that do not hold, each with its figure."""
        stall = self.quantile(_STALL_QUANTILE)
        checks = [
            (self.growth <= _GROWTH_BAR, f"memory grew by {self.growth:.1f} %"),
            (self.lost == 0, f"{self.lost} answers to nothing"),
            (stall <= _STALL_BAR_MS, f"the loop was late by {stall:.0f} ms"),
            *(
                (last <= first, f"{last} {name}, {first} before")
                for name, (first, last) in self.leaks().items()
            ),
        ]
        return [told for holds, told in checks if not holds]


def page_of(day: Day, share: float) -> str:
    """Return the page about a day, or a share of one."""
    told, broken = machine(), day.broken()
    things = {"edits": EDITS, **OTHERS}
    counts = ", ".join(
        f"{name.replace('_', ' ')} {round(count * share):,}" for name, count in things.items()
    )
    verdict = "All bars hold." if not broken else f"**Not held**: {'; '.join(broken)}."
    warm, last = day.held[WARM_HOURS - 1], day.held[-1]
    late = [each for held in day.held for each in held.late_ms]
    stalls = (statistics.median(late), day.quantile(0.99), day.quantile(_STALL_QUANTILE), max(late))
    lines = [
        "# A working day",
        "",
        (
            f"Written by `make soak` on {told['date'][:10]}: {told['cpu']}, {told['cores']} cores, "
            f"Python {told['python']}."
        ),
        "",
        (
            f"Eight hours of work, replayed in {day.seconds / 60:.1f} minutes against a real "
            f"server over pipes: {counts}."
        ),
        (
            f"{day.requests:,} requests reached the Messages API, and {day.faults:,} of them met a "
            "fault: limits, overload, cut and stalled streams, refusals, damaged events, prose."
        ),
        (
            f"The server's edits reached a buffer {day.applied:,} times; {day.refused:,} were of "
            "an older version, and the editor refused them."
        ),
        "",
        "| what | figure | bar |",
        "|---|---|---|",
        (
            f"| memory after hour {WARM_HOURS} and at the end | {warm.memory_mb:.0f} and "
            f"{last.memory_mb:.0f} MB: {day.growth:+.1f} % | at most +{_GROWTH_BAR:.0f} % |"
        ),
        f"| answers that came to nothing, or twice | {day.lost} | 0 |",
        *(
            f"| {name}: most of the first half, least of the end | {first}, {end} | no more |"
            for name, (first, end) in day.leaks().items()
        ),
        (
            f"| the loop held up, p50 / p99 / p99.9 / most of {len(late):,} looks | "
            f"{' / '.join(f'{each:.1f}' for each in stalls)} ms "
            f"| p99.9 at most {_STALL_BAR_MS:.0f} ms |"
        ),
        "",
        f"Every request was answered, within {LONGEST_WAIT_S} s, or the run ends with an error.",
        verdict,
        "",
        "What the server held at rest after each hour:",
        "",
        (
            "| hour | memory, MB | tasks | threads | descriptors | connections | processes "
            "| loop late at most, ms |"
        ),
        "|---|---|---|---|---|---|---|---|",
        *(
            f"| {number} | {held.memory_mb:.0f} | {held.tasks} | {held.threads} "
            f"| {held.descriptors} | {held.connections} | {held.processes} "
            f"| {max(held.late_ms):.0f} |"
            for number, held in enumerate(day.held, 1)
        ),
        "",
    ]
    return "\n".join(lines)
