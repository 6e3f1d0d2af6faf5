"""What a working day costs: `make bench-cost`.

    python -m benchmarks.cost [--quick] [--json FILE]

The day is replayed in one process, by an editor, the server and the loopback Messages API, on a
clock that jumps over what would only be waited for. Nothing passes or fails here.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.context.bench import default_data, say
from benchmarks.context.corpora import CORPORA, UnavailableError, fetch
from benchmarks.cost import clock
from benchmarks.cost.day import DAY, QUICK, Counts, Day, Replay
from benchmarks.cost.report import as_json, tables
from claude_lsp.claude.catalog import PRICES_AS_OF
from claude_lsp.claude.ledger import Ledger
from claude_lsp.context import tokens
from tests.messages_api import MessagesApi

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.cost.clock import SimulatedLoop

PROJECTS = ("httpx", "rich", "scrapy", "pygls")
JUDGED = "scrapy"


async def day(loop: SimulatedLoop, roots: dict[str, Path], counts: Counts) -> Day:
    """Live through the day."""
    async with MessagesApi(clock=loop.time) as api:
        os.environ.update(api.environment())
        replay = Replay(api, loop, counts)
        for name, root in roots.items():
            say(f"{name} ...")
            await replay.project(root, judged=name == JUDGED)
        for refused in api.refused:
            replay.day.failures.append(str(refused.refused))
    return replay.day


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.cost", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--quick", action="store_true", help="an eighth of a day, to try it out")
    parser.add_argument("--data", type=Path, help="where corpora are kept")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures")
    options = parser.parse_args(arguments)
    data = options.data or default_data()
    try:
        roots = {name: fetch(CORPORA[name], data) for name in PROJECTS}
    except UnavailableError as error:
        sys.exit(str(error))
    tokens.warm()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        for name in ("HOME", "XDG_CONFIG_HOME", "CLAUDE_LSP_STATE_DIR", "CLAUDE_LSP_CACHE_DIR"):
            os.environ[name] = str(Path(folder, name.lower()))
        done = clock.run(lambda loop: day(loop, roots, QUICK if options.quick else DAY))
        ledger = Ledger()
        done.ledger_usd = sum(each.cost_usd for each in ledger.usage(()))
        ledger.close()
    print(f"{done.keys:,} keys, {done.taken} suggestions taken; prices as of {PRICES_AS_OF}\n")
    print(tables(done))
    print(f"\nour ledger says ${done.ledger_usd:.4f}")
    for failure in done.failures:
        say(f"failed: {failure}")
    if options.json:
        options.json.write_text(json.dumps(as_json(done), indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
