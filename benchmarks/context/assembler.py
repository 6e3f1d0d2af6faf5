"""What is measured: an object in this process, or a program that is asked line by line.

A program reads one JSON object a line and answers with one:

    {"op": "index", "root": R}                                        -> {"ok": true}
    {"op": "update", "root": R, "file": F, "text": T}                 -> {"ok": true}
    {"op": "assemble", "root": R, "file": F, "prefix": P, "suffix": S, "budget": B}
                                                                      -> {"context_text": C}

An answer with "error" ends the run: a place that was skipped would pass for an easy one.
"""

from __future__ import annotations

import importlib
import json
import shlex
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from benchmarks.context.cases import Case


class Assembler(Protocol):
    """Finds what helps to fill a place."""

    def index(self, root: str) -> None:
        """Read a project; return when answers will be as good as they get."""

    def update(self, root: str, file: str, text: str) -> None:
        """Take the text of a buffer in place of the file."""

    def assemble(self, root: str, file: str, prefix: str, suffix: str, budget: int) -> str:
        """Return a context of at most `budget` o200k tokens; the best is best put last.

        Args:
            root: the project.
            file: the buffer's path in it; on disk it is what the buffer is.
            prefix: the buffer before the cursor.
            suffix: the buffer after it.
            budget: what is beyond it is cut off.
        """


@runtime_checkable
class Oracle(Protocol):
    """An assembler that is told the answer: the most that can be had."""

    def reveal(self, case: Case) -> None:
        """Learn which definitions the next place needs."""


class AssemblerError(Exception):
    """An assembler failed, or a program broke the protocol; says how."""


class LocalAssembler:
    """An object in this process, with its use of the processor."""

    def __init__(self, factory: Callable[[], Assembler]) -> None:
        self.assembler = factory()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass

    def cpu_seconds(self) -> float:
        """Return the processor time used so far."""
        return time.process_time()


class ProgramAssembler:
    """A program over pipes, with its and its children's use of the processor."""

    def __init__(self, command: str) -> None:
        self.assembler: Assembler = self
        self._process = subprocess.Popen(
            shlex.split(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
        )
        # What ended processes used is remembered, so that the clock never runs backwards.
        self._used: dict[int, float] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def index(self, root: str) -> None:
        """Have a project read."""
        self._ask(op="index", root=root)

    def update(self, root: str, file: str, text: str) -> None:
        """Tell the text of a buffer."""
        self._ask(op="update", root=root, file=file, text=text)

    def assemble(self, root: str, file: str, prefix: str, suffix: str, budget: int) -> str:
        """Ask for a context.

        Raises:
            AssemblerError: the answer holds none.
        """
        answer = self._ask(
            op="assemble", root=root, file=file, prefix=prefix, suffix=suffix, budget=budget
        )
        text = answer.get("context_text")
        if not isinstance(text, str):
            raise AssemblerError(f"an answer without context_text: {answer!r:.500}")
        return text

    def cpu_seconds(self) -> float:
        """Return the processor time used so far."""
        import psutil

        try:
            main = psutil.Process(self._process.pid)
            for process in (main, *main.children(recursive=True)):
                used = _cpu_seconds_of(process)
                self._used[process.pid] = max(used, self._used.get(process.pid, 0.0))
        except psutil.NoSuchProcess:
            pass  # it ended meanwhile; what was seen last counts
        return sum(self._used.values())

    def _ask(self, **question: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise AssemblerError("the program has ended") from error
        line = self._process.stdout.readline()
        if not line:
            raise AssemblerError("the program has ended")
        answer = json.loads(line)
        if not isinstance(answer, dict) or "error" in answer:
            raise AssemblerError(f"the program failed: {answer!r:.500}")
        return answer


def load(name: str) -> Callable[[], Assembler]:
    """Return the factory that `module:name` denotes.

    Raises:
        AssemblerError: there is none.
    """
    module, _, attribute = name.partition(":")
    try:
        factory: Callable[[], Assembler] = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise AssemblerError(f"{name}: {error}") from error
    return factory


def _cpu_seconds_of(process: Any) -> float:
    """Return what a process has used.

    The scheduler counts in nanoseconds but forgets threads that ended; the other count forgets
    nothing but goes in ticks of 10 ms.
    """
    times = process.cpu_times()
    used = float(times.user + times.system)
    threads = Path(f"/proc/{process.pid}/task")
    try:
        finer = [(thread / "schedstat").read_text().split()[0] for thread in threads.iterdir()]
    except OSError:
        return used
    return max(used, sum(map(int, finer)) / 1e9)
