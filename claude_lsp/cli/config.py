"""`claude-lsp config`: each option, its value and which layer set it; or the JSON schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from claude_lsp.cli.common import root_for, say, shown_values
from claude_lsp.cli.process import DONE, USAGE
from claude_lsp.configuration import load
from claude_lsp.settings import schema

if TYPE_CHECKING:
    import argparse


def config(options: argparse.Namespace) -> int:
    """Show the merged settings; problems are listed and make the exit code 2."""
    if options.what == "schema":
        print(json.dumps(schema(), indent=2))
        return DONE
    root = root_for(options, Path.cwd())
    file = Path(options.config) if options.config else None
    configuration = load(root, file=file)
    rows = [
        (item.key, value, configuration.origins.get(item.key, "default"), item.doc)
        for item, value in shown_values(configuration.settings)
    ]
    if options.format == "json":
        table = {key: {"value": value, "from": layer} for key, value, layer, _ in rows}
        print(json.dumps(table, indent=2))
    else:
        width = max(len(key) for key, *_ in rows)
        for key, value, layer, doc in rows:
            print(f"{key:<{width}}  {json.dumps(value)}  [{layer}]  {doc}")
    for problem in configuration.problems:
        say(str(problem))
    return USAGE if configuration.problems else DONE
