"""`claude-lsp usage`: what was spent, and what came of the suggestions."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import asdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from claude_lsp.claude.errors import ClaudeError
from claude_lsp.claude.ledger import Ledger
from claude_lsp.claude.usages import GROUPS
from claude_lsp.cli.common import refuse
from claude_lsp.cli.process import DONE
from claude_lsp.spending.figures import saved

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from claude_lsp.claude.usages import Group, Usages
    from claude_lsp.spending.figures import Saved

_TOKENS = ("input", "cache_write", "cache_read", "output")
_ALL_DAYS = 36_500


def usage(options: argparse.Namespace) -> int:
    """Print what the ledger knows, or write it to a file."""
    today = datetime.now().astimezone().date()
    since = _first_day(options.since, today)
    groups = _groups(options.by)
    ledger = Ledger()
    try:
        if options.format == "html":
            from claude_lsp.spending import figures, page

            text = page.render(figures.collect(ledger, since, today))
        else:
            lines = ledger.usage(groups, since)
            (total,) = ledger.usage((), since)
            plain = saved(total, ledger.usage(("model",), since))
            as_wanted = _json if options.format == "json" else _text
            text = as_wanted(since, groups, lines, total, plain)
    except ClaudeError as error:
        refuse(str(error.failure))
    finally:
        ledger.close()
    if options.output is None:
        sys.stdout.write(text)
        return DONE
    try:
        Path(options.output).write_text(text, encoding="utf-8")
    except OSError as error:
        refuse(f"-o {options.output}: {error.strerror or error}")
    return DONE


def _json(
    since: str, groups: Sequence[Group], lines: Sequence[Usages], total: Usages, plain: Saved
) -> str:
    report = {
        "since": since,
        "by": list(groups),
        "groups": [_as_json(line) for line in lines],
        "total": _as_json(total),
        "without_cache_all_by": {"model": plain.model.id, "cost_usd": plain.plain_usd},
    }
    return json.dumps(report, indent=2) + "\n"


def _text(
    since: str, groups: Sequence[Group], lines: Sequence[Usages], total: Usages, plain: Saved
) -> str:
    if not total.requests:
        return f"No requests since {since}.\n"
    text = f"Since {since}:\n\n{_table(groups, lines, total)}\n{_acceptance(total)}\n"
    if plain.plain_usd:
        text += (
            f"The same tokens by {plain.model.id} alone, without a cache: ${plain.plain_usd:.4f};"
            f" caches served {total.cache_hit_rate or 0:.0%} of the prompts.\n"
        )
    if total.speculative:
        text += (
            f"Asked before a suggestion was accepted (completion.speculative):"
            f" {total.speculative:,} requests, ${total.speculative_usd:.4f}.\n"
        )
    return text


def _first_day(text: str, today: date) -> str:
    """Return the day that an option names: itself, or so many days up to today."""
    days = re.fullmatch(r"(\d{1,5})d?", text)
    if days is not None:
        count = min(max(int(days[1]), 1), _ALL_DAYS)
        return (today - timedelta(days=count - 1)).isoformat()
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        refuse(f"--since {text}: neither a day such as 2026-01-31 nor a number of days")


def _groups(text: str) -> Sequence[Group]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in GROUPS:
            refuse(f"--by {name}: requests are told apart by {', '.join(GROUPS)}")
    return [name for name in GROUPS if name in names]


def _as_json(line: Usages) -> dict[str, Any]:
    known = asdict(line)
    return {
        **known.pop("group"),
        **known,
        "cache_hit_rate": line.cache_hit_rate,
        "acceptance": line.acceptance,
        "usd_per_accepted": line.usd_per_accepted,
    }


def _table(groups: Sequence[Group], lines: Sequence[Usages], total: Usages) -> str:
    heads = [*groups, "requests", "in", "cache writes", "cache reads", "out", "US$"]
    rows = [[*line.group.values(), *_cells(line)] for line in lines]
    if groups:
        rows.append(["total", *[""] * (len(groups) - 1), *_cells(total)])
    widths = [max(len(row[n]) for row in [heads, *rows]) for n in range(len(heads))]
    texts = len(groups)
    return "\n".join(
        "  ".join(
            cell.ljust(width) if n < texts else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in [heads, *rows]
    )


def _cells(line: Usages) -> list[str]:
    tokens = [f"{getattr(line, name):,}" for name in _TOKENS]
    more = f" and {line.unknown} unknown" if line.unknown else ""
    return [f"{line.requests:,}", *tokens, f"{line.cost_usd:.4f}{more}"]


def _acceptance(total: Usages) -> str:
    """Say what came of the suggestions; nothing where no editor has shown one."""
    if total.acceptance is None:
        return ""
    told = f"\nSuggestions: {total.shown:,} shown, {total.accepted:,} accepted"
    if total.usd_per_accepted is None:
        return f"{told}. Not every editor tells what is accepted."
    return (
        f"{told} ({total.acceptance:.0%}, {total.accepted_characters:,} characters);"
        f" ${total.usd_per_accepted:.5f} for each that was accepted."
    )
