"""`claude-lsp config`: each option, its value and which layer set it; or the JSON schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from claude_lsp.cli.common import root_for, say
from claude_lsp.cli.process import DONE, USAGE
from claude_lsp.configuration import load
from claude_lsp.routing import as_written
from claude_lsp.settings import options as all_options
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
    rows = []
    for item in all_options():
        value: Any = configuration.settings
        for name in item.key.split("."):
            value = getattr(value, name)
        shown = value
        if item.key == "endpoint.headers":
            shown = dict.fromkeys(value, "(set)")
        elif item.key == "routes":
            shown = {action: as_written(rules) for action, rules in value.items()}
        rows.append((item.key, shown, configuration.origins.get(item.key, "default"), item.doc))
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
