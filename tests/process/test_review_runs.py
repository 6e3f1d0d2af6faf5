"""Runs that are recorded, replayed, resumed, batched, cut into shards, or ended by a deadline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from claude_lsp.claude.catalog import Usage, cost_usd, lookup
from tests.messages_api import replies
from tests.process.test_cli import finding
from tests.process.test_review_changes import NEW, Here, report_of, repository, shell

if TYPE_CHECKING:
    from tests.messages_api import Reply
    from tests.unit.git_kit import Repository

__all__ = ["repository", "shell"]


def of_file(request: Any) -> str:
    """Return which of the two files a call is about."""
    told = "".join(part["text"] for part in request.body["messages"][0]["content"])
    return "a.py" if '<document path="a.py"' in told else "b.py"


def found(path: str) -> Reply:
    return replies.json_findings(
        [
            {
                "path": path,
                "line": 1,
                "quote": "def load" if path == "a.py" else "def fetch",
                "rule": "review.correctness",
                "severity": "major",
                "title": f"Wrong in {path}",
                "explanation": "It is.",
                "confidence": 0.9,
                "replacement": None,
            }
        ]
    )


@pytest.fixture
def two_calls(shell: Here, repository: Repository) -> Here:
    """A review of two whole files, so of two calls."""
    shell.api.respond(lambda request: found(of_file(request)))
    return shell


def titles(report: dict[str, Any]) -> list[str]:
    return sorted(finding["title"] for finding in report["findings"])


FILES = ("review", "a.py", "b.py", "--format", "json")


def test_a_recorded_run_is_replayed_without_a_key_or_a_network(
    two_calls: Here, tmp_path: Path
) -> None:
    folder = str(tmp_path / "answers")
    first = report_of(two_calls.run(*FILES, "--record", folder))
    sent = len(two_calls.api.messages)
    assert titles(first) == ["Wrong in a.py", "Wrong in b.py"]
    again = two_calls.run(
        *FILES,
        "--replay",
        folder,
        ANTHROPIC_API_KEY=None,
        ANTHROPIC_BASE_URL="http://127.0.0.1:9",
    )
    report = report_of(again)
    assert (again.returncode, titles(report)) == (0, titles(first))
    assert report["findings"] == first["findings"]
    assert report["spend"] == first["spend"]
    assert any("nothing was sent or spent" in notice for notice in report["notices"])
    assert len(two_calls.api.messages) == sent


def test_what_was_not_recorded_is_not_clean(two_calls: Here, tmp_path: Path) -> None:
    folder = tmp_path / "answers"
    folder.mkdir()
    run = two_calls.run(*FILES, "--replay", str(folder))
    assert run.returncode == 4
    assert "holds no answer" in run.stdout
    assert two_calls.api.messages == []
    missing = two_calls.run("review", "a.py", "--replay", str(tmp_path / "nowhere"))
    assert (missing.returncode, "no such folder" in missing.stderr) == (2, True)


def test_a_run_that_broke_off_goes_on_and_pays_only_for_the_rest(two_calls: Here) -> None:
    broken = True

    def respond(request: Any) -> Reply:
        if broken and of_file(request) == "b.py":
            return replies.error(400, "invalid_request_error", "no")
        return found(of_file(request))

    two_calls.api.respond(respond)
    first = two_calls.run(*FILES)
    report = report_of(first)
    assert first.returncode == 3
    assert titles(report) == ["Wrong in a.py"]
    (how,) = [notice for notice in report["notices"] if "--resume" in notice]
    run = how.split("--resume ")[1][:8]
    broken = False
    sent = len(two_calls.api.messages)
    again = two_calls.run(*FILES, "--resume", run)
    assert (again.returncode, titles(report_of(again))) == (0, ["Wrong in a.py", "Wrong in b.py"])
    assert len(two_calls.api.messages) == sent + 1
    # It is complete, and so forgotten.
    forgotten = two_calls.run(*FILES, "--resume", run)
    assert (forgotten.returncode, "no such run" in forgotten.stderr) == (2, True)


@pytest.mark.parametrize("name", ["../../etc", "0", "zzzzzzzz", ""])
def test_only_a_run_can_be_resumed(two_calls: Here, name: str) -> None:
    run = two_calls.run(*FILES, f"--resume={name}")
    assert run.returncode in (0, 2)
    assert name == "" or run.returncode == 2


def test_a_batch_costs_half(two_calls: Here) -> None:
    whole = report_of(two_calls.run(*FILES))
    half = report_of(two_calls.run(*FILES, "--batch"))
    assert titles(half) == titles(whole)
    assert half["findings"] == whole["findings"]
    # Two calls write no cache in a batch, and do so one after the other.
    model = lookup("claude-sonnet-5-5")
    tokens = half["spend"]["tokens"]
    full = cost_usd(model, Usage(input=tokens["input_tokens"], output=tokens["output_tokens"]))
    assert full is not None
    assert half["spend"]["usd"] == pytest.approx(full / 2, rel=1e-3)
    assert half["spend"]["usd"] < whole["spend"]["usd"]
    batches = [each for each in two_calls.api.requests if each.path.endswith("/batches")]
    assert [len(each.body["requests"]) for each in batches] == [2]


def test_a_batch_over_the_limit_sends_nothing(two_calls: Here) -> None:
    run = two_calls.run(*FILES, "--batch", "--max-cost", "0.000001")
    assert run.returncode == 4
    assert "--max-cost" in run.stdout
    assert two_calls.api.requests == []


def test_shards_are_the_whole_and_no_file_is_in_two(two_calls: Here, tmp_path: Path) -> None:
    whole = report_of(two_calls.run(*FILES))
    parts = []
    for part in (1, 2, 3):
        path = tmp_path / f"{part}.json"
        run = two_calls.run(*FILES[:-2], "--shard", f"{part}/3", "-o", f"json:{path}")
        assert run.returncode == 0
        parts.append(str(path))
    covered = [json.loads(Path(part).read_text())["coverage"]["reviewed"] for part in parts]
    assert sorted(path for paths in covered for path in paths) == ["a.py", "b.py"]
    merged = report_of(two_calls.run("report", *parts, "--format", "json"))
    assert merged["findings"] == whole["findings"]
    assert merged["status"] == "complete"


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "a/b", "1/0"])
def test_a_shard_that_makes_no_sense(two_calls: Here, text: str) -> None:
    run = two_calls.run("review", "--shard", text)
    assert (run.returncode, "expected I/N" in run.stderr) == (2, True)


def test_a_deadline_ends_a_run_with_what_is_there(two_calls: Here) -> None:
    two_calls.api.respond(
        lambda request: found("a.py") if of_file(request) == "a.py" else replies.hang()
    )
    run = two_calls.run(*FILES, "--timeout", "4")
    report = report_of(run)
    assert (run.returncode, titles(report)) == (3, ["Wrong in a.py"])
    assert "over --timeout" in run.stdout


def test_a_change_that_is_reviewed_again_comes_to_an_end(
    shell: Here, repository: Repository, tmp_path: Path
) -> None:
    first, second, third = (str(tmp_path / f"{number}.json") for number in (1, 2, 3))
    base = ("review", "--base", "main", "--format", "json")
    leak = finding("a.py", title="Not closed", quote="    return open(path).read()")
    shell.api.respond(lambda _: replies.json_findings([leak]))
    one = report_of(shell.run(*base, "-o", f"json:{first}"))
    assert (one["round"], titles(one)) == (1, ["Not closed"])
    # The base moves on and is merged; the change gets two lines.
    repository.git("checkout", "-q", "main")
    repository.commit(other_py="other = 1\nfrom_main = 2\n")
    repository.git("checkout", "-q", "topic")
    repository.git("merge", "-q", "--no-edit", "main")
    repository.commit(b_py=NEW.replace("load", "fetch") + "minor = 1\nmajor = 2\n")
    remarks = [
        finding("b.py", title="Of minor", quote="minor = 1", severity="minor", line=3),
        finding("b.py", title="Of major", quote="major = 2", severity="major", line=4),
        finding("b.py", title="Seen before", quote="def fetch(path):", line=1),
        finding("other.py", title="Of the base", quote="from_main = 2", line=2),
    ]
    shell.api.respond(lambda _: replies.json_findings(remarks))
    sent = len(shell.api.messages)
    two = report_of(shell.run(*base, "--previous", first, "-o", f"json:{second}"))
    assert (two["round"], titles(two)) == (2, ["Not closed", "Of major"])
    assert two["coverage"]["reviewed"] == ["b.py"]
    (request,) = shell.api.messages[sent:]
    assert "from_main" not in request.text.split("<document")[1]
    # What was found first is mended; a third round reports only what is critical.
    repository.commit(
        a_py="def load(path):\n    with open(path) as file:\n        return file.read()\n"
    )
    remark = finding("a.py", title="Of the third", quote="    with open(path) as file:", line=2)
    shell.api.respond(lambda _: replies.json_findings([remark]))
    three = report_of(shell.run(*base, "--previous", second, "-o", f"json:{third}"))
    assert (three["round"], titles(three)) == (3, ["Of major"])
    assert three["dropped"] == {"below review.min_severity": 1}
    # Nothing has come since: nothing is asked.
    sent = len(shell.api.messages)
    four = shell.run(*base, "--previous", third)
    assert (four.returncode, len(shell.api.messages)) == (0, sent)
    assert titles(report_of(four)) == ["Of major"]
    # With another history there is nothing to go on from.
    repository.git("reset", "-q", "--hard", "topic~1")
    repository.commit(c_py="c = 1\n")
    five = report_of(shell.run(*base, "--previous", third))
    assert any("reviewed again" in notice for notice in five["notices"])


def test_a_round_needs_a_change_and_a_report(shell: Here, repository: Repository) -> None:
    repository.write("report.json", "{}")
    broken = shell.run("review", "--base", "main", "--previous", "report.json")
    assert (broken.returncode, "not a report" in broken.stderr) == (2, True)
