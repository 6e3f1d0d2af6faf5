"""Cases of TypeScript projects; what the held-out text uses is resolved by the language service."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.context.cases import from_json
from benchmarks.context.corpora import UnavailableError, node_library

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.context.cases import Case

TYPESCRIPT = "5.9.3"
"""The last line of versions whose language service is a library of JavaScript."""

_PROGRAM = Path(__file__).with_name("cases_typescript.mjs")


def make(
    source: Path,
    name: str,
    data: Path,
    *,
    count: int,
    seed: int,
    tries: int,
    paths: Mapping[str, Sequence[str]],
) -> tuple[list[Path], list[Case]]:
    """Make cases of a project.

    Args:
        source: the folder of its code.
        name: the project's, for the ids.
        data: where the language service is installed.
        count: how many at most; no file gives more than one.
        seed: draws the places.
        tries: how many places of a file are tried.
        paths: TypeScript's option of that name.

    Returns:
        the files of the project, and the cases.

    Raises:
        UnavailableError: Node or npm is missing or failed.
    """
    node = shutil.which("node")
    if node is None:
        raise UnavailableError("node is not installed")
    question = {
        "typescript": str(node_library(data, "typescript", TYPESCRIPT).resolve()),
        "source": str(source),
        "name": name,
        "count": count,
        "seed": seed,
        "tries": tries,
        "paths": paths,
    }
    done = subprocess.run(
        [node, str(_PROGRAM)],
        input=json.dumps(question),
        capture_output=True,
        check=False,
        encoding="utf-8",
    )
    if done.returncode != 0:
        raise UnavailableError(f"node failed on {name}: {done.stderr.strip()[-500:]}")
    answer = json.loads(done.stdout)
    return [source / file for file in answer["files"]], [from_json(one) for one in answer["cases"]]
