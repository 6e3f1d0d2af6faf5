"""Held-out places of real projects, and what somebody who fills them needs to know.

A fold is a folder with `cases.jsonl`, one case a line, and `root/`, a copy of the project from
which every held-out text is really gone: what reads the file from disk sees no more than what is
given the buffer. There is at most one case a file, so that the copy is consistent for all of them.
"""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

PYTHON_WORD = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")
WORD = re.compile(r"[A-Za-z_$][A-Za-z_0-9$]*")

SAMPLING_SEED = 7
"""Which cases a sample of a fold takes: the same ones every time."""

_LONGEST_HEADER = 200
_QUOTED = re.compile(r"(['\"]).*?\1")
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True)
class Gold:
    """A definition in another file of the project that the held-out text uses.

    Attributes:
        name: what is defined.
        file: where, relative to the root.
        line: of its name, 1-based, before anything was held out.
        end: its last line, 1-based, included.
        header: that line as `header_of` makes it.
        header_count: how many lines of the project read the same.
        parent: the enclosing class, None at the top level.
        params: names of its parameters; for a class those of its constructor, or its fields.
        kind: function, method, class, interface, type, enum, variable or field.
        use: how the held-out text uses it, "name" or "attr".
        visible: whether the name occurs in the rest of the buffer too.
    """

    name: str
    file: str
    line: int
    end: int
    header: str
    header_count: int
    parent: str | None
    params: tuple[str, ...]
    kind: str
    use: str
    visible: bool


@dataclass(frozen=True)
class Case:
    """One place to fill.

    Attributes:
        id: unique among all folds.
        project: the corpus it is from.
        language: "python" or "typescript".
        file: relative to the root.
        mode: how it was cut out: a whole statement ("line"), several ("block"), or the rest of a
            statement from a name on ("mid").
        prefix: the buffer before the cursor.
        suffix: the buffer after it.
        held: the text that was there.
        golds: what it uses from other files; at least one.
        unseen: its identifiers that occur nowhere else in the buffer.
        removed_imports: names whose import was taken out too.
        root: the masked copy of the project.
        fold: the name of its fold.
    """

    id: str
    project: str
    language: str
    file: str
    mode: str
    prefix: str
    suffix: str
    held: str
    golds: tuple[Gold, ...]
    unseen: tuple[str, ...]
    removed_imports: tuple[str, ...] = ()
    root: str = field(default="", compare=False)
    fold: str = field(default="", compare=False)

    @property
    def stripped(self) -> bool:
        """Whether imports that only the held-out text needs were taken out."""
        return bool(self.removed_imports)


def header_of(line: str) -> str:
    """Return a line of code as headers are compared: spaces folded, no indentation, bounded."""
    return _SPACE.sub(" ", line.strip())[:_LONGEST_HEADER]


def unseen_words(held: str, seen: set[str]) -> tuple[str, ...]:
    """Return the identifiers of a held-out Python text, outside of strings, that are not seen."""
    words = set(PYTHON_WORD.findall(_QUOTED.sub("", held)))
    return tuple(sorted(word for word in words - seen if len(word) > 2))


def to_json(case: Case) -> dict[str, Any]:
    """Return a case as one line of `cases.jsonl` holds it."""
    return {
        "id": case.id,
        "project": case.project,
        "lang": case.language,
        "file": case.file,
        "mode": case.mode,
        "prefix": case.prefix,
        "suffix": case.suffix,
        "held": case.held,
        "golds": [_gold_to_json(gold) for gold in case.golds],
        "unseen": case.unseen,
        "removed_imports": case.removed_imports,
    }


def from_json(data: Mapping[str, Any], root: str = "", fold: str = "") -> Case:
    """Read a case; `root` and `fold` say where its line was found."""
    return Case(
        id=data["id"],
        project=data["project"],
        language=data["lang"],
        file=data["file"],
        mode=data["mode"],
        prefix=data["prefix"],
        suffix=data["suffix"],
        held=data["held"],
        golds=tuple(_gold_from_json(gold) for gold in data["golds"]),
        unseen=tuple(data["unseen"]),
        removed_imports=tuple(data["removed_imports"]),
        root=root,
        fold=fold,
    )


def write_fold(folder: Path, source: Path, files: Iterable[Path], cases: Iterable[Case]) -> None:
    """Write a fold: the cases, and the project without what they hold out.

    Args:
        folder: where to; it must not exist.
        source: the project's root.
        files: absolute paths of the files that belong to it.
        cases: at most one a file.
    """
    root = folder / "root"
    masked = {case.file: case.prefix + case.suffix for case in cases}
    for path in files:
        relative = path.relative_to(source)
        target = root / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        text = masked.get(relative.as_posix())
        target.write_bytes(path.read_bytes() if text is None else text.encode())
    lines = [json.dumps(to_json(case), ensure_ascii=False) + "\n" for case in cases]
    (folder / "cases.jsonl").write_text("".join(lines), encoding="utf-8")


def read_fold(folder: Path, most: int | None = None) -> list[Case]:
    """Read the cases of a fold, or a fixed sample of `most` of them."""
    root = str(folder.resolve() / "root")
    text = (folder / "cases.jsonl").read_text(encoding="utf-8")
    lines = text.removesuffix("\n").split("\n") if text else []
    cases = [from_json(json.loads(line), root, folder.name) for line in lines]
    if most is not None:
        random.Random(SAMPLING_SEED).shuffle(cases)
        cases = cases[:most]
    return cases


def _gold_to_json(gold: Gold) -> dict[str, Any]:
    data = dict(vars(gold))
    data["hdr_count"] = data.pop("header_count")
    return data


def _gold_from_json(data: Mapping[str, Any]) -> Gold:
    names = ("name", "file", "line", "end", "header", "parent", "kind", "use", "visible")
    return Gold(
        header_count=data["hdr_count"],
        params=tuple(data["params"]),
        **{name: data[name] for name in names},
    )
