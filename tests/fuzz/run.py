"""Fuzzes one target in this process, led by coverage; `python -m tests.fuzz.run --help`.

With atheris (the extra `fuzz`) libFuzzer chooses inputs by the branches and comparisons that
they reach. Without it, inputs are changed at random and kept if they reach new
lines of the product: slower and blinder, but on any Python.
"""

from __future__ import annotations

import argparse
import importlib
import random
import sys
import time
import traceback
from hashlib import sha1
from pathlib import Path
from typing import TYPE_CHECKING

from tests.fuzz.inputs import KINDS, Edit, edited

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.fuzz.steps import Line
    from tests.fuzz.targets import Target

SLOWEST_S = 10
"""Seconds that one input of at most 64 kB may take; what never ends does not pass for slow."""


def main() -> None:
    """Fuzz until the time is over, or until the first failure, whose input is kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--found", type=Path, default=Path(".fuzz"), help="where inputs are kept")
    parser.add_argument("--without-atheris", action="store_true")
    given = parser.parse_args()
    kept = given.found / given.target
    failed = given.found / "failed"
    for folder in (kept, failed):
        folder.mkdir(parents=True, exist_ok=True)
    if given.without_atheris:
        target = _target(given.target)
        cases = [*target.cases(), *sorted(kept.iterdir())]
        fuzz_guided(target, given.seconds, cases, kept, failed)
        return
    import atheris

    # Its hook into regular expressions stays off: those know no place to begin at.
    with atheris.instrument_imports(include=["claude_lsp"]):
        target = _target(given.target)
    words = failed / f"{target.name}.words"
    words.write_text("".join(f"{_quoted(word)}\n" for word in target.words), "ascii")
    options = {
        "max_total_time": given.seconds,
        "max_len": 4096,
        "timeout": SLOWEST_S,
        "rss_limit_mb": 2048,
        "dict": words,
        "artifact_prefix": f"{failed}/{target.name}-",
        "print_final_stats": 1,
        "verbosity": 1,
    }
    atheris.Setup(
        [
            sys.argv[0],
            *(f"-{name}={value}" for name, value in options.items()),
            str(kept),
            str(target.corpus),
        ],
        target.run,
    )
    atheris.Fuzz()


def _target(name: str) -> Target:
    target: Target = importlib.import_module("tests.fuzz.targets").TARGETS[name]
    return target


def _quoted(word: bytes) -> str:
    """Return a word as it stands in a dictionary of libFuzzer, which takes 64 bytes at most."""
    return '"' + "".join(f"\\x{byte:02x}" for byte in word[:64]) + '"'


def fuzz_guided(
    target: Target, seconds: float, cases: Iterable[Path], kept: Path, failed: Path
) -> None:
    """Change inputs at random; keep those that run what none has run before.

    Args:
        target: what to run.
        seconds: how long.
        cases: the files of the inputs to begin with, at least one.
        kept: the folder for new inputs.
        failed: the folder for the input of the first failure, which ends the process with 77.
    """
    kept.mkdir(parents=True, exist_ok=True)
    from tests.fuzz.steps import counted_lines  # imports the product, which atheris must do first

    chance = random.Random(0)
    inputs = [path.read_bytes() for path in cases]
    seen: set[tuple[Line, int]] = set()
    runs = 0
    deadline = time.monotonic() + seconds

    def try_one(data: bytes) -> bool:
        nonlocal runs
        runs += 1
        try:
            counts = counted_lines(lambda: target.run(data))
        except Exception:  # noqa: BLE001 - whatever it is, its input is kept
            (failed / f"{target.name}-crash-{sha1(data).hexdigest()}").write_bytes(data)
            traceback.print_exc()
            sys.exit(77)
        # How often a line runs counts by its order of magnitude.
        reached = {(line, count.bit_length()) for line, count in counts.items()}
        new = not reached <= seen
        seen.update(reached)
        return new

    for data in inputs:
        try_one(data)
    while time.monotonic() < deadline:
        data = edited(chance.choice(inputs), _edits(chance, target))
        if try_one(data):
            inputs.append(data)
            (kept / sha1(data).hexdigest()).write_bytes(data)
    print(f"stat::number_of_executed_units: {runs}")


def _edits(chance: random.Random, target: Target) -> list[Edit]:
    return [
        Edit(
            chance.choice(KINDS),
            chance.random(),
            chance.randint(1, 40),
            chance.choice(target.words),
            chance.randint(0, 60),
        )
        for _ in range(chance.randint(1, 4))
    ]


if __name__ == "__main__":
    main()
