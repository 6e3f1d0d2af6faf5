"""The two doors of suggestions: ghost text, and the completion menu for editors without it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lsprotocol import types

from claude_lsp.actions.completion.place import Place
from claude_lsp.lsp.convert import position_from_client, range_from_client, range_to_client
from claude_lsp.text.edits import TextEdit, apply_edits, end_of
from claude_lsp.text.markdown import fenced
from claude_lsp.text.positions import Position, Range
from claude_lsp.text.snapshots import Snapshot
from claude_lsp.workspace.languages import fence

if TYPE_CHECKING:
    from claude_lsp.actions.completion.recent import Suggestion
    from claude_lsp.lsp.server import ClaudeServer
    from claude_lsp.lsp.suggestions import Turn

_NOTHING = types.InlineCompletionList([])
_LONGEST_LABEL = 60


class InlineTurn(NamedTuple):
    """A request for ghost text as it came.

    Attributes:
        turn: its place in the row; None for a document that is not open.
        selected: the entry of the editor's menu that stands at the cursor, with what it replaces.
    """

    turn: Turn | None
    selected: types.SelectedCompletionInfo | None = None


def take_inline_turn(server: ClaudeServer, params: types.InlineCompletionParams) -> InlineTurn:
    """Take the snapshot; the document's earlier request is answered at once."""
    document = server.workspace.get(params.text_document.uri)
    if document is None:
        return InlineTurn(None)
    snapshot = document.snapshot()
    at = position_from_client(params.position, snapshot.index, server.abilities.position_encoding)
    deleted = server.suggestions.note_key(snapshot, at)
    selected = params.context.selected_completion_info
    if selected is not None:
        # The editor shows only what goes on behind the entry that is selected in its menu.
        snapshot, at = _with_selected(server, snapshot, selected)
    asked = params.context.trigger_kind is types.InlineCompletionTriggerKind.Invoked
    turn = server.suggestions.take_turn(snapshot, at, "inline", asked=asked, deleted=deleted)
    return InlineTurn(turn, selected)


async def inline_completion(
    server: ClaudeServer, _params: types.InlineCompletionParams, request: InlineTurn
) -> types.InlineCompletionList:
    """Answer with what there is to choose from; with nothing once a later request has come."""
    turn, selected = request
    if turn is None:
        return _NOTHING
    suggestion = await server.suggestions.suggest(turn)
    if suggestion is None:
        return _NOTHING
    items = (_inline_item(server, turn, selected, one) for one in suggestion.all if one.text)
    return types.InlineCompletionList([item for item in items if item is not None])


def _inline_item(
    server: ClaudeServer,
    turn: Turn,
    selected: types.SelectedCompletionInfo | None,
    suggestion: Suggestion,
) -> types.InlineCompletionItem | None:
    if selected is None:
        text = suggestion.text
        index, encoding = turn.snapshot.index, server.abilities.position_encoding
        place = range_to_client(_covered(turn, suggestion), index, encoding)
    elif suggestion.covers:
        return None  # it would need another range than the entry has
    else:
        text, place = selected.text + suggestion.text, selected.range
    command = server.acceptance.offer(suggestion)
    return types.InlineCompletionItem(text, range=place, command=command)


def take_popup_turn(server: ClaudeServer, params: types.CompletionParams) -> Turn | None:
    """Take the snapshot, unless the menu is not to be used."""
    engine = server.session.current_engine
    document = server.workspace.get(params.text_document.uri)
    if document is None or engine is None or not engine.settings.completion.popup:
        return None
    snapshot = document.snapshot()
    at = position_from_client(params.position, snapshot.index, server.abilities.position_encoding)
    # This protocol does not tell typing from asking.
    deleted = server.suggestions.note_key(snapshot, at)
    return server.suggestions.take_turn(snapshot, at, "popup", asked=False, deleted=deleted)


async def popup_completion(
    server: ClaudeServer, _params: types.CompletionParams, turn: Turn | None
) -> types.CompletionList:
    """Answer with at most one entry; incomplete, since it changes with the next key."""
    if turn is None:
        return types.CompletionList(is_incomplete=False, items=[])
    suggestion = await server.suggestions.suggest(turn)
    items = [_entry(server, turn, suggestion)] if suggestion and suggestion.text else []
    return types.CompletionList(is_incomplete=True, items=items)


def _entry(server: ClaudeServer, turn: Turn, suggestion: Suggestion) -> types.CompletionItem:
    """Show a suggestion as an entry that replaces the word before the cursor by itself and more."""
    word = Place.of(turn.snapshot, turn.at).word
    start = Position(turn.at.line, turn.at.column - len(word))
    span = Range(start, _covered(turn, suggestion).end)
    index, encoding = turn.snapshot.index, server.abilities.position_encoding
    text = word + suggestion.text
    first = next(line.strip() for line in text.splitlines() if line.strip())
    more = first != text.strip() or len(first) > _LONGEST_LABEL
    shown = fenced(text, fence(turn.snapshot.language)).removesuffix("\n")
    if not server.abilities.markdown_completion:
        documentation: str | types.MarkupContent = text
    else:
        documentation = types.MarkupContent(types.MarkupKind.Markdown, shown)
    return types.CompletionItem(
        label=first[:_LONGEST_LABEL] + ("…" if more else ""),
        kind=types.CompletionItemKind.Text,
        detail="Claude",
        documentation=documentation,
        filter_text=word + suggestion.text.strip(),
        insert_text_mode=types.InsertTextMode.AsIs,
        text_edit=types.TextEdit(range_to_client(span, index, encoding), text),
        command=server.acceptance.offer(suggestion),
    )


def _covered(turn: Turn, suggestion: Suggestion) -> Range:
    end = Position(turn.at.line, turn.at.column + suggestion.covers)
    return Range(turn.at, end)


def _with_selected(
    server: ClaudeServer, snapshot: Snapshot, selected: types.SelectedCompletionInfo
) -> tuple[Snapshot, Position]:
    """Return the document as it would be with the selected entry, and the cursor behind it."""
    encoding = server.abilities.position_encoding
    span = range_from_client(selected.range, snapshot.index, encoding)
    text = apply_edits(snapshot.text, [TextEdit(span, selected.text)])
    changed = Snapshot(snapshot.uri, snapshot.version, text, snapshot.language)
    return changed, end_of(span.start, selected.text)
