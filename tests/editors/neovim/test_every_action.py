"""Every action of the table, run in a real Neovim."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.editors.actions import TRIALS
from tests.messages_api import Finish, Gate, replies

if TYPE_CHECKING:
    from tests.editors.actions import Trial
    from tests.editors.neovim.conftest import Neovim


def configure(neovim: Neovim, settings: dict[str, Any]) -> None:
    """Change the server's settings, and wait until code lenses tell that they hold."""
    for enabled in (False, True):
        _configure(neovim, {**settings, "code_lens": {"enabled": enabled}}, lenses_there=enabled)


def _configure(neovim: Neovim, settings: dict[str, Any], *, lenses_there: bool) -> None:
    neovim.lua(
        "require('claude_lsp.server').of():notify('workspace/didChangeConfiguration',"
        " { settings = { claude = ... } })",
        settings,
    )
    neovim.until(lambda: bool(lenses(neovim)) == lenses_there, "the settings do not hold")


def lenses(neovim: Neovim) -> list[str]:
    """Return the titles of the code lenses."""
    return neovim.lua(  # type: ignore[no-any-return]
        "local answer = vim.lsp.buf_request_sync(0, 'textDocument/codeLens',"
        " { textDocument = { uri = vim.uri_from_bufnr(0) } }, 5000)"
        " local titles = {}"
        " for _, each in pairs(answer or {}) do for _, lens in ipairs(each.result or {}) do"
        " titles[#titles + 1] = lens.command.title end end return titles"
    )


def test_code_lenses_stand_above_definitions(neovim: Neovim) -> None:
    neovim.name = "code.py"  # tests get no offer to write tests
    neovim.open("def f():\n    return 1\n")
    configure(neovim, {})
    neovim.lua("require('claude_lsp.lenses').attach(vim.api.nvim_get_current_buf())")
    count = "return #vim.lsp.codelens.get(vim.api.nvim_get_current_buf())"
    neovim.until(lambda: neovim.lua(count) == 3)
    assert [title.split(" ≈")[0].split(" <")[0] for title in lenses(neovim)] == [
        "Review",
        "Explain",
        "Write tests",
    ]


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.action)
def test_it_does_what_it_says(neovim: Neovim, trial: Trial) -> None:
    neovim.name = trial.file
    trial.prepare(neovim.root, neovim.api)
    neovim.lua("vim.ui.select = function(items, _, choose) choose(items[1]) end")
    neovim.open(trial.text)
    if trial.settings:
        configure(neovim, trial.settings)
    buffer = neovim.nvim.current.buffer
    uri = neovim.lua("return vim.uri_from_bufnr(0)")
    neovim.lua("require('claude_lsp.server').run(...)", trial.command, trial.argument(uri))
    neovim.until(lambda: neovim.api.messages, "nothing was asked")
    assert trial.when in neovim.api.messages[0].text
    if trial.buffer:
        wanted = trial.buffer.removesuffix("\n").split("\n")
        neovim.until(lambda: buffer[:] == wanted, "the text is another")
        neovim.until(lambda: neovim.status["state"] == "idle")
        while neovim.nvim.funcs.undotree()["seq_cur"]:
            neovim.nvim.command("silent undo")
        assert "\n".join(buffer[:]) == trial.text.removesuffix("\n")
    if trial.document:
        neovim.until(lambda: trial.document in neovim.text, "no document came")
    if trial.finding:
        neovim.until(lambda: neovim.diagnostics == [(0, trial.finding)], "nothing was found")


def test_a_completion_that_grows_is_one_step_to_undo(neovim: Neovim) -> None:
    text = "def g():\n    return 1\n\n\n"
    neovim.open(text)
    configure(neovim, {"edits": {"live": "line"}})
    first, second = Gate(), Gate()
    neovim.api.script(
        replies.partial("<fill>def f():\n    a = 1\n")
        + first
        + replies.partial("    b = 2\n    c = 3\n")
        + second
        + replies.partial("    return a\n</fill>")
        + Finish()
    )
    neovim.keys("G")
    neovim.lua("require('claude_lsp.commands').run({ 'complete' })")
    neovim.until(lambda: "a = 1" in neovim.text)
    assert "c = 3" not in neovim.text
    first.open()
    neovim.until(lambda: "c = 3" in neovim.text)
    second.open()
    neovim.until(lambda: "return a" in neovim.text)
    neovim.until(lambda: neovim.status["state"] == "idle")
    neovim.keys("u")
    neovim.until(lambda: neovim.text == text)
    # Cancelled, it leaves nothing behind.
    neovim.api.script(replies.partial("<fill>def f():\n    a = 1\n    b = 2\n") + Gate())
    neovim.lua("require('claude_lsp.commands').run({ 'complete' })")
    neovim.until(lambda: "b = 2" in neovim.text)
    neovim.nvim.command("Claude cancel")
    neovim.until(lambda: neovim.text == text)
