"""The options of `review`: what it looks at, and where its answers come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def add_scope_options(review: argparse.ArgumentParser) -> None:
    """Add the options to the command's own."""
    what = review.add_argument_group(
        "what is reviewed",
        "One of these; PATHs limit it. Without any and without PATH: in CI the change that the "
        "job is for, elsewhere this folder.",
    )
    one = what.add_mutually_exclusive_group()
    one.add_argument("--all", action="store_true", help="every file of the workspace")
    one.add_argument(
        "--worktree", action="store_true", help="what is not staged yet, new files included"
    )
    one.add_argument("--staged", action="store_true", help="what is staged")
    one.add_argument(
        "--base", metavar="REF", help="the commits since the one where --head left REF"
    )
    one.add_argument("--commit", metavar="SHA", help="one commit, against its first parent")
    one.add_argument("--diff-file", metavar="FILE", help="a diff in a file, or on stdin for -")
    what.add_argument(
        "--head", metavar="REF", help="with --base: the commit to review (default: HEAD)"
    )
    what.add_argument(
        "--scope",
        choices=("added", "context", "file", "all"),
        default="added",
        help="which lines of a change findings may be about: changed ones and the lines next to "
        "them, those that a diff shows, any of a changed file, or all that is shown "
        "(default: added)",
    )
    what.add_argument(
        "--previous",
        metavar="FILE",
        help="the JSON report of the round before: review only what the change has got since, "
        "report ever less of it (major, then critical), and keep what still stands",
    )
    add_config_ref(what)


def add_config_ref(what: argparse._ActionsContainer) -> None:
    """Add the option that says whose settings hold."""
    what.add_argument(
        "--config-ref",
        metavar="REF",
        help="take the project's settings and instructions from this commit "
        "(default: the base of the change, if there is one)",
    )


def add_recording_options(
    command: argparse.ArgumentParser,
) -> argparse._MutuallyExclusiveGroup:
    """Add the options that keep answers and give them again; return their group."""
    how = command.add_argument_group("answers").add_mutually_exclusive_group()
    how.add_argument("--record", metavar="DIR", help="keep every answer in a folder")
    how.add_argument(
        "--replay",
        metavar="DIR",
        help="take the answers from such a folder; nothing is sent, and no key is needed",
    )
    return how


def add_answer_options(review: argparse.ArgumentParser) -> None:
    """Add the options of a command with many calls to its own."""
    how = add_recording_options(review)
    how.add_argument(
        "--resume", metavar="ID", help="go on with a run that ended early, as it said how"
    )
    review.add_argument(
        "--batch",
        action="store_true",
        help="send all calls as one batch: half the price, within a day; can be resumed",
    )
