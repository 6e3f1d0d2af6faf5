"""Which cases there are: so many of each corpus, drawn with these seeds."""

from __future__ import annotations

import multiprocessing
import shutil
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.context import cases_typescript
from benchmarks.context.cases import write_fold
from benchmarks.context.cases_python import CaseMaker
from benchmarks.context.corpora import CORPORA, UnavailableError, fetch
from benchmarks.context.python_project import PythonProject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path


class Fold(NamedTuple):
    """Cases of one corpus.

    Attributes:
        corpus: its name.
        seed: draws the places.
        most: how many at most.
        tries: how many places of a file are tried.
        strip: whether the imports of the held-out text are removed too; Python only.
    """

    corpus: str
    seed: int
    most: int
    tries: int = 8
    strip: bool = False

    @property
    def name(self) -> str:
        """The name of its folder."""
        return f"{self.corpus}-{self.seed}{'s' if self.strip else ''}"


FULL = (
    *(Fold(name, seed, 20, tries=20) for name in ("pygls", "httpx") for seed in (1, 2, 3)),
    Fold("rich", 1, 60, tries=10),
    Fold("rich", 2, 60, tries=10),
    Fold("pydantic", 1, 60, tries=10),
    Fold("django", 1, 120),
    Fold("scrapy", 1, 100),
    Fold("textual", 1, 100),
    Fold("sqlalchemy", 1, 90),
    Fold("anthropic", 1, 80),
    Fold("homeassistant", 1, 80),
    *(Fold(name, 11, 20, tries=40, strip=True) for name in ("pygls", "httpx")),
    *(Fold(name, 11, 40, tries=25, strip=True) for name in ("rich", "pydantic")),
    Fold("django", 11, 50, tries=15, strip=True),
    Fold("scrapy", 11, 50, tries=25, strip=True),
    Fold("textual", 11, 50, tries=20, strip=True),
    Fold("sqlalchemy", 11, 40, tries=20, strip=True),
    Fold("zod", 1, 60, tries=10),
    Fold("rxjs", 1, 80, tries=10),
    Fold("langium", 2, 40, tries=10),
    Fold("anthropic-sdk", 1, 60, tries=10),
    Fold("rtk", 1, 60, tries=10),
    Fold("effect", 1, 80, tries=10),
)
"""All corpora."""

_QUICK = {"pygls-1", "httpx-1", "rich-1", "rich-11s", "zod-1"}
QUICK = tuple(fold for fold in FULL if fold.name in _QUICK)
"""Those of small projects, of both languages: a first answer after a minute."""

TRAINING = (
    Fold("litestar", 1, 70, tries=10),
    Fold("trio", 1, 60, tries=15),
    Fold("xarray", 1, 70, tries=15),
    Fold("poetry", 1, 60, tries=15),
    Fold("tortoise", 1, 50, tries=15),
    Fold("sphinx", 1, 80, tries=10),
    Fold("networkx", 1, 60, tries=10),
    Fold("twisted", 1, 90),
    Fold("celery", 1, 70, tries=15),
    Fold("discord", 1, 60, tries=15),
    Fold("aiohttp", 1, 50, tries=15),
    Fold("dask", 1, 80, tries=15),
    Fold("mitmproxy", 1, 90, tries=10),
    Fold("prompt_toolkit", 1, 80, tries=15),
    Fold("mitmproxy", 11, 30, tries=20, strip=True),
    Fold("prompt_toolkit", 11, 30, tries=20, strip=True),
    *(
        Fold(name, seed, 30, tries=20, strip=True)
        for name in ("litestar", "poetry", "sphinx", "twisted", "celery", "discord")
        for seed in (11, 12)
    ),
    *(Fold(name, 11, 20, tries=25, strip=True) for name in ("trio", "xarray", "tortoise")),
    *(
        Fold(name, seed, 60, tries=10)
        for name in ("ox", "tldraw", "ethers", "trpc")
        for seed in (1, 2)
    ),
    Fold("mobx", 1, 40, tries=15),
    *(Fold(name, 1, 60, tries=10) for name in ("tiptap", "chevrotain", "router", "msw")),
)
"""What weights are fitted to; none of these projects is in `FULL`."""


def reseeded(folds: Iterable[Fold], seed: int) -> list[Fold]:
    """Return the same folds with seeds that nobody has looked at."""
    return [fold._replace(seed=fold.seed + seed) for fold in folds]


def make_folds(folds: Sequence[Fold], data: Path, notice: Callable[[str], None]) -> list[Path]:
    """Return the folders of the folds below `data`, made where they are not there yet.

    Args:
        folds: which ones.
        data: where corpora and cases are kept.
        notice: told what is made, and what is left out and why.
    """
    made = []
    for fold in folds:
        folder = data / "cases" / fold.name
        if not (folder / "cases.jsonl").is_file():
            try:
                notice(f"{fold.name}: {_made_apart(fold, folder, data)}")
            except UnavailableError as error:
                notice(f"{fold.name} is left out: {error}")
                continue
        made.append(folder)
    return made


def _made_apart(fold: Fold, folder: Path, data: Path) -> str:
    """Make a fold in a process of its own; return what to say about it.

    What jedi has seen of one project changes what it finds in the next, and a fold must not depend
    on which others were made before.
    """
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_make, fold, folder, data).result()


def _make(fold: Fold, folder: Path, data: Path) -> str:
    corpus = CORPORA[fold.corpus]
    source = fetch(corpus, data)
    note = ""
    if corpus.language == "python":
        project = PythonProject(source)
        maker = CaseMaker(project, fold.corpus, fold.seed, strip=fold.strip, tries=fold.tries)
        files, cases = project.files, maker.make(fold.most)
        note = f" (jedi failed on {project.failures} names)" if project.failures else ""
    else:
        files, cases = cases_typescript.make(
            source,
            fold.corpus,
            data,
            count=fold.most,
            seed=fold.seed,
            tries=fold.tries,
            paths=corpus.paths,
        )
    # The list of cases is written last, into a folder of another name: half a fold is none.
    unfinished = folder.with_name(f".{folder.name}")
    for left in (unfinished, folder):
        shutil.rmtree(left, ignore_errors=True)
    write_fold(unfinished, source, files, cases)
    unfinished.rename(folder)
    return f"{len(cases)} cases{note}"
