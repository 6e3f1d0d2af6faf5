"""Reviews, fixes and commands, as a user meets them in Neovim."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.editors.neovim.conftest import PYTHON
from tests.lsp.editor import edit, edits, finding
from tests.messages_api import Finish, Gate, replies

if TYPE_CHECKING:
    from tests.editors.neovim.conftest import Neovim

FIXED = PYTHON.replace("LIMIT = 10", "LIMIT = 20")


def other_tools_diagnostic(neovim: Neovim) -> None:
    """Let another tool complain about the first line."""
    neovim.lua(
        "vim.diagnostic.set(vim.api.nvim_create_namespace('linter'), 0, {{"
        " lnum = 0, col = 0, end_lnum = 0, end_col = 5, message = 'is wrong', source = 'linter',"
        " code = 'L1' }})"
    )


def remark(neovim: Neovim, quote: str, **others: object) -> dict[str, object]:
    return finding(PYTHON, quote, path=neovim.name, **others)


def test_findings_appear_as_diagnostics_one_by_one(neovim: Neovim) -> None:
    neovim.open()
    gate = Gate()
    found = [remark(neovim, "LIMIT = 10"), remark(neovim, "    result = 0")]
    neovim.api.script(replies.json_findings(found, between=[gate]))
    neovim.nvim.command("Claude review")
    neovim.until(lambda: len(neovim.diagnostics) == 1)
    assert neovim.status.items() >= {"state": "working", "detail": "reviewing"}.items()
    assert neovim.lua("return require('claude_lsp').statusline()") == "Claude: reviewing…"
    gate.open()
    neovim.until(lambda: [line for line, _ in neovim.diagnostics] == [0, 4])
    neovim.until(lambda: neovim.lua("return require('claude_lsp').statusline()") == "Claude")
    neovim.nvim.command("Claude clear")
    neovim.until(lambda: not neovim.diagnostics)


def test_a_finding_moves_with_the_text(neovim: Neovim) -> None:
    neovim.open()
    neovim.api.script(replies.json_findings([remark(neovim, "    result = 0")]))
    neovim.nvim.command("Claude review")
    neovim.until(lambda: [line for line, _ in neovim.diagnostics] == [4])
    neovim.keys("ggO# A comment.<Esc>")
    neovim.until(lambda: [line for line, _ in neovim.diagnostics] == [5])


def test_the_suggested_fix_is_a_code_action_and_one_undo(neovim: Neovim) -> None:
    neovim.open()
    suggested = remark(neovim, "LIMIT = 10", replacement="LIMIT = 20")
    neovim.api.script(replies.json_findings([suggested]))
    neovim.nvim.command("Claude review")
    neovim.until(lambda: neovim.diagnostics)
    neovim.lua(
        "vim.lsp.buf.code_action({ apply = true, filter = function(action)"
        " return action.title:find('Apply suggestion', 1, true) end })"
    )
    neovim.until(lambda: neovim.text == FIXED)
    neovim.keys("u")
    neovim.until(lambda: neovim.text == PYTHON)


def test_fix_a_diagnostic_of_another_tool_and_undo_it(neovim: Neovim) -> None:
    neovim.open()
    other_tools_diagnostic(neovim)
    neovim.api.script(edits(edit(PYTHON, "LIMIT = 10", "LIMIT = 20")))
    neovim.nvim.command("Claude fix")
    neovim.until(lambda: neovim.text == FIXED)
    assert "is wrong" in neovim.api.messages[0].text
    neovim.keys("u")
    neovim.until(lambda: neovim.text == PYTHON)


def test_a_fix_in_two_places_is_a_step_of_undo_for_each(neovim: Neovim) -> None:
    neovim.open()
    other_tools_diagnostic(neovim)
    second = edit(PYTHON, "    return result", "    return result + 1")
    neovim.api.script(edits(edit(PYTHON, "LIMIT = 10", "LIMIT = 20"), second))
    neovim.nvim.command("Claude fix")
    neovim.until(lambda: neovim.text == FIXED.replace("return result", "return result + 1"))
    neovim.until(lambda: neovim.status["state"] == "idle")
    neovim.keys("u")
    neovim.until(lambda: neovim.text == FIXED)
    neovim.keys("u")
    neovim.until(lambda: neovim.text == PYTHON)


def test_fix_by_the_code_action_menu(neovim: Neovim) -> None:
    neovim.open()
    other_tools_diagnostic(neovim)
    neovim.api.script(edits(edit(PYTHON, "LIMIT = 10", "LIMIT = 20")))
    neovim.lua(
        "vim.lsp.buf.code_action({ apply = true, context = { only = { 'quickfix' },"
        " diagnostics = {{ range = { start = { line = 0, character = 0 },"
        " ['end'] = { line = 0, character = 5 } }, message = 'is wrong' }} } })"
    )
    neovim.until(lambda: neovim.text == FIXED)


def test_fix_says_what_to_do_where_nothing_is_wrong(neovim: Neovim) -> None:
    neovim.open()
    neovim.nvim.command("Claude fix")
    assert "there is no diagnostic on this line; go to one with ]d" in neovim.messages
    assert not neovim.api.messages


def test_complete_shows_a_preview_and_inserts_in_one_step(neovim: Neovim) -> None:
    text = PYTHON + "\n\ndef mul"
    neovim.open(text + "\n")
    gate = Gate()
    neovim.api.script(
        replies.partial("<fill>(a, b):\n    product = a * b\n")
        + gate
        + replies.partial("    return product</fill>")
        + Finish()
    )
    neovim.keys("G$a")
    neovim.lua("require('claude_lsp.commands').run({ 'complete' })")
    neovim.until(lambda: "product = a * b" in neovim.preview)
    assert neovim.preview.startswith("Claude is writing (")
    assert neovim.text == text + "\n"
    gate.open()
    whole = text + "(a, b):\n    product = a * b\n    return product\n"
    neovim.until(lambda: neovim.text == whole)
    neovim.until(lambda: not neovim.preview)
    neovim.keys("<Esc>u")
    neovim.until(lambda: neovim.text == text + "\n")


def test_cancel_discards_what_is_being_written(neovim: Neovim) -> None:
    neovim.open(PYTHON + "\n\ndef mul\n")
    gate = Gate()
    neovim.api.script(replies.partial("<fill>(a, b):\n    product = a * b\n") + gate)
    neovim.keys("G$a")
    neovim.lua("require('claude_lsp.commands').run({ 'complete' })")
    neovim.until(lambda: neovim.preview)
    neovim.nvim.command("Claude cancel")
    neovim.until(lambda: not neovim.preview)
    neovim.until(lambda: "cancelled." in neovim.messages)
    neovim.api.wait_disconnected(neovim.api.messages[0])
    assert neovim.text == PYTHON + "\n\ndef mul\n"


def test_an_explanation_opens_as_a_document(neovim: Neovim) -> None:
    neovim.open()
    neovim.api.script(replies.text("It adds **all** values."))
    neovim.nvim.command("4,8Claude explain")
    neovim.until(lambda: "It adds **all** values." in neovim.text)
    assert neovim.lua("return vim.bo.filetype") == "markdown"
    assert "lines 4 to 8" in neovim.api.messages[0].text


def test_context_shows_what_would_be_sent_and_sends_nothing(neovim: Neovim) -> None:
    neovim.open()
    neovim.nvim.command("Claude context review")
    neovim.until(lambda: neovim.text.startswith("# review: what is sent"))
    assert "def total(values):" in neovim.text
    assert not neovim.api.messages


def test_what_was_spent_is_shown_as_a_document_and_as_a_page(neovim: Neovim) -> None:
    neovim.open()
    neovim.lua("_G.opened = nil; vim.ui.open = function(address) _G.opened = address end")
    neovim.nvim.command("Claude! usage")
    page = neovim.until(lambda: neovim.lua("return _G.opened"), "no page was opened")
    assert page.startswith("file:///")
    assert page.endswith(".html")
    neovim.nvim.command("Claude usage")
    neovim.until(lambda: neovim.text.startswith("# What Claude has cost\n"))
    assert neovim.lua("return vim.bo.filetype") == "markdown"
    assert not neovim.api.messages


def test_an_architecture_review_asks_first(neovim: Neovim) -> None:
    neovim.open()
    neovim.lua(
        "vim.ui.select = function(items, options, choose)"
        " vim.g.question = options.prompt; choose(nil) end"
    )
    neovim.nvim.command("Claude architecture")
    neovim.until(lambda: neovim.nvim.vars.get("question"))
    assert "at most $" in neovim.nvim.vars["question"]
    neovim.until(lambda: neovim.status["state"] == "idle")
    assert not neovim.api.messages


def test_a_failure_says_what_to_do(neovim: Neovim) -> None:
    neovim.open()
    neovim.api.script(replies.overloaded(), repeat=True)
    neovim.nvim.command("Claude explain")
    neovim.until(lambda: neovim.status["state"] == "blocked")
    shown = neovim.lua("return require('claude_lsp').statusline()")
    assert shown.startswith("Claude: blocked")
    neovim.nvim.command("Claude status")
    assert "blocked: " in neovim.messages


def test_the_command_line_completes(neovim: Neovim) -> None:
    neovim.open()
    complete = neovim.nvim.funcs.getcompletion
    actions = complete("Claude ", "cmdline")
    assert {"architecture", "context", "explain", "fix", "review", "status"} <= set(actions)
    assert {"cancel", "clear", "complete", "context"} <= set(complete("Claude c", "cmdline"))
    assert "review" in complete("Claude context ", "cmdline")
    neovim.keys(":Claude nonsense<CR>")
    wanted = "there is no action 'nonsense'; there are: "
    neovim.until(lambda: wanted in neovim.messages)


def test_the_command_is_only_where_the_server_is(neovim: Neovim) -> None:
    neovim.nvim.command("enew")
    assert neovim.nvim.funcs.exists(":Claude") == 0
    neovim.open()
    assert neovim.nvim.funcs.exists(":Claude") == 2


def test_the_statusline_tells_what_was_spent_where_the_server_does(neovim: Neovim) -> None:
    neovim.open()
    neovim.lua(
        "local client = require('claude_lsp.server').of()"
        " require('claude_lsp.status').on_status(nil, { state = 'idle', detail = '',"
        " spend_today_usd = 0.4213, spend_limit_usd = 5 }, { client_id = client.id })"
    )
    assert neovim.lua("return require('claude_lsp').statusline()") == "Claude $0.42"
    neovim.nvim.command("Claude status")
    neovim.until(lambda: "idle; $0.42 of $5.00 today" in neovim.messages)


def test_rewrite_lines_as_the_command_says(neovim: Neovim) -> None:
    neovim.open()
    neovim.api.script(edits(edit(PYTHON, "LIMIT = 10", "LIMIT = 20")))
    neovim.nvim.command("1Claude rewrite make it twice as much")
    neovim.until(lambda: neovim.text == FIXED)
    assert "Change line 1 of the document above as follows.\n\nmake it twice as much" in (
        neovim.api.messages[0].text
    )


def test_rewrite_asks_for_what_was_not_said(neovim: Neovim) -> None:
    neovim.open()
    neovim.lua(
        "_G.asked = nil; _G.input = vim.ui.input;"
        " vim.ui.input = function(options, done) _G.asked = options.prompt; done('double it') end"
    )
    neovim.api.script(edits(edit(PYTHON, "LIMIT = 10", "LIMIT = 20")))
    neovim.nvim.command("1Claude rewrite")
    neovim.until(lambda: neovim.text == FIXED)
    assert neovim.lua("return _G.asked") == "What should Claude do with the selection? "
    assert "double it" in neovim.api.messages[0].text
    neovim.lua("vim.ui.input = _G.input")
