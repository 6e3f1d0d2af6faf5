"""How much of what a place needs is in its context: `make bench-context`.

    python -m benchmarks.context                                 all corpora, our server's own way
    python -m benchmarks.context --quick                         small ones, within minutes
    python -m benchmarks.context --assembler module:factory      an object in this process
    python -m benchmarks.context --cmd "program arguments"       any program; see assembler.py
    python -m benchmarks.context --seed 100                      places that nobody has looked at

Nothing here passes or fails: the bars say what is aimed at.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.context import report
from benchmarks.context.assembler import (
    AssemblerError,
    LocalAssembler,
    Oracle,
    ProgramAssembler,
    load,
)
from benchmarks.context.baselines import BASELINES
from benchmarks.context.cases import read_fold
from benchmarks.context.folds import FULL, QUICK, make_folds, reseeded
from benchmarks.context.score import Score, can_leak, score
from benchmarks.context.serve import make

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from contextlib import AbstractContextManager

    from benchmarks.context.cases import Case

BUDGETS = (1000, 2000, 4000, 8000)
OURS = "claude-lsp"
_SOURCE_ENDINGS = {".py", ".ts", ".tsx"}


@dataclass(frozen=True)
class Answer:
    """One context that was asked for, scored.

    Attributes:
        case: the place.
        budget: in o200k tokens.
        score: what the context is worth.
        wall_ms: how long it took.
        cpu_ms: what it used of the processor, in all processes and threads of the assembler.
    """

    case: Case
    budget: int
    score: Score
    wall_ms: float
    cpu_ms: float

    def as_json(self) -> dict[str, Any]:
        """Return everything that was measured, and which case it was."""
        case = self.case
        return {
            "id": case.id,
            "fold": case.fold,
            "project": case.project,
            "language": case.language,
            "mode": case.mode,
            "stripped": case.stripped,
            "kinds": [gold.kind for gold in case.golds],
            "visible": [gold.visible for gold in case.golds],
            "budget": self.budget,
            "wall_ms": self.wall_ms,
            "cpu_ms": self.cpu_ms,
            **asdict(self.score),
        }


@dataclass(frozen=True)
class Run:
    """What one assembler answered.

    Attributes:
        name: of the assembler.
        answers: one for each case and budget.
        index_cpu_s: what reading each project used of the processor, by fold.
        update_ms: how long each buffer took that was told before its place was asked about.
    """

    name: str
    answers: list[Answer]
    index_cpu_s: dict[str, float]
    update_ms: list[float]


def run(
    name: str,
    runner: LocalAssembler | ProgramAssembler,
    cases: Iterable[Case],
    copied: frozenset[str],
    *,
    budgets: Sequence[int] = BUDGETS,
    bits: bool = True,
    updates: bool = False,
) -> Run:
    """Ask an assembler for a context of each case at each budget.

    Args:
        name: of the assembler.
        runner: the assembler.
        cases: the places, those of one project together.
        copied: ids of the cases whose held-out text stands elsewhere in the project too.
        budgets: in o200k tokens.
        bits: whether to measure how well the context predicts the text.
        updates: whether to tell the assembler about an edit of the buffer first.
    """
    assembler = runner.assembler
    by_root: defaultdict[str, list[Case]] = defaultdict(list)
    for case in cases:
        by_root[case.root].append(case)
    done = Run(name, [], {}, [])
    for root, group in by_root.items():
        begun = runner.cpu_seconds()
        assembler.index(root)
        done.index_cpu_s[group[0].fold] = runner.cpu_seconds() - begun
        for case in group:
            if isinstance(assembler, Oracle):
                assembler.reveal(case)
            if updates:
                started = time.perf_counter()
                assembler.update(root, case.file, f"{case.prefix} {case.suffix}")
                done.update_ms.append(1000 * (time.perf_counter() - started))
            for budget in budgets:
                started, begun = time.perf_counter(), runner.cpu_seconds()
                text = assembler.assemble(root, case.file, case.prefix, case.suffix, budget)
                wall, used = time.perf_counter() - started, runner.cpu_seconds() - begun
                is_copied = case.id in copied
                scored = score(case, text, budget, copied=is_copied, with_bits=bits)
                done.answers.append(Answer(case, budget, scored, 1000 * wall, 1000 * used))
    return done


def copied_ids(cases: Iterable[Case]) -> frozenset[str]:
    """Return the ids of the cases whose held-out text some file of the masked project has."""
    texts: dict[str, list[str]] = {}
    found = set()
    for case in cases:
        if case.root not in texts:
            files = sorted(Path(case.root).rglob("*"))
            texts[case.root] = [
                file.read_text(encoding="utf-8", errors="replace")
                for file in files
                if file.suffix in _SOURCE_ENDINGS
            ]
        held = case.held.strip()
        if can_leak(held) and any(held in text for text in texts[case.root]):
            found.add(case.id)
    return frozenset(found)


def main() -> None:
    """Make what is missing, ask all assemblers, print the table."""
    options = _options()
    folds: Sequence[Any] = QUICK if options.quick else FULL
    data = options.data or default_data()
    folders = make_folds(reseeded(folds, options.seed), data, say)
    if options.fold:
        folders = [folder for folder in folders if folder.name in options.fold]
    cases = [case for folder in folders for case in read_fold(folder, options.per_fold or None)]
    if not cases:
        sys.exit("there are no cases")
    say(f"{len(cases)} cases of {len(folders)} folds")
    copied = copied_ids(cases)
    runs = []
    for name, runner in _runners(options):
        say(f"{name} ...")
        try:
            with runner as assembler:
                runs.append(
                    run(
                        name,
                        assembler,
                        cases,
                        copied,
                        budgets=options.budgets,
                        bits=not options.no_bits,
                        updates=options.updates,
                    )
                )
        except AssemblerError as error:
            sys.exit(f"{name}: {error}")
    print(report.table(runs, options.budgets))
    if options.by:
        print(report.breakdown(runs[0], options.by, options.budgets))
    if options.json:
        _write(options.json, runs)


def _runners(
    options: argparse.Namespace,
) -> list[tuple[str, AbstractContextManager[LocalAssembler | ProgramAssembler]]]:
    """Return what to measure: one assembler, and what it is held against."""
    measured: LocalAssembler | ProgramAssembler
    if options.assembler:
        name, measured = options.assembler, LocalAssembler(load(options.assembler))
    elif options.cmd:
        name, measured = options.cmd, ProgramAssembler(options.cmd)
    else:
        # In this process, where the clock of the processor is finer than the system's ticks.
        name, measured = OURS, LocalAssembler(make)
    names = [] if options.alone else BASELINES
    return [(name, measured), *((each, LocalAssembler(BASELINES[each])) for each in names)]


def _write(path: Path, runs: Iterable[Run]) -> None:
    results = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "runs": [
            {
                "name": each.name,
                "index_cpu_s": each.index_cpu_s,
                "update_ms": each.update_ms,
                "answers": [answer.as_json() for answer in each.answers],
            }
            for each in runs
        ],
    }
    path.write_text(json.dumps(results), encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.context", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--assembler", metavar="MODULE:FACTORY", help="measure an object")
    which.add_argument("--cmd", help="measure a program")
    parser.add_argument("--alone", action="store_true", help="without the baselines")
    parser.add_argument("--quick", action="store_true", help="small projects only")
    parser.add_argument("--data", type=Path, help="where corpora and cases are kept")
    parser.add_argument("--seed", type=int, default=0, help="added to the seeds of all folds")
    parser.add_argument("--fold", action="append", help="only this one; may be repeated")
    parser.add_argument("--per-fold", type=int, default=30, help="sample, 0 for all (default 30)")
    parser.add_argument("--budgets", type=_budgets, default=BUDGETS, help="o200k tokens, 1000,...")
    parser.add_argument("--no-bits", action="store_true", help="faster: do not compress")
    parser.add_argument("--updates", action="store_true", help="tell about an edit before asking")
    parser.add_argument("--by", choices=report.KEYS, help="break the first result down")
    parser.add_argument("--json", type=Path, help="write everything to this file")
    return parser.parse_args()


def _budgets(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def default_data() -> Path:
    """Return where corpora and cases are kept unless `--data` says otherwise."""
    from platformdirs import user_cache_path

    return user_cache_path("claude-lsp") / "benchmarks" / "context"


def say(text: str) -> None:
    """Tell what goes on; standard output is for results."""
    print(text, file=sys.stderr, flush=True)
