"""Run the whole campaign: `python -m tests.faults [--write FILE]`."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.faults.cell import Cell
from tests.faults.matrix import RESULTS, render

HERE = Path(__file__).parent


def main() -> int:
    """Try every cell; write the matrix if nothing is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--write", type=Path, help="write the matrix to this file")
    options, others = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as folder:
        command = [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb", "short"),
            *("-n", "auto", "--dist", "worksteal"),
            *(str(HERE / "whole.py"), str(HERE / "second_judge.py")),
        ]
        done = subprocess.run([*command, *others], env={**os.environ, RESULTS: folder}, check=False)
        if done.returncode:
            return done.returncode
        cells = [
            Cell(**each)
            for path in sorted(Path(folder).glob("*.json"))
            for each in json.loads(path.read_text("utf-8"))
        ]
        judged = Path(folder) / "judged.md"
        if not judged.exists():
            print(
                "The second judge is not installed (pip install 'claude-lsp[faults]'): the matrix"
            )
            print("is not written.")
        elif options.write is not None:
            options.write.write_text(render(cells, judged.read_text("utf-8")), "utf-8")
    slowest = max(cells, key=lambda cell: cell.seconds)
    total = sum(cell.seconds for cell in cells)
    print(f"{len(cells):,} cells are as they must be, {total:.0f} s in all; the slowest took")
    print(f"{slowest.seconds:.1f} s: {slowest.fault} / {slowest.column}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
