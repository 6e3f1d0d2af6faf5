"""Writes the generated parts of the documents: `python -m docs.generate`, or `--check`.

A generated part stands between `<!-- begin NAME -->` and `<!-- end NAME -->`; nothing else in the
file is touched. With `--check` nothing is written and a part that is out of date is an error.
"""

from __future__ import annotations

import argparse
import inspect
import json
import re
import sys
import typing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from claude_lsp.actions import ACTIONS
from claude_lsp.claude.catalog import MODELS, PRICES_AS_OF
from claude_lsp.cli.main import parser
from claude_lsp.findings.rules import RULES
from claude_lsp.lsp.routes import COMMANDS
from claude_lsp.settings import options, property_schema, schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

ROOT = Path(__file__).parent.parent
SCHEMA = ROOT / "docs" / "settings.schema.json"
MANIFEST = ROOT / "editors" / "vscode" / "package.json"


def settings_table() -> str:
    """Every option."""
    return _table(
        ("setting", "type", "default", "set by", "meaning"),
        (
            (
                f"`{item.key}`",
                _type(item.type),
                f"`{json.dumps(item.default)}`",
                "you" if item.scope == "user" else "you or the project",
                item.doc,
            )
            for item in options()
        ),
    )


def actions_table() -> str:
    """Every action."""
    return _table(
        ("action", "command", "kind", "tier", "what it does"),
        (
            (action.name, f"`{action.command}`", f"`{action.kind}`", action.tier, action.does)
            for action in ACTIONS.values()
        ),
    )


def models_table() -> str:
    """Every model of the catalog."""
    rows = []
    for model in MODELS.values():
        bands = [
            f"{price.input:g} / {price.output:g}"
            + (f" above {price.above // 1000}k" if price.above else "")
            for price in model.prices
        ]
        rows.append(
            (
                f"`{model.id}`",
                str(model.tier),
                ", ".join(bands),
                f"{model.context_window // 1000:,}k / {model.max_output // 1000}k",
                f"{model.cache_minimum:,}",
            )
        )
    head = ("model", "tier", "USD per million in / out", "context / output", "cache minimum")
    return f"Prices as of {PRICES_AS_OF}.\n\n" + _table(head, rows)


def rules_table() -> str:
    """Every rule."""
    return _table(
        ("rule", "found by", "meaning"),
        (
            (
                f"`{rule.id}`",
                "Claude" if rule.origin == "model" else "computing",
                f"{rule.title}. {rule.help}",
            )
            for rule in RULES.values()
        ),
    )


def commands_table() -> str:
    """Every command of the server, with what its handler says of it."""
    return _table(
        ("command", "what it does"),
        ((f"`{name}`", _prose(inspect.getdoc(handler) or "")) for name, handler in COMMANDS),
    )


def help_text() -> str:
    """The command line's own help, every command."""
    return "```text\n" + "\n\n".join(_helps(parser())) + "\n```"


def _helps(command: argparse.ArgumentParser) -> Iterator[str]:
    yield command.format_help().strip()
    for action in command._subparsers._group_actions if command._subparsers else ():  # noqa: SLF001
        for inner in typing.cast("Any", action).choices.values():
            yield from _helps(inner)


def _prose(docstring: str) -> str:
    """Return a docstring as one line of Markdown."""
    return " ".join(docstring.split())


PARTS: dict[str, Callable[[], str]] = {
    "settings": settings_table,
    "actions": actions_table,
    "models": models_table,
    "rules": rules_table,
    "commands": commands_table,
    "help": help_text,
}


def manifest(text: str) -> str:
    """Return the VS Code extension's manifest with the server's settings made anew.

    What only the user may set has the scope `application`: a folder's settings can't hold it. It is
    named among the restricted ones all the same, as is the extension's own choice of a program.
    """
    content = json.loads(text)
    contributes = content["contributes"]
    groups = [contributes["configuration"][0]]  # the extension's own, written by hand
    for item in options():
        top = item.key.partition(".")[0]
        title = _title(top)
        if groups[-1]["title"] != title:
            groups.append({"title": title, "properties": {}})
        groups[-1]["properties"][f"claude.{item.key}"] = {
            **property_schema(item),
            "scope": "application" if item.scope == "user" else "window",
        }
    contributes["configuration"] = groups
    content["capabilities"]["untrustedWorkspaces"]["restrictedConfigurations"] = [
        key
        for group in groups
        for key, entry in group["properties"].items()
        if entry["scope"] != "window"
    ]
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def generated(text: str) -> str:
    """Return a document with its generated parts made anew."""

    def replaced(match: re.Match[str]) -> str:
        name = match["name"]
        return f"<!-- begin {name} -->\n{PARTS[name]()}\n<!-- end {name} -->"

    return re.sub(
        r"<!-- begin (?P<name>\w+) -->\n.*?<!-- end (?P=name) -->", replaced, text, flags=re.DOTALL
    )


def stale() -> dict[Path, str]:
    """Return what the generated files should hold, for those that do not."""
    wanted = {SCHEMA: json.dumps(schema(), indent=2) + "\n"}
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        wanted[path] = generated(path.read_text(encoding="utf-8"))
    wanted[MANIFEST] = manifest(MANIFEST.read_text(encoding="utf-8"))
    return {
        path: text
        for path, text in wanted.items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    }


def main() -> int:
    """Write or check the documents."""
    arguments = argparse.ArgumentParser(prog="python -m docs.generate", description=__doc__)
    arguments.formatter_class = argparse.RawDescriptionHelpFormatter
    arguments.add_argument("--check", action="store_true", help="write nothing; 1 if out of date")
    check = arguments.parse_args().check
    outdated = stale()
    for path, text in outdated.items():
        name = path.relative_to(ROOT)
        if check:
            print(f"{name} is out of date: run `make generate`", file=sys.stderr)
        else:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {name}")
    return 1 if check and outdated else 0


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
    )


def _title(group: str) -> str:
    return {"arch": "Architecture", "code_lens": "Code lenses"}.get(group, group.capitalize())


def _type(kind: Any) -> str:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal:
        return ", ".join(f"`{choice}`" for choice in arguments)
    if origin is tuple:
        return "list of texts"
    if origin is dict:
        return "table"
    return {str: "text", bool: "boolean", int: "whole number", float: "number"}[kind]


if __name__ == "__main__":
    sys.exit(main())
