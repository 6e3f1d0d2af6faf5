"""The layers of settings: files, environment, editor and command line, and what is reported."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from claude_lsp.configuration import Configuration, Layer, load, merge, user_file
from claude_lsp.settings import Settings, options

ROOT = Path(__file__).parents[2]


def loaded(root: Path | None, **layers: Any) -> Configuration:
    return load(root, **{"environment": {}, **layers})


def reported(found: Configuration) -> list[str]:
    return [str(problem) for problem in found.problems]


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def test_nothing_set_means_defaults(tmp_path: Path) -> None:
    found = loaded(tmp_path)
    assert found == Configuration(Settings(), {}, ())
    assert loaded(None) == found


def test_later_layers_win_and_origins_name_them(tmp_path: Path) -> None:
    written(tmp_path / "claude-lsp.toml", "[review]\nmin_severity = 'major'\nmax_findings = 3\n")
    mine = written(user_file(), "[review]\nmax_findings = 4\n[spend]\nday_usd = 5\n")
    other = written(tmp_path / "other.toml", "spend.request_usd = 0.5\nlog.level = 'error'\n")
    found = loaded(
        tmp_path,
        editor={"review": {"min_severity": "info"}, "completion": {"debounce_ms": 150.0}},
        environment={"CLAUDE_LSP_SPEND_DAY_USD": "6", "CLAUDE_LSP_LOG_LEVEL": "debug"},
        command_line={"log.level": "warning"},
        file=other,
    )
    assert not found.problems
    values = found.settings
    assert (values.review.min_severity, values.review.max_findings) == ("major", 4)
    assert (values.spend.day_usd, values.spend.request_usd) == (6.0, 0.5)
    assert (values.log.level, values.completion.debounce_ms) == ("warning", 150)
    assert found.origins == {
        "review.min_severity": "claude-lsp.toml",
        "completion.debounce_ms": "editor",
        "review.max_findings": str(mine),
        "spend.day_usd": "environment",
        "spend.request_usd": str(other),
        "log.level": "command line",
    }


def test_lists_add_up_over_the_layers(tmp_path: Path) -> None:
    written(tmp_path / "claude-lsp.toml", "context.ignore = ['private/']\n")
    written(user_file(), "context.ignore = ['*.mine']\n")
    found = loaded(tmp_path, editor={"context": {"ignore": ["a"]}})
    assert found.settings.context.ignore == ("a", "private/", "*.mine")


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        ("# mine\n[spend]\nday_usd = 1000.0\n", 3, "spend.day_usd"),
        ("spend.day_usd = 1000\n", 1, "spend.day_usd"),
        ("\n[endpoint]\nbase_url = 'https://evil.test'\n", 3, "endpoint.base_url"),
        ("[endpoint.headers]\nx = '1'\n", 1, "endpoint.headers"),
        ("[models]\nhaiku = 'opus'\n", 2, "models.haiku"),
        ("[context]\nmax_file_kb = 9000\n", 2, "context.max_file_kb"),
        ("[context]\nignore = ['a']\n\n[context.x]\n[arch]\n'context_tokens' = 9000\n", 6,
         "arch.context_tokens"),
        ("[spend]\nrequest_usd = 1\n[ arch ]\ncontext_tokens=5000\n", 2, "spend.request_usd"),
        ("[log]\nfile = '/tmp/x'\n", 2, "log.file"),
        ('[completion]\n"trigger" = "automatic"\n', 2, "completion.trigger"),
    ],
)  # fmt: skip
def test_a_project_file_may_not_set_what_is_the_users(
    tmp_path: Path, text: str, line: int, key: str
) -> None:
    written(tmp_path / "claude-lsp.toml", text)
    found = loaded(tmp_path)
    wanted = (
        f"claude-lsp.toml:{line}: {key} can't be set by a project's own file; "
        "set it in your user file"
    )
    assert wanted in reported(found)
    assert key not in found.origins
    assert getattr(found.settings, key.split(".", maxsplit=1)[0]) == (
        getattr(Settings(), key.split(".", maxsplit=1)[0])
        if key.split(".", maxsplit=1)[0] != "context"
        else found.settings.context
    )


def test_every_user_option_is_refused_from_a_project(tmp_path: Path) -> None:
    """No option is forgotten, whatever its form."""
    user = [item for item in options() if item.scope == "user"]
    layer = Layer("claude-lsp.toml", "project", {item.key: item.default for item in user})
    found = merge([layer])
    assert {problem.key for problem in found.problems} == {item.key for item in user}
    assert found.settings == Settings()


def test_what_a_project_may_set_is_a_list_that_grows_on_purpose() -> None:
    """Nothing of it spends, sends more, goes elsewhere, writes outside, runs or logs anything."""
    assert {item.key for item in options() if item.scope == "project"} == {
        *("context.ignore", "ask.folder", "actions", "suppress"),
        *("review.min_severity", "review.min_confidence", "review.max_findings", "review.path"),
        *("review.instructions", "review.baseline", "review.suppression_reason"),
        *("arch.layers", "arch.independent", "arch.forbid", "arch.allow"),
    }


@pytest.mark.parametrize(
    "text",
    [
        '[log]\nfile = "x"\ntrace = "y"\nlevel = "debug"\n',
        "[telemetry]\notel = true\n",
        "[spend]\nday_tokens = 1\nactions.fix.day_usd = 100\nkeep_days = 1\n",
        '[routes]\nfix = [{language = "python", tier = "opus"}]\n',
        '[endpoint]\nbase_url = "https://e"\nheaders = {x = "y"}\nca_file = "z"\n',
        '[models]\nsonnet = "other"\nprices = {a = {input = 0.0}}\n',
        '[completion]\ntriggers = {python = "automatic"}\nspeculative = true\n',
        '[edits]\nlive = "line"\n[review]\non_save = true\n[ask]\ncontext_tokens = 9000000\n',
    ],
)
@pytest.mark.parametrize("name", ["claude-lsp.toml", "pyproject.toml"])
def test_nothing_else_is_taken_from_a_project(tmp_path: Path, name: str, text: str) -> None:
    head = "" if name == "claude-lsp.toml" else "tool.claude-lsp."
    written(tmp_path / name, re.sub(r"^\[", f"[{head}", text, flags=re.MULTILINE))
    found = loaded(tmp_path)
    assert found.settings == Settings()
    assert found.problems


def test_no_folders_own_settings_of_vs_code_set_what_is_the_users() -> None:
    manifest = json.loads((ROOT / "editors/vscode/package.json").read_text("utf-8"))
    known = {
        key.removeprefix("claude."): value
        for group in manifest["contributes"]["configuration"]
        for key, value in group["properties"].items()
    }
    user = [item.key for item in options() if item.scope == "user" and item.key in known]
    assert len(user) > 30
    assert {known[key].get("scope") for key in user} == {"application"}
    restricted = manifest["capabilities"]["untrustedWorkspaces"]["restrictedConfigurations"]
    assert {"claude.server.command", *(f"claude.{key}" for key in user)} <= set(restricted)


def test_pyproject_table(tmp_path: Path) -> None:
    text = (
        "[project]\nname = 'x'\n\n[tool.claude-lsp]\nreview.max_findings = 9\n"
        "[tool.claude-lsp.context]\nignore = ['gen/']\n[tool.claude-lsp.spend]\nday_usd = 99\n"
        "[tool.other]\nday_usd = 1\n"
    )
    written(tmp_path / "pyproject.toml", text)
    found = loaded(tmp_path)
    assert (found.settings.review.max_findings, found.settings.context.ignore) == (9, ("gen/",))
    assert found.origins["review.max_findings"] == "pyproject.toml"
    assert reported(found) == [
        (
            "pyproject.toml:9: spend.day_usd can't be set by a project's own file; "
            "set it in your user file"
        )
    ]


@pytest.mark.parametrize(
    "text", ["[tool]\nx = 1\n", "tool = 5\n", "[tool]\nclaude-lsp = 5\n", "[project]\nname='x'\n"]
)
def test_a_pyproject_that_is_about_something_else(tmp_path: Path, text: str) -> None:
    written(tmp_path / "pyproject.toml", text)
    assert loaded(tmp_path) == Configuration()


def test_the_own_file_wins_over_pyproject(tmp_path: Path) -> None:
    written(tmp_path / "pyproject.toml", "[tool.claude-lsp.review]\nmax_findings = 1\n")
    written(tmp_path / "claude-lsp.toml", "[review]\nmax_findings = 2\n")
    found = loaded(tmp_path)
    assert found.settings.review.max_findings == 2
    assert found.origins["review.max_findings"] == "claude-lsp.toml"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[review]\nmax_finding = 3\n",
         ("claude-lsp.toml:2: unknown setting review.max_finding; "
         "did you mean review.max_findings?")),
        ("[review]\nmin_severity = 'bad'\n",
         ("claude-lsp.toml:2: review.min_severity must be one of "
         "'critical', 'major', 'minor', 'info', not 'bad'")),
        ("review = 5\n", "claude-lsp.toml:1: unknown setting review"),
        ("[[review]]\nmax_findings = 3\n", "claude-lsp.toml:1: unknown setting review"),
    ],
)  # fmt: skip
def test_invalid_keys_and_values_are_named_with_their_line(
    tmp_path: Path, text: str, problem: str
) -> None:
    written(tmp_path / "claude-lsp.toml", text)
    found = loaded(tmp_path)
    assert len(found.problems) == 1
    assert reported(found)[0].startswith(problem)
    assert found.settings == Settings()


def test_one_bad_value_does_not_lose_the_others(tmp_path: Path) -> None:
    written(tmp_path / "claude-lsp.toml", "[review]\nmax_findings = 'x'\nmin_confidence = 0.9\n")
    found = loaded(tmp_path)
    assert len(found.problems) == 1
    assert found.settings.review.min_confidence == 0.9


def test_broken_toml_is_named_with_its_line_and_defaults_are_used(tmp_path: Path) -> None:
    path = written(tmp_path / "claude-lsp.toml", "[review]\nmax_findings = = 3\n")
    found = loaded(tmp_path)
    assert len(found.problems) == 1
    assert reported(found)[0].startswith(f"{path}: not valid TOML, so defaults are used: ")
    assert "line 2" in reported(found)[0]
    assert found.settings == Settings()


def test_a_broken_file_does_not_lose_the_other_layers(tmp_path: Path) -> None:
    written(tmp_path / "claude-lsp.toml", "=")
    written(user_file(), "[spend]\nday_usd = 1\n")
    found = loaded(tmp_path)
    assert found.settings.spend.day_usd == 1.0
    assert len(found.problems) == 1


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    path = written(tmp_path / "claude-lsp.toml", "#" * 1_000_001)
    assert reported(loaded(tmp_path)) == [f"{path}: larger than 1 MB: not read as settings"]


def test_an_undecodable_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "claude-lsp.toml"
    path.write_bytes(b"[log]\n\xff\xfe")
    assert reported(loaded(tmp_path)) == [f"{path}: not UTF-8 at byte 6: not read"]


def test_a_folder_in_the_place_of_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "claude-lsp.toml").mkdir()
    assert reported(loaded(tmp_path)) == [
        f"{tmp_path / 'claude-lsp.toml'}: can't be read: Is a directory"
    ]


def test_deeply_nested_toml_does_not_crash(tmp_path: Path) -> None:
    path = written(tmp_path / "claude-lsp.toml", "review = " + "[" * 5000 + "]" * 5000)
    found = loaded(tmp_path)
    assert len(found.problems) == 1
    assert str(path) in reported(found)[0] or "unknown setting review" in reported(found)[0]


def test_a_named_file_must_be_there(tmp_path: Path) -> None:
    found = loaded(tmp_path, file=tmp_path / "nowhere.toml")
    assert reported(found) == [f"{tmp_path / 'nowhere.toml'}: no such settings file"]


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("CLAUDE_LSP_COMPLETION_DEBOUNCE_MS", "soon",
         "environment: completion.debounce_ms must be a whole number, not 'soon'"),
        ("CLAUDE_LSP_SPEND_DAY_USD", "-1", ("environment: spend.day_usd must be at least 0, "
         "not '-1'")),
        ("CLAUDE_LSP_EDITS_LIVE", "", ("environment: edits.live must be one of 'off', 'line', "
         "not ''")),
    ],
)  # fmt: skip
def test_bad_environment_variables_are_reported(name: str, value: str, problem: str) -> None:
    found = load(None, environment={name: value})
    assert reported(found) == [problem]
    assert found.settings == Settings()


def test_environment_variables_of_every_form() -> None:
    found = load(
        None,
        environment={
            "CLAUDE_LSP_MODELS_HAIKU": "small",
            "CLAUDE_LSP_CONTEXT_IGNORE": "a/,*.b",
            "CLAUDE_LSP_ENDPOINT_TIMEOUT_S": "12.5",
            "CLAUDE_LSP_STATE_DIR": "/somewhere",
            "UNRELATED": "1",
        },
    )
    assert not found.problems
    values = found.settings
    assert (values.models.haiku, values.context.ignore) == ("small", ("a/", "*.b"))
    assert values.endpoint.timeout_s == 12.5


def test_the_process_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAUDE_LSP_LOG_LEVEL", "error")
    assert load(None).settings.log.level == "error"


def test_what_an_editor_sends_is_never_trusted_to_be_well_formed() -> None:
    found = load(None, environment={}, editor={"completion": [], "spend": {"day_usd": None}, "": 1})
    assert {problem.key for problem in found.problems} == {"completion", "spend.day_usd", ""}
    assert found.settings == Settings()


def test_what_is_wrong_is_told_in_short_and_steers_no_terminal() -> None:
    values = {"models": {"haiku": ["x" * 100_000]}, "\x1b[31m": "y", "z" * 100_000: 1}
    problems = merge([Layer("claude-lsp.toml", "project", values)]).problems
    assert len(problems) == 3
    assert all(len(each.message) < 600 and each.message.isprintable() for each in problems)
    assert problems[0].message.startswith("models.haiku must be a text, not ['xxx")
