"""What a call does, told without a clock: the lines of the product that it runs.

Steps are a measure of time that is the same on every machine. They do not see what a regular
expression does within one call: for that the long form has a bound on real seconds.
"""

from __future__ import annotations

import sys
from inspect import CO_OPTIMIZED
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING, Any

import claude_lsp

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

PACKAGE = str(Path(claude_lsp.__file__).parent)

Line = tuple[str, int]


def count_steps(call: Callable[[], object]) -> int:
    """Return how many lines of the product a call runs."""
    return sum(counted_lines(call).values())


def counted_lines(call: Callable[[], object]) -> dict[Line, int]:
    """Run a call; return how often it ran each line of the product, by (file, number)."""
    counts: dict[Line, int] = {}

    def on_line(frame: FrameType, event: str, _: Any) -> Any:
        if event == "line":
            line = frame.f_code.co_filename, frame.f_lineno
            counts[line] = counts.get(line, 0) + 1
        return on_line

    def on_call(frame: FrameType, _event: str, _: Any) -> Any:
        return on_line if frame.f_code.co_filename.startswith(PACKAGE) else None

    before = sys.gettrace()
    sys.settrace(on_call)
    try:
        call()
    finally:
        sys.settrace(before)
    return counts


def lines_of(names: tuple[str, ...]) -> set[Line]:
    """Return the lines within functions of some files of the product, named without the ending."""
    found: set[Line] = set()
    for name in names:
        path = f"{PACKAGE}/{name}.py"
        module = compile(Path(path).read_text("utf-8"), path, "exec")
        waiting = [code for code in module.co_consts if isinstance(code, CodeType)]
        while waiting:
            code = waiting.pop()
            if code.co_flags & CO_OPTIMIZED:  # a function, not the body of a class
                lines = {line for *_, line in code.co_lines() if line is not None}
                found |= {(path, line) for line in lines - {code.co_firstlineno}}
            waiting += [each for each in code.co_consts if isinstance(each, CodeType)]
    return found
