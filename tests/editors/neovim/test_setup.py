"""What is there when Neovim starts: the client, its abilities, health, help, the plain config."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from tests.messages_api import replies

if TYPE_CHECKING:
    from tests.editors.neovim.conftest import Neovim

PLUGIN = Path(__file__).parents[3] / "editors" / "neovim"


def test_the_server_attaches_with_the_projects_root(neovim: Neovim) -> None:
    neovim.open()
    root, name, version = neovim.lua(
        "local client = require('claude_lsp.server').of()"
        " return { client.root_dir, client.server_info.name, client.server_info.version }"
    )
    assert (root, name) == (str(neovim.root), "claude-lsp")
    assert version
    assert neovim.messages == ""


def test_a_plain_configuration_needs_no_plugin(fresh_neovim: Neovim) -> None:
    """As somebody has it who copied lsp/claude_lsp.lua into their own configuration."""
    neovim = fresh_neovim
    neovim.nvim.command(f"set runtimepath-={PLUGIN}")
    own = Path(neovim.lua("return vim.fn.stdpath('config')")) / "lsp"
    own.mkdir(parents=True)
    (own / "claude_lsp.lua").write_bytes((PLUGIN / "lsp" / "claude_lsp.lua").read_bytes())
    neovim.lua(
        "vim.g.loaded_claude_lsp = nil; vim.api.nvim_del_augroup_by_name('claude_lsp');"
        "vim.lsp.config._configs.claude_lsp = nil"
    )
    (neovim.root / "code.py").write_text("x = 1\n")
    neovim.nvim.command(f"edit {neovim.root / 'code.py'}")
    neovim.until(
        lambda: neovim.lua(
            "local client = vim.lsp.get_clients({ bufnr = 0 })[1]"
            " return client and client.initialized"
        )
    )
    neovim.lua(
        "_G.actions = nil; local client = vim.lsp.get_clients({ bufnr = 0 })[1]"
        " local params = vim.lsp.util.make_range_params(0, client.offset_encoding)"
        " params.context = { diagnostics = {} }"
        " client:request('textDocument/codeAction', params, function(_, found)"
        "  _G.actions = found end, 0)"
    )
    neovim.until(lambda: neovim.lua("return _G.actions"))
    titles = neovim.lua("return vim.tbl_map(function(a) return a.title end, _G.actions)")
    assert any("Review" in title for title in titles)
    assert neovim.messages == ""


def test_health_has_no_error_and_shows_no_key(neovim: Neovim) -> None:
    neovim.open()
    neovim.nvim.command("checkhealth claude_lsp")
    neovim.until(lambda: "claude_lsp: buffers" in neovim.text)
    report = neovim.text
    assert "ERROR" not in report
    assert "OK credentials: an API key from ANTHROPIC_API_KEY" in report
    assert re.search(r"OK claude-lsp \S+ runs for .*project, in 1 buffer", report)
    assert "OK suggestions" in report
    assert re.search(r"index: (none yet of|\d+ files?, )", report)
    assert re.search(r"ledger: \$[\d.]+ of \$[\d.]+ spent today", report)
    assert "ghost text by extmarks" in report
    assert "keys are mapped to accept-line, accept-word, " in report
    key = neovim.lua("return vim.env.ANTHROPIC_API_KEY")
    assert key
    assert key not in report


def test_health_says_what_to_do_without_a_server(fresh_neovim: Neovim) -> None:
    neovim = fresh_neovim
    neovim.lua("vim.lsp.config('claude_lsp', { cmd = { 'no-such-claude-lsp' } })")
    neovim.nvim.command("checkhealth claude_lsp")
    neovim.until(lambda: "claude_lsp: buffers" in neovim.text)
    assert "ERROR 'no-such-claude-lsp' was not found" in neovim.text
    assert "Install it with pip" in neovim.text


def test_the_users_own_configuration_is_kept(fresh_neovim: Neovim) -> None:
    neovim = fresh_neovim
    neovim.lua(
        "vim.lsp.config('claude_lsp', { on_attach = function() vim.g.attached = 1 end,"
        " settings = { claude = { completion = { max_tokens = 77 } } } })"
    )
    neovim.open()
    assert neovim.nvim.vars["attached"] == 1
    assert neovim.nvim.funcs.exists(":Claude") == 2
    assert neovim.messages == ""


def test_an_unknown_option_is_refused(neovim: Neovim) -> None:
    failure = neovim.lua("return select(2, pcall(require('claude_lsp').setup, { ghost = true }))")
    assert "there is no option 'ghost'; there is: code_lens, ghost_text, hold_edits." in failure


def test_the_help_has_valid_tags(neovim: Neovim, tmp_path: Path) -> None:
    (tmp_path / "doc").mkdir()
    source = (PLUGIN / "doc" / "claude-lsp.txt").read_text()
    (tmp_path / "doc" / "claude-lsp.txt").write_text(source)
    neovim.nvim.command(f"helptags {tmp_path / 'doc'}")
    tags = {line.split("\t")[0] for line in (tmp_path / "doc" / "tags").read_text().splitlines()}
    assert {"claude-lsp", ":Claude", "<Plug>(claude-accept)"} <= tags
    # What the help points to is there, in it or in Neovim's own.
    neovim.nvim.command(f"set runtimepath+={tmp_path}")
    for tag in set(re.findall(r"\|([^|\s]+)\|", source)):
        assert tag in neovim.nvim.funcs.getcompletion(tag, "help"), tag
    documented = set(re.findall(r"\*(<Plug>\(claude-[a-z-]+\))\*", source))
    mapped = neovim.lua(
        "return vim.tbl_map(function(map) return map.lhs end, vim.api.nvim_get_keymap('i'))"
    )
    assert documented == {name for name in mapped if name.startswith("<Plug>(claude-")}
    assert all(len(line) <= 80 for line in source.splitlines())


# A server that asks, since ours does not yet: the handlers are those of the configuration.
ASKING = """
local config = vim.deepcopy(vim.lsp.config.claude_lsp)
local dispatchers
config.cmd = function(given)
  dispatchers = given
  return {
    request = function(method, _, callback)
      callback(nil, method == 'initialize' and { capabilities = {} } or vim.NIL)
      return true, 1
    end,
    notify = function() return true end,
    is_closing = function() return false end,
    terminate = function() end,
  }
end
vim.lsp.start(config, { attach = false })
_G.answers = {}
_G.ask = function()
  coroutine.wrap(function()
    local params = { prompt = 'What shall change?', default = 'all' }
    table.insert(_G.answers, { dispatchers.server_request('claude/input', params) })
  end)()
end
"""


def test_a_question_of_the_server_is_put_to_the_user(fresh_neovim: Neovim) -> None:
    neovim = fresh_neovim
    neovim.lua(ASKING)
    neovim.lua(
        "vim.ui.input = function(options, on_confirm)"
        " vim.g.asked = options.prompt .. options.default; on_confirm(vim.g.answer) end"
    )
    neovim.nvim.vars["answer"] = "everything"
    neovim.lua("vim.wait(2000, function() return vim.lsp.get_clients()[1].initialized end); ask()")
    neovim.until(lambda: neovim.lua("return #_G.answers") == 1)
    assert neovim.nvim.vars["asked"] == "What shall change? all"
    assert neovim.lua("return _G.answers[1][1]") == {"text": "everything"}
    neovim.lua("vim.g.answer = nil; ask()")
    neovim.until(lambda: neovim.lua("return #_G.answers") == 2)
    assert neovim.lua("return _G.answers[2][1] == vim.NIL")


def test_a_file_without_a_project(neovim: Neovim, tmp_path: Path) -> None:
    neovim.root = tmp_path
    neovim.open("LIMIT = 10\n")
    root = neovim.lua("return require('claude_lsp.server').of().root_dir or 'none'")
    assert root == "none"
    neovim.api.answer = replies.text("<fill> + 5</fill>")
    neovim.keys("A")
    neovim.keys(" ")
    neovim.until(lambda: neovim.ghost)


def test_nothing_is_left_behind_when_the_server_dies(fresh_neovim: Neovim) -> None:
    neovim = fresh_neovim
    neovim.open()
    neovim.api.answer = replies.text("<fill>(a, b): ...</fill>")
    neovim.keys("Go<CR><CR>def mul")
    neovim.until(lambda: neovim.ghost)
    neovim.lua("require('claude_lsp.server').of():stop(true)")
    neovim.until(lambda: neovim.nvim.funcs.exists(":Claude") == 0)
    assert neovim.ghost == ""
    neovim.keys("(a)<Tab>x<Esc>")
    neovim.until(lambda: neovim.line.startswith("def mul(a)") and neovim.line.endswith("x"))
    assert neovim.lua("return require('claude_lsp').statusline()") == ""
    assert neovim.nvim.vvars["errmsg"] == ""
