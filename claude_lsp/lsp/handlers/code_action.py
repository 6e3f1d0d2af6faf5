"""The lightbulb: which actions are offered. Never calls the model; an action carries a command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lsprotocol import types

from claude_lsp.actions import ACTIONS
from claude_lsp.actions.action import Place, Problem, Situation
from claude_lsp.lsp.convert import range_from_client, range_to_client
from claude_lsp.lsp.handlers.commands import problem_of_finding
from claude_lsp.workspace import git

if TYPE_CHECKING:
    from collections.abc import Sequence

    from claude_lsp.actions.action import Action
    from claude_lsp.lsp.publish import Shown
    from claude_lsp.lsp.server import ClaudeServer
    from claude_lsp.text.positions import Range
    from claude_lsp.text.snapshots import Snapshot

COMMAND_OF = {
    "complete": "claude.complete",
    "fix": "claude.fix",
    "explain": "claude.explain",
    "review": "claude.review",
    "architecture": "claude.reviewArchitecture",
}
"""The command that runs each built-in action."""

REVIEW_SCOPES = {
    "selection": "Review the selection",
    "changes": "Review what has changed",
    "staged": "Review what is staged",
}
"""What else of a document's project can be reviewed, and what the menu calls it."""

KINDS = [
    types.CodeActionKind.QuickFix,
    *(action.kind for action in ACTIONS.values() if action.kind != "quickfix"),
    *(f"{ACTIONS['review'].kind}.{scope}" for scope in REVIEW_SCOPES),
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
        actions += _on_findings(server, params, snapshot, span)
    situation = Situation(snapshot, _name(server, snapshot), span)
    for action in ACTIONS.values():
        if (
            action.kind != "quickfix"
            and _is_wanted(action.kind, wanted)
            and action.applies(situation)
        ):
            arguments = {"uri": snapshot.uri, "range": _plain_range(params.range)}
            actions.append(_command(server, action, situation, arguments))
    actions += _other_reviews(server, params, situation, wanted)
    if server.abilities.code_action_literals:
        return list(actions)
    return [action.command for action in actions if action.command is not None]


def _other_reviews(
    server: ClaudeServer,
    params: types.CodeActionParams,
    situation: Situation,
    wanted: Sequence[str] | None,
) -> list[types.CodeAction]:
    """Offer to review the selection, and in a git repository what has changed."""
    path = situation.snapshot.path
    actions = []
    for scope, title in REVIEW_SCOPES.items():
        kind = f"{ACTIONS['review'].kind}.{scope}"
        if not _is_wanted(kind, wanted):
            continue
        # A look for `.git`; git itself is not run before the command is.
        if scope == "selection":
            useful = _is_part(situation)
        else:
            useful = path is not None and git.root_of(path) is not None
        if not useful:
            continue
        arguments: dict[str, Any] = {"uri": situation.snapshot.uri, "scope": scope}
        if scope == "selection":
            arguments["range"] = _plain_range(params.range)
        command = _asking(server, f"Claude: {title}", COMMAND_OF["review"], arguments)
        actions.append(_tagged(server, types.CodeAction(command.title, kind=kind, command=command)))
    return actions


def _is_part(situation: Situation) -> bool:
    """Whether something is selected, and not the whole document."""
    index, (start, end) = situation.snapshot.index, situation.range
    text = index.text
    inside = text[index.offset_at(start) : index.offset_at(end)].strip()
    return bool(inside) and inside != text.strip()


def _model_fixes(
    server: ClaudeServer, params: types.CodeActionParams, snapshot: Snapshot
) -> list[types.CodeAction]:
    """Offer to fix each diagnostic at the place, whoever reported it."""
    fix = ACTIONS["fix"]
    actions = []
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
        action = _command(server, fix, situation, arguments)
        action.diagnostics = [diagnostic]
        actions.append(action)
    return actions


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


def _on_findings(
    server: ClaudeServer, params: types.CodeActionParams, snapshot: Snapshot, span: Range
) -> list[types.CodeAction]:
    """Offer what can be done with our own findings: explain, dismiss, suppress in the source."""
    if server.abilities.runs_every_action:
        return []  # It would dismiss whatever it is shown.
    ours = {
        each.data["fingerprint"]: each
        for each in params.context.diagnostics
        if isinstance(each.data, dict) and "fingerprint" in each.data
    }
    actions = []
    for shown in server.published.at(snapshot.uri, span):
        finding, problem = shown.finding, problem_of_finding(shown)
        named = {"uri": snapshot.uri, "fingerprint": finding.fingerprint}
        place = _plain_range(
            range_to_client(shown.range, snapshot.index, server.abilities.position_encoding)
        )
        about = {"range": place, "message": problem.message, "code": problem.code}
        question = {"uri": snapshot.uri, "range": place, "problems": [about]}
        for verb, command, arguments in (
            ("Explain", "claude.explain", question),
            ("Dismiss", "claude.dismiss", named),
            ("Suppress by a comment", "claude.suppress", named),
        ):
            title = f"Claude: {verb}: {finding.title}"
            action = types.CodeAction(title, kind=types.CodeActionKind.QuickFix)
            action.command = types.Command(title, command, arguments=[arguments])
            if finding.fingerprint in ours:
                action.diagnostics = [ours[finding.fingerprint]]
            actions.append(_tagged(server, action) if command == "claude.explain" else action)
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
    command = _asking(server, title, COMMAND_OF[action.name], arguments)
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
