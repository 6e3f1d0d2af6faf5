"""Stable 64-bit hashes: the identity of names, words, paths and folders across segments."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b

_KEPT = 1 << 15


@lru_cache(_KEPT)
def hash_of(text: str) -> int:
    """Return the hash of a text, the same in every process and version.

    Two of a million different texts collide with a probability of 3e-8, so that equal hashes
    stand for equal texts without looking.
    """
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")


@lru_cache(_KEPT >> 3)
def class_key(name: str) -> int:
    """Return the hash of a class name as variables spell it: `event_key`, `_EventKey`."""
    return hash_of(name.lower().replace("_", "").lstrip("$"))


def folder_of(path: str) -> str:
    """Return the folder of a POSIX path, "" for the workspace's root."""
    return path.rpartition("/")[0]


def stem_key(path: str) -> int:
    """Return the hash of what a file has in common with its test, its header or other half."""
    stem = path.rpartition("/")[2].partition(".")[0].lower()
    return hash_of(stem.removeprefix("test_").removesuffix("_test").removesuffix("test").strip("_"))
