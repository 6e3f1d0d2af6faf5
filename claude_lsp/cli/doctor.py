"""`claude-lsp doctor`: what works, what does not, and what to do."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import shutil
import sys
import time
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from claude_lsp import __version__
from claude_lsp.cli.common import refuse, root_for, say, tell, without_login
from claude_lsp.cli.process import DONE, INCOMPLETE, log_to_stderr
from claude_lsp.configuration import load
from claude_lsp.spending.text import times

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from claude_lsp.configuration import Configuration
    from claude_lsp.settings import Settings

_LATENCY_DAYS = 30
_MARKS = {"ok": "ok     ", "note": "note   ", "problem": "PROBLEM"}


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: what.
        state: "note" is worth knowing and stops nothing.
        detail: what was found, and for a problem what to do.
    """

    name: str
    state: Literal["ok", "note", "problem"]
    detail: str


def doctor(options: argparse.Namespace) -> int:
    """Check the installation; return 0, or 3 where something needs attention."""
    log_to_stderr(options.log_level or "error")
    root = root_for(options, Path.cwd())
    configuration = load(root, file=Path(options.config) if options.config else None)
    checks = list(_checks(options, root, configuration))
    if options.report:
        _write_report(options.report, checks, configuration, root)
    elif options.format == "json":
        print(json.dumps([asdict(check) for check in checks], indent=2))
    else:
        for check in checks:
            tell(f"{_MARKS[check.state]}  {check.name}: {check.detail}")
    return INCOMPLETE if any(check.state == "problem" for check in checks) else DONE


def _write_report(
    name: str, checks: Sequence[Check], configuration: Configuration, root: Path
) -> None:
    from claude_lsp.cli.diagnosis import diagnosis

    page = diagnosis(checks, configuration, root)
    if name == "-":
        print(page, end="")
        return
    try:
        Path(name).write_text(page, encoding="utf-8")
    except OSError as error:
        refuse(f"--report {name}: {error.strerror or error}")
    say(f"{name} is written, and nothing was sent: read it before you send it to anybody")


def _checks(
    options: argparse.Namespace, root: Path, configuration: Configuration
) -> Iterator[Check]:
    from claude_lsp.context import tokens
    from claude_lsp.workspace import git

    yield Check(
        "version",
        "ok",
        f"claude-lsp {__version__}, Python {platform.python_version()}, {sys.platform}",
    )
    for problem in configuration.problems:
        yield Check("settings", "problem", str(problem))
    if not configuration.problems:
        count = len(configuration.origins)
        yield Check("settings", "ok", f"{count} options set; `claude-lsp config` shows them")
    if shutil.which("git") is None:
        yield Check("git", "note", "not found: ignore rules are read without it")
    else:
        repository = git.root_of(root)
        yield Check("git", "ok", "no repository here" if repository is None else str(repository))
    if tokens.warm():
        yield Check("token estimates", "ok", "the vocabulary is loaded; no download is needed")
    else:
        yield Check("token estimates", "note", f"by bytes only: {tokens.failure()}")
    yield _index_check(root)
    yield from _ledger_check(configuration.settings)
    yield from _telemetry_check(configuration.settings)
    yield from asyncio.run(_connection_checks(configuration.settings, online=options.online))


def _index_check(root: Path) -> Check:
    """Tell what is kept of the project's index; a server reads the rest when it starts."""
    from claude_lsp.workspace.index import cache

    path = cache.newest(root)
    if path is None:
        return Check("index", "note", f"none yet of {root}; a server in an editor builds it")
    from claude_lsp.workspace.index import store  # loads numpy

    try:
        held = path.stat()
        files = store.load(path, cache.version()).file_count
    except (OSError, store.DamagedError) as error:
        return Check("index", "note", f"{path}: {error}; it is built again by itself")
    age = _age(max(0.0, time.time() - held.st_mtime))
    counted = f"{files:,} file{'' if files == 1 else 's'}, {held.st_size / 1e6:.1f} MB"
    return Check("index", "ok", f"{counted}, kept {age} ago in {path.parent}")


def _age(seconds: float) -> str:
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {name}{'s' if count > 1 else ''}"
    return "less than a minute"


def _ledger_check(settings: Settings) -> Iterator[Check]:
    """Tell what was spent, how quickly requests were answered, and what the next would cost."""
    from claude_lsp.actions import ACTIONS
    from claude_lsp.claude.errors import ClaudeError
    from claude_lsp.claude.ledger import Ledger
    from claude_lsp.cli.costs import dollars, past_of, usual_cost

    today = datetime.now().astimezone().date()
    ledger = Ledger()
    try:
        spent = ledger.spent_today()
        (month,) = ledger.usage((), today.replace(day=1).isoformat())
        latencies = ledger.latencies((today - timedelta(days=_LATENCY_DAYS - 1)).isoformat())
        past, newest = past_of(ledger), ledger.newest_day()
    except ClaudeError as error:
        yield Check("ledger", "problem", str(error.failure))
        return
    finally:
        ledger.close()
    unknown = f", {month.unknown} of unknown price" if month.unknown else ""
    yield Check(
        "ledger",
        "ok",
        f"${spent.total_usd:.4f} of ${settings.spend.day_usd:.2f} spent today in {spent.requests} "
        f"requests, ${month.cost_usd:.4f} this month in {month.requests}{unknown}",
    )
    for each in latencies:
        first = "" if each.first_token is None else f"first token {times(each.first_token)}, "
        yield Check(
            f"latency of {each.action}",
            "ok",
            f"{first}whole answer {times(each.total)} (half / 9 of 10 / 99 of 100 of "
            f"{each.requests:,} in {_LATENCY_DAYS} days)",
        )
    if newest > today.isoformat():
        detail = (
            f"the ledger has requests of {newest}, so the clock was wrong or the time zone another;"
            " those of two days ahead count as today's"
        )
        yield Check("clock", "note", detail)
    for action in ACTIONS.values():
        cost = usual_cost(action, settings, past)
        detail = (
            f"about {dollars(cost.usd)} from {cost.tier} ({cost.model}): {cost.prompt:,} tokens in,"
            f" {cost.answer:,} out; {cost.basis}"
        )
        if action.name in settings.routes:
            detail += f"; {cost.why}"
        yield Check(f"cost of {action.name}", "ok", detail)
    for key, names in (("routes", settings.routes), ("spend.actions", settings.spend.actions)):
        for name in sorted(names.keys() - ACTIONS.keys() - settings.actions.keys()):
            yield Check(f"{key}.{name}", "problem", f"there is no action {name}")


def _telemetry_check(settings: Settings) -> Iterator[Check]:
    """Tell whether OpenTelemetry can export; nothing where it is off, as usual."""
    if not settings.telemetry.otel:
        return
    from claude_lsp.telemetry import otel

    try:
        otel.connect().close()
    except otel.UnavailableError as error:
        yield Check("telemetry", "problem", str(error))
    else:
        yield Check("telemetry", "ok", "spans and metrics are exported as OTEL_* say; no content")


async def _connection_checks(settings: Settings, *, online: bool) -> list[Check]:
    from claude_lsp.claude.catalog import lookup
    from claude_lsp.claude.client import Client
    from claude_lsp.claude.errors import ClaudeError
    from claude_lsp.claude.ledger import Ledger
    from claude_lsp.routing import TIERS

    checks = []
    for tier in TIERS:
        model = lookup(settings.model_for(tier))
        if model.known or model.id in settings.models.prices:
            checks.append(Check(f"models.{tier}", "ok", model.id))
        else:
            detail = f"{model.id} is not in the catalog: set its price in models.prices to use it"
            checks.append(Check(f"models.{tier}", "note", detail))
    base_url = settings.endpoint.base_url or os.environ.get("ANTHROPIC_BASE_URL")
    checks.append(
        Check("endpoint", "ok", without_login(base_url) if base_url else "Anthropic's own")
    )
    client = Client(settings, Ledger())
    try:
        checks.append(Check("credentials", "ok", await client.check_credentials()))
        if online:
            missing = await client.missing_models([settings.model_for(tier) for tier in TIERS])
            checks += [
                Check("models", "problem", f"the endpoint does not know {name}") for name in missing
            ]
            checks.append(Check("connection", "ok", "the endpoint answers"))
    except ClaudeError as error:
        checks.append(Check("connection", "problem", str(error.failure)))
    finally:
        await client.close()
    return checks
