"""Unified diffs as values: which files changed, how, and each line with its number on both sides.

Written for what git prints, combined diffs of merges among it; plain `diff -u` is understood too.
Every line is looked at once. Lines end at a line feed and nowhere else, as git counts them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

Status = Literal[
    "added", "deleted", "modified", "renamed", "copied", "mode", "type", "unmerged", "unchanged"
]
Mark = Literal[" ", "+", "-"]

_SUBMODULE = "160000"
_LINK = "120000"
_NOWHERE = "/dev/null"
_HUNK = re.compile(r"(@@+) (-\d.*? )\+(\d{1,15})(?:,(\d{1,15}))? \1(?: ?(.*))?\Z", re.DOTALL)
_OLD_SIDE = re.compile(r"-(\d{1,15})(?:,(\d{1,15}))? ")
_INDEX = re.compile(r"index ([0-9a-f,]+)\.\.([0-9a-f]+)(?: (\d+))?\Z")
_MODES = re.compile(r"mode ([0-9,]+)\.\.(\d+)\Z")
_SUBMODULE_LOG = re.compile(r"Submodule (.+?) (?:[0-9a-f]{7,}\.{2,3}[0-9a-f]{7,}|contains )")
_BEGINNINGS = ("diff --git ", "diff --cc ", "diff --combined ", "Submodule ", "* Unmerged path ")
# What git puts in front of paths, by the options and settings there are.
_PREFIXES = frozenset(
    pair
    for left, right in ("ab", "iw", "ci", "cw", "ow", "12")
    for pair in ((left, right), (right, left))
)
_ESCAPES = {
    "a": 7,
    "b": 8,
    "t": 9,
    "n": 10,
    "v": 11,
    "f": 12,
    "r": 13,
    '"': 34,
    "\\": 92,
}
_ESCAPE = re.compile(rb'\\([0-7]{1,3}|[abtnvfr"\\])')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')


class DiffError(ValueError):
    """A text is no diff that can be read: where, and what is wrong."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(f"line {line} of the diff: {what}")
        self.line = line
        self.what = what


class Line(NamedTuple):
    """One line of a hunk.

    Attributes:
        mark: "+" for an added line, "-" for a removed one, " " for one that stayed. In a combined
            diff a line is added if any parent lacks it, and removed if any parent had it.
        text: without the line feed.
        old: its 1-based number on the old side; None where it is not there. Of several parents
            the first that has the line counts.
        new: the same for the new side.
    """

    mark: Mark
    text: str
    old: int | None
    new: int | None


@dataclass(frozen=True, slots=True)
class Hunk:
    """A stretch of a file that changed, with some lines around.

    Attributes:
        old_start: number of its first line on the old side, as the diff has it: of an empty side
            the number of the line in front of it.
        old_count: how many lines of the old side it covers.
        new_start: the same for the new side.
        new_count: the same for the new side.
        lines: all of them, in order.
        heading: what the diff says about where it is, such as the head of a function.
        old_unended: whether it ends the old side, which has no line feed there.
        new_unended: whether it ends the new side, which has no line feed there.
    """

    old_start: int
    old_count: int
    new_start: int
    new_count: int
    lines: tuple[Line, ...]
    heading: str = ""
    old_unended: bool = False
    new_unended: bool = False


@dataclass(frozen=True, slots=True)
class FileChange:
    """What happened to one file.

    Attributes:
        path: where it is now, "/" between parts; where it was if it is deleted.
        status: what happened. `mode` is a change of nothing but permissions, `type` one between
            file, link and submodule, `unmerged` a conflict that is not settled.
        old_path: where it was before, or what it was copied from; None where that is the same.
        old_mode: git's six digits, empty where the diff does not tell.
        new_mode: the same for the new side.
        old_blob: git's name of the old content, perhaps shortened; empty where not told.
        new_blob: the same for the new content.
        binary: whether the diff does not show its lines because they are no text.
        hunks: what changed, in order.
        parents: more than one in a combined diff.
    """

    path: str
    status: Status
    old_path: str | None = None
    old_mode: str = ""
    new_mode: str = ""
    old_blob: str = ""
    new_blob: str = ""
    binary: bool = False
    hunks: tuple[Hunk, ...] = ()
    parents: int = 1

    @property
    def submodule(self) -> bool:
        """Whether it is another repository and not a file."""
        return _SUBMODULE in (self.old_mode, self.new_mode)

    @property
    def link(self) -> bool:
        """Whether it is a symbolic link now."""
        return self.new_mode == _LINK

    @property
    def added(self) -> int:
        """How many lines were added."""
        return sum(line.mark == "+" for hunk in self.hunks for line in hunk.lines)

    @property
    def removed(self) -> int:
        """How many lines were removed."""
        return sum(line.mark == "-" for hunk in self.hunks for line in hunk.lines)


def parse_diff(text: str) -> tuple[FileChange, ...]:
    """Read a diff; what stands between its files, such as a commit message, is passed over.

    Args:
        text: as git prints it; bytes that are not UTF-8 as surrogate escapes.

    Raises:
        DiffError: a hunk is cut off or has other lines than it says.
    """
    lines = text.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    found: list[FileChange] = []
    number = 0
    while number < len(lines):
        line = lines[number]
        if line.startswith(_BEGINNINGS):
            number, change = _file(lines, number)
        elif _is_plain(lines, number):
            number, change = _header_and_hunks(lines, number, FileChange("", "modified"), ("", ""))
        else:
            number += 1
            continue
        if change is not None:
            _take(found, change)
    return tuple(found)


def _take(found: list[FileChange], change: FileChange) -> None:
    """Add a change; a file that is deleted and added at once has become something else."""
    before = found[-1] if found else None
    if (
        before is not None
        and before.path == change.path
        and (before.status, change.status) == ("deleted", "added")
    ):
        found[-1] = replace(
            change, status="type", old_mode=before.old_mode, old_blob=before.old_blob
        )
    else:
        found.append(change)


def _is_plain(lines: list[str], number: int) -> bool:
    """Whether a file begins here without a line that says so, as `diff -u` prints it."""
    return (
        number + 2 < len(lines)
        and lines[number].startswith("--- ")
        and lines[number + 1].startswith("+++ ")
        and lines[number + 2].startswith("@@ -")
    )


def _file(lines: list[str], number: int) -> tuple[int, FileChange | None]:
    line = lines[number]
    if line.startswith("* "):
        path = _unquoted(line.removeprefix("* Unmerged path "))
        return number + 1, FileChange(path, "unmerged") if path else None
    if line.startswith("Submodule "):
        match = _SUBMODULE_LOG.match(line)
        path = match[1] if match else ""
        known = FileChange(path, "modified", old_mode=_SUBMODULE, new_mode=_SUBMODULE)
        return number + 1, known if match else None
    if line.startswith("diff --git "):
        names = _both_names(line.removeprefix("diff --git "))
        if names is None:
            names = ("", "")
        change = FileChange(_without_prefix(*names)[1], "modified")
        return _header_and_hunks(lines, number + 1, change, names)
    name = _unquoted(line.partition(" ")[2].partition(" ")[2])
    return _header_and_hunks(lines, number + 1, FileChange(name, "modified", parents=2), ("", ""))


def _header_and_hunks(
    lines: list[str], number: int, change: FileChange, names: tuple[str, str]
) -> tuple[int, FileChange | None]:
    """Read on from behind the first line of a file."""
    # What each kind of line of the header says; the last word of each counts.
    told: dict[str, str] = {}
    while number < len(lines):
        line = lines[number]
        if match := _INDEX.match(line):
            change = replace(change, old_blob=match[1].partition(",")[0], new_blob=match[2])
            change = replace(change, parents=max(change.parents, match[1].count(",") + 1))
            if match[3]:
                told.setdefault("old mode", match[3])
                told.setdefault("new mode", match[3])
        elif match := _MODES.match(line):
            told["old mode"], told["new mode"] = match[1].partition(",")[0], match[2]
        elif line.startswith(("--- ", "+++ ")):
            told[line[:3]] = _name_of_side(line[4:])
        elif line.startswith(("Binary files ", "GIT binary patch")):
            change = replace(change, binary=True)
        else:
            for key in _TOLD:
                if line.startswith(key):
                    told[key.rstrip()] = line[len(key) :]
                    break
            else:
                break
        number += 1
    hunks: list[Hunk] = []
    while number < len(lines) and (match := _HUNK.match(lines[number])):
        number, hunk, parents = _hunk(lines, number, match)
        change = replace(change, parents=max(parents, 1))
        hunks.append(hunk)
    if number < len(lines) and lines[number].startswith(("@@ -", "@@@ -")):
        raise DiffError(number + 1, "a hunk whose head can't be read")
    return number, _settled(replace(change, hunks=tuple(hunks)), told, names)


_TOLD = (
    *("old mode ", "new mode ", "deleted file mode ", "new file mode "),
    *("rename from ", "rename to ", "copy from ", "copy to "),
    *("similarity index ", "dissimilarity index "),
)


def _settled(change: FileChange, told: dict[str, str], names: tuple[str, str]) -> FileChange | None:
    """Return a change with what its header says put together; None for a change of nothing."""
    old, new = names
    old, new = told.get("---", old), told.get("+++", new)
    known = change.path
    if old or new:
        before, known = _without_prefix(old, new, names)
        if new == _NOWHERE:
            known = before
    status: Status = "modified"
    old_mode, new_mode = told.get("old mode", ""), told.get("new mode", "")
    old_path = None
    if "new file mode" in told or old == _NOWHERE:
        status, old_mode, new_mode = "added", "", told.get("new file mode", new_mode)
    elif "deleted file mode" in told or new == _NOWHERE:
        status, old_mode, new_mode = "deleted", told.get("deleted file mode", old_mode), ""
    elif "rename to" in told:
        status, known = "renamed", _unquoted(told["rename to"])
        old_path = _unquoted(told.get("rename from", ""))
    elif "copy to" in told:
        status, known = "copied", _unquoted(told["copy to"])
        old_path = _unquoted(told.get("copy from", ""))
    elif not change.hunks and not change.binary:
        status = "mode" if old_mode != new_mode else "unchanged"
    if not known:
        return None
    return replace(
        change,
        path=known,
        status=status,
        old_path=old_path,
        old_mode=old_mode,
        new_mode=new_mode,
    )


def _hunk(lines: list[str], number: int, head: re.Match[str]) -> tuple[int, Hunk, int]:
    """Read a hunk; return the number of the line behind it, the hunk, and how many parents."""
    first = number
    sides = [(int(start), int(count or "1")) for start, count in _OLD_SIDE.findall(head[2])]
    parents = len(head[1]) - 1
    if len(sides) != parents:
        raise DiffError(first + 1, "a hunk whose head can't be read")
    new_start, new_left = int(head[3]), int(head[4] or "1")
    left = [count for _, count in sides]
    at = [start if count else start + 1 for start, count in sides]
    new_at = new_start if new_left else new_start + 1
    found: list[Line] = []
    unended = [False, False]
    number += 1
    while new_left or any(left):
        if number == len(lines):
            raise DiffError(first + 1, "the diff ends in the middle of this hunk")
        line = lines[number]
        if line.startswith("\\"):
            _note_unended(found, unended)
            number += 1
            continue
        # Some programs take the blank away from a line that is empty.
        marks = (line[:parents] or " ").ljust(parents)
        if marks.strip(" +-"):
            raise DiffError(number + 1, "neither added, removed nor unchanged, in a hunk")
        mark: Mark = "-" if "-" in marks else "+" if "+" in marks else " "
        here = "-" if mark == "-" else " "
        old = None
        for parent, letter in enumerate(marks):
            if letter == here:
                old = at[parent] if old is None else old
                at[parent] += 1
                left[parent] -= 1
        new = None if mark == "-" else new_at
        if mark != "-":
            new_at += 1
            new_left -= 1
        if new_left < 0 or min(left) < 0:
            raise DiffError(first + 1, "a hunk with more lines than its head says")
        found.append(Line(mark, line[parents:], old, new))
        number += 1
    while number < len(lines) and lines[number].startswith("\\ "):
        _note_unended(found, unended)
        number += 1
    new_count = int(head[4] or "1")
    heading = head[5] or ""
    return (
        number,
        Hunk(*sides[0], new_start, new_count, tuple(found), heading, unended[0], unended[1]),
        parents,
    )


def _note_unended(lines: list[Line], unended: list[bool]) -> None:
    if lines:
        unended[0] |= lines[-1].mark in " -"
        unended[1] |= lines[-1].mark in " +"


def _both_names(text: str) -> tuple[str, str] | None:
    """Return the two paths of a `diff --git` line; None where only other lines can tell."""
    if text.startswith('"'):
        quoted = _QUOTED.match(text)
        if quoted is None:
            return None
        return _unquoted(quoted.group()), _unquoted(text[quoted.end() :].strip())
    if text.endswith('"') and (start := text.find(' "')) >= 0:
        return text[:start], _unquoted(text[start + 1 :])
    # The two are the same but for the prefix, or else further lines name them.
    half = len(text) // 2
    if len(text) % 2 and text[half] == " ":
        return text[:half], text[half + 1 :]
    parts = text.split(" ")
    return (parts[0], parts[1]) if len(parts) == 2 else None


def _name_of_side(text: str) -> str:
    """Return the path of a `---` or `+++` line, without a time behind it."""
    if text.startswith('"'):
        quoted = _QUOTED.match(text)
        return _unquoted(quoted.group()) if quoted else text
    return text.partition("\t")[0]


def _without_prefix(old: str, new: str, names: tuple[str, str] = ("", "")) -> tuple[str, str]:
    """Return both paths without what git puts in front of them, such as `a/` and `b/`.

    With no prefixes configured a path may itself begin so; but then both sides begin alike.
    """
    left, right = (names[0] or old, names[1] or new) if _NOWHERE in (old, new) else (old, new)
    before, after = left.partition("/")[0], right.partition("/")[0]
    if _NOWHERE in (left, right):
        given = {after} if left == _NOWHERE else {before}
        pair = bool(given & {"a", "b"})
    else:
        pair = (before, after) in _PREFIXES
    if not pair:
        return old, new
    return (
        old if old == _NOWHERE else old.partition("/")[2],
        new if new == _NOWHERE else new.partition("/")[2],
    )


def _unquoted(path: str) -> str:
    """Return a path as it is, with git's escapes undone where it is quoted."""
    if len(path) < 2 or path[0] != '"' or path[-1] != '"':
        return path
    raw = path[1:-1].encode("utf-8", "surrogateescape")

    def undone(match: re.Match[bytes]) -> bytes:
        written = match[1].decode()
        value = int(written, 8) if written[0].isdigit() else _ESCAPES[written]
        return bytes((value & 0xFF,))

    return _ESCAPE.sub(undone, raw).decode("utf-8", "surrogateescape")
