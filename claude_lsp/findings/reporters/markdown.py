"""Markdown, for a comment on a change or the summary of a CI job.

What a model wrote about somebody's code is shown as words: no links, pictures, mentions or HTML.
"""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

from claude_lsp.findings.report import (
    coverage_sentence,
    dropped_sentence,
    order,
    result_sentence,
    spend_sentence,
    suppressed_in_change,
    suppressed_sentence,
    suppression_sentence,
    worst_first,
)
from claude_lsp.text.unseen import visible
from claude_lsp.workspace.languages import fence, language_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from claude_lsp.findings.finding import Finding
    from claude_lsp.findings.report import Report
    from claude_lsp.findings.reporters.style import Style

_LIMIT = 900_000
"""Bytes of findings: GitHub takes a summary of at most 1 MiB."""

_ACTIVE = re.compile(r"[\\`*_{}\[\]<>|~!&$]")
# Mentions, references and bare addresses are looked for in the text that is left after escapes, so
# an empty comment takes them apart.
_LINKED = re.compile(r"[@#]|:(?=//)|\bwww(?=\.)", re.IGNORECASE)
_CODE_SPAN = re.compile(r"(`[^`]+`)")


def render(report: Report, style: Style) -> str:
    """Return the report, the worst findings first."""
    parts = [f"## Review: {_words(result_sentence(report))}"]
    parts.append(_words(coverage_sentence(report)))
    if report.status != "complete":
        failed = (f"- {_code(path)}: {_words(why)}" for path, why in report.coverage.failed)
        parts.append("\n".join(("**This review is incomplete.**", "", *failed)).rstrip())
    size = 0
    findings = worst_first(report.findings)
    for number, finding in enumerate(findings):
        block = "\n".join(_finding(finding))
        size += len(block.encode("utf-8", "replace"))
        if size > _LIMIT:
            parts.append(f"{len(findings) - number} more findings have no room here.")
            break
        parts.append(block)
    if suppressed_in_change(report) or (style.show_suppressed and report.suppressed):
        parts += _suppressed(report, style)
    parts += [f"Note: {_words(notice)}" for notice in report.notices]
    sentences = (
        suppressed_sentence(report),
        dropped_sentence(report),
        spend_sentence(report),
    )
    parts += [_words(sentence) for sentence in sentences if sentence]
    if report.coverage.skipped:
        files = [f"- {_code(path)}: {_words(why)}" for path, why in report.coverage.skipped]
        parts.append(_folded(f"{len(files)} skipped", files[:1000]))
    return "\n\n".join(parts) + "\n"


def _finding(finding: Finding) -> Iterator[str]:
    place = f"{finding.path}:{finding.range.start.line + 1}"
    yield f"### {_words(finding.title)}"
    yield ""
    yield f"**{finding.severity.value}** · {_code(finding.rule)} · {_code(place)}"
    language = fence(language_of(finding.path))
    if finding.quote.strip():
        yield ""
        yield from _block(finding.quote, language)
    if finding.explanation:
        yield ""
        yield from _prose(finding.explanation)
    if finding.replacement is not None:
        yield ""
        yield "Suggested fix:"
        yield ""
        yield from _block(finding.replacement, language)
    if finding.related:
        yield ""
        for related in finding.related:
            where = f"{related.path}:{related.range.start.line + 1}"
            yield f"- {_code(where)}: {_words(related.message)}"
    yield ""
    yield f"<sub>{_code(finding.fingerprint)}</sub>"


def _prose(text: str) -> Iterator[str]:
    """Yield prose line by line; lines that are indented, as code is, as blocks of code."""
    indented: list[str] = []
    for line in [*text.strip("\n").split("\n"), ""]:
        if line.startswith(("    ", "\t")):
            indented.append(line)
            continue
        if indented:
            yield from _block(textwrap.dedent("\n".join(indented)), "")
            indented = []
        yield _words(line)


def _suppressed(report: Report, style: Style) -> Iterator[str]:
    shown = report.suppressed if style.show_suppressed else suppressed_in_change(report)
    lines = [
        f"- {_code(f'{one.finding.path}:{one.finding.range.start.line + 1}')} "
        f"{_words(suppression_sentence(one))}"
        for one in sorted(shown, key=lambda one: order(one.finding))
    ]
    yield _folded(f"{len(lines)} suppressed", lines)


def _folded(title: str, lines: Iterable[str]) -> str:
    return "\n".join((f"<details><summary>{title}</summary>", "", *lines, "", "</details>"))


def _block(text: str, language: str) -> Iterator[str]:
    """Yield a text as a block of code; its fence is longer than any in it."""
    longest = max(map(len, re.findall("`{3,}", text)), default=2)
    yield "`" * (longest + 1) + language
    for line in text.strip("\r\n").split("\n"):
        yield visible(line.rstrip("\r").expandtabs(4))
    yield "`" * (longest + 1)


def _code(text: str) -> str:
    """Return a text as a span of code."""
    text = visible(text)
    longest = max(map(len, re.findall("`+", text)), default=0)
    marks = "`" * (longest + 1)
    blank = " " if text.startswith("`") or text.endswith("`") or not text.strip() else ""
    return f"{marks}{blank}{text}{blank}{marks}"


def _words(text: str) -> str:
    """Return one line of prose in which only spans of code are marked up."""
    parts = _CODE_SPAN.split(visible(text.expandtabs(4)))
    return "".join(
        part if _CODE_SPAN.fullmatch(part) else _LINKED.sub(r"\g<0><!-- -->", _escaped(part))
        for part in parts
    )


def _escaped(text: str) -> str:
    return _ACTIVE.sub(r"\\\g<0>", text)
