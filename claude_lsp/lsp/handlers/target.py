"""What a command speaks of: its arguments, checked, and the document frozen when it came."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams

from claude_lsp.actions.action import Place, Problem, Reported, Situation
from claude_lsp.lsp.convert import range_from_client
from claude_lsp.routing import TIERS
from claude_lsp.text.positions import Position, Range

if TYPE_CHECKING:
    from collections.abc import Iterator

    from claude_lsp.context.candidate import Candidate
    from claude_lsp.engine import Engine
    from claude_lsp.lsp.server import ClaudeServer
    from claude_lsp.routing import Tier
    from claude_lsp.workspace.destination import Destination
    from claude_lsp.workspace.images import Picture

_EXAMPLE = (
    '{"uri": "file:///...", "range": {"start": {"line": 0, "character": 0}, '
    '"end": {"line": 0, "character": 0}}}'
)


class Target:
    """The document and place that a command speaks of.

    Attributes:
        snapshot: the document.
        journal: what happens to it from now on; whoever uses the target closes it.
        surroundings: what the editor shows beside it.
        range: the place; the whole document where none was given.
        problems: diagnostics to look at.
        confirm: whether the user must be asked before anything is sent or changed.
        tier: the tier that the user chose for this time, None for the usual one.
        asked: what the user wants, in their own words.
        comment: where those words stand in the document, None if they stand elsewhere.
        picture: the image that is asked about.
        symbol: the definition around the place, where its name is needed.
        destination: the document that is written to, None if it is the same.
        extras: further candidates for the context, checked against the ignore rules.
        arguments: what repeats it, beside the place.
    """

    def __init__(
        self, server: ClaudeServer, params: types.ExecuteCommandParams, *, needs_range: bool = False
    ) -> None:
        """Read the arguments.

        Raises:
            JsonRpcInvalidParams: they are not usable; the message tells what they should be.
        """
        table = arguments_of(params)
        uri = table.get("uri")
        if not isinstance(uri, str):
            raise JsonRpcInvalidParams(f"{params.command} needs one argument: {_EXAMPLE}.")
        document = server.workspace.get(uri)
        if document is None:
            raise JsonRpcInvalidParams(f"{params.command}: {uri} is not open in the editor.")
        self._command = params.command
        self._encoding = server.abilities.position_encoding
        self.snapshot = document.snapshot()
        self.journal = document.journal()
        reported = (*server.published.reported(), *_reported(table.get("diagnostics")))
        self.surroundings = replace(server.surroundings(), reported=reported)
        self.confirm = table.get("confirm") is True
        self.tier = tier_of(table.get("tier"), params.command)
        instruction = table.get("instruction")
        self.asked = instruction.strip() if isinstance(instruction, str) else ""
        self.comment: Range | None = None
        self.picture: Picture | None = None
        self.symbol = ""
        self.destination: Destination | None = None
        self.extras: tuple[Candidate, ...] = ()
        self.arguments: dict[str, Any] = {}
        entries = table.get("problems")
        self.problems = tuple(
            self._problem(each) for each in (entries if isinstance(entries, (list, tuple)) else ())
        )
        given = table.get("range")
        if given is not None:
            self.range = self._range(given)
        elif needs_range:
            raise JsonRpcInvalidParams(f"{params.command} needs a range: {_EXAMPLE}.")
        elif self.problems:
            self.range = self.problems[0].range
        else:
            self.range = Range(
                Position(0, 0), self.snapshot.index.position_at(len(document.source))
            )

    def situation(self, engine: Engine) -> Situation:
        """Return what the action is asked about."""
        return Situation(
            self.snapshot,
            engine.workspace.origin(self.snapshot),
            self.range,
            self.problems,
            instructions=engine.settings.review.instructions,
            multiline=engine.settings.completion.multiline,
            asked=self.asked,
            comment=self.comment,
            picture=self.picture,
            symbol=self.symbol,
            destination=self.destination,
        )

    def _range(self, given: object) -> Range:
        try:
            start, end = (given[name] for name in ("start", "end"))  # type: ignore[index]
            # lsprotocol refuses what is no unsigned number of the protocol.
            span = types.Range(
                types.Position(start["line"], start["character"]),
                types.Position(end["line"], end["character"]),
            )
        except (TypeError, KeyError, ValueError, OverflowError) as error:
            raise JsonRpcInvalidParams(
                f"{self._command}: not a range: {given!r:.200}; it looks like {_EXAMPLE}."
            ) from error
        return range_from_client(span, self.snapshot.index, self._encoding)

    def _problem(self, given: object) -> Problem:
        if not isinstance(given, dict) or not isinstance(given.get("message"), str):
            raise JsonRpcInvalidParams(
                f"{self._command}: each of the problems needs a range and a message."
            )
        source, code = given.get("source"), given.get("code")
        return Problem(
            self._range(given.get("range")),
            given["message"],
            "" if source is None else str(source),
            "" if code is None else str(code),
            tuple(_places(given.get("related"))),
        )


def _places(given: object) -> Iterator[Place]:
    """Yield what a diagnostic points to, as our code actions pass it on."""
    for entry in given if isinstance(given, list | tuple) else ():
        if isinstance(entry, dict):
            uri, line = entry.get("uri"), entry.get("line")
            if isinstance(uri, str) and isinstance(line, int) and line >= 0:
                yield Place(uri, line)


def _reported(given: object) -> Iterator[Reported]:
    """Yield the diagnostics that an editor gives along, of any document."""
    for entry in given if isinstance(given, list | tuple) else ():
        if isinstance(entry, dict):
            uri, line, message = entry.get("uri"), entry.get("line"), entry.get("message")
            if isinstance(uri, str) and isinstance(line, int) and isinstance(message, str):
                source, code = (entry.get(name) or "" for name in ("source", "code"))
                yield Reported(uri, line, message, str(source), str(code))


def arguments_of(params: types.ExecuteCommandParams) -> dict[str, Any]:
    """Return a command's one argument, a table; an address alone is taken too."""
    given = params.arguments[0] if params.arguments else None
    if isinstance(given, str):
        return {"uri": given}
    return given if isinstance(given, dict) else {}


def tier_of(given: object, command: str) -> Tier | None:
    """Return the tier that a command names, None if it names none.

    Raises:
        JsonRpcInvalidParams: there is no such tier.
    """
    if given is None:
        return None
    for tier in TIERS:
        if given == tier:
            return tier
    raise JsonRpcInvalidParams(f"{command}: the tier is one of {', '.join(TIERS)}.")
