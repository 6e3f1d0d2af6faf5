"""Reviews without a model: `make bench-review`.

    python -m benchmarks.review [--quick] [--only SECTION ...] [--seed N] [--json FILE]

An oracle that knows the bugs of generated changes answers in place of a model, misquoting as models
do: what is measured is everything else. Nothing passes or fails here: bars say what is aimed at.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.context.bench import default_data, say
from benchmarks.context.corpora import UnavailableError
from benchmarks.review import anchors, command, fingerprints, report, stream
from benchmarks.review.replay import replay
from benchmarks.review.sources import sources
from benchmarks.table import machine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from benchmarks.review.report import Row
    from benchmarks.review.sources import Source

_FILES = 60
_QUICK = 10


class Sections:
    """What can be measured, each by a method of its name."""

    def __init__(self, files: Sequence[Source], data: Path, *, quick: bool, seed: int) -> None:
        self._files = files
        self._data = data
        self._quick = quick
        self._seed = seed

    def anchors(self) -> Iterable[Row]:
        """How often a quoted place is found again."""
        rates = anchors.measure(150 // (3 if self._quick else 1), self._count(300), self._seed)
        return report.of_anchors(rates)

    def fingerprints(self) -> Iterable[Row]:
        """Whether a finding is known again."""
        rates = fingerprints.measure(self._files, self._count(400), self._seed)
        return report.of_fingerprints(rates)

    def replay(self) -> Iterable[Row]:
        """What a review shows of what was said."""
        played = replay(self._files, self._count(400), self._seed)
        for name, count in played.missed().most_common():
            say(f"not at its line: {name}, {count} times")
        return report.of_replay(played)

    def stream(self) -> Iterable[Row]:
        """How soon and at what cost findings are published."""
        return report.of_stream(stream.measure(self._files, 800, self._seed))

    def overheads(self) -> Iterable[Row]:
        """What the command costs beside the answer."""
        repeats = 3 if self._quick else 7
        return report.of_overheads(command.overheads(self._files, repeats, self._seed))

    def sent(self) -> Iterable[Row]:
        """What is sent of changes of several sizes."""
        huge = not self._quick
        return report.of_sent(
            command.what_is_sent(self._files, self._data, huge=huge, seed=self._seed)
        )

    def _count(self, count: int) -> int:
        return count // _QUICK if self._quick else count


SECTIONS: dict[str, Callable[[Sections], Iterable[Row]]] = {
    "anchors": Sections.anchors,
    "fingerprints": Sections.fingerprints,
    "replay": Sections.replay,
    "stream": Sections.stream,
    "overheads": Sections.overheads,
    "sent": Sections.sent,
}


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    data = options.data or default_data()
    try:
        files = sources(data, _FILES, options.seed)
        sections = Sections(files, data, quick=options.quick, seed=options.seed)
        rows: list[Row] = []
        for name in options.only:
            say(f"{name} ...")
            begun = time.monotonic()
            rows += SECTIONS[name](sections)
            say(f"{name}: {time.monotonic() - begun:.0f} s")
    except UnavailableError as error:
        sys.exit(str(error))
    about: dict[str, Any] = {**machine(), "load": f"{os.getloadavg()[0]:.1f}"}
    print(", ".join(f"{name}: {value}" for name, value in about.items()), end="\n\n")
    print(report.table(rows))
    if options.json:
        figures = [{**row._asdict(), "holds": row.holds} for row in rows]
        written = json.dumps({"machine": about, "figures": figures}, indent=1)
        options.json.write_text(written + "\n", "utf-8")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.review", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--quick", action="store_true", help="a tenth of everything, to try it out")
    parser.add_argument("--only", nargs="+", choices=tuple(SECTIONS), default=list(SECTIONS))
    parser.add_argument("--seed", type=int, default=1, help="other files, changes and remarks")
    parser.add_argument("--data", type=Path, help="where projects are kept")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every single figure")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
