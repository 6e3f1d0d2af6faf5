from __future__ import annotations

from pathlib import Path

import pytest

from claude_lsp.workspace.languages import (
    LANGUAGES,
    block_comment,
    fence,
    is_indexed,
    language_of,
    line_comment,
)


@pytest.mark.parametrize(
    ("path", "first_line", "language"),
    [
        ("a/b.py", "", "python"),
        ("types.d.ts", "", "typescript"),
        ("App.TSX", "", "typescriptreact"),
        ("Makefile", "", "makefile"),
        ("Dockerfile.dev", "", "dockerfile"),
        (".env.local", "", "dotenv"),
        ("CMakeLists.txt", "", "cmake"),
        ("tsconfig.json", "", "jsonc"),
        ("package.json", "", "json"),
        ("COMMIT_EDITMSG", "", "git-commit"),
        ("notes.unknown", "", "plaintext"),
        ("run", "#!/usr/bin/env python3.12", "python"),
        ("run", "#!/usr/bin/env -S uv run --script", "python"),
        ("run", "#!/bin/bash -e", "shellscript"),
        ("run", "#! /usr/bin/perl", "perl"),
        ("run", "#!/opt/unheard-of", "plaintext"),
        ("run.js", "#!/usr/bin/env python", "javascript"),
        ("run", "", "plaintext"),
    ],
)
def test_a_file_is_in_the_language_its_name_or_first_line_tells(
    path: str, first_line: str, language: str
) -> None:
    assert language_of(path, first_line) == language
    assert language_of(Path("/somewhere") / path, first_line) == language


def test_every_extension_name_and_identifier_is_listed_once_and_in_lower_case() -> None:
    identifiers = [language.id for language in LANGUAGES]
    ends = [end for language in LANGUAGES for end in language.extensions]
    names = [name for language in LANGUAGES for name in language.names]
    for listed in (identifiers, ends, names):
        assert len(listed) == len(set(listed))
        assert all(entry == entry.lower() and not entry.isspace() for entry in listed)
    assert len(identifiers) >= 45


def test_comments_and_fences_of_known_and_unknown_languages() -> None:
    assert line_comment("python") == "#"
    assert line_comment("html") is None
    assert block_comment("html") == ("<!--", "-->")
    assert line_comment("klingon") is None
    assert block_comment("klingon") is None
    assert fence("typescriptreact") == "tsx"
    assert fence("python") == "python"
    assert fence("klingon") == "klingon"
    assert fence("not a word ```") == "text"


def test_conversations_are_no_part_of_the_index() -> None:
    assert is_indexed("markdown", "docs/talk.md")
    assert not is_indexed("markdown", ".claude-lsp/conversations/2026-01-01-why.claude.md")
