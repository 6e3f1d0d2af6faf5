"""Where the answers of a run are kept: recorded, replayed, or held for a run that goes on."""

from __future__ import annotations

import contextlib
import re
import secrets
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from claude_lsp.claude.ledger import state_directory
from claude_lsp.claude.recording import Recording
from claude_lsp.cli.common import refuse

if TYPE_CHECKING:
    import argparse

_KEPT_S = 7 * 24 * 3600
_ID = re.compile(r"[0-9a-f]{8}")


@dataclass(frozen=True)
class Answers:
    """The answers of one run.

    Attributes:
        recording: where they are.
        run: what the run is known by until it is complete; None where the user named a folder.
        batched: whether they are made as a batch.
    """

    recording: Recording
    run: str | None = None
    batched: bool = False

    @property
    def replayed(self) -> bool:
        """Whether nothing is sent at all."""
        return not self.recording.sends and not self.batched

    def end(self, *, complete: bool) -> str | None:
        """Forget the answers of a run that is complete; else say how to go on, if any are there."""
        folder = self.recording.folder
        if self.run is None:
            return None
        if complete or not folder.is_dir() or not any(folder.iterdir()):
            shutil.rmtree(folder, ignore_errors=True)
            return None
        return (
            f"Go on with --resume {self.run}: what was answered is not asked, or paid for, again."
        )


def named_answers(options: argparse.Namespace) -> Answers | None:
    """Return the answers in a folder that the user named, None if there is none."""
    if options.record:
        return Answers(Recording(Path(options.record), gives=False))
    if options.replay:
        folder = Path(options.replay)
        if not folder.is_dir():
            refuse(f"--replay {folder}: no such folder")
        return Answers(Recording(folder, sends=False))
    return None


def answers_of(options: argparse.Namespace) -> Answers:
    """Return where the answers of a run are; wrong usage ends the program."""
    if options.batch and (options.record or options.replay):
        refuse("--batch keeps its answers itself; leave out --record and --replay")
    if (named := named_answers(options)) is not None:
        return named
    runs = state_directory() / "runs"
    _forget_old(runs)
    run = options.resume or secrets.token_hex(4)
    folder = runs / run
    if options.resume and not (_ID.fullmatch(run) and folder.is_dir()):
        refuse(
            f"--resume {run}: there is no such run. One that is complete is forgotten, and any "
            "other after a week."
        )
    batched = options.batch or (folder / "batch.json").exists()
    return Answers(Recording(folder, sends=not batched), run, batched)


def _forget_old(runs: Path) -> None:
    with contextlib.suppress(OSError):
        for folder in runs.iterdir():
            if time.time() - folder.stat().st_mtime > _KEPT_S:
                shutil.rmtree(folder, ignore_errors=True)
