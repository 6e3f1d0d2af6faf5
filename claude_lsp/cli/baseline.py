"""`claude-lsp baseline`: accept what is found today, drop what is gone, list what is accepted."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from claude_lsp.cli.common import configure, refuse, root_for, say, tell
from claude_lsp.cli.process import DONE, INCOMPLETE, NOTHING
from claude_lsp.findings.baseline import (
    DEFAULT_NAME,
    accepted,
    compare,
    could_be_found,
    read,
    render,
    rewritten,
)
from claude_lsp.findings.report import SUPPRESSED_BY, coverage_sentence, order
from claude_lsp.findings.suppression import is_over
from claude_lsp.text.unseen import visible

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from claude_lsp.findings.baseline import Entry
    from claude_lsp.findings.report import Report
    from claude_lsp.settings import Settings

_MANY = 1_000_000


def baseline(options: argparse.Namespace) -> int:
    """Run one of the three commands, on a report that is given or on a review made for it."""
    if options.report is None:
        from claude_lsp.cli.review import review

        # What is to be accepted must not be cut off.
        options.max_findings = options.max_findings or _MANY
        return review(options, _after_review)
    from claude_lsp.cli.report import load

    root = root_for(options, Path.cwd())
    configuration, _ = configure(options, root)
    report = load(Path(options.report))
    if report.dropped.get("over review.max_findings"):
        say("the report left findings out (review.max_findings); they are not accepted")
    return _COMMANDS[options.what](report, options, root, configuration.settings)


def entries_for(
    options: argparse.Namespace,
    root: Path,
    settings: Settings,
    read_at_base: Callable[[str], str | None] | None = None,
) -> list[Entry] | None:
    """Return the baseline that a review is held against, None if none is used.

    Where the command line or the settings name one, it must be there: without it everything that
    was accepted would come up again.

    Args:
        options: the command line.
        root: the workspace's folder.
        settings: the project's.
        read_at_base: reads a file of the project as it was before the change under review, so
            that a change can't accept its own findings; None where the file on disk counts.
    """
    if options.command == "baseline" or not (options.baseline or settings.review.baseline):
        return None
    path = _path(options, root, settings)
    if read_at_base is not None and path.resolve().is_relative_to(root):
        text = read_at_base(path.resolve().relative_to(root).as_posix())
        entries = None if text is None else _parsed(path, text)
    else:
        entries = _read(path)
    if entries is None:
        refuse(f"there is no baseline {path}; `claude-lsp baseline write` makes one")
    return entries


def _after_review(
    report: Report, options: argparse.Namespace, root: Path, settings: Settings
) -> int:
    return _COMMANDS[options.what](report, options, root, settings)


def _write(report: Report, options: argparse.Namespace, root: Path, settings: Settings) -> int:
    if report.status == "nothing":
        say(f"{coverage_sentence(report)} The baseline is left as it is.")
        return NOTHING
    path = _path(options, root, settings)
    before = _read(path) or []
    after = rewritten(before, report, _exists(root), add=True)
    if options.reason:
        known = {entry.fingerprint for entry in compare(accepted(report), before).unmatched}
        known |= {entry.fingerprint for entry in before}
        after = tuple(
            entry
            if entry.reason or entry.fingerprint in known
            else replace(entry, reason=options.reason)
            for entry in after
        )
    _save(path, after)
    _tell(path, before, after)
    if not (options.baseline or settings.review.baseline):
        tell(f"Use it with --baseline {path.name}, or set review.baseline in claude-lsp.toml.")
    return _end(report)


def _prune(report: Report, options: argparse.Namespace, root: Path, settings: Settings) -> int:
    path = _path(options, root, settings)
    before = _read(path)
    if before is None:
        refuse(f"there is no baseline {path}; `claude-lsp baseline write` makes one")
    if report.status != "complete":
        say(
            f"{coverage_sentence(report)} Only a complete review shows what is gone: "
            "the baseline is left as it is."
        )
        return NOTHING if report.status == "nothing" else INCOMPLETE
    after = rewritten(before, report, _exists(root), add=False)
    _save(path, after)
    _tell(path, before, after)
    return DONE


def _audit(report: Report, options: argparse.Namespace, root: Path, settings: Settings) -> int:
    entries = _read(_path(options, root, settings)) or []
    comparison = compare(accepted(report), entries)
    today = date.today().isoformat()
    found = {one.fingerprint for one in report.findings}
    found |= {one.finding.fingerprint for one in report.suppressed}
    gone: list[Entry] = []
    unseen: list[Entry] = []
    for entry in comparison.unmatched:
        (gone if could_be_found(entry, report, _exists(root)) else unseen).append(entry)
    audit: dict[str, Any] = {
        "accepted": [_entry(one.entry) for one in comparison.known],
        "gone": [_entry(entry) for entry in gone],
        "not_looked_at": [_entry(entry) for entry in unseen],
        "comments": [
            {
                "rule": one.finding.rule,
                "path": one.finding.path,
                "line": one.finding.range.start.line + 1,
                "title": one.finding.title,
                "fingerprint": one.finding.fingerprint,
                "reason": one.reason,
            }
            for one in sorted(report.suppressed, key=lambda one: order(one.finding))
            if one.by == "comment"
        ],
        "settings": [
            {
                "fingerprint": key,
                **entry,
                "ended": is_over(entry, today),
                "found": key in found,
            }
            for key, entry in sorted(settings.suppress.items())
        ],
        "notices": list(report.notices),
    }
    if options.format == "json":
        print(json.dumps(audit, indent=2))
    else:
        for line in _as_text(audit):
            tell(visible(line))
        tell(visible(coverage_sentence(report)))
    return _end(report)


_COMMANDS: Mapping[str, Callable[[Report, argparse.Namespace, Path, Settings], int]] = {
    "write": _write,
    "prune": _prune,
    "audit": _audit,
}


def _as_text(audit: Mapping[str, Any]) -> Iterator[str]:
    titles = {
        "accepted": "accepted by the baseline and still found",
        "gone": "in the baseline and no longer found: `claude-lsp baseline prune` drops them",
        "not_looked_at": "in the baseline, and not looked for in this run",
        "comments": f"suppressed by {SUPPRESSED_BY['comment']}",
        "settings": "suppressed by the settings",
    }
    for kind, title in titles.items():
        if audit[kind]:
            yield f"{len(audit[kind])} {title}:"
        for entry in audit[kind]:
            line = f":{entry['line']}" if "line" in entry else ""
            what = ""
            if "path" in entry:
                what = f"{entry['path']}{line}: {entry['rule']} {entry['title']}: "
            notes = [entry["fingerprint"]]
            notes += [f"until {entry['until']}"] if entry.get("until") else []
            notes += ["ended"] if entry.get("ended") else []
            notes += ["not found in this run"] if entry.get("found") is False else []
            reason = entry.get("reason") or "no reason given"
            yield f"  {what}{reason} ({', '.join(notes)})"
    if not any(audit[kind] for kind in titles):
        yield "Nothing is accepted or suppressed."
    yield from (f"note: {notice}" for notice in audit["notices"])


def _entry(entry: Entry) -> dict[str, str]:
    names = ("fingerprint", "rule", "path", "title", "reason")
    return {name: getattr(entry, name) for name in names}


def _end(report: Report) -> int:
    if report.status == "complete":
        return DONE
    say(f"the review is incomplete: {coverage_sentence(report)}")
    return NOTHING if report.status == "nothing" else INCOMPLETE


def _tell(path: Path, before: Sequence[Entry], after: Sequence[Entry]) -> None:
    old = {entry.fingerprint for entry in before}
    new = {entry.fingerprint for entry in after}
    tell(
        f"{path.name}: {len(new)} accepted "
        f"({len(new - old)} new, {len(new & old)} kept, {len(old - new)} dropped)."
    )


def _path(options: argparse.Namespace, root: Path, settings: Settings) -> Path:
    """Return the baseline's file: as on the command line, else the project's, else the usual."""
    if options.baseline:
        return Path(options.baseline)
    path = root / (settings.review.baseline or DEFAULT_NAME)
    try:
        inside = path.resolve().is_relative_to(root)
    except ValueError:  # a name that no file can have
        inside = False
    if not inside:
        refuse(f"review.baseline names {path}, which is outside of the project")
    if path.exists() and not path.is_file():
        refuse(f"review.baseline names {path}, which is not a regular file")
    return path


def _read(path: Path) -> list[Entry] | None:
    try:
        text = path.read_bytes().decode("utf-8", "replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        refuse(f"{path}: {error.strerror}")
    return _parsed(path, text)


def _parsed(path: Path, text: str) -> list[Entry]:
    try:
        return list(read(text))
    except ValueError as error:
        refuse(f"{path} can't be read as a baseline: {error}. Restore it, or write it anew.")


def _save(path: Path, entries: Sequence[Entry]) -> None:
    """Write the whole file or none of it."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(render(entries).encode("utf-8"))
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        refuse(f"{path} could not be written: {error.strerror}")


def _exists(root: Path) -> Callable[[str], bool]:
    return lambda path: (root / path).exists()
