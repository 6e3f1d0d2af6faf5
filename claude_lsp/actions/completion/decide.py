"""Whether to ask for a completion that nobody has asked for, and why not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from claude_lsp.actions.completion import syntax
from claude_lsp.workspace.patterns import matches_glob

if TYPE_CHECKING:
    from collections.abc import Mapping

    from claude_lsp.actions.completion.place import Place
    from claude_lsp.settings import Completion

Trigger = Literal["automatic", "manual", "off"]


class Decision(NamedTuple):
    """Whether to ask, and why not.

    Attributes:
        ask: whether a request may be sent.
        reason: why none is; "" where one is.
    """

    ask: bool
    reason: str = ""


class Keystroke(NamedTuple):
    """What is known of a request beside the text.

    Attributes:
        asked: whether the user asked for it, instead of typing.
        deleted: whether the last change took text away.
        read_only: whether the file can't be written.
    """

    asked: bool = False
    deleted: bool = False
    read_only: bool = False


YES = Decision(ask=True)


def trigger_for(language: str, origin: str, options: Completion) -> tuple[Trigger, str]:
    """Return when to suggest in a document, and the setting that says so.

    Args:
        language: the document's language identifier.
        origin: its path in the workspace, "/" between parts.
        options: the settings.
    """
    found: tuple[Trigger, str] = options.trigger, "completion.trigger"
    for name, trigger in options.triggers.items():
        # A later entry wins, so that an exception can follow its rule.
        if name == language or matches_glob(origin, name):
            found = trigger, f"completion.triggers ({name})"
    return found


def wanted(trigger: tuple[Trigger, str], *, asked: bool) -> Decision:
    """Decide by the settings alone; what they refuse is not answered from memory either."""
    value, setting = trigger
    if value == "off" or (value == "manual" and not asked):
        return Decision(ask=False, reason=f"{setting} is {value}")
    return YES


def worth_asking(place: Place, key: Keystroke, options: Completion) -> Decision:
    """Decide by the place: whether a suggestion there could be of use."""
    if key.asked:
        return YES
    if key.read_only:
        return Decision(ask=False, reason="the file is read-only")
    if key.deleted:
        return Decision(ask=False, reason="text was deleted")
    if _is_word(place.line[-1:]) and _is_word(place.rest[:1]):
        return Decision(ask=False, reason="in the middle of a word")
    refused: Mapping[syntax.Spot, bool] = {
        "comment": not options.in_comments,
        "string": not options.in_strings,
    }
    if any(refused.values()):
        spot = syntax.spot_at(place)
        if refused.get(spot):
            return Decision(ask=False, reason=f"in a {spot}")
    return YES


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"
