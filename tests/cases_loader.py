"""Scenarios kept as text: one file, one scenario.

A case starts with free text, which says what it is about, followed by sections:

    -- package/module.py --
    import other
    -- findings --
    arch.cycle minor package/module.py:1 ...

A section lasts until the next header or the end of the file. With `CLAUDE_LSP_UPDATE_CASES=1`
in the environment an expected section that differs is rewritten; read the difference before
you keep it.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

CASES = Path(__file__).parent / "cases"

UPDATE = "CLAUDE_LSP_UPDATE_CASES"

_HEADER = re.compile(r"^-- (\S.*?) --[ \t]*(?:\n|\Z)", re.MULTILINE)


@dataclass(frozen=True)
class Case:
    """One scenario.

    Attributes:
        name: the file's name without its ending.
        about: the text before the first section.
        sections: the text of every section by its header, each with its final line ending.
    """

    name: str
    about: str
    sections: dict[str, str]


def load(path: Path) -> Case:
    """Read one case; a header that stands twice is an error."""
    about, *parts = _HEADER.split(path.read_text(encoding="utf-8"))
    sections: dict[str, str] = {}
    for header, body in zip(parts[::2], parts[1::2], strict=True):
        if header in sections:
            raise ValueError(f"{path}: the section {header!r} stands twice")
        sections[header] = body
    return Case(path.stem, about, sections)


def save(path: Path, case: Case) -> None:
    """Write a case so that `load` gives it back."""
    parts = [f"-- {header} --\n{body}" for header, body in case.sections.items()]
    path.write_text(case.about + "".join(parts), encoding="utf-8")


def paths(folder: str) -> list[Path]:
    """Return the files of all cases in a folder of `tests/cases`; there must be one."""
    found = sorted((CASES / folder).glob("*.md"))
    if not found:
        raise FileNotFoundError(f"there are no cases in {CASES / folder}")
    return found


def expect(path: Path, section: str, actual: str) -> None:
    """Compare a section of a case with what was computed, or rewrite it when asked to."""
    case = load(path)
    if os.environ.get(UPDATE) == "1" and case.sections[section] != actual:
        save(path, replace(case, sections={**case.sections, section: actual}))
        return
    assert actual == case.sections[section], f"{path.name}: section {section!r} differs"
