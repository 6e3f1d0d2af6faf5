"""What a benchmark prints: one Markdown table of figures, their floor and their bars."""

from __future__ import annotations

import os
import platform
import statistics
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class Row:
    """One line of the table.

    Attributes:
        name: what was measured.
        unit: of every figure but those that `compare` gives.
        ours: what was measured of our server.
        bare: the same of the floor, where it has such a thing.
        compare: makes the figure that the bar is for, from both medians.
        compared: what that figure is, with its unit.
        bar: the most that the figure should be; None where there is none.
    """

    name: str
    unit: str
    ours: list[float]
    bare: list[float] = field(default_factory=list)
    compare: Callable[[float, float], float] | None = None
    compared: str = ""
    bar: float | None = None

    @property
    def figure(self) -> float | None:
        """What is held against the bar."""
        if self.compare is None:
            return None
        return self.compare(statistics.median(self.ours), _median(self.bare))

    @property
    def holds(self) -> bool | None:
        """Whether the bar holds; None without one."""
        figure = self.figure
        return None if self.bar is None or figure is None else figure <= self.bar

    def as_markdown(self) -> str:
        """Return the line of the table."""
        figure = "" if self.figure is None else f"{self.figure:.3g} {self.compared}".strip()
        bar = "" if self.bar is None else f"<= {self.bar:g}"
        verdict = {True: "yes", False: "**no**", None: ""}[self.holds]
        cells = (self.name, self.unit, _shown(self.ours), _shown(self.bare), figure, bar, verdict)
        return f"| {' | '.join(cells)} |"

    def as_json(self) -> dict[str, Any]:
        """Return everything that was measured."""
        return {
            "name": self.name,
            "unit": self.unit,
            "ours": self.ours,
            "bare": self.bare,
            "figure": self.figure,
            "compared": self.compared,
            "bar": self.bar,
            "holds": self.holds,
        }


HEADER = (
    "| what | unit | ours: median / p95 / min | bare pygls: median / p95 / min | figure | bar "
    "| holds |\n|---|---|---|---|---|---|---|"
)


def _median(values: list[float]) -> float:
    return statistics.median(values) if values else 0.0


def _shown(values: list[float]) -> str:
    if not values:
        return ""
    ordered = sorted(values)
    p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    return " / ".join(f"{value:.4g}" for value in (_median(values), p95, ordered[0]))


def ours_alone(ours: float, _bare: float) -> float:
    return ours


def ratio(ours: float, bare: float) -> float:
    return ours / bare


def difference(ours: float, bare: float) -> float:
    return ours - bare


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    model = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text("utf-8").splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    return {
        "date": datetime.now().astimezone().isoformat(timespec="seconds"),
        "cpu": model,
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }
