"""A conversation, as a user has one in Neovim."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.editors.neovim.conftest import PYTHON
from tests.messages_api import Gate, replies

if TYPE_CHECKING:
    from tests.editors.neovim.conftest import Neovim


def test_ask_write_meanwhile_apply_and_undo(neovim: Neovim) -> None:
    neovim.open()
    code = neovim.nvim.current.buffer.number
    gate = Gate()
    block = f"```diff path={neovim.name}\n-LIMIT = 10\n+LIMIT = 20\n```\n"
    neovim.api.script(
        replies.partial("It is the limit.\nChange ") + gate + replies.text(f"it so:\n\n{block}")
    )
    neovim.nvim.command("1,5Claude ask why 10?")
    asked = f"## You\n\n@file:{neovim.name}#L1-L5\n\nwhy 10?\n"
    begun = f"{asked}\n## Claude\n\nIt is the limit.\nChange "
    neovim.until(lambda: neovim.text == f"{begun}\n", "the beginning of the answer")
    assert neovim.lua("return vim.bo.filetype") == "markdown"
    assert ".claude-lsp/conversations/" in neovim.nvim.current.buffer.name
    neovim.keys("ggOA note of mine.<Esc>Gothe next question<Esc>")
    neovim.until(lambda: "the next question" in neovim.text)
    # Neovim tells of what is typed a moment later.
    neovim.until(lambda: neovim.lua("return vim.api.nvim_get_mode().mode") == "n")
    gate.open()
    neovim.until(lambda: neovim.status["state"] == "idle", "the end")
    assert neovim.text == (
        f"A note of mine.\n{begun}it so:\n\n{block.rstrip()}\n\n## You\n\n\nthe next question\n"
    )
    neovim.nvim.command("call search('LIMIT = 20')")
    neovim.lua("vim.ui.select = function(items, _, choose) choose(items[1]) end")
    neovim.nvim.command("Claude apply")
    wanted = PYTHON.replace("10", "20")
    buffer = neovim.nvim.buffers[code]
    neovim.until(lambda: "\n".join(buffer[:]) + "\n" == wanted, "the block is applied")


def test_an_answer_is_one_step_to_undo(neovim: Neovim) -> None:
    neovim.name = f"{neovim.name.removesuffix('.py')}.claude.md"
    neovim.open("## You\n\nWhy?\n")
    gates = [Gate(), Gate()]
    neovim.api.script(
        replies.partial("One.\nTwo ") + gates[0] + replies.partial("three.\nFour ") + gates[1]
        + replies.text("five.")
    )  # fmt: skip
    neovim.nvim.command("Claude continue")
    neovim.until(lambda: "Two " in neovim.text)
    gates[0].open()
    neovim.until(lambda: "Four " in neovim.text)
    gates[1].open()
    neovim.until(lambda: neovim.text.endswith("Four five.\n\n## You\n\n\n"))
    neovim.until(lambda: neovim.status["state"] == "idle")
    neovim.keys("u")
    neovim.until(lambda: neovim.text == "## You\n\nWhy?\n", "all of it is taken back")


def test_what_is_typed_meanwhile_is_a_step_of_its_own(neovim: Neovim) -> None:
    neovim.name = f"{neovim.name.removesuffix('.py')}.claude.md"
    begun = "## You\n\nWhy?\n"
    neovim.open(begun)
    gates = [Gate(), Gate()]
    neovim.api.script(
        replies.partial("One.\nTwo ") + gates[0] + replies.partial("three.\nFour ") + gates[1]
        + replies.text("five.")
    )  # fmt: skip
    texts = [neovim.text]

    def shows(said: str) -> None:
        neovim.until(lambda: said in neovim.text, said)
        texts.append(neovim.text)

    # All of it in one stay in Insert mode, where Neovim by itself begins no new step.
    neovim.keys("ggOBefore.")
    shows("Before.")
    neovim.lua("require('claude_lsp.commands').run({ 'continue' })")
    shows("Two ")
    neovim.keys("<CR>Between.")
    shows("Between.")
    gates[0].open()
    shows("Four ")
    neovim.keys("<CR>Then.")
    shows("Then.")
    gates[1].open()
    shows("Four five.\n\n## You\n\n\n")
    neovim.until(lambda: neovim.status["state"] == "idle")
    neovim.keys("<CR>After.")
    shows("After.")
    neovim.keys("<Esc>")
    for _ in texts[1:]:
        neovim.keys("u")
        texts.pop()
        neovim.until(lambda: neovim.text == texts[-1], repr(texts[-1]))
