"""The benchmark's unit: o200k tokens.

It is nobody's tokenizer here (Claude's is not published); it is one that everybody can have, works
offline, and is the same for all assemblers.
"""

from __future__ import annotations

from functools import cache
from typing import Any

# The encoder takes at most 200,000 tokens a call; a slice of this length can't have more.
_LONGEST_PIECE = 150_000
# Beyond so many characters a token, a text is cut unseen.
_MOST_CHARACTERS = 20


def count(text: str) -> int:
    """Return the number of tokens of a text; of a very long one, that of its pieces."""
    encoding = _encoding()
    starts = range(0, len(text), _LONGEST_PIECE)
    return sum(len(encoding.encode(text[start : start + _LONGEST_PIECE])) for start in starts)


def cut(text: str, budget: int) -> tuple[str, int]:
    """Return the beginning of a text within a budget, and how many tokens that has."""
    encoding = _encoding()
    kept = text[: budget * _MOST_CHARACTERS]
    tokens = encoding.encode(kept)
    if len(tokens) <= budget:
        return kept, len(tokens)
    return str(encoding.decode(tokens[:budget])), budget


@cache
def _encoding() -> Any:
    import bpe_openai

    return bpe_openai.get_encoding("o200k_base")
