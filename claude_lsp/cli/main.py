"""The parser of the command line; each command is imported when it is the one."""

from __future__ import annotations

import argparse
import atexit
import gc
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from claude_lsp import __version__
from claude_lsp.cli.process import (
    DONE,
    INTERRUPTED,
    USAGE,
    end_observation,
    forget_stdout,
)
from claude_lsp.cli.review_options import (
    add_answer_options,
    add_config_ref,
    add_recording_options,
    add_scope_options,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_EXIT_CODES = """\
exit codes:
  0    done, and the gate (--fail-on) is not tripped
  1    findings at or above --fail-on
  2    wrong usage or configuration
  3    incomplete: a limit was reached, an answer was cut, or some files failed
  4    nothing was reviewed
  130  interrupted; what was there is reported
"""


FORMATS = (
    *("concise", "full", "json", "jsonl", "sarif", "github", "gitlab", "rdjson", "junit"),
    "markdown",
)
"""The names in `REPORTERS`, which need not be loaded to read a command line."""

DRAWINGS = ("html", "mermaid", "dot")
"""What draws the module graph; `arch` has these too."""


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

    review = _Parser(add_help=False)  # what `baseline` has too, which reviews
    review.add_argument("paths", nargs="*", metavar="PATH", help="files or folders")
    add_scope_options(review)
    shared = _Parser(add_help=False)  # what `review`, `baseline` and `arch` have in common
    shared.add_argument(
        "--baseline",
        metavar="FILE",
        help="do not show what this file accepts (default: review.baseline)",
    )
    shared.add_argument("--min-severity", choices=("critical", "major", "minor", "info"))
    shared.add_argument("--min-confidence", type=float, metavar="0..1")
    shared.add_argument("--max-findings", type=_positive, metavar="N")
    shared.add_argument(
        "--max-cost",
        type=_dollars,
        default=1.0,
        metavar="USD",
        help="send nothing that could make the run cost more (default: 1.00)",
    )
    shared.add_argument(
        "--dry-run", action="store_true", help="list calls, tokens and dollars; send nothing"
    )
    shared.add_argument(
        "--skip-without-key",
        action="store_true",
        help="without credentials exit with 0 after what needs no model",
    )
    review.add_argument(
        "--max-tokens",
        type=_positive,
        metavar="N",
        help="plan no calls whose prompts could have more tokens together",
    )
    review.add_argument("--max-calls", type=_positive, metavar="N", help="plan no more calls")
    review.add_argument("--concurrency", type=_positive, default=4, metavar="N")
    review.add_argument(
        "--timeout",
        type=_positive,
        metavar="SECONDS",
        help="end by then, with what has been found",
    )
    review.add_argument(
        "--shard",
        type=_shard,
        metavar="I/N",
        help="review the I-th of N parts of the files; `report` makes one report of all parts",
    )
    add_answer_options(review)
    review.add_argument(
        "--offline", action="store_true", help="review the structure only; ask no model"
    )

    raw: dict[str, Any] = {
        "epilog": _EXIT_CODES,
        "formatter_class": argparse.RawDescriptionHelpFormatter,
    }
    arch = commands.add_parser("arch", help="review the architecture", parents=[shared], **raw)
    arch.add_argument(
        "paths", nargs="*", metavar="PATH", help="report on these only (default: this folder)"
    )
    arch.add_argument(
        "--facts-only", action="store_true", help="compute facts from the code; ask no model"
    )
    arch.add_argument(
        "--base", metavar="REF", help="report only what is new since the change left REF"
    )
    arch.add_argument(
        "--head", metavar="REF", help="the change, with --base (default: the files on disk)"
    )
    add_config_ref(arch)
    add_recording_options(arch)
    reviewing = [
        commands.add_parser(
            "review", help="review files, or what has changed", parents=[review, shared], **raw
        ),
        *_baseline(commands, [review, shared]),
    ]
    report = commands.add_parser("report", help="write JSON reports anew, or several as one", **raw)
    _add_output(reviewing[0])
    _add_output(arch, (*FORMATS, *DRAWINGS))
    _add_output(report)
    report.add_argument("files", nargs="+", metavar="FILE", help="reports of --format json")

    complete = commands.add_parser("complete", help="print one completion at a place of a file")
    complete.add_argument("place", metavar="FILE:LINE:COLUMN", help="both counted from 1")
    complete.add_argument("--format", choices=("text", "json"), default="text")

    context = commands.add_parser("context", help="show exactly what would be sent")
    context.add_argument("place", metavar="FILE[:LINE[:COLUMN]] or FOLDER")
    context.add_argument(
        "--action",
        choices=(*CONTEXTS, "ask", "architecture"),
        metavar="ACTION",
        help=f"{', '.join(CONTEXTS)}, ask; default: complete for a place, review "
        "for a file, architecture for a folder",
    )
    context.add_argument(
        "--instruction",
        default="(your instruction)",
        metavar="TEXT",
        help="what a rewrite is asked to do, or a question",
    )
    context.add_argument(
        "--costs",
        action="store_true",
        help="a table of what each action would cost here, instead",
    )
    context.add_argument("--format", choices=("text", "json"), default="text")

    doctor = commands.add_parser("doctor", help="what works, what does not, what to do")
    doctor.add_argument("--format", choices=("text", "json"), default="text")
    doctor.add_argument(
        "--online", action="store_true", help="also ask the endpoint for its models (free)"
    )
    doctor.add_argument(
        "--report",
        metavar="FILE",
        help="write a page for a bug report, without keys, names and folders; nothing is sent",
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
        help="what requests are told apart by: day, action, tier, model, outcome (default: "
        "action,model)",
    )
    usage.add_argument(
        "--format",
        choices=("text", "json", "html"),
        default="text",
        help="html is one page with plots (default: text)",
    )
    usage.add_argument("-o", "--output", metavar="FILE", help="write to a file (default: stdout)")

    explain = commands.add_parser("explain", help="what a rule or a finding means")
    explain.add_argument(
        "what",
        nargs="?",
        metavar="RULE_OR_ID",
        help="a rule such as arch.cycle, or the beginning of a finding's id, as reports in `full` "
        "and JSON tell it; none lists all rules",
    )
    explain.add_argument(
        "--report",
        metavar="FILE",
        action="append",
        default=[],
        help="look for the finding in this JSON report; may be given several times (default: the "
        "last reports about this workspace)",
    )

    config = commands.add_parser("config", help="the settings and where each one was set")
    config.add_argument("what", choices=("show", "schema"), nargs="?", default="show")
    config.add_argument("--format", choices=("text", "json"), default="text")

    for command in (*reviewing, arch, complete, context, doctor, config):
        command.add_argument("--config", metavar="FILE", help="a further settings file")
    for command in (*reviewing, arch, report, complete, context, doctor, config, explain):
        command.add_argument("--root", metavar="DIR", help="the workspace (default: found by git)")
    for command in (serve, *reviewing, arch, complete, context, doctor):
        command.add_argument(
            "--log-level", choices=("debug", "info", "warning", "error"), default=None
        )
    for command in (serve, *reviewing, arch, complete):
        command.add_argument(
            "--log-file", metavar="FILE", help="log to this file too, as JSON lines (log.file)"
        )
        command.add_argument(
            "--trace",
            metavar="FILE",
            help="write a trace that Perfetto and chrome://tracing open (log.trace)",
        )
    return top


def _add_output(command: argparse.ArgumentParser, formats: Sequence[str] = FORMATS) -> None:
    """Add what every command has that writes reports."""
    listed = f"{', '.join(formats[:-1])} or {formats[-1]} (default: concise)"
    command.add_argument(
        "--format", choices=formats, metavar="FORMAT", help=f"what is printed: {listed}"
    )
    command.add_argument(
        "-o",
        "--output",
        action="append",
        default=[],
        metavar="FORMAT:FILE",
        help="write a report to a file as well; may be given several times",
    )
    command.add_argument(
        "--patch", metavar="FILE", help="write all suggested fixes as one patch for `git apply`"
    )
    command.add_argument(
        "--fail-on",
        choices=("critical", "major", "minor", "any", "never"),
        default="never",
        help="exit with 1 for findings at or above this severity (default: never)",
    )
    command.add_argument(
        "--require-complete",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="exit with 3 if something in scope could not be reviewed (default); the report says "
        "so in any case",
    )
    command.add_argument(
        "--show-suppressed",
        action="store_true",
        help="list what comments, settings and the baseline suppress, not only its number",
    )


def _baseline(
    commands: argparse._SubParsersAction[_Parser], parents: Sequence[_Parser]
) -> Iterator[_Parser]:
    """Yield the commands about the baseline, which review as `review` does or take a report."""
    top = commands.add_parser("baseline", help="accept what is found today; drop, list it")
    kinds = top.add_subparsers(dest="what", metavar="WHAT", required=True, parser_class=_Parser)
    for name, meaning in (
        ("write", "accept everything that is found"),
        ("prune", "drop what a complete review no longer finds"),
        ("audit", "list what is accepted or suppressed, why, and what matches nothing any more"),
    ):
        command = kinds.add_parser(name, help=meaning, description=meaning, parents=parents)
        command.add_argument(
            "--report", metavar="FILE", help="take this JSON report instead of reviewing"
        )
        if name == "write":
            command.add_argument("--reason", metavar="TEXT", help="why, for what is new")
        if name == "audit":
            command.add_argument("--format", choices=("text", "json"), default="text")
        # A review for a baseline has no gate of its own.
        command.set_defaults(fail_on="never")
        yield command


def run(arguments: Sequence[str]) -> int:
    """Run a command; return its exit code."""
    # A process that ends need not look for cycles once more: a tenth of a short command's time.
    atexit.register(gc.freeze)
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
    finally:
        end_observation()


def _command(name: str) -> Callable[[argparse.Namespace], int]:
    match name:
        case "serve":
            from claude_lsp.cli.serve import serve

            return serve
        case "review":
            from claude_lsp.cli.review import review

            return review
        case "baseline":
            from claude_lsp.cli.baseline import baseline

            return baseline
        case "report":
            from claude_lsp.cli.report import report

            return report
        case "arch":
            from claude_lsp.cli.arch import arch

            return arch
        case "complete":
            from claude_lsp.cli.complete import complete

            return complete
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


def _shard(text: str) -> tuple[int, int]:
    part, _, parts = text.partition("/")
    if not (part.isdigit() and parts.isdigit() and 1 <= int(part) <= int(parts)):
        raise argparse.ArgumentTypeError("expected I/N, such as 2/5")
    return int(part), int(parts)


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
