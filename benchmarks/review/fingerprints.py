"""Whether a finding keeps its identity while its place stays what it is, and loses it when fixed.

Each finding stands at a statement of a real file. The file is edited, and the same finding is
verified again at the place where the statement is now: the fingerprints are compared.
"""

from __future__ import annotations

import itertools
import random
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.review.mutants import mutants
from benchmarks.review.places import Place, indent, places_of
from benchmarks.review.repository import git
from claude_lsp.findings.finding import Claim, Finding, Severity
from claude_lsp.findings.fingerprint import fingerprint
from claude_lsp.findings.verify import verify
from claude_lsp.text.lines import LineIndex
from claude_lsp.workspace import git_diff

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from benchmarks.review.sources import Source

RULE = "review.correctness"
UNCHANGED = (
    "lines inserted above",
    "a line inserted in the function above it",
    "a line inserted below",
    "file indented otherwise",
    "the same text added above, in another function",
    "a comment added behind it",
    "reworded, more severe",
)
RENAMED = "file renamed, its path mapped as git tells"
FIXED = "the line fixed"
SAME_FUNCTION = "the same text added above, in its own function"
COLLISIONS = "two lines of a file with one fingerprint"


def _above(lines: list[str], place: Place) -> int:
    lines[:0] = ["import added", "", "ADDED = added.first()"]
    return place.line + 3


def _in_function_above(lines: list[str], place: Place) -> int:
    lines.insert(place.body, indent(lines[place.body]) + "added = note(True)")
    return place.line + 1


def _below(lines: list[str], place: Place) -> int:
    lines.insert(place.line + 1, indent(lines[place.line]) + "added = note(True)")
    return place.line


def _reindented(lines: list[str], place: Place) -> int:
    lines[:] = [indent(line) * 2 + line.lstrip(" ") for line in lines]
    return place.line


def _same_text(lines: list[str], place: Place) -> int:
    lines[:0] = ["def added():", "    " + lines[place.line].strip(), "", ""]
    return place.line + 4


def _same_text_in_function(lines: list[str], place: Place) -> int:
    lines.insert(place.body, lines[place.line])
    return place.line + 1


def _commented(lines: list[str], place: Place) -> int:
    lines[place.line] = lines[place.line].rstrip() + "  # see the notes"
    return place.line


def _as_it_was(_lines: list[str], place: Place) -> int:
    return place.line


EDITS: Mapping[str, Callable[[list[str], Place], int]] = {
    **dict(
        zip(
            UNCHANGED,
            (
                *(_above, _in_function_above, _below, _reindented, _same_text),
                *(_commented, _as_it_was),
            ),
            strict=True,
        )
    ),
    SAME_FUNCTION: _same_text_in_function,
}
"""What edits the lines of a file, and returns where the statement of a place is now."""


def measure(sources: Sequence[Source], count: int, seed: int = 1) -> dict[str, float]:
    """Return what share of findings keeps its fingerprint, in per cent, by edit; and collisions."""
    chance = random.Random(seed)
    places = [(source, place) for source in sources for place in places_of(source.text)]
    chosen = chance.sample(places, min(count, len(places)))
    kept: Counter[str] = Counter()
    for source, place in chosen:
        before = identity(source.path, source.text, place.line)
        for name, edit in EDITS.items():
            lines = source.text.split("\n")
            line = edit(lines, place)
            reworded = name == UNCHANGED[-1]
            after = identity(source.path, "\n".join(lines), line, reworded=reworded)
            kept[name] += before == after
    rates = {name: 100 * kept[name] / len(chosen) for name in EDITS}
    rates[RENAMED] = _renamed(chosen)
    rates[FIXED] = _fixed(sources, count, chance)
    rates[COLLISIONS] = _collisions(chance.sample(sources, min(len(sources), 1 + count // 16)))
    return rates


def identity(path: str, text: str, line: int, *, reworded: bool = False) -> str:
    """Return the fingerprint of a finding at a line, as a review would verify it."""
    index = LineIndex(text)
    claim = Claim(
        RULE,
        Severity.CRITICAL if reworded else Severity.MINOR,
        "It goes wrong when empty" if reworded else "Empty input is not handled",
        "One way to say it." if reworded else "Another one.",
        path,
        index.line(line),
        line + 1,
    )
    found = verify(claim, index, path)
    # A single word or bracket may be too little to be found; that is for the anchors to measure.
    return found.fingerprint if isinstance(found, Finding) else fingerprint(RULE, path, index, line)


def _renamed(chosen: Sequence[tuple[Source, Place]]) -> float:
    """Rename all files with a small edit, and ask git where they came from."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        git(root, "init", "--quiet", "--initial-branch=main")
        sources = {source.path: source for source, _ in chosen}
        for source in sources.values():
            source.write(root)
        git(root, "add", "--all")
        git(root, "commit", "--quiet", "--message=base")
        for path in sources:
            new = root / _new_name(path)
            new.parent.mkdir(parents=True, exist_ok=True)
            text = "import added\n" + (root / path).read_text("utf-8")
            (root / path).unlink()
            new.write_text(text, "utf-8")
        git(root, "add", "--all")
        came_from = {change.path: change.old_path for change in git_diff.diff(root, "--cached")}
        kept = 0
        for source, place in chosen:
            new_path = _new_name(source.path)
            text = (root / new_path).read_text("utf-8")
            mapped = came_from.get(new_path) or new_path
            before = identity(source.path, source.text, place.line)
            kept += identity(mapped, text, place.line + 1) == before
    return 100 * kept / len(chosen)


def _new_name(path: str) -> str:
    folder, _, name = path.rpartition("/")
    return f"moved/{folder}/renamed_{name}"


def _fixed(sources: Sequence[Source], count: int, chance: random.Random) -> float:
    """Mend lines that were really wrong; the finding must not live on at its place."""
    replaced = (each for each in mutants(sources, chance) if not each[1].deleted)
    chosen = list(itertools.islice(replaced, count))
    kept = sum(
        identity(source.path, mutant.text, mutant.line)
        == identity(source.path, source.text, mutant.line)
        for source, mutant in chosen
    )
    return 100 * kept / len(chosen)


def _collisions(sources: Sequence[Source]) -> float:
    """Compare the fingerprints of all lines of some files with one another."""
    pairs = total = 0
    for source in sources:
        index = LineIndex(source.text)
        keys = Counter(_keys(source.path, index))
        total += sum(keys.values())
        pairs += sum(number - 1 for number in keys.values())
    return 100 * pairs / total


def _keys(path: str, index: LineIndex) -> Iterator[str]:
    for line in range(len(index.lines)):
        if index.line(line).strip():
            yield fingerprint(RULE, path, index, line)
