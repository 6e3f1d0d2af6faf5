"""What is offered to CI systems, run offline: the action, the template and the hook as they are."""

from __future__ import annotations

import os
import re
import shlex
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.process.test_cli import finding
from tests.process.test_review_changes import answer, repository, shell

if TYPE_CHECKING:
    from tests.process.test_review_changes import Here
    from tests.unit.git_kit import Repository

__all__ = ["repository", "shell"]

PROJECT = Path(__file__).parents[2]
ACTION = PROJECT / "action.yml"
WORKFLOW = PROJECT / "ci" / "github-workflow.yml"
TEMPLATE = PROJECT / "ci" / "gitlab-review.yml"
HOOKS = PROJECT / ".pre-commit-hooks.yaml"


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


class Job:
    """A job's machine: no key, no network, and a `claude-lsp` that replays what was recorded."""

    def __init__(self, shell: Here, folder: Path) -> None:
        self.root = shell.root
        self.answers = folder / "answers"
        shell.api.respond(lambda _: answer(finding("a.py", title="Not closed")))
        recorded = shell.run("review", "--base", "main", "--record", str(self.answers))
        assert recorded.returncode == 0, recorded.stderr
        bin_folder = folder / "bin"
        bin_folder.mkdir()
        command = bin_folder / "claude-lsp"
        replay = f'exec {shlex.quote(sys.executable)} -m claude_lsp "$@" --replay'
        command.write_text(f"#!/bin/sh\n{replay} {shlex.quote(str(self.answers))}\n")
        command.chmod(command.stat().st_mode | stat.S_IXUSR)
        self.environment = {
            "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),
            "CLAUDE_LSP_STATE_DIR": str(folder / "state"),
            "PYTHONPATH": str(PROJECT),
            "LANG": "C.UTF-8",
        }

    def run(self, script: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.root,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )


@pytest.fixture
def job(shell: Here, repository: Repository, tmp_path: Path) -> Job:
    del repository
    return Job(shell, tmp_path)


def steps(action: Any) -> list[Any]:
    return list(action["runs"]["steps"])


def test_nothing_is_put_into_a_script_but_by_its_environment() -> None:
    workflow = read(WORKFLOW)
    scripts = [step["run"] for step in steps(read(ACTION))]
    scripts += [
        step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step
    ]
    assert scripts
    assert not [script for script in scripts if "${{" in script]


def test_every_input_reaches_the_review() -> None:
    action = read(ACTION)
    given = "".join(str(step.get("env")) for step in steps(action))
    for name in action["inputs"]:
        assert f"inputs.{name}" in given
    script = (PROJECT / "ci" / "github-review.sh").read_text()
    names = re.findall(r"INPUT_\w+", given)
    assert names
    assert not [name for name in names if name not in script]


def test_what_others_wrote_is_pinned_and_may_do_no_more_than_it_must() -> None:
    workflow = read(WORKFLOW)
    used = [step["uses"] for job in workflow["jobs"].values() for step in job["steps"]]
    others = [name for name in used if not name.startswith("OWNER/")]
    assert others
    assert not [name for name in others if not re.search(r"@[0-9a-f]{40}\Z", name)]
    assert workflow["permissions"] == {}
    assert workflow["jobs"]["review"]["permissions"] == {"contents": "read"}
    # The job that may write never has the change's code.
    posting = workflow["jobs"]["post"]["steps"]
    assert not [step for step in posting if "checkout" in step["uses"]]
    assert "secrets" not in str(posting)


def test_the_actions_step_reviews_a_pull_request(job: Job, tmp_path: Path) -> None:
    summary, output = tmp_path / "summary.md", tmp_path / "output"

    def step(arguments: str) -> subprocess.CompletedProcess[str]:
        return job.run(
            shlex.quote(str(PROJECT / "ci" / "github-review.sh")),
            CI="true",
            GITHUB_ACTIONS="true",
            GITHUB_BASE_REF="main",
            GITHUB_STEP_SUMMARY=str(summary),
            GITHUB_OUTPUT=str(output),
            INPUT_FAIL_ON="major",
            INPUT_OUTPUT="out put",
            INPUT_ARGUMENTS=arguments,
        )

    # An argument is only ever an argument: a path of which the change has nothing.
    assert step("--max-findings\n5\n$(touch pwned)/../a.py\n").returncode == 4
    assert not (job.root / "pwned").exists()
    run = step("--max-findings\n5\n")
    assert run.returncode == 1, run.stderr
    assert "::warning title=" in run.stdout
    assert "Not closed" in summary.read_text()
    told = dict(line.split("=", 1) for line in output.read_text().splitlines())
    assert told["exit-code"] == "1"
    assert (job.root / told["sarif"]).read_text().startswith("{")


def test_gitlabs_job_writes_its_report(job: Job) -> None:
    template = read(TEMPLATE)["claude-review"]
    (script,) = template["script"]
    run = job.run(
        script,
        GITLAB_CI="true",
        CI_MERGE_REQUEST_TARGET_BRANCH_NAME="main",
        **{key: value for key, value in template["variables"].items() if key.startswith("CLAUDE")},
    )
    assert run.returncode == 1, run.stderr
    report = template["artifacts"]["reports"]["codequality"]
    assert '"check_name"' in (job.root / report).read_text()
    assert all((job.root / path).exists() for path in template["artifacts"]["paths"])


def test_the_hook_reviews_what_is_pushed(job: Job) -> None:
    (hook,) = read(HOOKS)
    assert (hook["stages"], hook["pass_filenames"]) == (["pre-push"], False)
    base = subprocess.run(
        ["git", "rev-parse", "main"], cwd=job.root, capture_output=True, text=True, check=True
    ).stdout.strip()
    run = job.run(hook["entry"], PRE_COMMIT_FROM_REF=base, PRE_COMMIT_TO_REF="HEAD")
    assert run.returncode == 1, run.stderr
    assert "Not closed" in run.stdout
