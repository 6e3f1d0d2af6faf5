"""Suggestions while typing: shown, accepted in parts, kept, taken away."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

from tests.editors.neovim.conftest import PYTHON
from tests.messages_api import Gate, replies

if TYPE_CHECKING:
    from tests.editors.neovim.conftest import Neovim

BODY = "<fill>(a, b):\n    product = a * b\n    return product</fill>"
WHOLE = PYTHON + "\n\ndef mul(a, b):\n    product = a * b\n    return product\n"


def begin(neovim: Neovim, answer: str = BODY, keys: str = "Go<CR><CR>def mul") -> None:
    """Type until the suggestion is shown."""
    neovim.api.answer = replies.text(answer)
    neovim.open()
    neovim.keys(keys)
    neovim.until(lambda: neovim.ghost, "no ghost text")


def test_is_shown_at_the_cursor(neovim: Neovim) -> None:
    begin(neovim)
    assert neovim.ghost == "(a, b):\n    product = a * b\n    return product"
    assert neovim.line == "def mul"
    assert neovim.api.messages[-1].model == "claude-haiku-5-5"


def test_tab_accepts_all_and_one_undo_takes_it_back(neovim: Neovim) -> None:
    begin(neovim)
    neovim.keys("<Tab>")
    neovim.until(lambda: neovim.text == WHOLE)
    assert neovim.cursor == (13, len("    return product"))
    neovim.keys("<Esc>u")
    neovim.until(lambda: neovim.text == PYTHON + "\n\ndef mul\n")


def test_tab_is_a_tab_without_a_suggestion(neovim: Neovim) -> None:
    neovim.open()
    neovim.keys("Go<Tab>x")
    neovim.until(lambda: neovim.line == "    x")


def test_a_line_is_accepted_and_the_rest_stays(neovim: Neovim) -> None:
    begin(neovim)
    asked = len(neovim.api.messages)
    neovim.keys("<M-l>")
    neovim.until(lambda: neovim.line == "def mul(a, b):")
    neovim.until(lambda: neovim.ghost == "\n    product = a * b\n    return product")
    neovim.keys("<M-l>")
    neovim.until(lambda: neovim.line == "    product = a * b")
    neovim.keys("<M-l>")
    neovim.until(lambda: neovim.text == WHOLE)
    assert len(neovim.api.messages) == asked


def test_a_word_is_accepted_and_the_rest_stays(neovim: Neovim) -> None:
    begin(neovim, "<fill>(first, second):</fill>")
    for expected in ("def mul(", "def mul(first", "def mul(first,", "def mul(first, second"):
        neovim.keys("<M-w>")
        neovim.until(lambda expected=expected: neovim.line == expected)  # type: ignore[misc]
    assert neovim.ghost == "):"


def test_what_is_accepted_in_parts_is_counted_once(fresh_neovim: Neovim) -> None:
    neovim = fresh_neovim
    begin(neovim)
    neovim.keys("<M-w>")
    neovim.until(lambda: neovim.line == "def mul(")
    neovim.keys("<M-l>")
    neovim.until(lambda: neovim.line == "def mul(a, b):")
    neovim.keys("<Tab>")
    neovim.until(lambda: neovim.text == WHOLE)
    ledger = neovim.root.parent / "ledger" / "ledger.sqlite3"

    def counted() -> tuple[int, int]:
        with contextlib.closing(sqlite3.connect(ledger)) as connection:
            query = "SELECT SUM(accepted), SUM(accepted_characters) FROM requests"
            found: tuple[int, int] = connection.execute(query).fetchone()
            return found

    neovim.until(lambda: counted() == (1, len(BODY) - len("<fill></fill>")), "not counted")


def test_typing_along_keeps_it_without_asking(neovim: Neovim) -> None:
    begin(neovim)
    asked = len(neovim.api.messages)
    neovim.keys("(a")
    neovim.until(lambda: neovim.ghost == ", b):\n    product = a * b\n    return product")
    assert len(neovim.api.messages) == asked


def test_dismissed_it_does_not_come_back_before_a_key(neovim: Neovim) -> None:
    begin(neovim)
    neovim.keys("<M-e>")
    neovim.until(lambda: not neovim.ghost)
    neovim.keys("(")
    neovim.until(lambda: neovim.ghost.startswith("a, b):"))


def test_leaving_insert_mode_takes_it_away(neovim: Neovim) -> None:
    begin(neovim)
    neovim.keys("<Esc>")
    neovim.until(lambda: not neovim.ghost)
    assert neovim.text == PYTHON + "\n\ndef mul\n"


def test_the_bracket_that_is_there_is_not_doubled(neovim: Neovim) -> None:
    begin(neovim, "<fill>total([1, 2]))</fill>", "Goprint()<Left>")
    assert neovim.line == "print()"
    neovim.keys("<Tab>")
    neovim.until(lambda: neovim.line == "print(total([1, 2]))")


def test_a_later_key_ends_the_request_before(neovim: Neovim) -> None:
    neovim.open()
    gate = Gate()
    neovim.api.script(replies.partial("<fill>xyz") + gate + replies.text("</fill>"))
    neovim.keys("Go<CR><CR>def m")
    (first,) = neovim.api.wait_for(1, path="/v1/messages")
    neovim.api.answer = replies.text(BODY)
    neovim.keys("ul")
    neovim.until(lambda: neovim.ghost)
    neovim.api.wait_disconnected(first)
    assert neovim.ghost.startswith("(a, b):")


def test_letters_beyond_ascii(neovim: Neovim) -> None:
    begin(neovim, "<fill>größe, 'π≈3')</fill>", "Goprint('ä€😀', ")
    neovim.keys("<M-w>")
    neovim.until(lambda: neovim.line == "print('ä€😀', größe")
    neovim.keys("<Tab>")
    neovim.until(lambda: neovim.line == "print('ä€😀', größe, 'π≈3')")


def test_it_can_be_asked_for(neovim: Neovim) -> None:
    """After a deletion nothing comes by itself."""
    neovim.open()
    neovim.api.answer = replies.text(BODY)
    neovim.keys("Go<CR><CR>def mul<M-s>")
    neovim.until(lambda: neovim.ghost)


def test_it_can_be_turned_off(fresh_neovim: Neovim) -> None:
    fresh_neovim.lua("require('claude_lsp').setup({ ghost_text = false })")
    fresh_neovim.open()
    fresh_neovim.keys("Go<CR>def mul")
    fresh_neovim.until(lambda: fresh_neovim.line == "def mul")
    assert fresh_neovim.lua("return vim.fn.exists('#claude_lsp.ghost.' .. vim.fn.bufnr())") == 0


# A server that knows several, since ours gives one.
SEVERAL = """
local config = vim.deepcopy(vim.lsp.config.claude_lsp)
local function item(text, first, last)
  local line = 0
  return { insertText = text, range = {
    start = { line = line, character = first }, ['end'] = { line = line, character = last },
  } }
end
config.cmd = function()
  return {
    request = function(method, _, callback)
      local answers = {
        initialize = { capabilities = { inlineCompletionProvider = true } },
        ['textDocument/inlineCompletion'] = {
          items = {
            item('größe = 1', 0, 2),
            item('other than what was typed', 0, 2),
            item('öße = 2', 2, 2),
          },
        },
      }
      vim.schedule(function() callback(nil, answers[method] or vim.NIL) end)
      return true, 1
    end,
    notify = function() return true end,
    is_closing = function() return false end,
    terminate = function() end,
  }
end
vim.lsp.start(config)
"""


def test_several_suggestions_are_cycled_through(fresh_neovim: Neovim) -> None:
    neovim = fresh_neovim
    neovim.lua(SEVERAL)
    neovim.until(lambda: neovim.nvim.funcs.exists(":Claude") == 2)
    neovim.keys("igr")
    neovim.until(lambda: neovim.ghost == "öße = 1")
    neovim.keys("<M-n>")
    neovim.until(lambda: neovim.ghost == "öße = 2")
    neovim.keys("<M-n>")
    neovim.until(lambda: neovim.ghost == "öße = 1")
    neovim.keys("<M-n><Tab>")
    neovim.until(lambda: neovim.line == "größe = 2")


# Neovim 0.12 brings its own; what stands for it here has the functions of its documentation.
BUILTIN = """
_G.calls = {}
vim.lsp.inline_completion = {
  enable = function(on, filter)
    table.insert(_G.calls, { 'enable', on, filter.client_id ~= nil })
  end,
  select = function(options) table.insert(_G.calls, { 'select', options.count }) end,
  get = function(options)
    table.insert(_G.calls, { 'get', options ~= nil })
    if options and options.on_accept then
      vim.schedule(function()
        local row, col = unpack(vim.api.nvim_win_get_cursor(0))
        options.on_accept({
          insert_text = vim.g.rest,
          range = { start = { row = row - 1, col = col }, end_ = { row = row - 1, col = col } },
        })
      end)
    end
    return true
  end,
}
"""


def test_the_ghost_text_of_neovim_itself_is_used_where_it_exists(fresh_neovim: Neovim) -> None:
    fresh_neovim.lua(BUILTIN)
    fresh_neovim.open()
    assert fresh_neovim.lua("return _G.calls") == [["enable", True, True]]
    fresh_neovim.nvim.vars["rest"] = "(a, b):\n    return a * b"
    fresh_neovim.keys("Godef mul<M-w>")
    fresh_neovim.until(lambda: fresh_neovim.line == "def mul(")
    fresh_neovim.nvim.vars["rest"] = "a, b):\n    return a * b"
    fresh_neovim.keys("<M-l>")
    fresh_neovim.until(lambda: fresh_neovim.line == "def mul(a, b):")
    fresh_neovim.lua("_G.calls = {}")
    fresh_neovim.keys("<Tab><M-n>")
    fresh_neovim.until(lambda: fresh_neovim.lua("return #_G.calls") == 2)
    assert fresh_neovim.lua("return _G.calls") == [["get", False], ["select", 1]]
