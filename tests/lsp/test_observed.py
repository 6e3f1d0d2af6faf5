"""A session that is logged and traced in every way: all of its parts, and none of its content."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from claude_lsp.claude.ledger import state_directory
from claude_lsp.telemetry import tracing
from tests.lsp.editor import edit, edits, finding, place_of
from tests.messages_api import replies
from tests.unit.test_telemetry import Exported, events

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lsp.editor import Editor

KEY = "sk-" + "ant-api03-planted-key-of-the-user"
PLANTED = "PLANTED"
DOCUMENT = f"""\
{PLANTED}_LIMIT = 10


def {PLANTED}_total(values):
    result = 0
    return result
"""


@pytest.fixture
def level() -> Iterator[None]:
    log = logging.getLogger("claude_lsp")
    before = log.level
    yield
    log.setLevel(before)


async def work(editor: Editor) -> None:
    """Complete, fix, explain, review; some of it goes wrong."""
    api = editor.api
    uri = editor.open(DOCUMENT)
    end = place_of(DOCUMENT, "    result = 0", end=True)
    api.script(replies.text(f"<fill> + {PLANTED}_LIMIT</fill>"))
    (item,) = await editor.suggest(uri, end)
    assert PLANTED in str(item.insert_text)
    api.script(edits(edit(DOCUMENT, "    result = 0", f"    result = {PLANTED}_LIMIT")))
    await editor.fix(uri, "result = 0", f"{PLANTED} message")
    await editor.settled()
    assert len(editor.client.applied) == 1
    api.script(replies.text(f"It is {PLANTED}."))
    await editor.run("claude.explain", {"uri": uri})
    api.script(replies.json_findings([finding(DOCUMENT, f"{PLANTED}_LIMIT = 10")]))
    await editor.run("claude.review", {"uri": uri})
    assert editor.client.diagnostics[uri]
    for failing in (replies.error(401), replies.partial(f'{{"edits":[{{"{PLANTED}')):
        api.script(failing)
        await editor.fix(uri, "return result")
        await editor.settled()
    assert len(editor.errors) == 2
    api.script(replies.error(401))
    editor.client.change(uri, None, DOCUMENT)
    other = place_of(DOCUMENT, "    return result", end=True)
    assert await editor.suggest(uri, other, invoked=True) == []
    await editor.settled()


async def test_all_parts_and_no_content(
    unstarted: Editor, tmp_path: Path, level: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    unstarted.api.keys.add(KEY)
    log, trace = tmp_path / "server.log", tmp_path / "trace.json"
    exported = Exported()
    tracing.add(exported.sink)
    try:
        options = {"log": {"level": "info", "file": str(log), "trace": str(trace)}}
        await unstarted.start(options=options)
        await work(unstarted)
        unstarted.server.observation.close()
    finally:
        tracing.remove(exported.sink)
    seen = {event["name"] for event in events(trace)}
    assert seen >= {
        *("textDocument/inlineCompletion", "pause", "suggestion", "context", "gather", "assemble"),
        *("budget", "chat claude-haiku-5-5", "wait for the first token", "stream", "filter"),
        *("claude.fix", "job fix", "chat claude-sonnet-5-5", "anchor", "apply"),
    }
    spans = exported.spans.get_finished_spans()
    told = "".join(span.to_json() for span in spans)
    chat = next(span for span in spans if span.name == "chat claude-haiku-5-5")
    known: Any = chat.attributes
    assert known["gen_ai.operation.name"] == "chat"
    assert known["gen_ai.usage.input_tokens"] > 0
    assert known["claude_lsp.cost_usd"] > 0
    assert known["claude_lsp.outcome"] == "ok"
    assert chat.parent is not None
    texts = {
        "log": log.read_text("utf-8"),
        "trace": trace.read_text("utf-8"),
        "spans": told,
        "metrics": repr(exported.metrics()),
        "ledger": "".join(
            file.read_bytes().decode("latin-1") for file in state_directory().glob("ledger*")
        ),
    }
    assert "claude-haiku-5-5" in texts["ledger"]
    assert all(json.loads(line) for line in texts["log"].splitlines())
    assert texts["log"]
    for name, text in texts.items():
        assert PLANTED not in text, name
        assert KEY not in text, name
        assert KEY[14:] not in text, name
