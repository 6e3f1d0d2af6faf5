"""What the command `context` shows is what the action sends, to the byte."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from claude_lsp.actions import ACTIONS
from claude_lsp.actions.action import Problem, Situation
from claude_lsp.claude.errors import ClaudeError
from claude_lsp.cli import main
from claude_lsp.cli import process as exit_codes
from claude_lsp.text.positions import Position, Range
from claude_lsp.text.snapshots import Snapshot, uri_from_path
from claude_lsp.workspace.destination import Destination
from claude_lsp.workspace.languages import language_of
from claude_lsp.workspace.test_files import destination_of_tests
from tests.messages_api import MessagesApi, replies
from tests.unit.engine_kit import engine_for, point_at
from tests.unit.index_kit import write

if TYPE_CHECKING:
    from pathlib import Path

MAIN = "from prices import Price\n\n\ndef total(price: Price):\n    return price.\n"
AT = Position(4, 17)


@pytest.mark.parametrize("name", main.CONTEXTS)
@pytest.mark.parametrize("file", ["main.py", "näme with 🎉.py"])
async def test_every_action_sends_what_is_shown(
    root: Path,
    messages_api: MessagesApi,
    *,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    file: str,
) -> None:
    point_at(messages_api, monkeypatch)
    messages_api.respond(lambda _: replies.text("<fill>x</fill>"))
    path = write(root, file, MAIN)
    write(root, "prices.py", 'class Price:\n    def with_tax(self, password="hT7!kq92Lm"): ...\n')
    write(root, "uses.py", "from main import total\n\n\ndef use():\n    total(1)\n")
    write(root, "alike.py", MAIN.replace("price.", "price.with_tax(0.2)") * 4)
    arguments = ["context", f"{path}:5:18", "--root", str(root)]
    arguments += ["--action", name, "--format", "json"]
    assert await asyncio.to_thread(main.run, arguments) == exit_codes.DONE
    shown = json.loads(capsys.readouterr().out)
    assert messages_api.requests == []
    here = Range(AT, AT)
    problems = (Problem(here, "(the diagnostic's message)"),) if name in {"fix", "fixAll"} else ()
    document = Snapshot(uri_from_path(path), None, MAIN, language_of(path))
    asked = "(your instruction)" if name == "rewrite" else ""
    situation = Situation(document, file, here, problems, asked=asked)
    async with engine_for(root) as engine:
        if name == "test":
            destination = destination_of_tests(engine.workspace, document)
            assert isinstance(destination, Destination)
            situation = replace(situation, destination=destination)
        engine.codebase.update([document])
        await engine.codebase.settled()
        prepared = await engine.prepare(ACTIONS[name], situation)
        with contextlib.suppress(ClaudeError):
            async for _ in engine.run(ACTIONS[name], situation, prepared):
                pass
    (received,) = messages_api.messages
    assert shown["body"] == received.body
    assert "hT7!kq92Lm" not in json.dumps(shown)
    reasons = " ".join(part["reason"] for part in shown["parts"])
    assert "definitions" in reasons
    recipe = ACTIONS[name].recipe
    assert ("looks alike" in reasons) is (recipe.lookalikes > 0)
    assert ("uses total" in reasons) is (recipe.uses > 0)


def test_a_file_whose_name_is_no_text_is_shown(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        path = write(root, os.fsdecode(b"not-\xff-text.py"), MAIN)
    except OSError:
        pytest.skip("a file system that takes only UTF-8")
    write(root, os.fsdecode(b"more-\xff.py"), "def price_of(price): ...\n" * 3)
    for form in ("json", "text"):
        arguments = ["context", f"{path}:5:18", "--root", str(root), "--format", form]
        assert main.run(arguments) == exit_codes.DONE
        out = capsys.readouterr().out
        assert "not-\ufffd-text.py" in out.encode().decode()


def test_every_action_about_a_document_can_be_shown() -> None:
    document = Snapshot("file:///w/main.py", 1, MAIN, "python")
    situation = Situation(document, "main.py", Range(AT, AT))
    about = {name for name, action in ACTIONS.items() if action.subject(situation) is not None}
    assert about == set(main.CONTEXTS)
