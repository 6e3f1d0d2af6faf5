"""What the client can do, resolved once into plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.capabilities import ServerCapabilitiesBuilder

if TYPE_CHECKING:
    from claude_lsp.text.lines import Encoding


@dataclass(frozen=True, slots=True)
class Abilities:
    """A client's abilities. The defaults are those of a client that announces nothing.

    Attributes:
        client_name: as the client gives it, or told by what it announces; "" if neither.
        client_version: likewise.
        position_encoding: the unit of columns on the wire.
        apply_edit: takes `workspace/applyEdit`.
        document_changes: takes edits that name the version they are for.
        create_files: edits may create files.
        change_annotations: edits may ask to be confirmed by the user.
        edit_metadata: edits may say what they are.
        checks_versions: really refuses an edit for another version, instead of applying it or
            dropping it while saying that it was applied.
        work_done_progress: shows progress that the server starts.
        show_document: can open a document or an address.
        show_message_request: the choice that the user makes comes back as an item that may carry
            more than its title. Every client has the plain request.
        configuration: answers `workspace/configuration`.
        register_configuration: `workspace/didChangeConfiguration` can be registered.
        register_watched_files: file watchers can be registered.
        watched_relative_patterns: and may be relative to a folder.
        inline_completion: asks for ghost text by itself.
        completion_insert_replace: completion items may tell inserting from replacing.
        completion_snippets: completion items may be snippets.
        markdown_completion: the documentation of completion items may be Markdown.
        markdown_hover: hovers may be Markdown.
        code_action_literals: takes code actions; others take commands only.
        code_action_data: keeps a code action's `data` for resolve.
        code_action_resolve_edit: the edit may be left to `codeAction/resolve`.
        code_action_disabled: shows disabled actions with their reason.
        code_action_preferred: knows preferred actions.
        code_action_llm_tag: knows the tag for actions made by a language model.
        diagnostic_tags: which of `types.DiagnosticTag` it shows.
        diagnostic_code_description: shows a link behind a diagnostic's code.
        diagnostic_related: shows further places of a diagnostic.
        diagnostic_data: gives a diagnostic's `data` back in code action requests.
        diagnostic_version: looks at the version that diagnostics were made for.
        input: answers the request `claude/input` (experimental capability `claude.input`).
        preview: takes `claude/preview` (experimental capability `claude.preview`: true, or a table
            of what it does with previews).
        accepts_previews: lets the user accept or discard edits that wait (`claude.preview.accept`).
        code_lens_refresh: asks for code lenses anew when told to.
        joins_undo: answers `claude/applyEdit`, and joins such edits into one step to undo
            (experimental capability `claude.joinUndo`).
        status: takes `claude/status` (experimental capability `claude.status`).
        runs_every_action: may run all the code actions that it is given for a diagnostic, or for
            a whole document, so that none of those may cost money unasked. Kate's Quick Fix does,
            and old ones give no name, so a client without one is taken for it.
    """

    client_name: str = ""
    client_version: str = ""
    position_encoding: Encoding = "utf-16"
    apply_edit: bool = False
    document_changes: bool = False
    create_files: bool = False
    change_annotations: bool = False
    edit_metadata: bool = False
    checks_versions: bool = False
    work_done_progress: bool = False
    show_document: bool = False
    show_message_request: bool = False
    configuration: bool = False
    register_configuration: bool = False
    register_watched_files: bool = False
    watched_relative_patterns: bool = False
    inline_completion: bool = False
    completion_insert_replace: bool = False
    completion_snippets: bool = False
    markdown_completion: bool = False
    markdown_hover: bool = False
    code_action_literals: bool = False
    code_action_data: bool = False
    code_action_resolve_edit: bool = False
    code_action_disabled: bool = False
    code_action_preferred: bool = False
    code_action_llm_tag: bool = False
    diagnostic_tags: frozenset[types.DiagnosticTag] = frozenset()
    diagnostic_code_description: bool = False
    diagnostic_related: bool = False
    diagnostic_data: bool = False
    diagnostic_version: bool = False
    input: bool = False
    preview: bool = False
    accepts_previews: bool = False
    code_lens_refresh: bool = False
    joins_undo: bool = False
    status: bool = False
    runs_every_action: bool = True

    @classmethod
    def of(cls, params: types.InitializeParams) -> Abilities:
        """Read them from the client's `initialize`."""
        given = params.capabilities
        info = params.client_info
        name = (info.name if info else "") or _name_told_by(given)
        claude = _experimental(given)
        completion = "text_document.completion"
        action = "text_document.code_action"
        diagnostics = "text_document.publish_diagnostics"
        document_changes = _has(given, "workspace.workspace_edit.document_changes")
        encoding = ServerCapabilitiesBuilder.choose_position_encoding(given)
        return cls(
            client_name=name,
            client_version=(info.version or "") if info else "",
            position_encoding=_ENCODINGS[types.PositionEncodingKind(encoding)],
            apply_edit=_has(given, "workspace.apply_edit"),
            document_changes=document_changes,
            create_files=document_changes
            and types.ResourceOperationKind.Create
            in _many(given, "workspace.workspace_edit.resource_operations"),
            change_annotations=document_changes
            and _get(given, "workspace.workspace_edit.change_annotation_support") is not None,
            # Neovim 0.11 drops an edit for an older version and says that it was applied, and
            # does not look at version 0 at all; only vscode-languageclient was seen to refuse.
            checks_versions=document_changes and name.startswith(_CHECKS_VERSIONS),
            work_done_progress=_has(given, "window.work_done_progress"),
            show_document=_has(given, "window.show_document.support"),
            show_message_request=_has(
                given, "window.show_message.message_action_item.additional_properties_support"
            ),
            configuration=_has(given, "workspace.configuration"),
            register_configuration=_has(
                given, "workspace.did_change_configuration.dynamic_registration"
            ),
            register_watched_files=_has(
                given, "workspace.did_change_watched_files.dynamic_registration"
            ),
            watched_relative_patterns=_has(
                given, "workspace.did_change_watched_files.relative_pattern_support"
            ),
            inline_completion=_get(given, "text_document.inline_completion") is not None,
            completion_insert_replace=_has(
                given, f"{completion}.completion_item.insert_replace_support"
            ),
            completion_snippets=_has(given, f"{completion}.completion_item.snippet_support"),
            markdown_completion=types.MarkupKind.Markdown
            in _many(given, f"{completion}.completion_item.documentation_format"),
            markdown_hover=types.MarkupKind.Markdown
            in _many(given, "text_document.hover.content_format"),
            code_action_literals=_get(given, f"{action}.code_action_literal_support") is not None,
            code_action_data=_has(given, f"{action}.data_support"),
            code_action_resolve_edit="edit" in _many(given, f"{action}.resolve_support.properties"),
            code_action_disabled=_has(given, f"{action}.disabled_support"),
            code_action_preferred=_has(given, f"{action}.is_preferred_support"),
            code_action_llm_tag=types.CodeActionTag.LlmGenerated
            in _many(given, f"{action}.tag_support.value_set"),
            diagnostic_tags=frozenset(_many(given, f"{diagnostics}.tag_support.value_set")),
            diagnostic_code_description=_has(given, f"{diagnostics}.code_description_support"),
            diagnostic_related=_has(given, f"{diagnostics}.related_information"),
            diagnostic_data=_has(given, f"{diagnostics}.data_support"),
            diagnostic_version=_has(given, f"{diagnostics}.version_support"),
            input=claude.get("input") is True,
            preview=claude.get("preview") is True or isinstance(claude.get("preview"), dict),
            accepts_previews=_get_entry(claude.get("preview"), "accept") is True,
            joins_undo=claude.get("joinUndo") is True,
            edit_metadata=_has(given, "workspace.workspace_edit.metadata_support"),
            code_lens_refresh=_has(given, "workspace.code_lens.refresh_support"),
            status=claude.get("status") is True,
            runs_every_action=not name or name.casefold().startswith("kate"),
        )


_ENCODINGS: dict[types.PositionEncodingKind, Encoding] = {
    types.PositionEncodingKind.Utf8: "utf-8",
    types.PositionEncodingKind.Utf16: "utf-16",
    types.PositionEncodingKind.Utf32: "utf-32",
}

_CHECKS_VERSIONS = ("Visual Studio Code", "VSCodium", "Code - OSS", "code-server", "Cursor")
"""Names of the editors that are built on vscode-languageclient."""


def _name_told_by(given: types.ClientCapabilities) -> str:
    """Return the name of a client that gives none, told by what only it announces; else "".

    Both let their users choose one of the actions that they show: eglot up to 1.9, ALE 3.3.
    """
    if given.experimental == {} and (
        _get(given, "text_document.publish_diagnostics.code_description_support") is False
    ):
        return "eglot"
    kinds = "text_document.code_action.code_action_literal_support.code_action_kind.value_set"
    if _get(given, "workspace.apply_edit") is False and _get(given, kinds) in ((), []):
        return "ALE"
    return ""


def _get(capabilities: types.ClientCapabilities, path: str) -> Any:
    value: Any = capabilities
    for name in path.split("."):
        value = getattr(value, name, None)
    return value


def _has(capabilities: types.ClientCapabilities, path: str) -> bool:
    return _get(capabilities, path) is True


def _many(capabilities: types.ClientCapabilities, path: str) -> tuple[Any, ...]:
    return tuple(_get(capabilities, path) or ())


def _experimental(capabilities: types.ClientCapabilities) -> dict[str, Any]:
    """Return the experimental capability `claude`, an empty one if there is none."""
    experimental = capabilities.experimental
    claude = _get_entry(experimental, "claude")
    return claude if isinstance(claude, dict) else {}


def _get_entry(table: object, name: str) -> object:
    return table.get(name) if isinstance(table, dict) else None
