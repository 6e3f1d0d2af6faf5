"""The command as it is run in CI: what it costs beside the model's answer, and what it sends."""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.context.corpora import CORPORA, fetch
from benchmarks.review.places import places_of
from benchmarks.review.repository import add_branches, commit_all, git
from tests.messages_api import ThreadedMessagesApi, replies

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.review.sources import Source

HUGE = "huge"
BUDGET = 200_000
"""Tokens that the review of a huge change may send."""
NO_INDEX = "a first run, which makes the index too"
ASKED, DRY, OFFLINE, REPLAYED = "the service asked", "--dry-run", "--offline", "--replay"
_COMMAND = Path(sys.executable).with_name("claude-lsp")
_LONGEST_S = 600
_HUGE_PROJECT = "anthropic"
_HUGE_FILES = 2_993


class Size(NamedTuple):
    """How large a change is: its files, and the bytes that are added to each."""

    name: str
    files: int
    added: int


SIZES = (Size("small", 1, 240), Size("medium", 8, 1_900), Size("large", 43, 1_500))
"""Their diffs have about 936 B, 26 kB and 123 kB."""


class Ran(NamedTuple):
    """One run of the command: its exit code, what it printed, and user and system time of it."""

    code: int
    printed: str
    cpu_s: float


@dataclass
class Sent:
    """What the review of one change sends.

    Attributes:
        name: of the size.
        files: that have changed.
        diff: bytes of the diff.
        calls: requests.
        sent: bytes of their bodies.
        tokens: of their prompts, as the service counts them.
        told: files that the report accounts for, one way or the other.
        reviewed: files that were reviewed.
        cpu_s: processor time of the command.
    """

    name: str
    files: int
    diff: int
    calls: int
    sent: int
    tokens: int
    told: int
    reviewed: int
    cpu_s: float


@dataclass
class Overheads:
    """Processor time of the command on a small change, in seconds, by how it is run."""

    seconds: dict[str, list[float]]

    def median(self, name: str) -> float:
        """Return the median of one way to run it."""
        return statistics.median(self.seconds[name])


def environment_for(api: ThreadedMessagesApi, home: Path) -> dict[str, str]:
    """Return the environment of a command that writes to this home only, and is not in CI."""
    home.mkdir(parents=True, exist_ok=True)
    environment = api.environment(
        HOME=str(home),
        XDG_CONFIG_HOME=str(home / "config"),
        CLAUDE_LSP_STATE_DIR=str(home / "state"),
        CLAUDE_LSP_CACHE_DIR=str(home / "cache"),
    )
    # An installed command has its bytecode.
    others = ("CI", "GITHUB_", "GITLAB_", "BUILD_", "BITBUCKET_", "PYTHONDONTWRITEBYTECODE")
    return {name: value for name, value in environment.items() if not name.startswith(others)}


def run_command(root: Path, environment: Mapping[str, str], *arguments: str) -> Ran:
    """Run the installed command in a folder, and take the time of it and of what it started."""
    with tempfile.TemporaryFile() as printed:
        process = subprocess.Popen(
            [_COMMAND, *arguments], cwd=root, env=environment, stdout=printed
        )
        # The children that it waited for are in its figures.
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        printed.seek(0)
        text = printed.read().decode("utf-8", "replace")
    return Ran(process.returncode, text, used.ru_utime + used.ru_stime)


def overheads(sources: Sequence[Source], repeats: int, seed: int = 1) -> Overheads:
    """Review a small change again and again, in every way that sends little or nothing."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        root = _repository(Path(folder), sources, SIZES[:1], seed)
        review = ("review", "--base", "main", "--head", SIZES[0].name, "--format", "json")
        seconds: dict[str, list[float]] = {NO_INDEX: []}
        with ThreadedMessagesApi() as api:
            api.respond(lambda _request: replies.json_findings([], chunk=0))
            environment = environment_for(api, Path(folder, "home"))
            for number in range(repeats):
                fresh = environment_for(api, Path(folder, f"home_{number}"))
                ran = run_command(root, fresh, *review)
                seconds[NO_INDEX].append(_checked(ran).cpu_s)
            recorded = str(Path(folder, "recorded"))
            _checked(run_command(root, environment, *review, "--record", recorded))
            ways = {
                ASKED: (),
                DRY: ("--dry-run",),
                OFFLINE: ("--offline",),
                REPLAYED: ("--replay", recorded),
            }
            for _ in range(repeats):
                for name, options in ways.items():
                    ran = _checked(run_command(root, environment, *review, *options))
                    seconds.setdefault(name, []).append(ran.cpu_s)
    return Overheads(seconds)


def what_is_sent(sources: Sequence[Source], data: Path, *, huge: bool, seed: int = 1) -> list[Sent]:
    """Review changes of several sizes and count what they send.

    Args:
        sources: the files of the project.
        data: where projects are kept.
        huge: whether a change of thousands of files is one of them.
        seed: the same makes the same changes.

    Raises:
        UnavailableError: the project with thousands of files can't be had.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        root = _repository(Path(folder), sources, SIZES, seed)
        heads = [size.name for size in SIZES]
        if huge:
            add_branches(root, [(HUGE, _project(data))])
            heads.append(HUGE)
        with ThreadedMessagesApi() as api:
            api.respond(lambda _request: replies.json_findings([], chunk=0))
            environment = environment_for(api, Path(folder, "home"))
            return [_sent(api, root, environment, head) for head in heads]


def _sent(api: ThreadedMessagesApi, root: Path, environment: Mapping[str, str], head: str) -> Sent:
    api.reset()
    api.respond(lambda _request: replies.json_findings([], chunk=0))
    options = ["--format", "json", "--max-cost", "100"]
    if head == HUGE:
        options += ["--max-tokens", str(BUDGET)]
    ran = run_command(root, environment, "review", "--base", "main", "--head", head, *options)
    report = json.loads(ran.printed)
    covered = {name: len(paths) for name, paths in report["coverage"].items()}
    names = git(root, "diff", "--name-only", "main", head).splitlines()
    usage = [request.usage or {} for request in api.messages]
    counters = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    return Sent(
        head,
        len(names),
        len(git(root, "diff", "main", head).encode("utf-8", "surrogateescape")),
        len(api.messages),
        sum(len(request.raw) for request in api.messages),
        sum(each.get(counter) or 0 for each in usage for counter in counters),
        sum(covered.values()),
        covered["reviewed"],
        ran.cpu_s,
    )


def _repository(folder: Path, sources: Sequence[Source], sizes: Sequence[Size], seed: int) -> Path:
    """Make a repository of some files, with a branch for each size."""
    root = (folder / "project").resolve()
    for source in sources:
        source.write(root)
    commit_all(root, "base")
    chance = random.Random(seed)
    branches = []
    for size in sizes:
        chosen = chance.sample(sources, size.files)
        branches.append(
            (size.name, {each.path: grown(each, sources, size.added, chance) for each in chosen})
        )
    add_branches(root, branches)
    return root


def grown(source: Source, others: Sequence[Source], size: int, chance: random.Random) -> str:
    """Return a file to which about so many bytes of code were added, in blocks here and there."""
    lines = source.text.split("\n")
    places = [place.line for place in places_of(source.text)]
    added = 0
    while added < size:
        other = chance.choice(others).text.split("\n")
        first = chance.randrange(len(other))
        block = other[first : first + min(chance.randint(3, 25), 1 + (size - added) // 40)]
        place = chance.choice(places)
        lines[place:place] = block
        added += sum(len(line) + 1 for line in block)
    return "\n".join(lines)


def _project(data: Path) -> dict[str, str]:
    """Return the files of a whole project, as if somebody had just written them."""
    folder = fetch(CORPORA[_HUGE_PROJECT], data)
    paths = sorted(folder.rglob("*.py"))[:_HUGE_FILES]
    return {
        f"written/{path.relative_to(folder).as_posix()}": path.read_text("utf-8", "replace")
        for path in paths
    }


def _checked(ran: Ran) -> Ran:
    if ran.code not in (0, 3):
        raise RuntimeError(f"the command failed ({ran.code}): {ran.printed[-300:]}")
    return ran
