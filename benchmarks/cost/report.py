"""The tables of `make bench-cost`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.cost import others

if TYPE_CHECKING:
    from benchmarks.cost.day import Day
    from benchmarks.cost.others import Bill

_NAIVE, _CAREFUL, _READ = 0.05, 0.40, 0.60


def tables(day: Day) -> str:
    """Return the bill by action, the others' beside it, and the bars."""
    return "\n".join([*_by_action(others.ours(day)), "", *_beside(day), "", *_bars(day)])


def as_json(day: Day) -> dict[str, Any]:
    """Return all figures."""
    return {
        "keys": day.keys,
        "taken": day.taken,
        "ledger_usd": day.ledger_usd,
        "bills": {
            name: {
                action: {"requests": each.requests, "usd": each.usd, **vars(each.usage)}
                for action, each in bill.items()
            }
            for name, bill in _bills(day).items()
        },
        "read_share": others.read_share(day),
    }


def _bills(day: Day) -> dict[str, Bill]:
    return {
        "ours": others.ours(day),
        "careful, asks where ours does": others.careful(day),
        "careful, asks after pauses of 0.3 s": others.careful(day, pause_s=others.CAREFUL_PAUSE_S),
        "naive": others.naive(day),
    }


def _by_action(bill: Bill) -> list[str]:
    rows = [
        "| action | requests | input | written | read | share read | output | dollars |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for action, each in bill.items():
        usage = each.usage
        cells = (
            f"{each.requests:,}",
            f"{usage.prompt:,}",
            f"{usage.cache_write_5m + usage.cache_write_1h:,}",
            f"{usage.cache_read:,}",
            f"{usage.cache_read / usage.prompt:.0%}",
            f"{usage.output:,}",
            f"{each.usd:.4f}",
        )
        rows.append(f"| {action} | {' | '.join(cells)} |")
    return rows


def _beside(day: Day) -> list[str]:
    rows = [
        "| integration | requests | input tokens | output tokens | dollars |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, bill in _bills(day).items():
        requests = sum(each.requests for each in bill.values())
        prompt = sum(each.usage.prompt for each in bill.values())
        output = sum(each.usage.output for each in bill.values())
        rows.append(
            f"| {name} | {requests:,} | {prompt:,} | {output:,} | {others.total(bill):.2f} |"
        )
    return rows


def _bars(day: Day) -> list[str]:
    bills = _bills(day)
    cost = others.total(bills["ours"])
    figures = [
        (f"cost against {name}", cost / others.total(bill), "<=", bar)
        for (name, bill), bar in zip(
            list(bills.items())[1:], (_CAREFUL, _CAREFUL, _NAIVE), strict=True
        )
    ]
    figures.append(
        ("input of completions read from the cache", others.read_share(day), ">=", _READ)
    )
    rows = ["| figure | measured | bar | holds |", "| --- | --- | --- | --- |"]
    for name, value, sign, bar in figures:
        holds = value <= bar if sign == "<=" else value >= bar
        verdict = "yes" if holds else "**no**"
        rows.append(f"| {name} | {value:.1%} | {sign} {bar:.0%} | {verdict} |")
    return rows
