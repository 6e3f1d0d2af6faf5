"""The installed command against the loopback Messages API, as a CI job would run it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from claude_lsp.cli import main as command_line
from claude_lsp.cli import process as exit_codes
from tests.messages_api import KEY, Finish, Gate, replies
from tests.planted import GITHUB_TOKEN, IGNORED

if TYPE_CHECKING:
    from tests.messages_api import ReceivedRequest, Reply, ThreadedMessagesApi

COMMAND = Path(sys.executable).with_name("claude-lsp")
NO_KEY = {"ANTHROPIC_API_KEY": None, "ANTHROPIC_CONFIG_DIR": None}
SOURCE = "def {name}(path):\n    return open(path).read()\n"


def finding(name: str, **changes: Any) -> dict[str, Any]:
    return {
        "path": name,
        "line": 2,
        "quote": "    return open(path).read()",
        "rule": "review.resource",
        "severity": "major",
        "title": "File is never closed",
        "explanation": "It leaks.",
        "confidence": 0.9,
        "replacement": None,
    } | changes


@dataclass
class Shell:
    """A project, and the command to run in it."""

    api: ThreadedMessagesApi
    root: Path

    def write(self, name: str, content: str | bytes | None = None) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = SOURCE.format(name=path.stem) if content is None else content
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def environment(self, **changes: str | None) -> dict[str, str]:
        merged: dict[str, str | None] = {**self.api.environment(), **changes}
        return {name: value for name, value in merged.items() if value is not None}

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        environment = self.environment(**options.pop("environment", {}))
        return subprocess.Popen(
            [COMMAND, *arguments],
            cwd=self.root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    def run(self, *arguments: str, **environment: str | None) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments, environment=environment)
        out, err = process.communicate(timeout=50)
        assert "Traceback" not in err, err
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)


@pytest.fixture
def shell(threaded_messages_api: ThreadedMessagesApi, tmp_path: Path) -> Shell:
    def answer(received: ReceivedRequest) -> Reply:
        name = name_asked(received)
        return replies.json_findings([finding(name)] if name != "clean.py" else [])

    threaded_messages_api.respond(answer)
    root = tmp_path / "project"
    root.mkdir()
    return Shell(threaded_messages_api, root)


def name_asked(received: ReceivedRequest) -> str:
    return received.text.rpartition("Review ")[2].removesuffix(" above.")


# What asks the model.


def test_review_reports_findings_and_coverage(shell: Shell) -> None:
    for name in ("a.py", "lib/b.py", "clean.py"):
        shell.write(name)
    outputs = ("-o", "json:out.json", "-o", "full:out.txt")
    run = shell.run("review", *outputs, "--fail-on", "critical")
    assert run.returncode == exit_codes.DONE
    lines = run.stdout.splitlines()
    assert lines[:2] == [
        "a.py:2:5: major review.resource File is never closed",
        "lib/b.py:2:5: major review.resource File is never closed",
    ]
    assert "Reviewed 3 of 3 files." in run.stdout
    assert "3 calls to claude-sonnet-5-5" in run.stdout
    report = json.loads((shell.root / "out.json").read_text("utf-8"))
    assert report["status"] == "complete"
    assert [found["path"] for found in report["findings"]] == ["a.py", "lib/b.py"]
    assert report["coverage"]["reviewed"]
    assert report["spend"]["usd"] > 0
    assert "It leaks." in (shell.root / "out.txt").read_text("utf-8")
    assert not shell.api.refused
    assert run.stderr == ""


def test_the_gate_trips_also_when_nobody_reads_to_the_end(shell: Shell) -> None:
    shell.write("a.py")
    process = shell.start("review", "--fail-on", "major", "--format", "json")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    err = process.stderr.read()
    assert process.wait(50) == exit_codes.FOUND
    assert err == ""


def test_what_must_not_leave_does_not_leave(shell: Shell) -> None:
    shell.write("a.py", SOURCE.format(name="a") + f'token = "{GITHUB_TOKEN}"\n')
    shell.write("c.py", f'KEY = "{GITHUB_TOKEN}"\n' * 3)
    shell.write("private/b.py", f"{IGNORED} = 1\n")
    shell.write("vendor/d.py", f"{IGNORED} = 2\n")
    shell.write(".env", f"TOKEN={IGNORED}\n")
    shell.write("server.key", f"{IGNORED}\n")
    shell.write(".gitignore", "vendor/\n")
    shell.write(".claudeignore", "private/\n")
    shell.write("binary.py", b"\x00\x01" + IGNORED.encode())
    shell.write("latin.py", f"# \xe9 {IGNORED}\n".encode("latin-1"))
    shell.write("huge.py", f"# {IGNORED}\n" * 2_500_000)
    assert (shell.root / "huge.py").stat().st_size > 50_000_000
    run = shell.run("review", ".", "private/b.py", ".env", "--format", "json")
    report = json.loads(run.stdout)
    assert sorted(report["coverage"]["reviewed"]) == ["a.py", "c.py"]
    skipped = {entry["path"]: entry["reason"] for entry in report["coverage"]["skipped"]}
    assert {"private/b.py", ".env", "binary.py", "latin.py", "huge.py"} <= skipped.keys()
    assert "not UTF-8" in skipped["latin.py"]
    assert "over" in skipped["huge.py"]
    assert len(shell.api.messages) == 2
    for received in shell.api.requests:
        assert GITHUB_TOKEN.encode() not in received.raw
        assert IGNORED.encode() not in received.raw
    assert GITHUB_TOKEN not in run.stdout or report["findings"]
    assert "<redacted:github-token>" in "".join(r.text for r in shell.api.messages)


def test_the_limit_of_a_run_holds(shell: Shell) -> None:
    """With two cents a run does what they pay for, ends, and its bill is the service's own."""
    for name in ("a.py", "b.py", "c.py", "d.py", "e.py"):
        shell.write(name)
    shell.api.respond(lambda received: replies.json_findings([finding(name_asked(received))]))
    run = shell.run("review", "--max-cost", "0.02", "--format", "json")
    report = json.loads(run.stdout)
    assert (run.returncode, report["status"]) == (exit_codes.INCOMPLETE, "partial")
    sent = [each.usage for each in shell.api.messages if each.usage is not None]
    assert 1 <= len(sent) == report["spend"]["calls"] < 5
    bill = sum(each["input_tokens"] * 2 + each["output_tokens"] * 10 for each in sent) / 1e6
    bill += sum(each["cache_creation_input_tokens"] * 2.5 for each in sent) / 1e6
    bill += sum(each["cache_read_input_tokens"] * 0.1 for each in sent) / 1e6
    assert report["spend"]["usd"] == pytest.approx(bill)
    assert bill <= 0.02
    used = json.loads(shell.run("usage", "--format", "json").stdout)["total"]
    assert (used["requests"], used["cost_usd"]) == (len(sent), pytest.approx(bill))
    assert len(report["findings"]) == len(report["coverage"]["reviewed"]) == len(sent)
    for left_out in report["coverage"]["failed"]:
        assert "--max-cost leaves $" in left_out["reason"]
    for received in shell.api.messages:
        # The longest answer was made to fit what was left.
        assert received.body["max_tokens"] * 10 / 1e6 <= 0.02
    shell.api.reset()
    run = shell.run("review", "--max-cost", "0.0001")
    assert run.returncode == exit_codes.NOTHING
    assert "Nothing was reviewed." in run.stdout
    assert not shell.api.requests


def test_an_answer_that_is_longer_than_the_limit_pays_for(shell: Shell) -> None:
    shell.write("a.py")
    dear = [finding("a.py"), finding("a.py", explanation="word " * 6000)]
    shell.api.respond(lambda received: replies.json_findings(dear, chunk=0))
    run = shell.run("review", "--max-cost", "0.02", "--format", "json")
    report = json.loads(run.stdout)
    assert run.returncode in {exit_codes.INCOMPLETE, exit_codes.NOTHING}
    assert report["status"] != "complete"
    assert len(report["findings"]) == 1
    (failed,) = report["coverage"]["failed"]
    assert "cut where --max-cost ends" in failed["reason"]
    assert 0.01 < report["spend"]["usd"] <= 0.02


def test_what_each_action_would_cost_is_told_without_sending(shell: Shell) -> None:
    shell.write("a.py")
    shell.write("claude-lsp.toml", "")
    config = shell.root.parent / "mine.toml"
    config.write_text('[routes]\nfix = [{max_tokens = 900, tier = "haiku"}, "opus"]\n')
    asked = ("context", "a.py", "--costs", "--config", str(config))
    costs = {
        each["action"]: each for each in json.loads(shell.run(*asked, "--format", "json").stdout)
    }
    assert costs["fix"]["model"] == "claude-haiku-5-5"
    assert costs["fix"]["why"] == "routes.fix: haiku for up to 900 tokens"
    assert costs["review"]["tier"] == "sonnet"
    for cost in costs.values():
        assert 0 < cost["usd"] < cost["most_usd"]
    doctor = shell.run("doctor", "--config", str(config)).stdout
    assert "cost of fix: about $" in doctor
    assert json.loads(shell.run("config", "--config", str(config), "--format", "json").stdout)[
        "routes"
    ]["value"] == {"fix": [{"tier": "haiku", "max_tokens": 900}, "opus"]}
    assert not shell.api.messages


def test_without_a_ledger_nothing_is_spent_and_the_rest_goes_on(shell: Shell) -> None:
    shell.write("a.py")
    state = shell.root.parent / "state"
    state.mkdir()
    for name in ("ledger.sqlite3", "estimates.sqlite3"):
        (state / name).write_bytes(b"not a database " * 500)
    broken = {"CLAUDE_LSP_STATE_DIR": str(state)}
    review = shell.run("review", **broken)
    assert review.returncode == exit_codes.NOTHING
    assert "Nothing is sent while the ledger can't be used" in review.stdout + review.stderr
    assert "estimates.sqlite3 is damaged and begun anew" in review.stderr
    costs = shell.run("context", "a.py", "--costs", **broken)
    assert (costs.returncode, "without those of the past" in costs.stderr) == (0, True)
    assert "sonnet" in costs.stdout
    assert shell.run("arch", "--facts-only", **broken).returncode == exit_codes.DONE
    assert not shell.api.messages
    assert (state / "ledger.sqlite3").read_bytes().startswith(b"not a database")


def test_a_failure_of_one_file_makes_it_incomplete(shell: Shell) -> None:
    for name in ("a.py", "b.py"):
        shell.write(name)
    shell.api.script(replies.refusal(), when=lambda received: name_asked(received) == "b.py")
    run = shell.run("review", "--format", "json")
    assert run.returncode == exit_codes.INCOMPLETE
    report = json.loads(run.stdout)
    assert report["status"] == "partial"
    assert report["coverage"]["failed"][0]["path"] == "b.py"
    assert "declined" in report["coverage"]["failed"][0]["reason"]


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_an_interrupt_keeps_what_is_there(shell: Shell) -> None:
    for name in ("a.py", "b.py", "c.py"):
        shell.write(name)
    shell.api.script(replies.stall('{"find'), when=lambda received: name_asked(received) == "b.py")
    process = shell.start("review", "--concurrency", "1", "--format", "json")
    first, second = shell.api.wait_for(2, timeout_s=30)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == exit_codes.INTERRUPTED
    assert "Traceback" not in err
    report = json.loads(out)
    assert report["status"] == "partial"
    assert [found["path"] for found in report["findings"]] == ["a.py"]
    assert report["coverage"]["reviewed"] == ["a.py"]
    failed = {entry["path"]: entry["reason"] for entry in report["coverage"]["failed"]}
    assert failed == {"b.py": "interrupted", "c.py": "interrupted"}
    assert name_asked(first) == "a.py"
    shell.api.wait_disconnected(second)


def test_context_shows_exactly_what_is_sent(shell: Shell) -> None:
    shell.write("helper.py")
    shell.write("run", f'#!/usr/bin/env python3\nimport helper\ntoken = "{GITHUB_TOKEN}"\n' * 20)
    shown = shell.run("context", "run", "--format", "json")
    assert shown.returncode == exit_codes.DONE
    assert not shell.api.requests
    assert shell.run("review", "run").returncode == exit_codes.DONE
    (received,) = shell.api.messages
    body = json.loads(shown.stdout)
    assert body["body"] == received.body
    assert GITHUB_TOKEN not in shown.stdout
    assert received.usage is not None
    counted = sum(
        received.usage[name]
        for name in ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    )
    assert body["tokens"]["bound"] > 0
    assert counted > 0
    text = shell.run("context", "run")
    assert "helper.py: definitions" in text.stdout
    assert "redacted: github-token" in text.stdout


def test_an_endpoint_that_refuses_the_key(shell: Shell) -> None:
    shell.write("a.py")
    run = shell.run("review", ANTHROPIC_API_KEY="wrong")
    assert run.returncode == exit_codes.NOTHING
    assert "The API key was not accepted" in run.stdout
    assert "wrong" not in run.stdout + run.stderr


def test_doctor_online(shell: Shell) -> None:
    run = shell.run("doctor", "--online", "--format", "json")
    checks = {check["name"]: check for check in json.loads(run.stdout)}
    assert run.returncode == exit_codes.DONE, checks
    assert checks["connection"]["state"] == "ok"
    assert checks["endpoint"]["detail"] == shell.api.base_url
    assert not shell.api.messages
    unknown = shell.run("doctor", "--online", CLAUDE_LSP_MODELS_OPUS="no-such-model")
    assert unknown.returncode == exit_codes.INCOMPLETE
    assert "PROBLEM  models: the endpoint does not know no-such-model" in unknown.stdout
    assert KEY not in run.stdout + unknown.stdout


# What asks nobody.


def test_without_a_key_the_structure_is_reviewed(shell: Shell) -> None:
    shell.write("a.py", "import b\n\n\ndef f():\n    return b.g()\n")
    shell.write("b.py", "import a\n\n\ndef g():\n    return a.f()\n")
    run = shell.run("review", "--format", "json", **NO_KEY)
    assert run.returncode == exit_codes.DONE
    report = json.loads(run.stdout)
    assert {found["rule"] for found in report["findings"]} == {"arch.cycle"}
    assert run.stderr.count("\n") == 1
    assert "ANTHROPIC_API_KEY" in run.stderr
    assert not shell.api.requests


def test_a_connection_that_can_not_be_set_up_is_no_success(shell: Shell) -> None:
    shell.write("a.py")
    run = shell.run("review", CLAUDE_LSP_ENDPOINT_CA_FILE="/nowhere/ca.pem")
    assert run.returncode == exit_codes.INCOMPLETE
    assert "can't be set up" in run.stderr
    assert "/nowhere/ca.pem" in run.stderr
    assert not shell.api.requests


def test_offline_and_dry_run_send_nothing(shell: Shell) -> None:
    shell.write("a.py")
    shell.write(".env", "X=1\n")
    offline = shell.run("review", "--offline")
    assert offline.returncode == exit_codes.DONE
    dry = shell.run("review", "--dry-run", **NO_KEY)
    assert dry.returncode == exit_codes.DONE
    assert dry.stdout.startswith("a.py: ")
    assert "1 files" in dry.stdout or "1 file," in dry.stdout
    assert "Nothing was sent." in dry.stdout
    assert not shell.api.requests


def test_nothing_to_review(shell: Shell) -> None:
    shell.write("empty.py", "\n")
    shell.write("notes.md", "# Notes\n")
    run = shell.run("review", "--format", "json")
    assert run.returncode == exit_codes.NOTHING
    report = json.loads(run.stdout)
    assert report["status"] == "nothing"
    skipped = {entry["path"]: entry["reason"] for entry in report["coverage"]["skipped"]}
    assert skipped == {"empty.py": "empty", "notes.md": "markdown is not reviewed unless named"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("review", "nowhere.py"), "nowhere.py: no such file or folder"),
        (("review", "-o", "nonsense:x"), "-o nonsense:x: expected FORMAT:FILE"),
        (("review", "--max-cost", "dear"), "--max-cost"),
        (("review", "--max-findings", "0"), "must be at least 1"),
        (("review", "--min-confidence", "2"), "review.min_confidence must be at most 1"),
        (("review", "--root", "nowhere"), "--root nowhere: no such folder"),
        (("review", ".."), "review one project at a time"),
        (("review", "--config", "nowhere.toml"), "nowhere.toml: no such settings file"),
        (("explain", "review.corectness"), "did you mean review.correctness?"),
        (("context", "nowhere.py:3"), "nowhere.py:3: no such file"),
        (("bogus",), "bogus"),
        (("--bogus",), "usage: claude-lsp"),
    ],
)
def test_wrong_usage_is_exit_code_2(shell: Shell, arguments: tuple[str, ...], says: str) -> None:
    shell.write("a.py")
    root = ("--root", ".") if arguments == ("review", "..") else ()
    run = shell.run(*arguments, *root)
    assert (run.returncode, run.stdout) == (exit_codes.USAGE, "")
    assert says in run.stderr
    assert not shell.api.requests


def test_a_broken_settings_file_ends_a_run_and_names_the_line(shell: Shell) -> None:
    shell.write("a.py")
    shell.write(
        "claude-lsp.toml", "[review]\nmin_severity = 'dreadful'\n\n[spend]\nday_usd = 1000\n"
    )
    run = shell.run("review")
    assert (run.returncode, run.stdout) == (exit_codes.USAGE, "")
    assert "claude-lsp.toml:2: review.min_severity must be one of" in run.stderr
    assert "claude-lsp.toml:5: spend.day_usd can't be set by a project's own file" in run.stderr
    shell.write("claude-lsp.toml", "[review\n")
    for command in ("review", "context"):
        run = shell.run(command, "a.py")
        assert run.returncode == exit_codes.USAGE
        assert "line 1" in run.stderr
    assert not shell.api.requests


def test_config(shell: Shell) -> None:
    shell.write("claude-lsp.toml", "[review]\nmax_findings = 7\n")
    environment = {"CLAUDE_LSP_LOG_LEVEL": "error"}
    run = shell.run("config", "show", "--format", "json", **environment)
    assert run.returncode == exit_codes.DONE
    table = json.loads(run.stdout)
    assert table["review.max_findings"] == {"value": 7, "from": "claude-lsp.toml"}
    assert table["log.level"] == {"value": "error", "from": "environment"}
    assert table["spend.day_usd"]["from"] == "default"
    text = shell.run("config")
    assert "review.max_findings" in text.stdout
    assert "[claude-lsp.toml]" in text.stdout
    schema = json.loads(shell.run("config", "schema").stdout)
    assert schema["properties"]["review"]["properties"]["max_findings"]["minimum"] == 1
    shell.write("claude-lsp.toml", "[review]\nmax_finding = 7\n")
    run = shell.run("config")
    assert run.returncode == exit_codes.USAGE
    assert "did you mean review.max_findings?" in run.stderr


def test_config_never_shows_a_header_of_a_gateway(shell: Shell) -> None:
    shell.write("mine.toml", "[endpoint.headers]\nx-gateway-key = 'hidden-value'\n")
    run = shell.run("config", "--config", "mine.toml")
    assert "x-gateway-key" in run.stdout
    assert "hidden-value" not in run.stdout + run.stderr


def test_doctor_without_a_key(shell: Shell) -> None:
    run = shell.run("doctor", **NO_KEY)
    assert run.returncode == exit_codes.INCOMPLETE
    assert "PROBLEM  connection: No Anthropic API key was found" in run.stdout
    assert "ok       ledger" in run.stdout
    assert not shell.api.requests


def test_explain(shell: Shell) -> None:
    every = shell.run("explain")
    assert "arch.cycle:" in every.stdout
    one = shell.run("explain", "review.correctness")
    assert one.stdout.startswith("review.correctness: Wrong result (judged by Claude)")
    assert (every.returncode, one.returncode) == (exit_codes.DONE, exit_codes.DONE)


@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
@pytest.mark.parametrize("arguments", [("explain",), ("config", "schema")])
def test_a_reader_that_goes_away_is_no_error(shell: Shell, arguments: tuple[str, ...]) -> None:
    process = shell.start(*arguments)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(20) == exit_codes.DONE


def test_a_report_that_can_not_be_written_is_said(shell: Shell) -> None:
    shell.write("a.py")
    run = shell.run("review", "--offline", "-o", "json:nowhere/out.json")
    assert run.returncode == exit_codes.INCOMPLETE
    assert "the report could not be written to nowhere/out.json" in run.stderr


def test_a_file_that_vanishes_is_skipped(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = shell.write("a.py")
    gone = shell.root / "gone.py"
    monkeypatch.setattr("claude_lsp.review.scope.list_files", lambda *_: [kept, gone])
    monkeypatch.chdir(shell.root)
    assert command_line.run(["review", "--dry-run"]) == exit_codes.DONE
    assert "gone.py: skipped (no longer there)" in capsys.readouterr().out


def test_without_a_key_a_gate_may_be_skipped(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.write("a.py")
    monkeypatch.chdir(shell.root)
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    gated = ["review", "--fail-on", "critical"]
    assert command_line.run(gated) == exit_codes.INCOMPLETE
    assert command_line.run([*gated, "--skip-without-key"]) == exit_codes.DONE
    assert "Reviewing the structure only." in capsys.readouterr().err


CYCLE = {"package/__init__.py": "", "package/one.py": "import package.two\n"}


def test_arch_reports_facts_and_draws_them(shell: Shell) -> None:
    for name, text in CYCLE.items():
        shell.write(name, text)
    shell.write("package/two.py", "import package.one\n")
    done = shell.run("arch", "--facts-only", "--fail-on", "any", **NO_KEY)
    assert done.returncode == exit_codes.FOUND
    assert "minor arch.cycle" in done.stdout
    assert done.stderr == ""
    page = shell.root.parent / "page.html"
    drawn = shell.run(
        *("arch", "--facts-only", "--format", "mermaid", "-o", f"html:{page}"), **NO_KEY
    )
    assert drawn.stdout.startswith("flowchart TD\n")
    assert '"package.one"' in page.read_text("utf-8")
    assert shell.run("arch", "--facts-only", "--format", "dot").stdout.startswith("digraph")
    assert shell.api.requests == []


def test_arch_without_a_key_says_that_no_model_was_asked(shell: Shell) -> None:
    for name, text in CYCLE.items():
        shell.write(name, text)
    done = shell.run("arch", **NO_KEY)
    assert done.returncode == exit_codes.DONE
    assert "No model was asked" in done.stdout
    gated = shell.run("arch", "--fail-on", "any", **NO_KEY)
    assert gated.returncode == exit_codes.INCOMPLETE


def test_arch_asks_within_its_limit(shell: Shell) -> None:
    for name, text in CYCLE.items():
        shell.write(name, text)
    dry = shell.run("arch", "--dry-run")
    assert "Nothing was sent" in dry.stdout
    assert shell.api.requests == []
    poor = shell.run("arch", "--max-cost", "0.000001")
    assert poor.returncode == exit_codes.INCOMPLETE
    assert shell.api.messages == []
    claim = finding("package/one.py", quote="import package.two", rule="arch.seam", line=1)
    shell.api.script(replies.json_findings([claim]))
    done = shell.run("arch")
    assert done.returncode == exit_codes.DONE
    assert "arch.seam" in done.stdout


def test_arch_tells_what_the_model_looked_at_and_what_it_says_of_the_whole(shell: Shell) -> None:
    for name, text in CYCLE.items():
        shell.write(name, text)
    shell.write("notes.txt", "kept apart\n")
    claim = finding("notes.txt", quote="kept apart", rule="arch.seam", line=1)
    overview = [{"kind": "strength", "text": "Small."}, {"kind": "first", "text": "Cut it."}]
    shell.api.script(
        replies.tool_uses(("read_file", {"path": "notes.txt"}), ("read_file", {"path": "../x"})),
        replies.json({"findings": [claim], "overview": overview}),
    )
    report = shell.root.parent / "report.json"
    done = shell.run("arch", "-o", f"json:{report}")
    assert done.returncode == exit_codes.DONE
    assert "notes.txt:1:1: major arch.seam" in done.stdout
    assert "## To do first\n\n1. Cut it.\n" in done.stdout
    assert "It looked into the project 2 times (1 refused)" in done.stdout
    assert "2 calls to claude-opus-5-5" in done.stdout
    written = json.loads(report.read_text("utf-8"))
    assert written["overview"].startswith("## Strengths\n\n- Small.")
    first, second = written["looks"]
    assert (first["tool"], first["arguments"]) == ("read_file", {"path": "notes.txt"})
    assert (first["refused"], second["refused"]) == (None, "outside the workspace")
    # What was asked for is kept, what was shown is not.
    assert "kept apart" not in json.dumps(written["looks"])


def test_a_recorded_arch_is_replayed_without_a_key_or_a_network(
    shell: Shell, tmp_path: Path
) -> None:
    for name, text in CYCLE.items():
        shell.write(name, text)
    shell.write("notes.txt", "kept apart\n")
    claim = finding("notes.txt", quote="kept apart", rule="arch.seam", line=1)
    overview = [{"kind": "strength", "text": "Small."}, {"kind": "first", "text": "Cut it."}]
    shell.api.script(
        replies.tool_use("read_file", {"path": "notes.txt"}),
        replies.json({"findings": [claim], "overview": overview}),
    )
    folder, page = tmp_path / "answers", tmp_path / "page.html"
    first = json.loads(shell.run("arch", "--format", "json", "--record", str(folder)).stdout)
    assert len(list(folder.iterdir())) == len(shell.api.messages) == 2
    done = shell.run(
        *("arch", "--format", "json", "--replay", str(folder), "-o", f"html:{page}"),
        **NO_KEY,
        ANTHROPIC_BASE_URL="http://127.0.0.1:9",
    )
    assert done.returncode == exit_codes.DONE
    again = json.loads(done.stdout)
    for part in ("findings", "overview", "looks", "spend"):
        assert again[part] == first[part]
    assert any("nothing was sent or spent" in notice for notice in again["notices"])
    assert "Cut it." in page.read_text("utf-8")
    # Another state of the project is another question, and never half an answer.
    shell.write("package/one.py", "import package.two\nx = 1\n")
    other = shell.run("arch", "--replay", str(folder), "--fail-on", "any", **NO_KEY)
    assert other.returncode == exit_codes.INCOMPLETE
    assert "Reporting facts only" in other.stderr
    assert len(shell.api.messages) == 2
    usage = shell.run("arch", "--facts-only", "--replay", str(folder))
    assert usage.returncode == exit_codes.USAGE


def test_context_shows_the_first_request_of_an_architecture_review(shell: Shell) -> None:
    for name, text in CYCLE.items():
        shell.write(name, text)
    shell.write("README.md", "# The package\n")
    shown = shell.run("context", ".", "--action", "architecture", "--format", "json")
    assert shell.api.requests == []
    assert shell.run("arch").returncode in (exit_codes.DONE, exit_codes.INCOMPLETE)
    (request,) = shell.api.messages
    found = json.loads(shown.stdout)
    assert found["body"] == request.body
    assert found["bounds"]["rounds"] == 6
    text = shell.run("context", ".").stdout
    assert "then up to 6 rounds in which the model may look into the project" in text
    assert "read_file(path, first_line, last_line): Read a file" in text
    assert "# The package" in text


def test_arch_reports_on_what_was_asked_for_only(shell: Shell) -> None:
    for name, text in CYCLE.items():
        shell.write(name, text)
    shell.write("other/place.py", "kept = 1\n")
    claims = [
        finding("package/one.py", quote="import package.two", rule="arch.seam", line=1),
        finding("other/place.py", quote="kept = 1", rule="arch.seam", line=1),
    ]
    shell.api.script(replies.json_findings(claims))
    done = shell.run("arch", "package", "--root", str(shell.root))
    assert "package/one.py:1:1: major arch.seam" in done.stdout
    assert "other/place.py" not in done.stdout
    assert "not about what was asked for: 1" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="no signals to a process group")
def test_an_interrupted_arch_reports_what_it_has(shell: Shell) -> None:
    for name, text in CYCLE.items():
        shell.write(name, text)
    gate = Gate()
    claim = finding("package/one.py", quote="import package.two", rule="arch.seam", line=1)
    shell.api.script(
        replies.tool_use("list_directory", {"path": "."}),
        replies.partial('{"findings":[' + json.dumps(claim)) + gate + Finish(),
    )
    process = shell.start("arch")
    gate.wait_reached_blocking()
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    gate.open()
    assert process.returncode == exit_codes.INTERRUPTED
    assert "INCOMPLETE" in out
    assert "The model was interrupted." in out


def test_arch_of_nothing_and_of_what_is_not_there(shell: Shell) -> None:
    empty = shell.root / "empty"
    empty.mkdir()
    done = shell.run("arch", "--facts-only", "--root", str(empty), str(empty), **NO_KEY)
    assert done.returncode == exit_codes.NOTHING
    assert "Nothing was reviewed" in done.stdout
    for arguments in (("--head", "HEAD"), ("--base", "nowhere"), ("absent.py",)):
        wrong = shell.run("arch", "--facts-only", *arguments, **NO_KEY)
        assert wrong.returncode == exit_codes.USAGE
