"""Runs the suites of several editors, one after the other, and says in a line each what came of it.

    python -m tests.editors neovim emacs

A suite is `make test-NAME`. One whose editor can't be had says `not here: why` and is skipped, as
the last line tells; one that counts nothing has failed. One that fails is run a second time, which
its line tells: real editors give up after seconds of their own on a machine that is busy. Return 0
unless something failed twice.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass

WHOLE_S = 20 * 60.0
"""When all suites together have to be through."""

SHOWN_LINES = 60

_COUNTS = re.compile(r"^(\d+) passed, (\d+) failed$", re.MULTILINE)
_NOT_HERE = re.compile(r"^not here: (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Result:
    """What came of a suite.

    Attributes:
        passed, failed: how many tests.
        skipped: why nothing was run, "" if something was.
    """

    passed: int
    failed: int
    skipped: str = ""

    def __str__(self) -> str:
        counts = f"{self.passed} passed, {self.failed} failed"
        return f"{counts}, 1 skipped ({self.skipped})" if self.skipped else counts


def judge(output: str, code: int) -> Result:
    """Say what a suite has told.

    Args:
        output: all that it printed.
        code: what it ended with.
    """
    counts = _COUNTS.findall(output)
    if counts:
        # One that runs its editor several times counts each time.
        passed, failed = (sum(map(int, column)) for column in zip(*counts, strict=True))
        # A suite that breaks off has failed, whatever it counted; so has one without a test.
        broken = failed == 0 and (code != 0 or passed == 0)
        return Result(passed, failed + broken)
    reason = _NOT_HERE.search(output)
    return Result(0, 0, reason[1]) if code != 0 and reason else Result(0, 1)


def run(command: list[str], seconds: float) -> tuple[str, int]:
    """Run a command with all that it starts, at most so long; return its output and its code."""
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=max(1.0, seconds))
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            return f"{output}\nnot through in time: ended after {seconds:.0f} s", 1
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return output, process.returncode


def main(names: list[str]) -> int:
    """Run the suites that are named."""
    end = time.monotonic() + WHOLE_S
    results = {}
    for name in names:
        begun = time.monotonic()
        again = ""
        for _ in range(2):
            output, code = run(["make", f"test-{name}"], end - time.monotonic())
            result = results[name] = judge(output, code)
            if not result.failed:
                break
            print("\n".join(output.splitlines()[-SHOWN_LINES:]), flush=True)
            again = ", the second time"
        print(f"{name}: {result}{again}  [{time.monotonic() - begun:.0f} s]", flush=True)
    skipped = [name for name, result in results.items() if result.skipped]
    failed = [name for name, result in results.items() if result.failed]
    print(
        f"editors: {len(names) - len(skipped) - len(failed)} suites passed"
        + (f"; FAILED: {', '.join(failed)}" if failed else "")
        + (f"; SKIPPED: {', '.join(skipped)}" if skipped else ""),
        flush=True,
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
