"""A real Neovim with the plugin, the installed server behind it, the loopback API behind that."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.messages_api import ThreadedMessagesApi, replies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Path(__file__).parent
WAIT_S = 60.0

PYTHON = """\
LIMIT = 10


def total(values):
    result = 0
    for value in values:
        result += value
    return result
"""


class Neovim:
    """One Neovim, driven as by a user: keys go through its own event loop.

    Attributes:
        nvim: pynvim's side of the connection.
        api: the Messages API that the server talks to.
        root: the workspace's folder.
        name: the file that the test edits.
    """

    def __init__(self, nvim: Any, api: ThreadedMessagesApi, root: Path) -> None:
        self.nvim = nvim
        self.api = api
        self.root = root
        self.name = "code.py"

    def lua(self, code: str, *arguments: Any) -> Any:
        """Run Lua; an expression needs a `return`."""
        return self.nvim.exec_lua(code, *arguments)

    def until(self, holds: Callable[[], Any], what: str = "") -> Any:
        """Wait until something is true, and return it."""
        end = time.monotonic() + WAIT_S
        while not (value := holds()):
            if time.monotonic() > end:
                raise TimeoutError(f"{what or 'never came'}; messages: {self.messages}")
            time.sleep(0.02)
        return value

    def open(self, text: str = PYTHON) -> None:
        """Write the file, edit it and wait for the server."""
        path = self.root / self.name
        path.write_text(text, encoding="utf-8")
        self.nvim.command(f"edit {path}")
        self.until(lambda: self.lua("return require('claude_lsp.server').of() ~= nil"), "no client")
        self.until(lambda: self.status["state"] != "starting", "the server did not start")
        self.until(lambda: self.status["state"] != "working", "the server is not ready")

    def keys(self, keys: str) -> None:
        """Type."""
        self.nvim.input(keys)

    @property
    def text(self) -> str:
        return "\n".join(self.nvim.current.buffer[:]) + "\n"

    @property
    def line(self) -> str:
        return str(self.nvim.current.line)

    @property
    def cursor(self) -> tuple[int, int]:
        row, column = self.nvim.current.window.cursor
        return row, column

    @property
    def status(self) -> dict[str, str]:
        return self.lua("return require('claude_lsp.status').of()") or {"state": "starting"}

    @property
    def ghost(self) -> str:
        """What is shown as ghost text, "" if nothing is."""
        return self.virtual("claude_lsp.ghost")

    @property
    def preview(self) -> str:
        return self.virtual("claude_lsp.preview")

    def virtual(self, module: str) -> str:
        """Return the virtual text of a module."""
        marks = self.lua(
            f"return vim.api.nvim_buf_get_extmarks(0, require('{module}').namespace, 0, -1,"
            " { details = true })"
        )
        lines = []
        for *_, details in marks:
            if "virt_text" in details:
                lines.append("".join(chunk[0] for chunk in details["virt_text"]))
            lines += ["".join(c[0] for c in line) for line in details.get("virt_lines", ())]
        return "\n".join(lines)

    @property
    def diagnostics(self) -> list[tuple[int, str]]:
        found = self.lua("return vim.diagnostic.get(0)")
        return sorted((each["lnum"], each["message"].split("\n")[0]) for each in found)

    @property
    def messages(self) -> str:
        return str(self.nvim.command_output("messages"))


@contextlib.contextmanager
def started(home: Path) -> Iterator[Neovim]:
    """Start a Neovim in an empty home, with nothing but this machine to talk to."""
    import pynvim

    root = home / "project"
    (root / ".git").mkdir(parents=True)
    # The one beside Python is the one that was installed for this; another one can be named.
    scripts = str(Path(sys.executable).parent)
    program = os.environ.get("NVIM", f"{scripts}/nvim")
    assert shutil.which(program), "no Neovim: run this by `make test-neovim`, or name one by NVIM"
    with ThreadedMessagesApi() as api, pytest.MonkeyPatch.context() as patch:
        for name, value in api.environment(HOME=str(home)).items():
            patch.setenv(name, value)
        for name in ("CONFIG", "DATA", "STATE", "CACHE"):
            patch.setenv(f"XDG_{name}_HOME", str(home / name.lower()))
        patch.setenv("CLAUDE_LSP_STATE_DIR", str(home / "ledger"))
        patch.setenv("PATH", scripts + os.pathsep + os.environ["PATH"])
        patch.chdir(home)  # so that nothing works only because of where Neovim was started
        argv = [program, "--embed", "--headless", "-n", "-u", str(HERE / "init.lua")]
        nvim = pynvim.attach("child", argv=argv)
        # A headless Neovim stops at a message that is longer than its screen.
        nvim.command("set nomore columns=200 lines=60 shiftwidth=4 expandtab hidden")
        try:
            yield Neovim(nvim, api, root)
        finally:
            # It ends before it can answer.
            with contextlib.suppress(EOFError, OSError):
                nvim.command("qall!")
            nvim.close()


@pytest.fixture
def fresh_neovim(empty_home: Path) -> Iterator[Neovim]:
    """A Neovim and a server of the test's own."""
    with started(empty_home) as neovim:
        yield neovim


@pytest.fixture(scope="module")
def shared_neovim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neovim]:
    with started(tmp_path_factory.mktemp("shared")) as neovim:
        yield neovim


@pytest.fixture
def neovim(shared_neovim: Neovim, request: pytest.FixtureRequest) -> Iterator[Neovim]:
    """The module's Neovim and server, with no buffer open and nothing under way."""
    neovim = shared_neovim
    neovim.api.reset()
    neovim.api.answer = replies.text("")
    # The server remembers suggestions and findings by the name of the file.
    neovim.name = f"{request.node.name}.py"
    neovim.nvim.command("stopinsert | messages clear")
    yield neovim
    neovim.keys("<Esc>")
    neovim.nvim.command("silent! lua require('claude_lsp.server').run('claude.cancel')")
    neovim.nvim.command("silent! only! | silent! %bwipeout!")
