"""An answer with hundreds of findings: how soon the first is published, what all cost."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from benchmarks.completion.backends import Stamp
from benchmarks.review.command import environment_for
from benchmarks.review.noise import STYLES, off_by, quoted
from claude_lsp.actions.action import ALONE
from claude_lsp.claude.account import Account
from claude_lsp.claude.client import Client
from claude_lsp.claude.ledger import Ledger
from claude_lsp.engine import Engine
from claude_lsp.findings.rules import RULES
from claude_lsp.review import scope
from claude_lsp.review.plan import make_plan
from claude_lsp.review.run import UnitDone, UnitDropped, UnitFound, review_unit
from claude_lsp.settings import build
from claude_lsp.workspace.codebase import Codebase
from claude_lsp.workspace.workspace import Workspace
from tests.messages_api import Event, Finish, Reply, ThreadedMessagesApi, replies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.review.sources import Source

CHUNK = 20
"""Characters of a piece of the answer."""
_RULES = [rule for rule in RULES if rule.startswith("review.")]


@dataclass
class Streamed:
    """What became of one long answer.

    Attributes:
        findings: how many there were in the answer.
        size: of the answer, in characters.
        published: how many were published.
        dropped: how many were not.
        first_ms: from the last byte of the first one to its publication.
        cpu_s: processor time of the thread that read, verified and published.
    """

    findings: int
    size: int
    published: int = 0
    dropped: int = 0
    first_ms: float = 0.0
    cpu_s: float = 0.0


def measure(sources: Sequence[Source], count: int, seed: int = 1) -> Streamed:
    """Stream one answer about the longest file through the engine."""
    source = max(sources, key=lambda each: each.text.count("\n"))
    found = findings_about(source, count, random.Random(seed))
    stamps: list[float] = []
    answer = answer_of(found, stamps)
    streamed = Streamed(count, len(json.dumps(found)))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        root = Path(folder, "project").resolve()
        source.write(root)
        with ThreadedMessagesApi() as api:
            api.answer = answer
            environment = environment_for(api, Path(folder, "home"))
            with mock.patch.dict(os.environ, environment, clear=True):
                asyncio.run(_review(root, root / source.path, streamed, stamps))
    return streamed


def findings_about(source: Source, count: int, chance: random.Random) -> list[dict[str, Any]]:
    """Return findings at places all over a file, in all styles of quoting."""
    lines = source.text.split("\n")
    places = [number for number, line in enumerate(lines) if len(line.strip()) > 8]
    chosen = sorted(chance.sample(places, min(count, len(places))))
    chosen += chance.choices(places, k=count - len(chosen))
    return [
        {
            "path": source.path,
            "line": max(1, line + 1 + off_by(chance)),
            "quote": quoted(lines, line, chance.choice(list(STYLES)), chance, most=2),
            "rule": chance.choice(_RULES),
            "severity": "major",
            "title": f"Something is wrong here, the remark of number {number}",
            "explanation": "It goes wrong when the input is empty. Handle that case. " * 2,
            "confidence": 0.9,
            "replacement": None,
        }
        for number, line in enumerate(chosen)
    ]


def answer_of(found: Sequence[dict[str, Any]], stamps: list[float]) -> Reply:
    """Return an answer in small pieces; the time is taken where the first finding is complete.

    Events as they are: an answer of ours would be cut off at the `max_tokens` of its request.
    """
    first, *rest = (json.dumps(each) for each in found)
    return (
        replies.partial("")
        + _pieces('{"findings":[' + first)
        + Stamp(stamps)
        + _pieces("".join(f",{each}" for each in rest) + "]}")
        + Finish()
    )


def _pieces(text: str) -> Reply:
    return Reply(
        tuple(
            Event(
                "content_block_delta",
                {
                    "type": "content_block_delta",
                    "index": None,
                    "delta": {"type": "text_delta", "text": text[start : start + CHUNK]},
                },
            )
            for start in range(0, len(text), CHUNK)
        )
    )


async def _review(root: Path, path: Path, streamed: Streamed, stamps: list[float]) -> None:
    settings = build({"context.tokens": 100_000})
    ledger = Ledger()
    client = Client(settings, ledger)
    workspace = Workspace((root,), settings)
    codebase = Codebase(workspace)
    try:
        engine = Engine(settings, workspace, client, codebase)
        (unit,) = make_plan(scope.files(workspace, root, [path], "a file"), settings).units
        await client.check_credentials()
        begun = None
        async with contextlib.aclosing(review_unit(engine, unit, ALONE, Account())) as events:
            async for event in events:
                if isinstance(event, UnitFound):
                    if begun is None:
                        streamed.first_ms = 1000 * (time.monotonic() - stamps[0])
                        begun = time.thread_time()
                    streamed.published += 1
                elif isinstance(event, UnitDropped):
                    streamed.dropped += event.count
                elif isinstance(event, UnitDone) and event.failure is not None:
                    raise RuntimeError(str(event.failure))
        streamed.cpu_s = time.thread_time() - (begun or 0)
    finally:
        await codebase.close()
        await client.close()
        ledger.close()
