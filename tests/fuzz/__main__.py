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

CLEAN = "nothing found"

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
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the figures into a page")
    parser.add_argument("--without-atheris", action="store_true", help="use our own mutations")
    given = parser.parse_args()
    if unknown := set(given.targets) - set(names):
        parser.error(f"there is no target {min(unknown)}; there are {', '.join(names)}")
    own = given.without_atheris or find_spec("atheris") is None
    how = f"{'our own mutations' if own else 'atheris'}, {given.seconds} s for each target"
    print(how)
    print(f"{'target':<16}{'inputs run':>12}{'kept':>7}{'lines':>14}  result")
    failures = 0
    rows: list[tuple[str, ...]] = []
    for name in given.targets or names:
        if name in SUITES:
            row = _run_suite(name, given.seconds, given.found)
            failures += row[-1] != CLEAN
            rows.append(row)
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
        result = CLEAN if code == 0 else f"FAILED, exit {code}"
        rows.append((name, f"{runs:,}", f"{kept:,}", f"{covered:,} of {of:,}", result))
        print(f"{name:<16}{runs:>12,}{kept:>7,}{f'{covered:,}/{of:,}':>14}  {result}", flush=True)
        if code:
            failures += 1
            log = given.found / "failed" / f"{name}.log"
            log.write_text(said, "utf-8")
            found = _FOUND.findall(said) or [str(log)]
            print(f"    {found[0]}: put it into {target.corpus}/ with the fix; the rest: {log}")
    if given.write:
        _write(given.write, how, rows)
    return 1 if failures else 0


def _write(page: Path, how: str, rows: list[tuple[str, ...]]) -> None:
    """Put the figures of a run between the marks of a page."""
    table = ["| target | inputs run | kept | lines reached | result |"]
    table += ["| --- | ---: | ---: | ---: | --- |"]
    table += [f"| {' | '.join(row)} |" for row in rows]
    before, begin, rest = page.read_text("utf-8").partition("<!-- figures -->\n")
    _, end, behind = rest.partition("<!-- end of figures -->")
    if not begin or not end:
        raise SystemExit(f"{page} has no place for figures")
    inner = f"A run with {how}:\n\n" + "\n".join(table) + "\n"
    page.write_text(before + begin + inner + end + behind, "utf-8")


def _run_suite(name: str, seconds: int, found: Path) -> tuple[str, ...]:
    """Run a test in a form of about so many seconds; return its row of figures."""
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
    result = CLEAN if done.returncode == 0 else f"FAILED, exit {done.returncode}"
    print(f"{name:<16}{count:>12,}{'':>21}  {result}", flush=True)
    if done.returncode:
        log = found / "failed" / f"{name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(done.stdout + done.stderr, "utf-8")
        print(f"    the example: {log}")
    return name, f"{count:,}", "", "", result


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
