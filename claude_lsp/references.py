"""What the references of a conversation stand for, as it is now and as far as it may be sent.

Only what the user wrote is looked up, and all of it passes the ignore rules.
"""

from __future__ import annotations

import asyncio
import contextlib
import difflib
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from claude_lsp.claude import errors
from claude_lsp.claude.request import Block, Message
from claude_lsp.context.assemble import LeftOut
from claude_lsp.context.candidate import Lines
from claude_lsp.context.conversation import Attachment, assemble_messages, within_reach
from claude_lsp.text.snapshots import path_from_uri
from claude_lsp.workspace import git
from claude_lsp.workspace.files import Unreadable
from claude_lsp.workspace.staged import changes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from claude_lsp.actions.action import Surroundings
    from claude_lsp.claude.request import ImageBlock
    from claude_lsp.context.assemble import Context
    from claude_lsp.context.conversation import Messages
    from claude_lsp.context.tokens import Family
    from claude_lsp.context.tools import Project
    from claude_lsp.text.conversation import Reference, Turn
    from claude_lsp.text.snapshots import Snapshot
    from claude_lsp.workspace.codebase import Codebase, Folder
    from claude_lsp.workspace.workspace import Workspace

_INDEX_S = 2.0
"""How long an index that is being built is waited for, where a name is to be looked up."""
KINDS = ("file", "symbol", "diagnostics", "diff")

_MOST_REFERENCES = 50
_MOST_DEFINITIONS = 3
_MOST_DIAGNOSTICS = 200


def project_of(workspace: Workspace, folder: Folder, surroundings: Surroundings) -> Project:
    """Return a folder as something to look into; reads files, so call it in a worker."""
    from claude_lsp.workspace.project_files import ProjectFiles

    root = folder.root
    if root is None:
        raise ValueError("there is no folder to look into")
    opened = [one for one in surroundings.documents if one.path and folder.holds(one.path)]
    return ProjectFiles(workspace, root, folder.links(opened), opened)


async def prompt_of(
    turns: Sequence[Turn],
    path: Path | None,
    codebase: Codebase,
    workspace: Workspace,
    surroundings: Surroundings,
    *,
    limit: int,
    family: Family,
) -> tuple[Context, list[Message], list[Block | ImageBlock]]:
    """Return what is sent of a conversation, with what it refers to as that is now.

    Args:
        turns: the conversation.
        path: where it is kept; that tells the folder to look into.
        codebase: what is known of the code.
        workspace: says what may be sent.
        surroundings: what the editor shows.
        limit: bound on the tokens of everything.
        family: the model's tokenizer generation.

    Returns:
        all of it, the messages before the newest, and the newest.

    Raises:
        ClaudeError: nothing can be sent of it (kind "conversation").
    """
    root = (None if path is None else workspace.root_of(path)) or workspace.root
    folder = codebase.folder_of(root)
    resolver = Resolver(
        workspace,
        root,
        None if root is None else lambda: project_of(workspace, folder, surroundings),
        surroundings,
    )
    if any(each.kind == "symbol" for turn in turns for each in turn.references):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_INDEX_S):
                await folder.settled()
    made = await asyncio.to_thread(resolver.messages, turns, limit, family)
    if made.problem is not None:
        raise errors.ClaudeError(errors.conversation(made.problem))
    *earlier, newest = (
        Message(each.role, tuple(Block(p.text, p.tokens, stable=True) for p in each.parts))
        for each in made.messages
    )
    return made.context, earlier, list(newest.blocks)


@dataclass
class Resolved:
    """What was found.

    Attributes:
        attachments: what each reference stands for.
        left_out: what is not sent, and why.
    """

    attachments: dict[Reference, tuple[Attachment, ...]] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)


class Resolver:
    """Looks up what the turns of one conversation refer to. Reads files and runs git: for workers.

    Args:
        workspace: says what may be sent.
        root: the folder that the conversation belongs to, None for none.
        project: called once for the files of that folder; None without one.
        surroundings: what the editor shows.
    """

    def __init__(
        self,
        workspace: Workspace,
        root: Path | None,
        project: Callable[[], Project] | None,
        surroundings: Surroundings,
    ) -> None:
        self._workspace = workspace
        self._root = root
        self._make_project = project
        self._surroundings = surroundings
        self._found = Resolved()

    @cached_property
    def _project(self) -> Project | None:
        return None if self._make_project is None else self._make_project()

    def messages(self, turns: Sequence[Turn], limit: int, family: Family) -> Messages:
        """Return the messages of a conversation, in at most `limit` tokens."""
        found = self.resolve(within_reach(turns, limit))
        made = assemble_messages(turns, found.attachments, limit, family)
        return made._replace(left_out=(*made.left_out, *found.left_out))

    def resolve(self, turns: Iterable[Turn]) -> Resolved:
        """Look up everything once, however often it is named; what can't be had is told."""
        references: dict[Reference, None] = {}
        for turn in turns:
            references.update(dict.fromkeys(turn.references))
            for target in turn.images:
                self._leave(f"the image {target}", "images are not sent in a conversation")
        newest = list(references)[-_MOST_REFERENCES:]
        if len(newest) < len(references):
            count = len(references) - len(newest)
            self._leave(f"{count} references", f"there are more than {_MOST_REFERENCES}")
        for reference in newest:
            self._found.attachments[reference] = tuple(self._look_up(reference))
        return self._found

    def _leave(self, what: object, reason: str) -> None:
        self._found.left_out.append(LeftOut(str(what), reason))

    def _look_up(self, reference: Reference) -> Sequence[Attachment]:
        match reference.kind:
            case "file":
                return self._file(reference)
            case "symbol":
                return self._symbol(reference)
            case "diagnostics":
                return self._diagnostics(reference)
            case "diff":
                return self._diff(reference)
        near = difflib.get_close_matches(reference.kind, KINDS, n=1)
        hint = f"; did you mean @{near[0]}?" if near else ""
        known = ", ".join(f"@{kind}" for kind in KINDS)
        self._leave(reference, f"there is no such reference, only {known}{hint}")
        return ()

    def _file(self, reference: Reference) -> Sequence[Attachment]:
        found = self._document(reference.name)
        if isinstance(found, Unreadable):
            self._leave(reference, found.reason)
            return ()
        count = len(found.index.lines)
        if not count:
            self._leave(reference, "the file is empty")
            return ()
        lines = None
        if reference.first:
            if reference.first > count:
                self._leave(reference, f"the file ends at line {count}")
                return ()
            lines = Lines(reference.first - 1, min(reference.last, count) - 1)
        return (Attachment(reference.name, found.text, found.language, lines),)

    def _document(self, name: str) -> Snapshot | Unreadable:
        found = None if self._project is None else self._project.document(name)
        if found is not None and not isinstance(found, Unreadable):
            return found
        # What is in no folder is known by its name as long as it is open.
        for snapshot in self._surroundings.documents:
            path = snapshot.path
            inside = path is not None and self._workspace.root_of(path) is not None
            if not inside and self._workspace.origin(snapshot) == name:
                reason = self._workspace.reason_not_to_send(snapshot)
                return snapshot if reason is None else Unreadable(reason)
        return found or Unreadable("no folder is open")

    def _symbol(self, reference: Reference) -> Sequence[Attachment]:
        if self._project is None:
            self._leave(reference, "no folder is open")
            return ()
        *around, name = reference.name.replace("::", ".").replace("#", ".").split(".")
        places = list(self._project.definitions(name))
        if around:
            outer = self._project.definitions(around[-1])
            inside = [
                one
                for one in places
                if any(one[0] == o[0] and o[1] <= one[1] <= one[2] <= o[2] for o in outer)
            ]
            places = inside or places
        attachments = []
        for path, first, last in places:
            document = self._document(path)
            if not isinstance(document, Unreadable):
                lines = Lines(first, last)
                attachments.append(Attachment(path, document.text, document.language, lines))
        if not attachments:
            self._leave(reference, "no definition of that name is known")
        elif len(attachments) > _MOST_DEFINITIONS:
            more = len(attachments) - _MOST_DEFINITIONS
            self._leave(f"{more} more definitions of {reference.name}", "name one by @file")
        return attachments[:_MOST_DEFINITIONS]

    def _diagnostics(self, reference: Reference) -> Sequence[Attachment]:
        lines = []
        for each in self._surroundings.reported:
            path = path_from_uri(each.uri)
            if path is None or self._workspace.reason_against_path(path) is not None:
                continue
            origin = self._workspace.origin_of(path)
            if reference.name in ("", origin):
                tool = " ".join(filter(None, (each.source, each.code)))
                said = " ".join(each.message.split())
                lines.append(f"{origin}:{each.line + 1}: {tool}{': ' if tool else ''}{said}\n")
        if not lines:
            self._leave(reference, "the editor has told of no diagnostics")
            return ()
        kept = list(dict.fromkeys(lines))[:_MOST_DIAGNOSTICS]
        label = "diagnostics" + (f" of {reference.name}" if reference.name else "")
        return (Attachment(label, "".join(kept)),)

    def _diff(self, reference: Reference) -> Sequence[Attachment]:
        if reference.name not in ("", "staged"):
            self._leave(reference, "there are @diff and @diff:staged")
            return ()
        repository = None if self._root is None else git.root_of(self._root)
        if repository is None:
            self._leave(reference, "the folder is in no git repository")
            return ()
        try:
            # Everything since the last commit; before the first there is only what is staged.
            staged = bool(reference.name) or git.head(repository) is None
            sides = "--cached" if staged else "HEAD"
            changes = changes_of(self._workspace, repository, sides)
        except git.GitError as error:
            self._leave(reference, str(error))
            return ()
        for path, reason in changes.left_out:
            self._leave(f"the change of {path}", reason)
        if not changes.files:
            what = "nothing is staged" if reference.name else "nothing has changed"
            self._leave(reference, what)
            return ()
        text = "".join(f"--- {file.path}\n{file.text}" for file in changes.files)
        return (Attachment("staged changes" if staged else "changes", text, "diff"),)
