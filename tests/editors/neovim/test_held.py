"""Edits that wait for the user's word, as the server tells of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.editors.neovim.conftest import PYTHON

if TYPE_CHECKING:
    from tests.editors.neovim.conftest import Neovim

RECORD = """
_G.run = {}
require('claude_lsp.server').run = function(command, argument)
  table.insert(_G.run, { command, argument.id })
end
"""


def tell(neovim: Neovim, **others: Any) -> None:
    """Do what a message of the server does."""
    line = {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 10}}
    params = {
        "id": 3,
        "title": "Fix: is wrong",
        "edits": [{"range": line, "newText": "LIMIT = 20\nOTHER = 1"}],
        "ready": True,
        "complete": False,
        "reason": "",
        **others,
    }
    neovim.lua(
        "local params = ...; params.uri = vim.uri_from_bufnr(0)"
        " local client = require('claude_lsp.server').of()"
        " require('claude_lsp.preview').on_preview(nil, params, { client_id = client.id })",
        params,
    )


def test_they_are_shown_and_accepted_or_discarded(fresh_neovim: Neovim) -> None:
    neovim = fresh_neovim
    neovim.open()
    neovim.lua(RECORD)
    tell(neovim, ready=False)
    assert "Fix: is wrong (more may come)" in neovim.virtual("claude_lsp.held")
    neovim.nvim.command("Claude accept")
    assert neovim.lua("return #_G.run") == 0
    assert "no edit waits here" in neovim.messages
    tell(neovim)
    shown = neovim.virtual("claude_lsp.held")
    assert ":Claude accept or :Claude discard" in shown
    assert "+ LIMIT = 20\n+ OTHER = 1" in shown
    assert neovim.text == PYTHON
    neovim.nvim.command("Claude accept")
    neovim.nvim.command("Claude discard")
    assert neovim.lua("return _G.run") == [
        ["claude.acceptPreview", 3],
        ["claude.discardPreview", 3],
    ]
    tell(neovim, edits=[], complete=True, reason="the text there has changed meanwhile")
    assert neovim.virtual("claude_lsp.held") == ""
    assert "Fix: is wrong: taken back, the text there has changed meanwhile" in neovim.messages


def test_only_who_wants_it_announces_it(fresh_neovim: Neovim) -> None:
    neovim = fresh_neovim
    announced = "return vim.lsp.config.claude_lsp.capabilities.experimental.claude.preview"
    assert neovim.lua(announced) is True
    neovim.lua("require('claude_lsp').setup({ hold_edits = true })")
    assert neovim.lua(announced) == {"accept": True}
    neovim.lua("require('claude_lsp').setup({ hold_edits = false })")
    assert neovim.lua(announced) is True
