"""The lightbulb: which actions are offered. Never calls the model; an action carries a command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lsprotocol import types

from claude_lsp.actions import ACTIONS
from claude_lsp.actions.action import Place, Problem, Situation
from claude_lsp.lsp.convert import SOURCE, range_from_client, range_to_client
from claude_lsp.lsp.handlers.commands import findings_like, problem_of_finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from claude_lsp.actions.action import Action
    from claude_lsp.lsp.publish import Shown
    from claude_lsp.lsp.server import ClaudeServer
    from claude_lsp.text.positions import Range
    from claude_lsp.text.snapshots import Snapshot

AGAIN = "refactor.rewrite.claude.again"

KINDS = [
    types.CodeActionKind.QuickFix,
    *(action.kind for action in ACTIONS.values() if action.kind != "quickfix"),
    AGAIN,
]


def code_action(
    server: ClaudeServer, params: types.CodeActionParams
) -> list[types.CodeAction | types.Command]:
    """Return the actions that apply at a place; a failing one does not affect the others."""
    document = server.workspace.get(params.text_document.uri)
    if document is None:
        return []
    snapshot = document.snapshot()
    span = range_from_client(params.range, snapshot.index, server.abilities.position_encoding)
    if span.start == span.end and server.abilities.inline_completion:
        # Editors that light a bulb ask whenever the cursor has come to rest.
        server.suggestions.cursor_rests(snapshot, span.start)
    wanted = params.context.only
    actions: list[types.CodeAction] = []
    if _is_wanted("quickfix", wanted):
        actions += _suggested_fixes(server, snapshot, span)
        actions += _model_fixes(server, params, snapshot)
    actions += _again(server, params, snapshot, span)
    situation = Situation(snapshot, _name(server, snapshot), span)
    for action in ACTIONS.values():
        if (
            action.kind != "quickfix"
            and _is_wanted(action.kind, wanted)
            and action.applies(situation)
        ):
            arguments = {"uri": snapshot.uri, "range": _plain_range(params.range)}
            actions.append(_command(server, action, situation, arguments))
    if server.abilities.code_action_literals:
        return list(actions)
    return [action.command for action in actions if action.command is not None]


def _model_fixes(
    server: ClaudeServer, params: types.CodeActionParams, snapshot: Snapshot
) -> list[types.CodeAction]:
    """Offer to fix each diagnostic at the place, whoever reported it."""
    fix, fix_all = ACTIONS["fix"], ACTIONS["fixAll"]
    actions = []
    seen: set[tuple[str, str]] = set()
    for diagnostic in params.context.diagnostics:
        problem = problem_of(server, diagnostic, snapshot)
        situation = Situation(snapshot, _name(server, snapshot), problem.range, (problem,))
        arguments = {
            "uri": snapshot.uri,
            "range": _plain_range(diagnostic.range),
            "problems": [
                {
                    "range": _plain_range(diagnostic.range),
                    "message": problem.message,
                    "source": problem.source,
                    "code": problem.code,
                    "related": [place._asdict() for place in problem.related],
                }
            ],
        }
        for each in (fix, fix_all):
            kind = problem.source, problem.code
            if each is fix or (kind not in seen and _may_have_more(server, situation)):
                action = _command(server, each, situation, arguments)
                action.diagnostics = [diagnostic]
                actions.append(action)
        seen.add((problem.source, problem.code))
    return actions


def _may_have_more(server: ClaudeServer, situation: Situation) -> bool:
    """Whether a problem may be one of several of its kind in the document.

    Of other tools' problems a server only hears those at the cursor.
    """
    (problem,) = situation.problems
    if problem.source != SOURCE:
        return ACTIONS["fixAll"].applies(situation)
    ours = findings_like(server, situation.snapshot, problem)
    return len(ours) > 1


def _again(
    server: ClaudeServer, params: types.CodeActionParams, snapshot: Snapshot, span: Range
) -> list[types.CodeAction]:
    """Offer to do what was done here last once more, by the next higher tier."""
    done = server.done.at(snapshot.uri, span)
    tier = None if done is None else done.next_tier
    if done is None or tier is None or not _is_wanted(AGAIN, params.context.only):
        return []
    arguments = done.arguments_for(tier, snapshot, server.abilities.position_encoding)
    title = f"Claude: Again, with {tier}: {done.action.title(done.situation)}"
    command = _asking(server, title, done.action.command, arguments)
    return [_tagged(server, types.CodeAction(title, kind=AGAIN, command=command))]


def _suggested_fixes(
    server: ClaudeServer, snapshot: Snapshot, span: Range
) -> list[types.CodeAction]:
    """Offer the edits that came with findings: known already, so they cost nothing."""
    actions = []
    abilities = server.abilities
    for shown in server.published.at(snapshot.uri, span):
        if shown.finding.replacement is None or not shown.stands(snapshot.index):
            continue
        title = f"Apply suggestion: {shown.finding.title}"
        action = types.CodeAction(title, kind=types.CodeActionKind.QuickFix)
        if abilities.runs_every_action or not abilities.code_action_literals:
            # As a command it can ask first, and reaches editors that take nothing else.
            arguments = {"uri": snapshot.uri, "fingerprint": shown.finding.fingerprint}
            action.command = _asking(server, title, "claude.applyFix", arguments)
        else:
            action.edit = _edit_of(server, snapshot, shown)
        if abilities.code_action_preferred:
            action.is_preferred = True
        actions.append(_tagged(server, action))
    return actions


def _edit_of(server: ClaudeServer, snapshot: Snapshot, shown: Shown) -> types.WorkspaceEdit:
    place = range_to_client(shown.range, snapshot.index, server.abilities.position_encoding)
    edit = types.TextEdit(place, shown.finding.replacement or "")
    if not server.abilities.document_changes:
        return types.WorkspaceEdit(changes={snapshot.uri: [edit]})
    identifier = types.OptionalVersionedTextDocumentIdentifier(snapshot.uri, snapshot.version)
    return types.WorkspaceEdit(document_changes=[types.TextDocumentEdit(identifier, [edit])])


def _command(
    server: ClaudeServer, action: Action, situation: Situation, arguments: dict[str, Any]
) -> types.CodeAction:
    title = f"Claude: {action.title(situation)}"
    command = _asking(server, title, action.command, arguments)
    return _tagged(server, types.CodeAction(title, kind=action.kind, command=command))


def _asking(
    server: ClaudeServer, title: str, command: str, arguments: dict[str, Any]
) -> types.Command:
    """Return a command; in an editor that runs whatever it was offered, it asks before it acts."""
    if server.abilities.runs_every_action:
        arguments = {**arguments, "confirm": True}
    return types.Command(title=title, command=command, arguments=[arguments])


def _tagged(server: ClaudeServer, action: types.CodeAction) -> types.CodeAction:
    if server.abilities.code_action_llm_tag:
        action.tags = [types.CodeActionTag.LlmGenerated]
    return action


def problem_of(server: ClaudeServer, diagnostic: types.Diagnostic, snapshot: Snapshot) -> Problem:
    """Return a client's diagnostic in our terms; one of our own gets its whole finding back.

    Some clients strip `source` and `data`, so ours are known by code and place.
    """
    span = range_from_client(diagnostic.range, snapshot.index, server.abilities.position_encoding)
    code = "" if diagnostic.code is None else str(diagnostic.code)
    for shown in server.published.at(snapshot.uri, span):
        if shown.finding.rule == code and shown.range == span:
            return problem_of_finding(shown)
    related = tuple(
        Place(each.location.uri, each.location.range.start.line)
        for each in diagnostic.related_information or ()
    )
    return Problem(span, diagnostic.message, diagnostic.source or "", code, related)


def _is_wanted(kind: str, only: Sequence[str] | None) -> bool:
    """Whether a kind is asked for: `only` names kinds or their parents."""
    if not only:
        return True
    # The empty kind is the parent of all.
    return any(each in ("", kind) or kind.startswith(f"{each}.") for each in map(_text, only))


def _text(kind: object) -> str:
    return str(getattr(kind, "value", kind))


def _plain_range(span: types.Range) -> dict[str, Any]:
    return {
        "start": {"line": span.start.line, "character": span.start.character},
        "end": {"line": span.end.line, "character": span.end.character},
    }


def _name(server: ClaudeServer, snapshot: Snapshot) -> str:
    engine = server.session.current_engine
    return engine.workspace.origin(snapshot) if engine is not None else snapshot.uri
