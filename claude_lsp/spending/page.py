"""`claude-lsp usage --format html`: one page with plots that needs nothing but itself."""

from __future__ import annotations

from html import escape
from importlib import resources
from typing import TYPE_CHECKING

from claude_lsp import __version__
from claude_lsp.claude.catalog import PRICES_AS_OF
from claude_lsp.pages import fill
from claude_lsp.spending import charts
from claude_lsp.spending.charts import Series, Spread
from claude_lsp.spending.figures import Bucket, Figures, buckets, saved
from claude_lsp.spending.words import count, dollars, several, share

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import date

    from claude_lsp.claude.usages import Usages

_TICKS = 8
"""Most names below an axis over the whole page; half of them below a smaller one."""


def render(figures: Figures, *, example: bool = False) -> str:
    """Return the page.

    Args:
        figures: what it shows.
        example: whether the figures are made up, which it then says.
    """
    template = resources.files("claude_lsp.spending").joinpath("page.html").read_text("utf-8")
    period = _period(figures.since, figures.today)
    made_up = " These figures are an example: nobody has spent them." if example else ""
    body = [
        f"<h1>What Claude has cost</h1><p class='period'>{escape(period)}.{made_up}</p>",
        _tiles(figures),
        "<div class='cards'>",
        *(
            _spend(figures),
            _cache(figures),
            _acceptance(figures),
            _latency(figures),
            _saved(figures),
            _models(figures),
            _actions(figures),
        ),
        "</div>",
        _footer(figures),
    ]
    return fill(template, {"PERIOD": escape(period), "BODY": "\n".join(body)})


def _period(since: date, today: date) -> str:
    last = f"{today.day} {today:%B %Y}"
    return last if since == today else f"{since.day} {since:%B %Y} to {last}"


def _tiles(figures: Figures) -> str:
    total = figures.total
    cost = saved(total, figures.models)
    asked = total.requests - total.automatic
    unknown = f", {total.unknown:,} of unknown price" if total.unknown else ""
    tiles = [
        (
            "lead",
            dollars(total.cost_usd),
            "spent",
            f"{dollars(figures.of_today.cost_usd)} today{unknown}",
        ),
        (
            "",
            f"{total.requests:,}",
            "requests",
            f"{asked:,} asked for, {total.automatic:,} automatic",
        ),
        (
            "",
            share(total.cache_hit_rate),
            "of prompts from cache",
            f"{count(total.cache_read)} of {count(total.prompt)} tokens",
        ),
        (
            "",
            share(total.acceptance),
            "of suggestions accepted",
            f"{total.accepted:,} of {total.shown:,} shown",
        ),
        (
            "good",
            share(cost.share if cost.plain_usd else None),
            "below opus without cache",
            f"{dollars(cost.usd)} saved" if cost.usd >= 0 else f"{dollars(-cost.usd)} more",
        ),
    ]
    return (
        "<div class='tiles'>"
        + "".join(
            f"<div class='tile {kind}'><b>{value}</b><div class='of'>{of}</div>"
            f"<div class='more'>{more}</div></div>"
            for kind, value, of, more in tiles
        )
        + "</div>"
    )


# ----- the cards


def _spend(figures: Figures) -> str:
    shown = buckets(figures)
    names = [line.group["action"] for line in figures.actions if line.cost_usd > 0]
    told, rest = names[: charts.COLOURS - 1], set(names[charts.COLOURS - 1 :])
    if len(rest) == 1:
        told, rest = names, set()
    sums = {line.group["action"]: line.cost_usd for line in figures.actions}
    series = [Series(name, _by_action(shown, {name})) for name in told]
    if rest:
        series.append(Series("others", _by_action(shown, rest)))
    plot = charts.stacked([each.label for each in shown], _ticks(shown, _TICKS), series)
    entries = [(name, sums[name]) for name in told]
    if rest:
        entries.append(("others", sum(sums[name] for name in rest)))
    legend = _legend(
        (f"c{number % charts.COLOURS}", name, dollars(amount))
        for number, (name, amount) in enumerate(entries)
    )
    title = f"Spend by {_step(shown)} and action"
    about = "Reservations of requests that are still under way count as the most they may cost."
    content = f"<div class='scroll'>{plot}</div>{legend}" if names else _empty("Nothing was spent.")
    return _card(title, about, content, wide=True)


def _saved(figures: Figures) -> str:
    cost = saved(figures.total, figures.models)
    price = cost.model.prices[0]
    bars = [
        ("Everything to opus, no cache", cost.plain_usd),
        *([] if cost.routed_usd is None else [("Each to its model, no cache", cost.routed_usd)]),
        ("Paid", cost.paid_usd),
    ]
    plot = charts.comparison([(name, amount, dollars(amount)) for name, amount in bars])
    how = (
        f"The same {count(figures.total.priced_prompt)} tokens of prompts and"
        f" {count(figures.total.priced_output)} of answers, first at the prices of"
        f" {escape(cost.model.id)} ({dollars(price.input)} and {dollars(price.output)} for a"
        f" million, prices of {PRICES_AS_OF}), every prompt in full and every request by itself;"
        " then at the prices of the models that were asked; then as paid, with what caches and"
        " batches took off. How much another model would have read and written is not known, so"
        " it counts as much."
    )
    return _card(
        "Saved",
        "What was paid beside everything sent to opus without a cache.",
        plot + f"<p class='how'>{how}</p>" if cost.plain_usd else _empty("Nothing was spent."),
    )


def _cache(figures: Figures) -> str:
    shown = buckets(figures)
    prompts = [sum(line.prompt for line in each.lines) for each in shown]
    reads = [sum(line.cache_read for line in each.lines) for each in shown]
    notes = [f"{count(tokens)} prompt tokens" for tokens in prompts]
    plot = _share_plot(shown, reads, prompts, notes)
    misses = ", ".join(
        f"{escape(reason.replace('_', ' '))} {number:,}"
        for reason, number in figures.cache_misses.items()
    )
    told = f"<p class='how'>Misses that a trace has asked about: {misses}.</p>" if misses else ""
    return _card(
        "Cache hit rate",
        "Share of the prompts' tokens that a cache served; the bars are all tokens.",
        plot + told if any(prompts) else _empty("No prompts were sent."),
    )


def _latency(figures: Figures) -> str:
    groups = []
    for each in figures.latencies[:9]:
        rows = []
        if (first := each.first_token) is not None:
            rows.append(Spread("first token", (first.p50, first.p90, first.p99), "first"))
        total = each.total
        rows.append(Spread("whole answer", (total.p50, total.p90, total.p99), "all"))
        groups.append((each.action, rows))
    legend = _legend([("c0", "first token", ""), ("c1", "whole answer", "")])
    return _card(
        "Latency",
        "Large dot: half of the requests were quicker. Small: 9 of 10. End of the line: 99 of 100.",
        charts.spreads(groups) + legend if groups else _empty("Nothing was answered."),
    )


def _acceptance(figures: Figures) -> str:
    shown = buckets(figures)
    offered = [sum(line.shown for line in each.lines) for each in shown]
    taken = [sum(line.accepted for line in each.lines) for each in shown]
    notes = [f"{a:,} of {b:,} accepted" for a, b in zip(taken, offered, strict=True)]
    plot = _share_plot(shown, taken, offered, notes)
    total = figures.total
    each_cost = ""
    if total.usd_per_accepted is not None:
        long = total.accepted_characters / total.accepted
        each_cost = (
            f"<p class='how'>An accepted suggestion cost {dollars(total.usd_per_accepted)}, with"
            f" all that were not, and had {long:.0f} characters.</p>"
        )
    return _card(
        "Acceptance of suggestions",
        "Share of the suggestions shown that was accepted; the bars are those shown. "
        "Not every editor tells.",
        plot + each_cost if any(offered) else _empty("No suggestions were shown."),
    )


def _models(figures: Figures) -> str:
    return _card(
        "By model",
        "The dearest first. Cache writes cost more than other input, cache reads a fraction of it.",
        _table("model", figures.models, figures.total.cost_usd),
        wide=True,
    )


def _actions(figures: Figures) -> str:
    ends = [
        f"{escape(line.group['outcome'])} {line.requests:,}"
        for line in sorted(figures.outcomes, key=lambda line: -line.requests)
    ]
    more = f"<p class='how'>How requests ended: {', '.join(ends)}.</p>" if ends else ""
    return _card(
        "By action",
        "What each action has used.",
        _table("action", figures.actions, figures.total.cost_usd) + more,
        wide=True,
    )


def _table(name: str, lines: Sequence[Usages], whole_usd: float) -> str:
    if not lines:
        return _empty("No requests.")
    columns: list[tuple[str, Callable[[Usages], str]]] = [
        ("requests", lambda line: f"{line.requests:,}"),
        ("failed", lambda line: f"{line.failed:,}"),
        ("input", lambda line: count(line.input)),
        ("cache writes", lambda line: count(line.cache_write)),
        ("cache reads", lambda line: count(line.cache_read)),
        ("output", lambda line: count(line.output)),
        ("thinking", lambda line: count(line.thinking)),
        (
            "cost",
            lambda line: (
                dollars(line.cost_usd) + (f" + {line.unknown:,} unknown" if line.unknown else "")
            ),
        ),
        ("share", lambda line: share(line.cost_usd / whole_usd if whole_usd else None)),
    ]
    head = "".join(f"<th>{title}</th>" for title in (name, *(title for title, _ in columns)))
    rows = "".join(
        f"<tr><td>{escape(line.group[name])}</td>"
        + "".join(f"<td>{cell(line)}</td>" for _, cell in columns)
        + "</tr>"
        for line in lines
    )
    return f"<div class='scroll'><table><tr>{head}</tr>{rows}</table></div>"


def _footer(figures: Figures) -> str:
    total = figures.total
    notes = [f"claude-lsp {__version__}, from the ledger on this machine, without a network"]
    if total.retries:
        notes.append(f"{total.retries:,} times a request was sent again")
    if total.batched:
        notes.append(f"{several(total.batched, 'request')} in batches at half the price")
    if total.speculative:
        asked = several(total.speculative, "suggestion")
        notes.append(f"{asked} asked for ahead ({dollars(total.speculative_usd)})")
    return f"<footer>{'; '.join(notes)}.</footer>"


# ----- what they have in common


def _card(title: str, about: str, content: str, *, wide: bool = False) -> str:
    kind = "card wide" if wide else "card"
    return (
        f"<section class='{kind}'><h2>{title}</h2><p class='about'>{about}</p>{content}</section>"
    )


def _empty(text: str) -> str:
    return f"<p class='empty'>{text}</p>"


def _legend(entries: Iterable[tuple[str, str, str]]) -> str:
    items = "".join(
        f"<li><svg viewBox='0 0 11 11'><rect class='{colour}' width='11' height='11' rx='3'/></svg>"
        f"{escape(name)} <b>{value}</b></li>"
        for colour, name, value in entries
    )
    return f"<ul class='legend'>{items}</ul>"


def _by_action(shown: Sequence[Bucket], actions: set[str]) -> list[float]:
    return [
        sum(line.cost_usd for line in each.lines if line.group["action"] in actions)
        for each in shown
    ]


def _share_plot(
    shown: Sequence[Bucket], parts: Sequence[int], wholes: Sequence[int], notes: Sequence[str]
) -> str:
    """Draw what share of each whole its part is, over bars of the wholes."""
    shares = [part / whole if whole else None for part, whole in zip(parts, wholes, strict=True)]
    labels = [each.label for each in shown]
    return charts.line(labels, _ticks(shown, _TICKS // 2), shares, wholes, notes)


def _step(shown: Sequence[Bucket]) -> str:
    if len(shown) > 1:
        length = (shown[1].first - shown[0].first).days
        return "day" if length == 1 else "week" if length == 7 else "month"
    return "day"


def _ticks(shown: Sequence[Bucket], most: int) -> list[tuple[int, str]]:
    """Return which buckets are named below the axis, the last one always."""
    every = -(-len(shown) // most)
    step = _step(shown)
    return [
        (number, f"{each.first:%b %Y}" if step == "month" else f"{each.first.day} {each.first:%b}")
        for number, each in enumerate(shown)
        if (len(shown) - 1 - number) % every == 0
    ]
