"""`claude-lsp review`: findings on stdout, everything else on stderr."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from typing import TYPE_CHECKING

from claude_lsp.cli.common import indexed, say
from claude_lsp.cli.process import DONE
from claude_lsp.cli.reporting import Result, Run, finish, run_of, structure_of
from claude_lsp.text.snapshots import Snapshot, uri_from_path

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from claude_lsp.claude.account import Account
    from claude_lsp.claude.errors import Failure
    from claude_lsp.engine import Engine
    from claude_lsp.review.run import Unit


def review(options: argparse.Namespace) -> int:
    """Review files or folders; return the exit code."""
    run = run_of(options)
    if options.offline:
        return finish(run, _structure(run))
    units, result = _units(run)
    if not units:
        return finish(run, result)
    return asyncio.run(_with_model(run, units, result))


async def _with_model(run: Run, units: Sequence[Unit], result: Result) -> int:
    from claude_lsp.claude.account import Account
    from claude_lsp.claude.client import Client
    from claude_lsp.claude.errors import ClaudeError
    from claude_lsp.claude.ledger import Ledger
    from claude_lsp.context import tokens
    from claude_lsp.engine import Engine

    ledger = Ledger()
    account = Account(limit_usd=run.options.max_cost)
    client = Client(run.settings, ledger)
    codebase = await indexed(run.workspace)
    engine = Engine(run.settings, run.workspace, client, codebase)
    try:
        if run.options.dry_run:
            await asyncio.to_thread(tokens.warm)
            return await _dry_run(engine, units, result)
        try:
            await asyncio.gather(asyncio.to_thread(tokens.warm), client.check_credentials())
        except ClaudeError as error:
            found = await asyncio.to_thread(_without_model, run, result, error.failure)
            return finish(run, found)
        await _review(engine, units, account, result, run.options.concurrency)
    finally:
        await codebase.close()
        await client.close()
        ledger.close()
    return finish(run, result, account, {unit.origin: unit.snapshot.index for unit in units})


def _without_model(run: Run, files: Result, failure: Failure) -> Result:
    """Give what needs no model, and say in one line how to get the rest."""
    say(f"{failure} Reviewing the structure only.")
    result = _structure(run)
    # A gate that was asked for can't be answered by half a review, and a connection that was meant
    # to work but does not is no success either.
    gated = run.options.fail_on != "never" and not run.options.skip_without_key
    result.incomplete = gated or failure.kind != "no-credentials"
    result.notices.append(f"No model was asked: {failure.message}.")
    result.skipped += [entry for entry in files.skipped if entry[0] not in result.reviewed]
    return result


async def _review(
    engine: Engine,
    units: Sequence[Unit],
    account: Account,
    result: Result,
    concurrency: int,
) -> None:
    """Run the review, with a line of progress on a terminal; an interrupt keeps what is there."""
    from claude_lsp.review.run import UnitDone, UnitDropped, UnitFound
    from claude_lsp.review.run import review as run

    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    with contextlib.suppress(NotImplementedError):
        loop.add_signal_handler(signal.SIGINT, lambda: task.cancel() if task else None)
    done = 0
    waiting = {unit.origin for unit in units}
    try:
        stream = run(engine, units, account, concurrency=concurrency)
        async with contextlib.aclosing(stream) as events:
            async for event in events:
                if isinstance(event, UnitFound):
                    result.findings[event.finding.fingerprint] = event.finding
                elif isinstance(event, UnitDropped):
                    result.dropped[event.reason] += event.count
                elif isinstance(event, UnitDone):
                    done += 1
                    waiting.discard(event.unit.origin)
                    if event.failure is None:
                        result.reviewed.append(event.unit.origin)
                    else:
                        result.failed.append((event.unit.origin, event.failure.message))
                else:
                    result.notices.append(f"{event.unit.origin}: {event.text}")
                    result.incomplete = True
                _progress(done, len(units), result, account)
    except asyncio.CancelledError:
        result.interrupted = True
        result.failed += [(origin, "interrupted") for origin in sorted(waiting)]
    finally:
        with contextlib.suppress(NotImplementedError):
            loop.remove_signal_handler(signal.SIGINT)
        _progress_end()


async def _dry_run(engine: Engine, units: Sequence[Unit], result: Result) -> int:
    """Print what would be sent and the most that it could cost."""
    from claude_lsp.claude.errors import ClaudeError
    from claude_lsp.review.run import prepare_unit

    total_tokens, total = 0, 0.0
    unknown = False
    for unit in units:
        try:
            request = (await prepare_unit(engine, unit)).request
        except ClaudeError as error:
            result.skipped.append((unit.origin, error.failure.message))
            continue
        most = request.most_usd
        unknown = unknown or most is None
        total += most or 0.0
        total_tokens += request.prompt_tokens
        price = "price unknown" if most is None else f"at most ${most:.4f}"
        print(f"{unit.origin}: {request.prompt_tokens:,} tokens to {request.model.id}, {price}")
    for path, reason in result.skipped:
        print(f"{path}: skipped ({reason})")
    price = "an unknown price" if unknown else f"at most ${total:.4f}"
    print(f"{len(units)} files, {total_tokens:,} tokens, {price}. Nothing was sent.")
    return DONE


def _units(run: Run) -> tuple[list[Unit], Result]:
    """Read the files to review; what is left out is listed with its reason."""
    from claude_lsp.review.run import Unit
    from claude_lsp.workspace.files import TextFile, list_files, read_text
    from claude_lsp.workspace.languages import language_of

    result = Result()
    units: list[Unit] = []
    workspace = run.workspace
    rules = workspace.rules_for(run.root)
    listed = list_files(run.root, rules) if rules is not None else []
    # A file that was named is taken even if a listing would not have shown it.
    named = [path for path in run.paths if path.is_file()]
    wanted = named + [
        path
        for path in listed
        if path not in named and run.covers(path.relative_to(run.root).as_posix())
    ]
    for path in wanted:
        origin = workspace.origin_of(path)
        content = read_text(path, 4_000_000)
        if not isinstance(content, TextFile):
            result.skipped.append((origin, content.reason))
            continue
        language = language_of(path, content.text.split("\n", 1)[0])
        snapshot = Snapshot(uri_from_path(path), None, content.text, language)
        reason = workspace.reason_not_to_send(snapshot)
        if reason is None and path not in named and language in _NOT_CODE:
            reason = f"{language} is not reviewed unless named"
        if reason is None and not content.text.strip():
            reason = "empty"
        if reason is not None:
            result.skipped.append((origin, reason))
        else:
            units.append(Unit(origin, snapshot))
    return units, result


_NOT_CODE = frozenset(
    (
        *("plaintext", "markdown", "restructuredtext", "latex", "xml", "ignore"),
        *("json", "jsonc", "jsonl", "toml", "ini", "properties"),
    )
)


def _progress(done: int, total: int, result: Result, account: Account) -> None:
    if sys.stderr.isatty():
        cost = "?" if account.cost_usd is None else f"${account.cost_usd:.4f}"
        line = f"{done} of {total} files, {len(result.findings)} findings, {cost}"
        print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)


def _progress_end() -> None:
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)


def _structure(run: Run) -> Result:
    """Review the structure: facts computed from the code, no model asked."""
    from claude_lsp.review.project import survey

    return structure_of(run, survey(run.workspace, run.root, run.settings))
