"""`python -m tests.fuzz`: fuzz everything, one after the other, and say what came of each."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from tests.fuzz.run import SLOWEST_S
from tests.fuzz.steps import Line, counted_lines, lines_of
from tests.fuzz.targets import TARGETS, Target

_RUNS = re.compile(r"stat::number_of_executed_units: (\d+)")
_FOUND = re.compile(r"Test unit written to (\S+)")

SUITES = {
    "inputs": ("tests/fuzz/test_targets.py", "CLAUDE_LSP_FUZZED", 2.0),
    "sessions": ("tests/lsp/test_any_session.py", "CLAUDE_LSP_SESSIONS", 1.0),
    "streams": ("tests/process/test_streams.py", "CLAUDE_LSP_STREAMS", 10.0),
}
"""What a test fuzzes in its long form: the test, the variable for how many, how many a second."""


def main() -> int:
    """Fuzz the targets; return 1 if an input was found for which a property does not hold."""
    names = [*TARGETS, *SUITES]
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(names))
    parser.add_argument("--seconds", type=int, default=60, help="for each target (default: 60)")
    parser.add_argument("--found", type=Path, default=Path(".fuzz"), help="where inputs are kept")
    parser.add_argument("--without-atheris", action="store_true", help="use our own mutations")
    given = parser.parse_args()
    if unknown := set(given.targets) - set(names):
        parser.error(f"there is no target {min(unknown)}; there are {', '.join(names)}")
    own = given.without_atheris or find_spec("atheris") is None
    print(f"{'our own mutations' if own else 'atheris'}, {given.seconds} s for each target")
    print(f"{'target':<16}{'inputs run':>12}{'kept':>7}{'lines':>14}  result")
    failures = 0
    for name in given.targets or names:
        if name in SUITES:
            failures += not _run_suite(name, given.seconds, given.found)
            continue
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


def _run_suite(name: str, seconds: int, found: Path) -> bool:
    """Run a test in a form of about so many seconds; return whether it passed."""
    test, variable, rate = SUITES[name]
    count = max(100, round(seconds * rate))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--show-capture=no", test],
        env={**os.environ, variable: str(count)},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    result = "nothing found" if done.returncode == 0 else f"FAILED, exit {done.returncode}"
    print(f"{name:<16}{count:>12,}{'':>21}  {result}", flush=True)
    if done.returncode:
        log = found / "failed" / f"{name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(done.stdout + done.stderr, "utf-8")
        print(f"    the example: {log}")
    return done.returncode == 0


def coverage(target: Target, found: Path) -> tuple[int, int]:
    """Return how many lines of what a target is about its inputs run, and how many there are."""
    everything = lines_of(target.about)
    covered: set[Line] = set()
    for path in [*target.cases(), *sorted(found.iterdir())]:
        data = path.read_bytes()
        try:
            covered |= counted_lines(lambda data=data: target.run(data)).keys()  # type: ignore[misc]
        except Exception as error:  # noqa: BLE001 - told as a failure already
            print(f"    {path}: {type(error).__name__}")
    return len(covered & everything), len(everything)


if __name__ == "__main__":
    sys.exit(main())
