"""The parser of the command line; each command is imported when it is the one."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, NoReturn

from claude_lsp import __version__
from claude_lsp.cli.process import DONE, INTERRUPTED, USAGE, forget_stdout

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_EXIT_CODES = """\
exit codes:
  0    done, and the gate (--fail-on) is not tripped
  1    findings at or above --fail-on
  2    wrong usage or configuration
  3    incomplete: a limit was reached, an answer was cut, or some files failed
  4    nothing was reviewed
  130  interrupted; what was there is reported
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: {message}\n")


CONTEXTS = (
    "complete",
    "fix",
    "fixAll",
    "rewrite",
    "document",
    "simplify",
    "addTypes",
    "test",
    "explain",
    "review",
)
"""The actions that are about a document; named here so that parsing a line loads none of them."""


def parser() -> argparse.ArgumentParser:
    """Return the whole command line; generated documents are made from it too."""
    top = _Parser(
        prog="claude-lsp",
        description="Claude in every editor that speaks the Language Server Protocol, and in CI.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"claude-lsp {__version__}")
    commands = top.add_subparsers(
        dest="command", metavar="COMMAND", required=True, parser_class=_Parser
    )

    serve = commands.add_parser(
        "serve", help="speak the Language Server Protocol on stdin and stdout (the default)"
    )
    serve.add_argument(
        "--tcp", metavar="[127.0.0.1:]PORT", help="serve one client on this machine, for debugging"
    )
    serve.add_argument("--stdio", action="store_true", help="the default; accepted for editors")

    review = commands.add_parser(
        "review",
        help="review files",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    review.add_argument(
        "paths", nargs="*", metavar="PATH", help="files or folders (default: this folder)"
    )
    review.add_argument(
        "--format", choices=("concise", "full", "json"), help="what is printed (default: concise)"
    )
    review.add_argument(
        "-o",
        "--output",
        action="append",
        default=[],
        metavar="FORMAT:FILE",
        help="write a report to a file as well; may be given several times",
    )
    review.add_argument(
        "--fail-on",
        choices=("critical", "major", "minor", "any", "never"),
        default="never",
        help="exit with 1 for findings at or above this severity (default: never)",
    )
    review.add_argument("--min-severity", choices=("critical", "major", "minor", "info"))
    review.add_argument("--min-confidence", type=float, metavar="0..1")
    review.add_argument("--max-findings", type=_positive, metavar="N")
    review.add_argument(
        "--max-cost",
        type=_dollars,
        default=1.0,
        metavar="USD",
        help="send nothing that could make the run cost more (default: 1.00)",
    )
    review.add_argument("--concurrency", type=_positive, default=4, metavar="N")
    review.add_argument(
        "--dry-run", action="store_true", help="list files, tokens and dollars; send nothing"
    )
    review.add_argument(
        "--offline", action="store_true", help="review the structure only; ask no model"
    )
    review.add_argument(
        "--skip-without-key",
        action="store_true",
        help="without credentials exit with 0 after the structural review",
    )

    context = commands.add_parser("context", help="show exactly what would be sent")
    context.add_argument("place", metavar="FILE[:LINE[:COLUMN]]")
    context.add_argument(
        "--action",
        choices=CONTEXTS,
        metavar="ACTION",
        help=f"{', '.join(CONTEXTS)}; default: complete for a place, review for a file",
    )
    context.add_argument(
        "--instruction",
        default="(your instruction)",
        metavar="TEXT",
        help="what a rewrite is asked to do",
    )
    context.add_argument("--format", choices=("text", "json"), default="text")

    doctor = commands.add_parser("doctor", help="what works, what does not, what to do")
    doctor.add_argument("--format", choices=("text", "json"), default="text")
    doctor.add_argument(
        "--online", action="store_true", help="also ask the endpoint for its models (free)"
    )

    usage = commands.add_parser("usage", help="what was spent, and what came of it")
    usage.add_argument(
        "--since",
        default="30",
        metavar="DAY",
        help="first day as YYYY-MM-DD, or how many days, today included (default: 30)",
    )
    usage.add_argument(
        "--by",
        default="action,model",
        metavar="GROUPS",
        help="what requests are told apart by: day, action, tier, model (default: action,model)",
    )
    usage.add_argument("--format", choices=("text", "json"), default="text")

    explain = commands.add_parser("explain", help="what a rule means")
    explain.add_argument("rule", nargs="?", help="such as arch.cycle; none lists all")

    config = commands.add_parser("config", help="the settings and where each one was set")
    config.add_argument("what", choices=("show", "schema"), nargs="?", default="show")
    config.add_argument("--format", choices=("text", "json"), default="text")

    for command in (review, context, doctor, config):
        command.add_argument("--config", metavar="FILE", help="a further settings file")
        command.add_argument("--root", metavar="DIR", help="the workspace (default: found by git)")
    for command in (serve, review, context, doctor):
        command.add_argument(
            "--log-level", choices=("debug", "info", "warning", "error"), default=None
        )
    return top


def run(arguments: Sequence[str]) -> int:
    """Run a command; return its exit code."""
    options = parser().parse_args(arguments or ["serve"])
    try:
        code = _command(options.command)(options)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        forget_stdout()
        return DONE


def _command(name: str) -> Callable[[argparse.Namespace], int]:
    match name:
        case "serve":
            from claude_lsp.cli.serve import serve

            return serve
        case "review":
            from claude_lsp.cli.review import review

            return review
        case "context":
            from claude_lsp.cli.context import context

            return context
        case "doctor":
            from claude_lsp.cli.doctor import doctor

            return doctor
        case "usage":
            from claude_lsp.cli.usage import usage

            return usage
        case "explain":
            from claude_lsp.cli.explain import explain

            return explain
        case _:
            from claude_lsp.cli.config import config

            return config


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _dollars(text: str) -> float:
    number = float(text.removeprefix("$"))
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError("must be an amount of US dollars")
    return number
