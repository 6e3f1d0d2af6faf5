"""The commands by which the user judges findings: dismiss them, or suppress them in the source."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcInvalidParams

from claude_lsp.findings.baseline import Entry, entry_of
from claude_lsp.findings.suppression import PLACEHOLDER, comment_line
from claude_lsp.lsp.apply import Applier
from claude_lsp.lsp.convert import range_to_client
from claude_lsp.lsp.handlers.target import Target, arguments_of
from claude_lsp.text.lines import line_ending
from claude_lsp.text.positions import Position, Range

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from claude_lsp.lsp.publish import Shown
    from claude_lsp.lsp.server import ClaudeServer

_FINGERPRINT = re.compile(r"[0-9a-f]{16}")


def dismiss(server: ClaudeServer, params: types.ExecuteCommandParams) -> int:
    """Dismiss findings, in this and later sessions; with "restore" show them again.

    Takes `{"uri", "fingerprint"}`, several as a list of these or as `{"fingerprints"}`.
    `{"restore": true}` without any restores all of a document, or of the workspace. Returns how
    many were dismissed or restored.
    """
    table = arguments_of(params)
    given = params.arguments[0] if params.arguments else None
    named = list(_named(given if isinstance(given, list | tuple) else [table]))
    if table.get("restore") is True:
        uri = table.get("uri")
        if not named and isinstance(uri, str):
            named = [each.finding.fingerprint for each in server.published.known(uri)]
        elif not named:
            named = list(server.verdicts.dismissed)
        return server.verdicts.restore(named)
    if not named or not all(map(_FINGERPRINT.fullmatch, named)):
        raise JsonRpcInvalidParams(
            f"{params.command} needs the fingerprints of findings: "
            '{"uri": "file:///...", "fingerprint": "0123456789abcdef"}.'
        )
    known = {each.finding.fingerprint: each.finding for each in server.published.known()}
    server.verdicts.dismiss(
        [entry_of(known[key]) if key in known else Entry(key, "", "", "") for key in named]
    )
    return len(named)


def suppress(server: ClaudeServer, params: types.ExecuteCommandParams) -> None:
    """Write the comment that suppresses a finding above its line.

    Takes `{"uri", "fingerprint"}` and perhaps the "reason"; without one the word "reason" stands
    in its place, and the comment has no effect until it is replaced.
    """
    target = Target(server, params)
    table = arguments_of(params)
    shown = server.published.find(target.snapshot.uri, str(table.get("fingerprint")))
    if shown is None:
        target.journal.close()
        raise JsonRpcInvalidParams(f"{params.command} needs the fingerprint of a finding.")
    reason = table.get("reason")
    words = reason if isinstance(reason, str) and reason.strip() else PLACEHOLDER
    key = f"suppress {target.snapshot.uri}"
    server.work(key, "suppressing", lambda: _suppress(server, target, shown, words))


async def _suppress(server: ClaudeServer, target: Target, shown: Shown, reason: str) -> None:
    with target.journal:
        snapshot, line = target.snapshot, shown.range.start.line
        text = snapshot.index.line(line)
        indentation = text[: len(text) - len(text.lstrip())]
        comment = comment_line(shown.finding.rule, reason, snapshot.language, indentation)
        if comment is None:
            server.notice(
                f"{snapshot.language} has no comments; dismiss the finding, or accept it in the "
                "project's settings"
            )
            return
        place = Position(line, 0)
        inserted = comment + line_ending(snapshot.text)
        if not await asyncio.to_thread(
            _is_comment, snapshot.text, snapshot.index.offset_at(place), inserted, snapshot.language
        ):
            server.notice("no comment can stand above this line; dismiss the finding instead")
            return
        applier = Applier(server, snapshot, target.journal, "Claude: Suppress")
        problem = await applier.insert(place, inserted)
        if problem is not None:
            server.notice(f"the comment was not written: {problem}")
        elif reason == PLACEHOLDER:
            await _select_reason(server, snapshot.uri, comment)


def _is_comment(text: str, offset: int, inserted: str, language: str) -> bool:
    """Whether a line put into a text is a comment there, and not a part of a string."""
    from claude_lsp.workspace.index.grammars import parse

    whole = text[:offset] + inserted + text[offset:]
    root = parse(whole.encode("utf-8", "surrogatepass"), language)
    if root is None:
        return True  # No grammar to tell by.
    blanks = len(inserted) - len(inserted.lstrip())
    start = len(whole[: offset + blanks].encode("utf-8", "surrogatepass"))
    node = root.descendant_for_byte_range(start, start + 1)
    while node is not None:
        if "comment" in node.type:
            return True
        node = node.parent
    return False


async def _select_reason(server: ClaudeServer, uri: str, comment: str) -> None:
    """Put the cursor where the reason belongs, in editors that can."""
    document = server.workspace.get(uri)
    if document is None or not server.abilities.show_document:
        return
    index = document.snapshot().index
    line = next((n for n in range(index.line_count) if index.line(n) == comment), None)
    if line is None:
        return
    start = comment.rindex(PLACEHOLDER)
    span = Range(Position(line, start), Position(line, start + len(PLACEHOLDER)))
    selection = range_to_client(span, index, server.abilities.position_encoding)
    params = types.ShowDocumentParams(uri, take_focus=True, selection=selection)
    try:
        async with asyncio.timeout(_SHOW_S):
            await server.window_show_document_async(params)
    except (TimeoutError, JsonRpcException):
        return  # The comment is there; only the cursor is not.


_SHOW_S = 5.0


def _named(given: Iterable[object]) -> Iterator[str]:
    """Yield the fingerprints that a command's argument names."""
    for table in given:
        if isinstance(table, dict):
            many = table.get("fingerprints")
            several = many if isinstance(many, list | tuple) else ()
            yield from (str(each) for each in (table.get("fingerprint"), *several) if each)
