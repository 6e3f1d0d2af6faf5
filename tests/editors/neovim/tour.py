"""Walk through Neovim in a terminal as a user does, and keep a picture: `make neovim-images`.

Needs tmux, aha and chromium beside what `make test-neovim` installs.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lsp.editor import finding
from tests.messages_api import ThreadedMessagesApi, replies

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
IMAGES = ROOT / "docs" / "images"
COLUMNS, ROWS = 96, 30
WAIT_S = 30.0
SCALE = 9.05, 18  # pixels of a character cell

CODE = '''\
"""Orders and what they cost."""

import json


class Order:
    def __init__(self, items):
        self.items = items

    def total(self):
        return sum(item["price"] * item["count"] for item in self.items)


def load(path):
    file = open(path)
    return [Order(entry) for entry in json.load(file)]
'''

FILL = '''<fill>(orders, count=3):
    """Return the orders that cost most, the dearest first."""
    ordered = sorted(orders, key=Order.total, reverse=True)
    return ordered[:count]</fill>'''


class Terminal:
    """A tmux of its own, with nothing of the user's."""

    def __init__(self, folder: Path, command: str, environment: dict[str, str]) -> None:
        self._socket = f"claude-lsp-{os.getpid()}"
        self._environment = environment
        size = ("-x", str(COLUMNS), "-y", str(ROWS))
        self._tmux(
            "-f", "/dev/null", "new-session", "-d", *size, "-c", str(folder), "-s", "tour", command
        )
        self._tmux("set", "-g", "default-terminal", "tmux-256color")
        self._tmux("set", "-ga", "terminal-overrides", ",*:Tc")
        self._tmux("set", "-g", "status", "off")

    def keys(self, *keys: str) -> None:
        self._tmux("send-keys", "-t", "tour", *keys)

    def text(self) -> str:
        return self._tmux("capture-pane", "-p", "-t", "tour")

    def wait(self, needle: str) -> None:
        """Wait until the screen shows a text."""
        end = time.monotonic() + WAIT_S
        while needle not in self.text():
            if time.monotonic() > end:
                raise TimeoutError(f"'{needle}' is not on the screen:\n{self.text()}")
            time.sleep(0.1)

    def coloured(self) -> str:
        time.sleep(0.3)  # what is still being drawn
        return self._tmux("capture-pane", "-e", "-p", "-t", "tour")

    def end(self) -> None:
        with contextlib.suppress(subprocess.CalledProcessError):
            self._tmux("kill-server")

    def _tmux(self, *arguments: str) -> str:
        command = ["tmux", "-L", self._socket, *arguments]
        run = subprocess.run(
            command, env=self._environment, check=True, capture_output=True, text=True, timeout=20
        )
        return run.stdout


def picture(screen: str, path: Path) -> None:
    """Draw a captured screen as a PNG."""
    page = subprocess.run(
        ["aha", "--black"], input=screen, check=True, capture_output=True, text=True
    ).stdout
    style = "font:15px/18px DejaVu Sans Mono,monospace;margin:8px;color:#ddd;background:#14161b"
    page = page.replace("<pre>", f'<pre style="{style}">')
    page = page.replace('<body style="', '<body style="margin:0;background:#14161b;')
    width, height = round(COLUMNS * SCALE[0]) + 16, ROWS * SCALE[1] + 16
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "screen.html")
        source.write_text(page, encoding="utf-8")
        subprocess.run(
            [
                "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--hide-scrollbars", f"--user-data-dir={folder}/profile",
                f"--window-size={width},{height}", f"--screenshot={path}", source.as_uri(),
            ],
            check=True, capture_output=True, timeout=60,
        )  # fmt: skip


@contextlib.contextmanager
def started(home: Path, api: ThreadedMessagesApi) -> Iterator[Terminal]:
    """Open the example in a Neovim that is configured as the README says."""
    project = home / "shop"
    (project / ".git").mkdir(parents=True)
    (project / "orders.py").write_text(CODE, encoding="utf-8")
    scripts = Path(sys.executable).parent
    # Where a user has it, so that the picture shows no path of this machine.
    programs = home / ".local" / "bin"
    programs.mkdir(parents=True)
    (programs / "claude-lsp").symlink_to(scripts / "claude-lsp")
    environment = api.environment(
        HOME=str(home),
        CLAUDE_LSP_STATE_DIR=str(home / "ledger"),
        PATH=f"{programs}{os.pathsep}{os.environ['PATH']}",
        LANG="C.UTF-8",
        COLORTERM="truecolor",
        **{f"XDG_{name}_HOME": str(home / name) for name in ("CONFIG", "DATA", "STATE", "CACHE")},
    )
    program = os.environ.get("NVIM", f"{scripts}/nvim")
    init = Path(__file__).parent / "init.lua"
    look = "set number signcolumn=yes | lua vim.diagnostic.config({ virtual_text = true })"
    command = f"{program} -n -u {init} -c '{look}' orders.py"
    terminal = Terminal(project, command, environment)
    try:
        yield terminal
    finally:
        terminal.end()


def walk(home: Path) -> dict[str, str]:
    """Take the tour; return the screens worth a picture, by name."""
    screens: dict[str, str] = {}
    remarks = [
        finding(
            CODE,
            "    file = open(path)",
            path="orders.py",
            rule="review.resource",
            title="The file is never closed",
            explanation="It stays open when reading fails.",
            replacement="    file = path.open()",
        ),
        finding(
            CODE,
            "def total(self):",
            path="orders.py",
            severity="minor",
            title="An item without a price ends in a KeyError",
            explanation="Nothing checks it before.",
        ),
    ]
    with ThreadedMessagesApi() as api, started(home, api) as terminal:
        api.script(replies.json_findings(remarks, delay_s=0.2))
        terminal.wait("  Claude")  # the statusline, once the server is there
        terminal.keys(":Claude review", "Enter")
        terminal.wait("The file is never closed")
        terminal.wait("An item without a price")
        terminal.keys("15G", "w", "gra")
        terminal.wait("Code actions")
        screens["neovim-actions"] = terminal.coloured()
        terminal.keys("q", "Enter")
        terminal.keys(":Claude clear", "Enter")
        api.answer = replies.text(FILL)
        terminal.keys("G", "o", "Enter", "Enter", "def dearest")
        terminal.wait("ordered[:count]")
        screens["neovim-ghost-text"] = terminal.coloured()
        terminal.keys("Tab", "Escape")
        terminal.keys(":checkhealth claude_lsp", "Enter")
        terminal.wait("claude_lsp: server")
        screens["neovim-health"] = terminal.coloured()
        terminal.keys("G")
        terminal.wait("claude_lsp: buffers")
        terminal.keys(":qall!", "Enter")
    return screens


def main() -> int:
    """Draw the pictures of the documents."""
    missing = [tool for tool in ("tmux", "aha", "chromium") if not shutil.which(tool)]
    if missing:
        print(f"the pictures need {' and '.join(missing)}; install them, for example by apt-get")
        return 2
    with tempfile.TemporaryDirectory() as home:
        screens = walk(Path(home))
    for name, screen in screens.items():
        picture(screen, IMAGES / f"{name}.png")
        print(IMAGES / f"{name}.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
