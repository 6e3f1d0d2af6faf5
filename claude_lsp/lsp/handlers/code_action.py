"""The lightbulb: which actions are offered. Never calls the model; an action carries a command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lsprotocol import types

from claude_lsp.actions import ACTIONS
from claude_lsp.actions.action import Place, Problem, Situation
from claude_lsp.actions.blocks import block_at
from claude_lsp.actions.custom import custom_actions
from claude_lsp.actions.editing import shortened
from claude_lsp.lsp.convert import SOURCE, plain_range, range_from_client, range_to_client
from claude_lsp.lsp.handlers.commands import findings_like, problem_of_finding
from claude_lsp.lsp.handlers.conversations import is_relative
from claude_lsp.text.conversation import is_conversation
from claude_lsp.text.positions import Position, Range
from claude_lsp.workspace import git

if TYPE_CHECKING:
    from collections.abc import Sequence

    from claude_lsp.actions.action import Action
    from claude_lsp.lsp.publish import Shown
    from claude_lsp.lsp.server import ClaudeServer
    from claude_lsp.text.snapshots import Snapshot

AGAIN = "refactor.rewrite.claude.again"
APPLY_BLOCK = "refactor.rewrite.claude.applyBlock"

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
    AGAIN,
    APPLY_BLOCK,
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
    diagnostics = params.context.diagnostics
    runs_all = server.abilities.runs_every_action
    actions: list[types.CodeAction] = []
    if runs_all and diagnostics:
        # It may run all of it, so there is only what was asked for: one fix for each.
        if _is_wanted("quickfix", wanted):
            actions = [_quick_fix(server, snapshot, each) for each in diagnostics]
    else:
        confirm = runs_all and _is_whole(snapshot, span)
        if _is_wanted("quickfix", wanted):
            shown = server.published.at(snapshot.uri, span)
            actions += _suggested_fixes(server, snapshot, shown, confirm=confirm)
            problems = [(each, problem_of(server, each, snapshot)) for each in diagnostics]
            actions += [_model_fix(server, snapshot, *each) for each in problems]
            if not runs_all:
                # Such an editor would dismiss whatever it is shown.
                actions += _fixes_of_kinds(server, snapshot, problems)
                actions += _on_findings(server, params, snapshot, span)
            else:
                # Its menu gives no diagnostics along.
                actions += _fixes_of_findings(server, snapshot, shown, confirm=confirm)
        situation = Situation(snapshot, _name(server, snapshot), span)
        arguments = {"uri": snapshot.uri, "range": plain_range(params.range)}
        actions += [
            _command(
                server,
                action,
                situation,
                {**arguments, "problems": _problems(params)} if action.name == "ask" else arguments,
                confirm=confirm,
            )
            for action in ACTIONS.values()
            if action.kind != "quickfix"
            and _is_wanted(action.kind, wanted)
            and action.applies(situation)
        ]
        actions += _other_reviews(server, params, situation, wanted, confirm=confirm)
        actions += _of_the_user(server, params, situation, wanted, confirm=confirm)
        if _is_wanted(APPLY_BLOCK, wanted) and is_conversation(snapshot.uri):
            actions += _apply_block(situation, arguments, confirm=confirm)
        if _is_wanted(AGAIN, wanted):
            actions += _again(server, situation, confirm=confirm)
    if server.abilities.code_action_literals:
        return list(actions)
    return [action.command for action in actions if action.command is not None]


def _other_reviews(
    server: ClaudeServer,
    params: types.CodeActionParams,
    situation: Situation,
    wanted: Sequence[str] | None,
    *,
    confirm: bool,
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
            arguments["range"] = plain_range(params.range)
        command = _asking(f"Claude: {title}", ACTIONS["review"].command, arguments, confirm=confirm)
        actions.append(_tagged(server, types.CodeAction(command.title, kind=kind, command=command)))
    return actions


def _is_part(situation: Situation) -> bool:
    """Whether something is selected, and not the whole document."""
    index, (start, end) = situation.snapshot.index, situation.range
    text = index.text
    inside = text[index.offset_at(start) : index.offset_at(end)].strip()
    return bool(inside) and inside != text.strip()


def _is_whole(snapshot: Snapshot, span: Range) -> bool:
    whole = Range(Position(0, 0), snapshot.index.position_at(len(snapshot.text)))
    return span.contains(whole)


def _quick_fix(
    server: ClaudeServer, snapshot: Snapshot, diagnostic: types.Diagnostic
) -> types.CodeAction:
    """Return the one fix of a diagnostic: a suggestion that is known, else what asks the model."""
    shown = _shown_of(server, diagnostic, snapshot)
    suggested = _suggested_fixes(server, snapshot, [shown] if shown else [], confirm=False)
    if suggested:
        return suggested[0]
    problem = problem_of(server, diagnostic, snapshot)
    return _model_fix(server, snapshot, diagnostic, problem, confirm=True)


def _fixes_of_kinds(
    server: ClaudeServer,
    snapshot: Snapshot,
    problems: Sequence[tuple[types.Diagnostic, Problem]],
) -> list[types.CodeAction]:
    """Offer to fix all of each kind that may have more than one.

    Of other tools' problems a server hears only those at the cursor; of ours it knows all.
    """
    by_kind = {(each[1].source, each[1].code): each for each in reversed(problems)}
    actions = []
    for diagnostic, problem in reversed(by_kind.values()):
        ours = problem.source == SOURCE
        if ours and len(findings_like(server, snapshot, problem)) < 2:
            continue
        if problem.code:
            actions.append(_model_fix(server, snapshot, diagnostic, problem, name="fixAll"))
    return actions


def _of_the_user(
    server: ClaudeServer,
    params: types.CodeActionParams,
    situation: Situation,
    wanted: Sequence[str] | None,
    *,
    confirm: bool,
) -> list[types.CodeAction]:
    """Offer the actions that the settings define."""
    snapshot = situation.snapshot
    problems = _problems(params)
    place = {"uri": snapshot.uri, "range": plain_range(params.range), "problems": problems}
    return [
        _command(server, action, situation, {**place, "action": name}, confirm=confirm)
        for name, action in custom_actions(server.session.configuration.settings).items()
        if _is_wanted(action.kind, wanted) and action.applies(situation)
    ]


def _problems(params: types.CodeActionParams) -> list[dict[str, Any]]:
    """Return the diagnostics that an editor gives along, as arguments of a command."""
    return [
        {"range": plain_range(each.range), "message": each.message}
        for each in params.context.diagnostics
    ]


def _apply_block(
    situation: Situation, arguments: dict[str, Any], *, confirm: bool
) -> list[types.CodeAction]:
    """Offer to write the block at a place of a conversation into the file that it names."""
    line = situation.range.start.line
    block = block_at(situation.snapshot.index.lines, line)
    if block is None or not is_relative(block.attribute("path")):
        return []
    title = f"Claude: Apply this block to {shortened(block.attribute('path'))}"
    command = _asking(title, "claude.applyBlock", arguments, confirm=confirm)
    return [types.CodeAction(title, kind=APPLY_BLOCK, command=command)]


def _again(server: ClaudeServer, situation: Situation, *, confirm: bool) -> list[types.CodeAction]:
    """Offer to do what was done here last once more, by the next higher tier."""
    snapshot = situation.snapshot
    done = server.done.at(snapshot.uri, situation.range)
    tier = None if done is None else done.next_tier
    if done is None or tier is None:
        return []
    arguments = done.arguments_for(tier, snapshot, server.abilities.position_encoding)
    title = f"Claude: Again, with {tier}: {done.action.title(done.situation)}"
    command = _asking(title, done.action.command, arguments, confirm=confirm)
    return [_tagged(server, types.CodeAction(title, kind=AGAIN, command=command))]


def _model_fix(
    server: ClaudeServer,
    snapshot: Snapshot,
    diagnostic: types.Diagnostic,
    problem: Problem,
    *,
    confirm: bool = False,
    name: str = "fix",
) -> types.CodeAction:
    """Offer to fix a diagnostic, whoever reported it, or all of its kind."""
    situation = Situation(snapshot, _name(server, snapshot), problem.range, (problem,))
    place = plain_range(diagnostic.range)
    arguments = {
        "uri": snapshot.uri,
        "range": place,
        "problems": [
            {
                "range": place,
                "message": problem.message,
                "source": problem.source,
                "code": problem.code,
                "related": [place._asdict() for place in problem.related],
            }
        ],
    }
    action = _command(server, ACTIONS[name], situation, arguments, confirm=confirm)
    action.diagnostics = [diagnostic]
    return action


def _fixes_of_findings(
    server: ClaudeServer, snapshot: Snapshot, shown: Sequence[Shown], *, confirm: bool
) -> list[types.CodeAction]:
    """Offer to fix those of our findings that came without a suggestion."""
    encoding = server.abilities.position_encoding
    actions = []
    for each in shown:
        if each.finding.replacement is None:
            problem = problem_of_finding(each)
            place = range_to_client(each.range, snapshot.index, encoding)
            diagnostic = types.Diagnostic(place, problem.message)
            action = _model_fix(server, snapshot, diagnostic, problem, confirm=confirm)
            action.diagnostics = None
            actions.append(action)
    return actions


def _suggested_fixes(
    server: ClaudeServer, snapshot: Snapshot, shown: Sequence[Shown], *, confirm: bool
) -> list[types.CodeAction]:
    """Offer the edits that came with findings: known already, so they cost nothing."""
    actions = []
    abilities = server.abilities
    for each in shown:
        if each.finding.replacement is None or not each.stands(snapshot.index):
            continue
        title = f"Apply suggestion: {each.finding.title}"
        action = types.CodeAction(title, kind=types.CodeActionKind.QuickFix)
        if confirm or not abilities.code_action_literals:
            # As a command it can ask first, and reaches editors that take nothing else.
            arguments = {"uri": snapshot.uri, "fingerprint": each.finding.fingerprint}
            action.command = _asking(title, "claude.applyFix", arguments, confirm=confirm)
        else:
            action.edit = _edit_of(server, snapshot, each)
        if abilities.code_action_preferred:
            action.is_preferred = True
        actions.append(_tagged(server, action))
    return actions


def _on_findings(
    server: ClaudeServer, params: types.CodeActionParams, snapshot: Snapshot, span: Range
) -> list[types.CodeAction]:
    """Offer what can be done with our own findings: explain, dismiss, suppress in the source."""
    ours = {
        each.data["fingerprint"]: each
        for each in params.context.diagnostics
        if isinstance(each.data, dict) and "fingerprint" in each.data
    }
    actions = []
    for shown in server.published.at(snapshot.uri, span):
        finding, problem = shown.finding, problem_of_finding(shown)
        named = {"uri": snapshot.uri, "fingerprint": finding.fingerprint}
        place = plain_range(
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
    server: ClaudeServer,
    action: Action,
    situation: Situation,
    arguments: dict[str, Any],
    *,
    confirm: bool,
) -> types.CodeAction:
    title = f"Claude: {action.title(situation)}"
    command = _asking(title, action.command, arguments, confirm=confirm)
    return _tagged(server, types.CodeAction(title, kind=action.kind, command=command))


def _asking(title: str, command: str, arguments: dict[str, Any], *, confirm: bool) -> types.Command:
    """Return a command; one that the editor may run by itself asks before it acts."""
    if confirm:
        arguments = {**arguments, "confirm": True}
    return types.Command(title=title, command=command, arguments=[arguments])


def _tagged(server: ClaudeServer, action: types.CodeAction) -> types.CodeAction:
    if server.abilities.code_action_llm_tag:
        action.tags = [types.CodeActionTag.LlmGenerated]
    return action


def problem_of(server: ClaudeServer, diagnostic: types.Diagnostic, snapshot: Snapshot) -> Problem:
    """Return a client's diagnostic in our terms; one of our own gets its whole finding back."""
    shown = _shown_of(server, diagnostic, snapshot)
    if shown is not None:
        return problem_of_finding(shown)
    span = range_from_client(diagnostic.range, snapshot.index, server.abilities.position_encoding)
    related = tuple(
        Place(each.location.uri, each.location.range.start.line)
        for each in diagnostic.related_information or ()
    )
    return Problem(span, diagnostic.message, diagnostic.source or "", _code_of(diagnostic), related)


def _shown_of(
    server: ClaudeServer, diagnostic: types.Diagnostic, snapshot: Snapshot
) -> Shown | None:
    """Return our finding that a client's diagnostic is; None if it is another tool's.

    Some clients strip `source` and `data`, so ours are known by code and place.
    """
    span = range_from_client(diagnostic.range, snapshot.index, server.abilities.position_encoding)
    code = _code_of(diagnostic)
    found = server.published.at(snapshot.uri, span)
    return next((e for e in found if e.finding.rule == code and e.range == span), None)


def _code_of(diagnostic: types.Diagnostic) -> str:
    return "" if diagnostic.code is None else str(diagnostic.code)


def _is_wanted(kind: str, only: Sequence[str] | None) -> bool:
    """Whether a kind is asked for: `only` names kinds or their parents."""
    if not only:
        return True
    # The empty kind is the parent of all.
    return any(each in ("", kind) or kind.startswith(f"{each}.") for each in map(_text, only))


def _text(kind: object) -> str:
    return str(getattr(kind, "value", kind))


def _name(server: ClaudeServer, snapshot: Snapshot) -> str:
    engine = server.session.current_engine
    return engine.workspace.origin(snapshot) if engine is not None else snapshot.uri
