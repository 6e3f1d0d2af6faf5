"""Case files of `tests/cases/findings`: sections headed by a line `=== name`."""

from __future__ import annotations

import re
from pathlib import Path

CASES = Path(__file__).parent.parent / "cases" / "findings"


def case_paths(pattern: str) -> list[Path]:
    paths = sorted(CASES.glob(pattern))
    assert paths, f"no case matches {pattern}"
    return paths


def sections(path: Path) -> dict[str, str]:
    """Return the sections of a case file, each without its last line ending."""
    parts = re.split(r"(?m)^=== (.+)\n", path.read_text("utf-8"))
    return {
        name.strip(): body.removesuffix("\n")
        for name, body in zip(parts[1::2], parts[2::2], strict=True)
    }
