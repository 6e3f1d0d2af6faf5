"""`claude-lsp report`: JSON reports, in another format, or several as one; no model is asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from claude_lsp.cli.common import refuse, root_for
from claude_lsp.cli.output import emit, outputs_of
from claude_lsp.findings.merge import merge, without_stale_sources
from claude_lsp.findings.reporters.json_format import read_report

if TYPE_CHECKING:
    import argparse

    from claude_lsp.findings.report import Report


def report(options: argparse.Namespace) -> int:
    """Merge reports and write them as asked; return the exit code that the whole is worth."""
    from claude_lsp.review.project import sources_of, text_reader

    outputs = outputs_of(options)
    whole = merge([load(Path(name)) for name in options.files])
    root = root_for(options, Path.cwd())
    # Excerpts and patches need the files, as far as they are still what was reviewed.
    sources = sources_of(text_reader(root), whole.findings)
    return emit(without_stale_sources(replace(whole, sources=sources)), options, outputs)


def load(path: Path) -> Report:
    """Read a JSON report; what is none ends the run with the reason."""
    try:
        return read_report(path.read_text("utf-8"))
    except OSError as error:
        refuse(f"{path}: {error.strerror}")
    except ValueError as error:
        refuse(
            f"{path} is not a report that can be read: {error}. "
            "Reports are written by `claude-lsp review -o json:FILE`."
        )
