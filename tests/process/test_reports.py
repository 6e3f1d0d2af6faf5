"""The command line from finding to report: suppressions, baselines, formats, patches, merging."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from claude_lsp.cli import main as command_line
from claude_lsp.cli import process as exit_codes
from claude_lsp.cli.main import FORMATS
from claude_lsp.findings.reporters import REPORTERS
from tests.messages_api import replies
from tests.process.test_cli import Shell, finding, name_asked, shell

if TYPE_CHECKING:
    from pathlib import Path

    from tests.messages_api import ReceivedRequest, Reply

__all__ = ["shell"]

FIX = {"quote": "return open(path).read()", "replacement": "return Path(path).read_text()"}
RING = {"a.py": "import b\n\nx = 1\n", "b.py": "import a\n\ny = 1\n"}


def report_in(shell: Shell, name: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((shell.root / name).read_text("utf-8"))
    return value


def test_the_command_line_names_every_format() -> None:
    assert tuple(REPORTERS) == FORMATS


def test_all_formats_at_once_and_a_patch(shell: Shell) -> None:
    def answer(received: ReceivedRequest) -> Reply:
        return replies.json_findings([finding(name_asked(received), **FIX)])

    shell.api.respond(answer)
    source = shell.write("a.py")
    outputs = [part for name in FORMATS for part in ("-o", f"{name}:out.{name}")]
    run = shell.run("review", "a.py", *outputs, "--patch", "fixes.patch")
    assert run.returncode == exit_codes.DONE, run.stderr
    for name in FORMATS:
        text = (shell.root / f"out.{name}").read_text("utf-8")
        assert "a.py" in text, name
        assert "never closed" in text, name
    sarif = report_in(shell, "out.sarif")
    keys = sarif["runs"][0]["results"][0]["partialFingerprints"]
    assert set(keys) == {"primaryLocationLineHash", "claudeLspAnchor/v1", "claudeLspContext/v1"}
    subprocess.run(["git", "apply", "fixes.patch"], cwd=shell.root, check=True)
    assert "return Path(path).read_text()" in source.read_text("utf-8")


def test_a_baseline_is_written_used_followed_and_pruned(shell: Shell) -> None:
    for name in ("a.py", "b.py"):
        shell.write(name)
    run = shell.run("baseline", "write", "--reason", "from before")
    assert run.returncode == exit_codes.DONE, run.stderr
    assert "2 accepted (2 new, 0 kept, 0 dropped)" in run.stdout
    name = "claude-lsp-baseline.json"
    run = shell.run("review", "--baseline", name, "--fail-on", "any", "-o", "json:out.json")
    assert run.returncode == exit_codes.DONE
    assert "Suppressed 2 findings (2 by the baseline)." in run.stdout
    assert report_in(shell, "out.json")["compared"] is True
    # The settings may name it; lines above change nothing; what is new is shown.
    shell.write("claude-lsp.toml", f'[review]\nbaseline = "{name}"\n')
    shell.write("a.py", "import os\n\n\n" + (shell.root / "a.py").read_text("utf-8"))
    shell.write("c.py")
    run = shell.run("review", "--fail-on", "any", "--show-suppressed")
    assert run.returncode == exit_codes.FOUND
    assert run.stdout.startswith("c.py:2:5: major review.resource File is never closed\n1 finding")
    assert "suppressed review.resource File is never closed (by the baseline: from before)" in (
        run.stdout
    )
    (shell.root / "b.py").unlink()
    run = shell.run("baseline", "audit")
    assert "1 accepted by the baseline and still found:" in run.stdout
    assert "1 in the baseline and no longer found" in run.stdout
    run = shell.run("baseline", "prune")
    assert "1 accepted (0 new, 1 kept, 1 dropped)" in run.stdout
    (entry,) = report_in(shell, name)["findings"]
    assert (entry["path"], entry["reason"]) == ("a.py", "from before")


def test_an_incomplete_run_prunes_nothing(shell: Shell) -> None:
    shell.write("a.py")
    shell.run("baseline", "write")
    before = (shell.root / "claude-lsp-baseline.json").read_bytes()
    run = shell.run("baseline", "prune", "--max-cost", "0")
    assert run.returncode in (exit_codes.INCOMPLETE, exit_codes.NOTHING)
    assert "left as it is" in run.stderr
    assert (shell.root / "claude-lsp-baseline.json").read_bytes() == before


def test_a_baseline_is_made_of_a_report_too(shell: Shell) -> None:
    shell.write("a.py")
    shell.run("review", "-o", "json:out.json")
    calls = len(shell.api.messages)
    run = shell.run("baseline", "write", "--report", "out.json", "--baseline", "kept.json")
    assert run.returncode == exit_codes.DONE, run.stderr
    assert len(report_in(shell, "kept.json")["findings"]) == 1
    assert len(shell.api.messages) == calls


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("review", "--offline", "--baseline", "none.json"), "baseline write` makes one"),
        (("review", "--offline", "--baseline", "broken.json"), "can't be read as a baseline"),
        (("baseline", "prune", "--offline", "--baseline", "none.json"), "there is no baseline"),
        (("report", "none.json"), "none.json: No such file"),
        (("report", "broken.json"), "is not a report that can be read"),
        (("report", "list.json"), "is not a report that can be read"),
        (("report", "sarif.json"), "this is SARIF"),
    ],
)
def test_what_cannot_be_read_is_a_usage_error(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.py").write_text("x = 1\n")
    (tmp_path / "broken.json").write_bytes(b"\xff{")
    (tmp_path / "list.json").write_text("[1]")
    (tmp_path / "sarif.json").write_text('{"version": "2.1.0", "runs": []}')
    with pytest.raises(SystemExit) as ended:
        command_line.run(arguments)
    assert ended.value.code == exit_codes.USAGE
    printed = capsys.readouterr()
    assert message in printed.err
    assert printed.out == ""


def test_comments_and_settings_suppress_and_what_has_no_effect_is_told(shell: Shell) -> None:
    mark = "    # claude-lsp: ignore[resource] {}\n    return open(path).read()\n"
    shell.write("a.py", "def a(path):\n" + mark.format("closed by the collector"))
    shell.write("b.py", "def b(path):\n" + mark.format(""))
    shell.write("clean.py", "x = 1  # claude-lsp: ignore[security] because\n")
    run = shell.run("review", "-o", "json:out.json", "--fail-on", "any")
    assert run.returncode == exit_codes.FOUND
    report = report_in(shell, "out.json")
    assert [one["path"] for one in report["findings"]] == ["b.py"]
    assert [one["reason"] for one in report["suppressed"]] == ["closed by the collector"]
    assert "note: b.py:2: a suppression needs a reason" in run.stdout
    assert "note: clean.py:1: ignore[security] suppresses nothing" in run.stdout
    key = report["findings"][0]["fingerprint"]
    shell.write(
        "claude-lsp.toml", f'[suppress]\n"{key}" = {{ reason = "r", until = 2999-01-01 }}\n'
    )
    run = shell.run("review", "--fail-on", "any")
    assert run.returncode == exit_codes.DONE, run.stdout
    assert "Suppressed 2 findings (1 by a comment, 1 by the settings)." in run.stdout
    shell.write(
        "claude-lsp.toml", f'[suppress]\n"{key}" = {{ reason = "r", until = 2000-01-01 }}\n'
    )
    run = shell.run("review", "--fail-on", "any")
    assert run.returncode == exit_codes.FOUND
    assert f"suppress.{key} ended on 2000-01-01" in run.stdout
    shell.write("claude-lsp.toml", f'[suppress]\n"{key}" = {{ until = 2000-01-01 }}\n')
    run = shell.run("review", "--offline")
    assert run.returncode == exit_codes.USAGE
    assert "needs a reason" in run.stderr


def test_shards_are_merged_without_a_model(shell: Shell) -> None:
    for name in ("a.py", "b.py", "clean.py"):
        shell.write(name)
    shell.run("review", "a.py", "clean.py", "-o", "json:one.json")
    shell.run("review", "b.py", "-o", "json:two.json")
    calls = len(shell.api.messages)
    run = shell.run(
        *("report", "one.json", "two.json", "one.json"),
        *("--format", "full", "-o", "sarif:out.sarif", "--fail-on", "major"),
    )
    assert run.returncode == exit_codes.FOUND
    assert len(shell.api.messages) == calls
    assert "2 findings (2 major) in 2 files. Reviewed 3 of 3 files." in run.stdout
    assert "2 |     return open(path).read()" in run.stdout
    assert len(report_in(shell, "out.sarif")["runs"][0]["results"]) == 2


def test_an_incomplete_report_stays_one_and_only_the_exit_code_may_be_waived(
    shell: Shell,
) -> None:
    shell.write("a.py")
    shell.run("review", "-o", "json:out.json")
    report = report_in(shell, "out.json")
    report["findings"] = []
    report["status"] = "partial"
    report["coverage"]["failed"] = [{"path": "z.py", "reason": "timeout"}]
    shell.write("partial.json", json.dumps(report))
    assert shell.run("report", "partial.json").returncode == exit_codes.INCOMPLETE
    run = shell.run("report", "partial.json", "--fail-on", "any")
    assert run.returncode == exit_codes.INCOMPLETE
    run = shell.run("report", "partial.json", "--no-require-complete")
    assert run.returncode == exit_codes.DONE
    assert run.stdout.startswith("INCOMPLETE: ")


def test_structural_findings_are_accepted_by_what_they_connect(shell: Shell) -> None:
    for name, text in RING.items():
        shell.write(name, text)
    shell.run("baseline", "write", "--offline")
    shell.write("b.py", "import os\n" + RING["b.py"])
    run = shell.run(
        *("review", "--offline", "--fail-on", "any", "--baseline", "claude-lsp-baseline.json")
    )
    assert run.returncode == exit_codes.DONE, run.stdout
    assert "Suppressed 1 finding (1 by the baseline)." in run.stdout
    # A review with a model looks for other rules, so it drops nothing of these.
    run = shell.run("baseline", "prune", "a.py")
    assert "1 accepted (0 new, 1 kept, 0 dropped)" in run.stdout


def test_a_change_can_answer_a_finding_but_not_accept_it_in_the_baseline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def commit() -> None:
        author = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        subprocess.run(["git", "add", "-A"], cwd=tmp_path, check=True)
        subprocess.run(["git", *author, "commit", "-qm", "x"], cwd=tmp_path, check=True)

    def run(*arguments: str) -> tuple[int, str]:
        code = command_line.run(["review", "--offline", "--fail-on", "any", *arguments])
        return code, capsys.readouterr().out

    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    for name, text in RING.items():
        (tmp_path / name).write_text("\n".join(text.split("\n")[1:]))
    (tmp_path / "base.json").write_text('{"version": 1, "findings": []}\n')
    commit()
    for name, text in RING.items():
        (tmp_path / name).write_text(text)
    assert (
        command_line.run(["baseline", "write", "--offline", "--all", "--baseline", "base.json"])
        == 0
    )
    commit()
    capsys.readouterr()
    assert run("--all", "--baseline", "base.json")[0] == exit_codes.DONE
    code, text = run("--base", "HEAD~1", "--baseline", "base.json")
    assert code == exit_codes.FOUND, text
    comment = "# " + "claude-lsp: ignore[cycle] wanted"  # not one of this file's own
    (tmp_path / "a.py").write_text(f"import b  {comment}\n\nx = 1\n")
    commit()
    code, text = run("--base", "HEAD~2", "--baseline", "base.json")
    assert code == exit_codes.DONE, text
    assert "(by a comment in this change: wanted)" in text
    assert "Suppressed 1 finding (1 by a comment, 1 in this change)." in text
