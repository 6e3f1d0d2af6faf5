"""Kate with its LSP plugin: the menu of actions, a review, Quick Fix, and nothing sent unasked."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.editors.wire import Wire
from tests.lsp.editor import PYTHON, edit, edits, finding
from tests.messages_api import ThreadedMessagesApi, replies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CONFIGURATION = Path(__file__).parents[3] / "editors" / "kate" / "settings.json"
NEEDED = ("kate", "Xvfb", "openbox", "xdotool", "dbus-run-session")
WAIT_S = 60.0
FIXED = PYTHON.replace("LIMIT = 10", "LIMIT = 20")


class Kate:
    """One Kate, driven by keys.

    Attributes:
        api: the Messages API that the server talks to.
        wire: what Kate and the server say to each other.
        file: what is edited.
    """

    def __init__(self, api: ThreadedMessagesApi, wire: Wire, file: Path, display: str) -> None:
        self.api = api
        self.wire = wire
        self.file = file
        self._environment = {**os.environ, "DISPLAY": display}

    def until(self, holds: Callable[[], Any], what: str) -> Any:
        end = time.monotonic() + WAIT_S
        while not (value := holds()):
            if time.monotonic() > end:
                raise TimeoutError(what)
            time.sleep(0.05)
        return value

    def keys(self, *keys: str) -> None:
        command = ["xdotool", "key", "--clearmodifiers", "--delay", "60", *keys]
        subprocess.run(command, env=self._environment, check=True, timeout=20)

    def menu(self) -> list[str]:
        """Open the menu of code actions; return what it shows."""
        asked = len(self.wire.requests("textDocument/codeAction"))
        self.keys("alt+Return")
        request = self.until(
            lambda: self.wire.requests("textDocument/codeAction")[asked:], "no request for actions"
        )[0]
        answer = self.until(lambda: self.wire.answer(request), "no answer with actions")
        time.sleep(0.7)  # until the menu shows them
        return [action["title"] for action in answer["result"]]

    def choose(self, title: str) -> None:
        """Run an action from the menu."""
        place = next(n for n, each in enumerate(self.menu()) if each.startswith(title))
        run = len(self.wire.requests("workspace/executeCommand"))
        self.keys(*["Down"] * (place + 1), "Return")
        self.until(
            lambda: len(self.wire.requests("workspace/executeCommand")) > run, "nothing was run"
        )

    def review(self, **remark: Any) -> None:
        """Let one finding be shown."""
        self.api.script(replies.json_findings([finding(PYTHON, "LIMIT = 10", **remark)]))
        published = len(self.wire.told("textDocument/publishDiagnostics"))
        self.choose("Claude: Review this file")
        self.until(
            lambda: len(self.wire.told("textDocument/publishDiagnostics")) > published,
            "no diagnostics",
        )
        time.sleep(0.7)  # until Kate shows them

    def saved(self, text: str) -> None:
        """Save until the file holds a text."""

        def holds() -> bool:
            self.keys("ctrl+s")
            time.sleep(0.3)
            return self.file.read_text("utf-8") == text

        self.until(holds, f"the file never became:\n{text}")


@contextlib.contextmanager
def screen() -> Iterator[str]:
    """A display of its own, with a window manager."""
    read, write = os.pipe()
    display = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x800x24", "-nolisten", "tcp"]
    with subprocess.Popen(display, pass_fds=[write], stderr=subprocess.DEVNULL) as xvfb:
        try:
            os.close(write)
            name = f":{os.read(read, 20).decode().strip()}"
            environment = {**os.environ, "DISPLAY": name}
            with subprocess.Popen(
                ["openbox"], env=environment, stderr=subprocess.DEVNULL
            ) as manager:
                try:
                    yield name
                finally:
                    manager.terminate()
        finally:
            os.close(read)
            xvfb.terminate()


@pytest.fixture(scope="module")
def kate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kate]:
    missing = [tool for tool in NEEDED if not shutil.which(tool)]
    assert not missing, f"run this by `make test-kate`, which installs {', '.join(missing)}"
    home = tmp_path_factory.mktemp("kate")
    project = home / "project"
    (project / ".git").mkdir(parents=True)
    file = project / "code.py"
    file.write_text(PYTHON, encoding="utf-8")
    wire = Wire(home, Path(sys.executable).parent / "claude-lsp")
    settings = home / ".config" / "kate" / "lspclient" / "settings.json"
    settings.parent.mkdir(parents=True)
    shutil.copy(CONFIGURATION, settings)
    (home / ".config" / "katerc").write_text(
        "[Kate Plugins]\nlspclientplugin=true\n\n"
        # Kate asks for the whole path.
        f"[lspclient]\nAllowedServerCommandLines={wire.program}\n",
        encoding="utf-8",
    )
    (home / "run").mkdir(mode=0o700)
    with ThreadedMessagesApi() as api, screen() as display:
        environment = api.environment(
            HOME=str(home),
            CLAUDE_LSP_STATE_DIR=str(home / "state"),
            PATH=f"{wire.program.parent}{os.pathsep}{os.environ['PATH']}",
            DISPLAY=display,
            XDG_RUNTIME_DIR=str(home / "run"),
            LANG="C.UTF-8",
            QT_QPA_PLATFORM="xcb",
        )
        command = ["dbus-run-session", "--", "kate", "-n", str(file)]
        with (
            (home / "kate.log").open("wb") as log,
            subprocess.Popen(command, env=environment, cwd=home, stdout=log, stderr=log) as process,
        ):
            try:
                kate = Kate(api, wire, file, display)
                kate.until(lambda: wire.requests("textDocument/didOpen"), "the file is not open")
                time.sleep(2)  # until the window takes keys
                yield kate
            finally:
                process.terminate()


def test_the_project_is_found_though_kate_starts_in_the_home_folder(kate: Kate) -> None:
    (request,) = kate.wire.requests("initialize")
    assert request["params"]["rootUri"] == kate.file.parent.as_uri()
    assert "clientInfo" not in request["params"]  # what the next tests rest upon


def test_an_action_from_the_menu_runs_without_a_question(kate: Kate) -> None:
    kate.review(replacement="LIMIT = 20")
    assert len(kate.api.messages) == 1
    assert kate.wire.told("window/showMessageRequest") == []


def test_quick_fix_applies_the_suggestion_and_runs_nothing_else(kate: Kate) -> None:
    run = len(kate.wire.requests("workspace/executeCommand"))
    kate.keys("ctrl+period")
    kate.saved(FIXED)
    kate.keys("ctrl+z")
    kate.saved(PYTHON)
    assert len(kate.wire.requests("workspace/executeCommand")) == run
    assert len(kate.api.messages) == 1


def test_quick_fix_sends_nothing_that_was_not_agreed_to(kate: Kate) -> None:
    """This Kate can't show the question, so the answer is no, and is told."""
    kate.review()
    sent = len(kate.api.messages)
    kate.keys("ctrl+period")
    kate.until(
        lambda: any(
            "this was not done" in each["params"]["message"]
            for each in kate.wire.told("window/showMessage")
        ),
        "nothing was told",
    )
    assert len(kate.api.messages) == sent
    assert kate.file.read_text("utf-8") == PYTHON


def test_a_fix_from_the_menu(kate: Kate) -> None:
    """At once, since Kate takes edits only for two seconds after a command was run."""
    kate.api.script(edits(edit(PYTHON, "LIMIT = 10", "LIMIT = 20")))
    kate.choose("Claude: Fix")
    kate.saved(FIXED)
