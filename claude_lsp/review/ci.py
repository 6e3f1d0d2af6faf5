"""What a CI system says about the change that a job is for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

_SYSTEMS = (
    *("CI", "GITHUB_ACTIONS", "GITLAB_CI", "TF_BUILD", "BITBUCKET_BUILD_NUMBER", "JENKINS_URL"),
    *("BUILDKITE", "TEAMCITY_VERSION", "PRE_COMMIT_FROM_REF"),
)
"""A hook of pre-commit is as good as one: it has a change, and nobody who watches."""
_BRANCHES = (
    "GITHUB_BASE_REF",
    "CI_MERGE_REQUEST_TARGET_BRANCH_NAME",
    "SYSTEM_PULLREQUEST_TARGETBRANCH",
    "BITBUCKET_PR_DESTINATION_BRANCH",
    "CHANGE_TARGET",
    "BUILDKITE_PULL_REQUEST_BASE_BRANCH",
)
_LARGEST_EVENT = 10_000_000


class Base(NamedTuple):
    """What a change is made against.

    Attributes:
        name: for the user.
        revisions: how git may know it here, the best first.
    """

    name: str
    revisions: tuple[str, ...]


def runs_in_ci(environment: Mapping[str, str]) -> bool:
    """Whether a CI system has started this process."""
    return any(environment.get(name, "") not in ("", "false", "0") for name in _SYSTEMS)


def base_of_change(environment: Mapping[str, str]) -> Base | None:
    """Return what the change of this job is made against, None where the system does not tell."""
    commit = environment.get("CI_MERGE_REQUEST_DIFF_BASE_SHA", "")
    event = _event(environment.get("GITHUB_EVENT_PATH", ""))
    for name in _BRANCHES:
        branch = environment.get(name, "").removeprefix("refs/heads/")
        if branch:
            further = (commit, _text(event, "pull_request", "base", "sha"))
            revisions = (f"origin/{branch}", branch, *(one for one in further if one))
            return Base(branch, revisions)
    if commit:
        return Base(commit[:12], (commit,))
    # A push, or a merge queue: what was there before.
    earlier = [_text(event, "merge_group", "base_sha"), _text(event, "before")]
    for before in (*earlier, environment.get("PRE_COMMIT_FROM_REF", "")):
        if before.strip("0"):
            return Base(before[:12], (before,))
    return None


def _event(path: str) -> object:
    """Return what GitHub tells about the event; nothing where that can't be read."""
    if not path:
        return None
    try:
        file = Path(path)
        return json.loads(file.read_bytes()) if file.stat().st_size <= _LARGEST_EVENT else None
    except (OSError, ValueError, RecursionError):
        return None


def _text(value: object, *path: str) -> str:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""
