"""Today's and this month's figures as Markdown, for an editor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claude_lsp.spending.figures import saved
from claude_lsp.spending.words import dollars, seconds, several, share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from claude_lsp.claude.usages import Latency, Percentiles, Usages
    from claude_lsp.settings import Spend
    from claude_lsp.spending.figures import Figures


def render(month: Figures, limits: Spend) -> str:
    """Return the text.

    Args:
        month: the figures from the first of the month to today.
        limits: what may be spent.
    """
    day, total, cost = month.of_today, month.total, saved(month.total, month.models)
    automatic = f"{dollars(day.automatic_usd)} of {dollars(limits.automatic_day_usd)}"
    spent = f"{_amount(day)} of {dollars(limits.day_usd)}, in {several(day.requests, 'request')}"
    lines = [
        "# What Claude has cost",
        "",
        f"Today: {spent}; of that {automatic} for what nobody asked for.",
        "",
        f"{month.today:%B}: {_amount(total)}, in {several(total.requests, 'request')}.",
        f"Caches served {share(total.cache_hit_rate)} of the prompts."
        if total.prompt
        else "No prompts were sent.",
    ]
    if total.acceptance is not None:
        lines.append(f"Of {total.shown:,} suggestions {share(total.acceptance)} were accepted.")
    if cost.plain_usd and cost.usd > 0:
        lines.append(
            f"The same tokens would have cost {dollars(cost.plain_usd)} with {cost.model.id} for"
            " everything and no cache."
        )
    today = [line for line in month.days if line.group["day"] == month.today.isoformat()]
    lines += _table("Today", "action", today)
    lines += _table(f"{month.today:%B} by action", "action", month.actions)
    lines += _table(f"{month.today:%B} by model", "model", month.models)
    lines += _times(month.latencies)
    lines += ["", "`claude-lsp usage --format html -o FILE` makes a page with plots of any period."]
    return "\n".join(lines) + "\n"


def times(found: Percentiles) -> str:
    """Return times as half, nine of ten and 99 of 100 were within."""
    return " / ".join(map(seconds, (found.p50, found.p90, found.p99)))


def _amount(line: Usages) -> str:
    unknown = f" and {several(line.unknown, 'request')} of unknown price" if line.unknown else ""
    return f"**{dollars(line.cost_usd)}**{unknown}"


def _table(title: str, name: str, lines: Sequence[Usages]) -> list[str]:
    if not lines:
        return []
    table = ["", f"## {title}", ""]
    table.append(f"| {name} | requests | prompts | from cache | answers | cost |")
    table.append("|---|--:|--:|--:|--:|--:|")
    for line in lines:
        cells = (
            f"{line.requests:,}",
            f"{line.prompt:,}",
            share(line.cache_hit_rate),
            f"{line.output:,}",
            dollars(line.cost_usd) + (f" + {line.unknown} unknown" if line.unknown else ""),
        )
        table.append(f"| {_cell(line.group[name])} | {' | '.join(cells)} |")
    return table


def _times(latencies: Sequence[Latency]) -> list[str]:
    if not latencies:
        return []
    table = ["", "## How long it took", "", "Half / 9 of 10 / 99 of 100 requests were within:", ""]
    table += ["| action | requests | first token | whole answer |", "|---|--:|--:|--:|"]
    for each in latencies:
        first = "-" if each.first_token is None else times(each.first_token)
        table.append(
            f"| {_cell(each.action)} | {each.requests:,} | {first} | {times(each.total)} |"
        )
    return table


def _cell(name: str) -> str:
    """Return a name as text in a table: users choose the names of their actions."""
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>()#+!|~&" else c for c in " ".join(name.split()))
