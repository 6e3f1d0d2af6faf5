"""`python -m tests.fuzz`: fuzz every target, one after the other, and say what came of each."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from tests.fuzz.run import SLOWEST_S
from tests.fuzz.steps import counted_lines, lines_of
from tests.fuzz.targets import TARGETS, Target

_RUNS = re.compile(r"stat::number_of_executed_units: (\d+)")
_FOUND = re.compile(r"Test unit written to (\S+)")


def main() -> int:
    """Fuzz the targets; return 1 if an input was found for which a property does not hold."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=60, help="for each target (default: 60)")
    parser.add_argument("--found", type=Path, default=Path(".fuzz"), help="where inputs are kept")
    parser.add_argument("--without-atheris", action="store_true", help="use our own mutations")
    given = parser.parse_args()
    if unknown := set(given.targets) - TARGETS.keys():
        parser.error(f"there is no target {min(unknown)}; there are {', '.join(TARGETS)}")
    own = given.without_atheris or find_spec("atheris") is None
    print(f"{'our own mutations' if own else 'atheris'}, {given.seconds} s for each target")
    print(f"{'target':<16}{'inputs run':>12}{'kept':>7}{'lines':>14}  result")
    failures = 0
    for name in given.targets or TARGETS:
        target = TARGETS[name]
        command = [sys.executable, "-m", "tests.fuzz.run", name, "--found", str(given.found)]
        command += ["--seconds", str(given.seconds)]
        command += ["--without-atheris"] if own else []
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=given.seconds + 60 + 6 * SLOWEST_S,
                check=False,
            )
            said, code = done.stdout + done.stderr, done.returncode
        except subprocess.TimeoutExpired as error:
            said, code = str(error), -1
        runs = max(map(int, _RUNS.findall(said)), default=0)
        kept = len(list((given.found / name).iterdir()))
        covered, of = coverage(target, given.found / name)
        result = "nothing found" if code == 0 else f"FAILED, exit {code}"
        print(f"{name:<16}{runs:>12,}{kept:>7,}{f'{covered:,}/{of:,}':>14}  {result}", flush=True)
        if code:
            failures += 1
            log = given.found / "failed" / f"{name}.log"
            log.write_text(said, "utf-8")
            found = _FOUND.findall(said) or [str(log)]
            print(f"    {found[0]}: put it into {target.corpus}/ with the fix; the rest: {log}")
    return 1 if failures else 0


def coverage(target: Target, found: Path) -> tuple[int, int]:
    """Return how many lines of what a target is about its inputs run, and how many there are."""
    everything = lines_of(target.about)
    covered = set()
    for path in [*target.cases(), *sorted(found.iterdir())]:
        data = path.read_bytes()
        try:
            covered |= counted_lines(lambda data=data: target.run(data)).keys()  # type: ignore[misc]
        except Exception as error:  # noqa: BLE001 - told as a failure already
            print(f"    {path}: {type(error).__name__}")
    return len(covered & everything), len(everything)


if __name__ == "__main__":
    sys.exit(main())
