"""Parsing: nothing of a text stays behind."""

from __future__ import annotations

import tracemalloc

from claude_lsp.workspace.index import grammars


def test_a_text_that_was_parsed_is_freed() -> None:
    code = b"def total(values):\n    return sum(values)\n" * 500
    grammars.parse(code, "python")
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(100):
            grammars.parse(code + b"# %d\n" % number, "python")
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 10 * len(code)
