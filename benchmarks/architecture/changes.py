"""`make bench-arch`: how quickly facts are there, and whether faults put into projects are found.

python -m benchmarks.architecture.changes [--corpora NAME ...] [--most N] [--seed N] [--data FOLDER]
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.architecture.mutants import KINDS, mutants
from benchmarks.context.bench import default_data, say
from benchmarks.context.corpora import CORPORA, UnavailableError, fetch
from claude_lsp.review.deltas import compared
from claude_lsp.review.project import survey
from claude_lsp.settings import Settings
from claude_lsp.workspace.index.cache import FOLDER_VARIABLE
from claude_lsp.workspace.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.architecture.mutants import Mutant
    from claude_lsp.findings.finding import Finding

MEASURED = ("httpx", "rich", "pydantic", "scrapy", "celery", "poetry")
COUNTS = ("made", "found", "of the same lines", "of others")
_SCRIPT = """
import resource, sys
from claude_lsp.cli.main import run
run(sys.argv[1:])
own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
workers = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(own // 1024, workers // 1024, file=sys.stderr)
"""
_GIT = ("git", "-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false")


def in_git(source: Path, folder: Path) -> Path:
    """Return a copy of a project as a repository with one commit."""
    root = folder / source.name
    shutil.copytree(source, root, ignore=shutil.ignore_patterns("*.pyc", "*.dist-info"))
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "base"]):
        subprocess.run([*_GIT, *command], cwd=root, check=True, capture_output=True)
    return root.resolve()


def new_facts(root: Path, mutant: Mutant) -> tuple[Finding, ...]:
    """Return what is new in a project with a fault."""
    settings = Settings()
    settings = replace(settings, arch=replace(settings.arch, layers=mutant.layers))
    workspace = Workspace([root], settings)
    path = root / mutant.path
    before = path.read_bytes()
    try:
        path.write_bytes(before.rstrip() + b"\n" + mutant.addition.encode())
        project = survey(workspace, root, settings, history=False)
        return compared(workspace, project, settings, "HEAD")[1].findings
    finally:
        path.write_bytes(before)


def finds(finding: Finding, mutant: Mutant) -> bool:
    """Whether a finding is about a fault: of its rule, and naming both of its files."""
    named = {finding.path, *(place.path for place in finding.related)}
    return finding.rule == f"arch.{mutant.kind}" and {mutant.path, mutant.other} <= named


def measure(root: Path, seed: int, most: int) -> dict[str, Counter[str]]:
    """Return how many faults there were, were found, and what else was new.

    What else is said of the very lines that were added is true as well: an import that breaks a
    layer may close a cycle. What is said of other places is not.
    """
    project = survey(Workspace([root], Settings()), root, history=False)
    counts = {name: Counter[str]() for name in COUNTS}
    for mutant in mutants(project.graph, root, seed, most):
        facts = new_facts(root, mutant)
        right = [one for one in facts if finds(one, mutant)]
        first = len((root / mutant.path).read_text("utf-8").rstrip().split("\n"))
        counts["made"][mutant.kind] += 1
        counts["found"][mutant.kind] += bool(right)
        if not right:
            say(f"missed: {mutant.kind} {mutant.path} {mutant.other}")
        for one in facts:
            if one not in right:
                there = one.path == mutant.path and one.range.start.line >= first
                counts["of the same lines" if there else "of others"][mutant.kind] += 1
                say(f"beside {mutant.kind} in {mutant.path}: {one.rule} {one.path}: {one.title}")
    return counts


def speed(folder: Path) -> list[str]:
    """Return the rows of what facts cost on the largest package that is installed here."""
    spec = importlib.util.find_spec("anthropic")
    assert spec is not None
    assert spec.origin is not None
    root = folder / "large"
    shutil.copytree(
        Path(spec.origin).parent,
        root / "anthropic",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    root = in_git(root, folder / "git")
    changed = root / "anthropic" / "_models.py"
    text = changed.read_text("utf-8")
    rows = []
    for name, extra, addition in (
        ("cold: no index is there", (), ""),
        ("warm: nothing has changed", (), ""),
        ("warm: one file has changed", (), "\n\nx = {}\n"),
        ("warm, --base HEAD: one file has changed", ("--base", "HEAD"), "\n\nx = {}\n"),
    ):
        runs = []
        for number in range(1 if name.startswith("cold") else 4):
            if addition:
                changed.write_text(text + addition.format(number), "utf-8")
            else:
                time.sleep(2.5)  # what was written a moment ago is not trusted
            runs.append(_run("arch", "--facts-only", *extra, str(root)))
        best = min(runs) if len(runs) == 1 else min(runs[1:])
        rows.append(f"| {name} | {best[0]:.2f} | {best[1]:.2f} | {best[2]} |")
    changed.write_text(text, "utf-8")
    settings = Settings()
    workspace = Workspace([root], settings)
    for name, addition in (
        ("a line is added", "\n\nx = 1\n"),
        ("an import is added, which closes a cycle", "\n\nfrom anthropic import _client\n"),
    ):
        changed.write_text(text + addition, "utf-8")
        project = survey(workspace, root, settings, history=False)
        times = []
        for _ in range(5):
            start, used = time.perf_counter(), time.process_time()
            compared(workspace, project, settings, "HEAD")
            times.append((time.perf_counter() - start, time.process_time() - used))
        wall, cpu = min(times)
        rows.append(
            f"| in a process that has both states' index: {name} | {wall:.2f} | {cpu:.2f} | |"
        )
    changed.write_text(text, "utf-8")
    load = " ".join(f"{one:.1f}" for one in os.getloadavg())
    return [
        f"{len(project.graph.modules):,} modules, {os.cpu_count()} processors, load {load}",
        "",
        "| | wall s | CPU s, all processes | MB, all processes |",
        "|---|---|---|---|",
        *rows,
    ]


def _run(*arguments: str) -> tuple[float, float, int]:
    """Return what a run of the command takes: seconds, seconds of CPU, megabytes at most.

    Memory is that of the command and of as many workers as it starts, each at its most.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, *arguments], capture_output=True, text=True, check=False
    )
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    own, worker = map(int, done.stderr.split()[-2:])
    return wall, cpu, own + worker * (os.cpu_count() or 1 if worker else 0)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.architecture.changes", description=__doc__)
    parser.add_argument("--corpora", nargs="+", default=MEASURED, choices=CORPORA, metavar="NAME")
    parser.add_argument("--most", type=int, default=5, help="faults of a kind in a project")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data", type=Path, default=default_data(), help="where corpora are kept")
    options = parser.parse_args(arguments)
    totals: dict[str, Counter[str]] = defaultdict(Counter)
    with tempfile.TemporaryDirectory(prefix="claude-lsp-benchmark-") as place:
        folder = Path(place)
        os.environ[FOLDER_VARIABLE] = str(folder / "cache")
        print("\n".join(speed(folder)), flush=True)
        for corpus in options.corpora:
            try:
                root = in_git(fetch(CORPORA[corpus], options.data), folder / corpus)
            except UnavailableError as error:
                say(f"{corpus} is left out: {error}")
                continue
            for name, counts in measure(root, options.seed, options.most).items():
                totals[name] += counts
    print(f"\n| fault | {' | '.join(COUNTS)} |\n|{'---|' * (len(COUNTS) + 1)}")
    for kind in KINDS:
        print(f"| {kind} | " + " | ".join(str(totals[one][kind]) for one in COUNTS) + " |")
    made = totals["made"].total()
    print(f"\n{totals['of others'].total() / max(made, 1):.3f} false findings a fault")


if __name__ == "__main__":
    main()
