"""JupyterLab in Chromium: completions in the menu, in a file and in a notebook's cell."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.editors.wire import Wire
from tests.lsp.editor import PYTHON
from tests.messages_api import ThreadedMessagesApi, replies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CONFIGURATION = Path(__file__).parents[3] / "editors" / "jupyterlab"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
WAIT_MS = 60_000

NOTEBOOK = {
    "cells": [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": f"cell{number}",
            "metadata": {},
            "outputs": [],
            "source": source,
        }
        for number, source in enumerate(["def first_cell(values): ...", "first"])
    ],
    "metadata": {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python", "mimetype": "text/x-python", "file_extension": ".py"},
    },
    "nbformat": 4,
    "nbformat_minor": 5,
}


class Lab:
    """A JupyterLab and its browser.

    Attributes:
        page: the browser's page.
        api: the Messages API that the server talks to.
        wire: what JupyterLab and the server say to each other.
        root: the folder that JupyterLab serves.
    """

    def __init__(self, page: Any, api: ThreadedMessagesApi, wire: Wire, root: Path) -> None:
        self.page = page
        self.api = api
        self.wire = wire
        self.root = root
        self.address = ""

    def open(self, name: str) -> None:
        """Show a file, once the server knows it."""
        self.page.goto(f"{self.address}/lab/tree/{name}?reset")

        def known() -> bool:
            opened = self.wire.requests("textDocument/didOpen")
            return any(name in each["params"]["textDocument"]["uri"] for each in opened)

        self.until(known)
        self.page.wait_for_timeout(1000)

    def until(self, holds: Callable[[], Any]) -> None:
        end = time.monotonic() + WAIT_MS / 1000
        while not holds():
            assert time.monotonic() < end, "never came"
            self.page.wait_for_timeout(200)

    def complete(self) -> str:
        """Ask for completions at the cursor; return what the menu shows first."""
        self.page.wait_for_timeout(500)
        self.page.keyboard.press("Tab")
        entry = self.page.locator(".jp-Completer-item").first
        entry.wait_for(timeout=WAIT_MS)
        return str(entry.inner_text())


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    playwright = pytest.importorskip("playwright.sync_api")
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    assert browser, "run this by `make test-jupyterlab`, which installs Chromium"
    home = tmp_path_factory.mktemp("jupyterlab")
    root = home / "project"
    (root / ".git").mkdir(parents=True)
    (root / "code.py").write_text(PYTHON, encoding="utf-8")
    (root / "cells.ipynb").write_text(json.dumps(NOTEBOOK), encoding="utf-8")
    (home / "jupyter" / "labconfig").mkdir(parents=True)
    shutil.copy(CONFIGURATION / "jupyter_server_config.json", home / "jupyter")
    shutil.copy(CONFIGURATION / "default_setting_overrides.json", home / "jupyter" / "labconfig")
    settings = home / ".config" / "claude-lsp" / "config.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text("[completion]\npopup = true\n", encoding="utf-8")
    scripts = Path(sys.executable).parent
    wire = Wire(home, scripts / "claude-lsp")
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    with ThreadedMessagesApi() as api:
        environment = api.environment(
            HOME=str(home),
            CLAUDE_LSP_STATE_DIR=str(home / "state"),
            JUPYTER_CONFIG_DIR=str(home / "jupyter"),
            PATH=f"{wire.program.parent}{os.pathsep}{os.environ['PATH']}",
        )
        command = [
            str(scripts / "jupyter-lab"), "--no-browser", "--allow-root", "--ip=127.0.0.1",
            f"--port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token=",
            f"--ServerApp.root_dir={root}",
        ]  # fmt: skip
        with (
            (home / "jupyter.log").open("wb") as log,
            subprocess.Popen(command, env=environment, cwd=home, stdout=log, stderr=log) as process,
        ):
            try:
                with playwright.sync_playwright() as driver:
                    chromium = driver.chromium.launch(executable_path=browser, args=FLAGS)
                    lab = Lab(chromium.new_page(), api, wire, root)
                    lab.address = f"http://127.0.0.1:{port}"
                    lab.until(lambda: answers(f"{lab.address}/api"))
                    yield lab
                    chromium.close()
            finally:
                process.terminate()


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5):
            return True
    except OSError:
        return False


def test_a_completion_is_in_the_menu_of_a_file(lab: Lab) -> None:
    lab.api.answer = replies.text("<fill>nt(total([1]))</fill>")
    lab.open("code.py")
    (begun, *_) = lab.wire.requests("initialize")
    assert begun["params"]["rootUri"] == lab.root.as_uri()
    lab.page.click(".jp-FileEditor .cm-content")
    lab.page.keyboard.press("Control+End")
    lab.page.keyboard.type("\npri")
    assert "nt(total([1]))" in lab.complete()
    assert len(lab.api.messages) == 1  # typing alone has asked for nothing
    lab.page.keyboard.press("Enter")
    editor = lab.page.locator(".jp-FileEditor .cm-content")
    lab.until(lambda: "print(total([1]))" in editor.inner_text())


def test_a_cell_is_completed_with_the_cells_above(lab: Lab) -> None:
    lab.api.reset()
    lab.api.answer = replies.text("<fill>_cell([1])</fill>")
    lab.open("cells.ipynb")
    lab.page.locator(".jp-Notebook .cm-content").nth(1).click()
    lab.page.keyboard.press("Control+End")
    assert "_cell([1])" in lab.complete()
    (request,) = lab.api.messages
    assert "def first_cell(values)" in request.text
