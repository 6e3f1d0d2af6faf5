"""The fixes of a report as one patch that `git apply` takes."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from claude_lsp.findings.report import worst_first

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from claude_lsp.findings.finding import Finding
    from claude_lsp.text.lines import LineIndex
    from claude_lsp.text.positions import Range

_LINE = re.compile(r"[^\n]*\n|[^\n]+")
"""Lines as git counts them: only a line feed ends one."""

_NEEDS_QUOTES = re.compile(r'[\x00-\x1f"\\\x7f-\uffff]')
_ESCAPES = {"\t": "\\t", "\n": "\\n", "\r": "\\r", '"': '\\"', "\\": "\\\\"}


def render(
    findings: Iterable[Finding], sources: Mapping[str, LineIndex]
) -> tuple[str, list[Finding]]:
    """Return the patch, and the findings whose fixes are in it.

    A fix is left out where the text that it replaces is not the one that was reviewed, and where
    it overlaps that of a worse finding.

    Args:
        findings: the findings; those without a fix are passed over.
        sources: the reviewed texts by path.
    """
    taken: dict[str, list[Finding]] = {}
    for finding in worst_first(findings):
        index = sources.get(finding.path)
        if finding.replacement is None or index is None:
            continue
        if index.slice(finding.range) != finding.quote:
            continue
        others = taken.setdefault(finding.path, [])
        if not any(_collide(finding.range, other.range) for other in others):
            others.append(finding)
    parts = [
        "".join(_diff(path, sources[path].text, _fixed(fixes, sources[path])))
        for path, fixes in sorted(taken.items())
        if fixes
    ]
    return "".join(parts), [finding for fixes in taken.values() for finding in fixes]


def _collide(one: Range, other: Range) -> bool:
    return one.overlaps(other) or one.start == other.start


def _fixed(findings: Iterable[Finding], index: LineIndex) -> str:
    text = index.text
    for finding in sorted(findings, key=lambda one: one.range, reverse=True):
        start, end = map(index.offset_at, finding.range)
        text = text[:start] + (finding.replacement or "") + text[end:]
    return text


def _diff(path: str, old: str, new: str) -> Iterator[str]:
    lines = difflib.unified_diff(
        _LINE.findall(old),
        _LINE.findall(new),
        _quoted(f"a/{path}"),
        _quoted(f"b/{path}"),
    )
    for number, line in enumerate(lines):
        if number == 0:
            yield f"diff --git {_quoted(f'a/{path}')} {_quoted(f'b/{path}')}\n"
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _quoted(path: str) -> str:
    """Return a path as git writes it into a patch."""
    if not _NEEDS_QUOTES.search(path):
        return path
    quoted = []
    for character in path:
        if character in _ESCAPES:
            quoted.append(_ESCAPES[character])
        elif " " <= character <= "~":
            quoted.append(character)
        else:
            encoded = character.encode("utf-8", "surrogateescape")
            quoted.append("".join(f"\\{byte:03o}" for byte in encoded))
    return '"' + "".join(quoted) + '"'
