"""What `claude-lsp doctor --report` writes, and what it must not."""

from __future__ import annotations

import getpass
import json
import platform
from typing import TYPE_CHECKING

import pytest

from claude_lsp.cli.common import without_login
from claude_lsp.cli.config import config
from claude_lsp.cli.doctor import doctor
from claude_lsp.cli.main import parser
from claude_lsp.cli.process import INCOMPLETE
from tests.planted import GITHUB_TOKEN, PASSWORD

if TYPE_CHECKING:
    from pathlib import Path

KEY = "-".join(("the", "key", "of", "this", "test"))
HEADER = "team-" + "header-value-9"
SOURCE = "def the_source_of_somebody(): ..."
LOG = f"""\
cut off in the middle of {SOURCE}
2026-03-01 10:00:00,001 INFO claude_lsp.lsp: serving HOME/code/secret-project/shop.py for USER
2026-03-01 10:00:01,002 DEBUG claude_lsp.engine: prompt
{SOURCE}
2026-03-01 10:00:02,003 ERROR claude_lsp.lsp: failed with {GITHUB_TOKEN} at HOME/.config/x
Traceback (most recent call last):
  File "HOME/venv/lib/claude_lsp/engine.py", line 1, in run
RuntimeError: KEY and password={PASSWORD} on MACHINE
2026-03-01 10:00:03,004 WARNING claude_lsp.lsp: slow
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder with settings that hold what must not be shown, and a workspace in it."""
    folder = tmp_path / "kimberly"
    root = folder / "code" / "secret-project"
    root.mkdir(parents=True)
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(folder))
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("HTTPS_PROXY", "http://kim:proxy-word-1@proxy.internal:3128")
    monkeypatch.setattr(getpass, "getuser", lambda: "kimb")
    monkeypatch.setattr(platform, "node", lambda: "kims-laptop.office.internal")
    log = folder / "claude.log"
    text = LOG.replace("HOME", str(folder)).replace("USER", "kimb").replace("KEY", KEY)
    log.write_text(text.replace("MACHINE", "kims-laptop"))
    settings = folder / "settings.toml"
    settings.write_text(
        f'[log]\nfile = "{log.as_posix()}"\n[endpoint]\n'
        f'base_url = "http://robot:{PASSWORD}@127.0.0.1:9/v1?key={PASSWORD}"\n'
        f'headers = {{ x-team = "{HEADER}" }}\n'
    )
    monkeypatch.chdir(root)
    return folder


def run(home: Path, *words: str) -> int:
    options = parser().parse_args(["doctor", *words, "--config", str(home / "settings.toml")])
    return doctor(options)


def test_the_page_tells_what_helps_and_nothing_private(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = home / "report.md"
    assert run(home, "--report", str(file)) in {0, INCOMPLETE}
    page = file.read_text("utf-8")
    for private in (
        *(KEY, GITHUB_TOKEN, PASSWORD, HEADER, "proxy-word-1", "proxy.internal", SOURCE),
        *(str(home), home.name, "kimb", "kims-laptop", "secret-project", "office.internal"),
    ):
        assert private not in page, private
    for helpful in (
        *("- claude-lsp: ", "- pygls: 2.1", "- Python: ", "- credentials (ok): an API key"),
        *(
            '- endpoint.base_url: "http://127.0.0.1:9/v1"',
            '- endpoint.headers: {"x-team": "(set)"}',
        ),
        *('- log.file: "~/claude.log"', "- HTTPS_PROXY: (set)", "- ANTHROPIC_API_KEY: (set)"),
        *("serving (workspace)/shop.py for (user)", "ERROR claude_lsp.lsp: failed with <redacted:"),
        *('File "~/venv/lib/claude_lsp/engine.py", line 1', "WARNING claude_lsp.lsp: slow"),
        "nothing has been sent",
    ):
        assert helpful in page, helpful
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "nothing was sent: read it before you send it" in shown.err


def test_it_may_go_to_stdout(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(home, "--report", "-")
    assert capsys.readouterr().out.startswith("# claude-lsp report\n")


def test_a_page_that_can_not_be_written_is_told(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(home, "--report", str(home / "missing" / "report.md"))
    assert ended.value.code == 2
    assert "No such file or directory" in capsys.readouterr().err


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe\x00", b"no record\n" * 9])
def test_whatever_the_log_is_there_is_a_page(home: Path, content: bytes | None) -> None:
    log = home / "claude.log"
    log.unlink() if content is None else log.write_bytes(content)
    run(home, "--report", str(home / "report.md"))
    section = (home / "report.md").read_text("utf-8").partition("## The end of the log")[2]
    assert "can't be read" in section if content is None else "no lines above" in section


def test_the_settings_that_are_shown_have_no_login(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["config", "show", "--format", "json", "--config", str(home / "settings.toml")]
    config(parser().parse_args(words))
    shown = capsys.readouterr().out
    assert json.loads(shown)["endpoint.base_url"]["value"] == "http://127.0.0.1:9/v1"
    assert PASSWORD not in shown
    assert HEADER not in shown
    run(home)
    assert PASSWORD not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("", ""),
        ("localhost:8080", "localhost:8080"),
        ("https://a.example/v1", "https://a.example/v1"),
        ("https://kim:pw@a.example:8443/v1/?key=1", "https://a.example:8443/v1/"),
        ("https://kim@pw:x@a.example", "https://a.example"),
        ("https://a.example/@v1", "https://a.example/@v1"),
        ("https://a.example?key=1/2", "https://a.example"),
    ],
)
def test_addresses_lose_what_may_be_a_key(url: str, shown: str) -> None:
    assert without_login(url) == shown
