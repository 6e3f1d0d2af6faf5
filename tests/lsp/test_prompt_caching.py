"""What completions in a row cost: the stable part of the prompt is paid for once, if it can be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.lsp.editor import edit, edits, plain, span_of
from tests.lsp.test_completion import fill, texts
from tests.lsp.test_suggestions import type_text

if TYPE_CHECKING:
    from tests.lsp.editor import Editor
    from tests.lsp.pair import Place

KEYS = "measu"
PARTS = "abcdefghijklmnopqrstuvwx"
LIBRARY = "\n\n".join(
    f"def measure_{part}(first_{part}: int, second_{part}: str, *, third_{part}: float = 0.5)"
    f' -> dict[str, list[int]]:\n    """Measure {part} twice, in the order in which it came."""\n'
    f"    return {{second_{part}: [first_{part}]}}"
    for part in PARTS
)
USER = (
    f"from library import {', '.join(f'measure_{part}' for part in PARTS)}\n\n\n"
    "def run(count: int) -> None:\n    pass\n"
)


async def suggested(
    editor: Editor, model: str, library: str = LIBRARY
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Type some keys, each with a suggestion; return the requests, and what each was billed."""
    options = {
        "completion": {"debounce_ms": 0},
        "models": {"haiku": model},
        "context": {"deadline_ms": 10_000},
    }
    editor.file("library.py", library)
    await editor.start(options=options)
    uri = editor.open(USER)
    await editor.indexed()
    place: Place = (4, 4)
    editor.client.change(uri, (place, (4, 8)), "")
    await editor.suggest(uri, place)  # its context is looked for, and ready for the next ones
    await editor.settled()
    editor.api.reset()
    for number, letter in enumerate(KEYS):
        place = type_text(editor, uri, place, letter)
        editor.api.script(fill(f"other_{number}()"))
        assert texts(await editor.suggest(uri, place)) == [f"other_{number}()"]
        await editor.settled()
    assert not editor.api.refused
    return [(request.body, request.usage or {}) for request in editor.api.messages]


def marked(body: dict[str, Any]) -> list[int]:
    blocks = body["messages"][0]["content"]
    return [number for number, block in enumerate(blocks) if "cache_control" in block]


async def test_the_next_keys_read_the_stable_part_from_the_cache(unstarted: Editor) -> None:
    found = await suggested(unstarted, "claude-haiku-5-5")
    assert [marked(body) for body, _ in found] == [[0]] * len(KEYS)
    # What is found for the name that is being typed may take its place, once.
    stable = {body["messages"][0]["content"][0]["text"] for body, _ in found}
    assert len(stable) <= 2
    assert all("measure_a" in text or "measure_p" in text for text in stable)
    read = [usage["cache_read_input_tokens"] for _, usage in found]
    assert sum(tokens >= 512 for tokens in read) >= len(KEYS) - 2
    assert all(
        not usage["cache_creation_input_tokens"]
        for _, usage in found
        if usage["cache_read_input_tokens"]
    )


@pytest.mark.parametrize(
    ("model", "library"),
    [
        # Its minimum is more than the whole context of a completion.
        ("claude-haiku-4-5", LIBRARY),
        # A few definitions are less than any minimum.
        ("claude-haiku-5-5", LIBRARY.partition("\n\ndef measure_c")[0]),
    ],
)
async def test_nothing_is_marked_in_vain(unstarted: Editor, model: str, library: str) -> None:
    found = await suggested(unstarted, model, library)
    assert [marked(body) for body, _ in found] == [[]] * len(KEYS)
    assert not any(usage["cache_creation_input_tokens"] for _, usage in found)


@pytest.mark.parametrize("model", ["claude-haiku-5-5", "claude-haiku-4-5"])
async def test_the_request_is_what_its_model_takes(unstarted: Editor, model: str) -> None:
    body = (await suggested(unstarted, model))[0][0]
    assert not body.keys() & {"temperature", "top_p", "top_k", "tools", "tool_choice"}
    assert body["stop_sequences"] == ["</fill>"]
    roles = [message["role"] for message in body["messages"]]
    if model == "claude-haiku-4-5":
        assert body["messages"][-1] == {"role": "assistant", "content": "<fill>"}
        assert not body.keys() & {"thinking", "output_config"}
    else:
        assert roles == ["user"]
        assert body["thinking"] == {"type": "disabled"}
        assert body["output_config"] == {"effort": "low"}


async def test_edits_down_a_file_read_what_is_above_whatever_they_do(editor: Editor) -> None:
    text = "".join(f"value_{n} = measured(first={n}, second={n} * 2)\n" for n in range(300))
    uri = editor.open(text)
    for number in (120, 190, 260):
        line = f"value_{number} = measured(first={number}, second={number} * 2)"
        text = editor.text(uri)
        editor.api.script(edits(edit(text, line, f"value_{number} = 0")))
        if number == 190:
            place = plain(span_of(text, line))
            await editor.run("claude.simplify", {"uri": uri, "range": place})
        else:
            await editor.run("claude.fix", editor.problem(uri, line))
            await editor.settled()
        assert f"value_{number} = 0\n" in editor.text(uri)
    bodies = [request.body for request in editor.api.messages]
    assert len({body["system"][0]["text"] for body in bodies}) == 1
    first, second, third = (request.usage or {} for request in editor.api.messages)
    assert not first["cache_creation_input_tokens"]
    assert second["cache_creation_input_tokens"] > 512
    assert third["cache_read_input_tokens"] == second["cache_creation_input_tokens"]
    # What is below the place will have changed: it is not written.
    assert third["input_tokens"] > 0
    assert all(max(marked(body), default=0) < 260 // 32 for body in bodies)
