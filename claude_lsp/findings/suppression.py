"""Findings that somebody has judged: by a comment beside the code, or in the project's settings.

    total += price  # claude-lsp: ignore[correctness] prices are whole cents here

    # claude-lsp: ignore[review.security, performance] the input is our own
    run(command)

A comment behind code speaks of its line; one that stands alone speaks of the next line that is no
such comment. It names rules, in full or by their last part, and gives a reason: that is what the
next reader needs, and without one it has no effect (`review.suppression_reason`). The comment is
honoured also where the change under review brings it, since that is how a remark on the change is
answered; the report then says so, whatever else it shows.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from claude_lsp.findings.report import Suppressed
from claude_lsp.findings.rules import RULES
from claude_lsp.workspace.languages import block_comment, language_of, line_comment

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from claude_lsp.findings.finding import Finding
    from claude_lsp.text.lines import LineIndex

MARK = "claude-lsp:"
"""What a text without any such comment does not hold."""

PLACEHOLDER = "reason"
"""What an editor puts where the reason belongs; nobody's reason, so it counts as none."""

# What begins a comment in most languages, so that code within other code is covered too; what is
# a quotation mark or a word elsewhere counts only in its own language.
_BEGINNINGS = ("#+", "//+!?", r"/\*+", r"\{/\*", "<!--", "--+", ";+", "%+", r"\(\*", r"\{-", r"\{#")
_COMMENT = r"(?:^|(?<=[\s;,(){{}}\[\]]))(?:{beginnings}|\*)\s*"
_IGNORE = r"claude-lsp:\s*ignore\b\s*(?:\[(?P<rules>[^\]\r\n]*)\])?(?P<reason>[^\r\n]*)"
_AROUND_REASON = " \t:-\u2013\u2014"
_END = re.compile(r"\s*(?:\*/\}?|--\}\}|--!?>|\*\)|-\}|#\}|\|#|\]\])\s*$")


@dataclass(frozen=True, slots=True)
class Comment:
    """One comment that suppresses.

    Attributes:
        path: the file.
        line: its line, 0-based.
        target: the line that it speaks of, 0-based.
        rules: as written, without blanks.
        reason: as written; empty for none.
    """

    path: str
    line: int
    target: int
    rules: tuple[str, ...]
    reason: str

    def covers(self, rule: str) -> bool:
        """Whether it names a rule, in full or by its last part."""
        return rule in self.rules or rule.rpartition(".")[2] in self.rules

    def stands_at(self, finding_lines: range) -> bool:
        """Whether it speaks of one of a finding's lines."""
        return self.target in finding_lines or self.line in finding_lines


@dataclass(frozen=True)
class Terms:
    """What a project accepts, and how comments count.

    Attributes:
        settings: entries of the table `suppress` by fingerprint: "reason", perhaps "until".
        today: the day as YYYY-MM-DD, against which "until" is held.
        reason_required: whether a comment without a reason has no effect.
        added: the lines that the change under review adds, 0-based, by path; None where no
            change is under review.
        rules: the rules that were looked for; a comment on another one is not called unused.
        whole: paths of which all was reviewed; a comment elsewhere is not called unused.
    """

    settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    today: str = ""
    reason_required: bool = True
    added: Mapping[str, Collection[int]] | None = None
    rules: Collection[str] = ()
    whole: Collection[str] = ()


@dataclass(frozen=True)
class Judged:
    """What suppression comes to: what stays, what goes, and what should be put right."""

    findings: tuple[Finding, ...]
    suppressed: tuple[Suppressed, ...]
    notices: tuple[str, ...]


def comments_in(path: str, lines: Sequence[str]) -> list[Comment]:
    """Return the comments of a file that suppress, in any comment style.

    Args:
        path: tells the language, and is kept.
        lines: all lines of the file; endings do not matter.
    """
    if not any(MARK in line for line in lines):
        return []
    pattern = _pattern(language_of(path, lines[0]))
    found: dict[int, re.Match[str]] = {}
    for number, line in enumerate(lines):
        if MARK in line and (match := pattern.search(line)):
            found[number] = match
    targets = _targets(lines, found)
    comments = []
    for number, match in found.items():
        rules = tuple(rule.strip() for rule in (match["rules"] or "").split(",") if rule.strip())
        reason = _END.sub("", match["reason"]).strip(_AROUND_REASON)
        comments.append(Comment(path, number, targets[number], rules, reason))
    return comments


def _targets(lines: Sequence[str], found: dict[int, re.Match[str]]) -> dict[int, int]:
    """Return the line that each comment speaks of.

    One that stands alone speaks of the next line that is no such comment and does not only end the
    comment above it. From the last to the first, so that each line is looked at once.
    """
    targets: dict[int, int] = {}
    for number in reversed(found):
        target = number
        if not lines[number][: found[number].start()].strip():
            target += 1
            while (
                target < len(lines)
                and target not in found
                and _END.fullmatch(lines[target].rstrip("\r\n"))
            ):
                target += 1
            # What the next comment speaks of, if that stands alone too; else it is code.
            target = targets.get(target, target)
        targets[number] = target
    return targets


def comment_for(finding: Finding, comments: Iterable[Comment], span: range) -> Comment | None:
    """Return the comment that names a finding's rule and stands at one of its lines."""
    return next((one for one in comments if one.covers(finding.rule) and one.stands_at(span)), None)


def has_effect(comment: Comment, *, reason_required: bool) -> bool:
    """Whether a comment may suppress: it gives a reason, or need not."""
    return not reason_required or comment.reason.lower() not in ("", PLACEHOLDER)


def judge(findings: Iterable[Finding], sources: Mapping[str, LineIndex], terms: Terms) -> Judged:
    """Tell what is suppressed from what is not.

    Args:
        findings: of one run.
        sources: the text of every file that was reviewed, by path; what is missing has no comments.
        terms: what the project accepts.
    """
    comments = {path: comments_in(path, index.lines) for path, index in sources.items()}
    used: set[Comment] = set()
    known: set[str] = set()
    left: list[Finding] = []
    suppressed: list[Suppressed] = []
    for finding in findings:
        entry = terms.settings.get(finding.fingerprint)
        if entry is not None:
            known.add(finding.fingerprint)
        span = range(finding.range.start.line, finding.range.end.line + 1)
        comment = comment_for(finding, comments.get(finding.path, ()), span)
        if comment is not None:
            used.add(comment)
        if comment and has_effect(comment, reason_required=terms.reason_required):
            brought = terms.added is not None and comment.line in terms.added.get(finding.path, ())
            suppressed.append(Suppressed(finding, "comment", comment.reason, in_change=brought))
        elif entry is not None and not is_over(entry, terms.today):
            suppressed.append(Suppressed(finding, "settings", entry["reason"]))
        else:
            left.append(finding)
    notices = [
        notice
        for path in sorted(comments)
        for comment in comments[path]
        if (notice := _fault(comment, comment in used, terms))
    ]
    notices += [
        f"suppress.{key} ended on {entry['until']}: its finding is shown again"
        for key, entry in sorted(terms.settings.items())
        if key in known and is_over(entry, terms.today)
    ]
    return Judged(tuple(left), tuple(suppressed), tuple(notices))


def is_over(entry: Mapping[str, str], today: str) -> bool:
    """Whether an entry of the table `suppress` holds no longer; its last day still counts."""
    return bool(entry.get("until")) and today > entry["until"]


def comment_line(rule: str, reason: str, language: str, indentation: str) -> str | None:
    """Return the line, without ending, that suppresses a rule on the next one.

    Args:
        rule: the rule's id; its last part is written.
        reason: why.
        language: the LSP language identifier.
        indentation: of the line that it goes above.

    Returns:
        the line; None for a language without comments.
    """
    content = f"{MARK} ignore[{rule.rpartition('.')[2]}] {' '.join(reason.split())}".rstrip()
    start = line_comment(language)
    if start is not None:
        return f"{indentation}{start} {content}"
    block = block_comment(language)
    if block is None:
        return None
    return f"{indentation}{block[0]} {content.replace(block[1], '')} {block[1]}"


def _fault(comment: Comment, used: bool, terms: Terms) -> str | None:
    """Return what is wrong with a comment, in words for the user."""
    where = f"{comment.path}:{comment.line + 1}"
    if not comment.rules:
        return f'{where}: "ignore" names no rule, such as ignore[correctness]; it has no effect'
    for rule in comment.rules:
        if rule not in _NAMES:
            near = difflib.get_close_matches(rule, _NAMES, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            return f"{where}: ignore[{rule}] names no rule{hint}"
    if not has_effect(comment, reason_required=terms.reason_required):
        return f"{where}: a suppression needs a reason behind its bracket; it has no effect"
    looked_for = all(rule in terms.rules for rule in RULES if comment.covers(rule))
    if not used and looked_for and comment.path in terms.whole:
        return f"{where}: ignore[{', '.join(comment.rules)}] suppresses nothing"
    return None


_NAMES = frozenset(RULES) | {rule.rpartition(".")[2] for rule in RULES}


@lru_cache
def _pattern(language: str) -> re.Pattern[str]:
    own = (line_comment(language), (block_comment(language) or (None,))[0])
    beginnings = [*_BEGINNINGS, *(re.escape(each) for each in own if each)]
    return re.compile(_COMMENT.format(beginnings="|".join(beginnings)) + _IGNORE)
