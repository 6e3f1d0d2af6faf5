"""What has to come of a fault: few rules, by what it is and by who waits for the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from tests.faults.asking import FORMED, IN_PARTS

if TYPE_CHECKING:
    from tests.faults.asking import Asking
    from tests.faults.faults import Arrives, Bill, Fault

ATTEMPTS = {"automatic": 1, "interactive": 2, "patient": 4}
"""How often what may pass is tried: while typing, while somebody waits, and in reviews."""


class Words(NamedTuple):
    """What a message has to say.

    Attributes:
        happened: what happened.
        advice: what to do.
    """

    happened: str
    advice: str


WORDS = {
    "no-credentials": Words("No Anthropic API key was found", "Set ANTHROPIC_API_KEY"),
    "authentication": Words("The API key was not accepted", "Check ANTHROPIC_API_KEY"),
    "permission": Words("may not use the model", "choose another model"),
    "billing": Words("billing needs attention", "Open the billing page"),
    "spend-limit": Words("limit set for this key in the console is reached", "Raise it in the"),
    "rate-limit": Words("rate limit is reached", "Wait a moment and try again"),
    "overloaded": Words("The API is overloaded", "Try again in a minute"),
    "model-not-found": Words("does not know this model", "Check the model ids in the settings"),
    "prompt-too-long": Words("does not fit the model's context window", "Lower context.tokens"),
    "too-large": Words("larger than the API takes", "Lower context.tokens"),
    "bad-request": Words("The API refused the request", "report it together with the request id"),
    "server": Words("had an internal error", "Try again"),
    "timeout": Words("", "Try again"),
    "connection": Words("The API can't be reached", "Check the network, the proxy"),
    "interrupted": Words("The answer broke off before its end", "try again for the rest"),
    "refused": Words("The model declined to answer", "route the action to another model"),
    "truncated": Words("The answer was cut at the model's", "ask about a smaller part"),
    "configuration": Words("", "Check the"),
    "budget": Words("Not sent: it could cost", "Raise spend."),
    "ledger": Words("Nothing is sent while the ledger can't be used", "Free some disk space"),
    "not-streamed": Words("application/json instead of a stream of events", "it must stream"),
    "recording": Words("Not a directory", "CLAUDE_LSP_STATE_DIR"),
    "unusable": Words("The answer could not be used", "bind the tier to another model"),
}

OUTCOMES = {"unusable": "ok", "not-streamed": "unusable"}
"""What the ledger calls a failure, where that is not its kind: an answer that is no use came all
the same."""

ROUNDS = 2
"""How often an architecture review may ask for tools here."""
REQUESTS = {
    ("architecture", "cut at the output limit"): 2,
    ("architecture", "cut before the first word"): 2,
    ("architecture", "cut at the context window"): 2,
    ("architecture", "a tool that was not offered"): ROUNDS + 1,
}
"""Dialogues with tools: an answer that was cut is asked for once more without tools, and one that
asks for tools gets results until there are no more rounds."""

ASKED_AGAIN = "interrupted"
"""A review whose answer broke off is asked for once more."""

NOTICES = {
    "prose": "no answer came back",
    "turn": "no answer came back",
    "text": "no answer came back",
    "insertion": "no completion for this place",
    "alt": "",
    "ghost": "",
}
"""What is said of an answer that is nothing, where any text would have done."""


@dataclass(frozen=True)
class Expected:
    """What a cell has to show.

    Attributes:
        kind: of the failure that the user is told of; None if there is none.
        outcome: in the ledger; None where there must be no row.
        attempts: how often each request is sent.
        requests: how many there are.
        bill: what it counts as.
        sees: how much of the answer the user gets.
        told: whether a message pops up.
        notice: what is said instead where nothing failed and nothing came.
    """

    kind: str | None
    outcome: str | None
    attempts: int
    bill: Bill
    sees: Arrives
    told: bool
    notice: str = ""
    requests: int = 1


def attempts(fault: Fault, who: str) -> int:
    """Return how often something is sent."""
    allowed = ATTEMPTS[who] if fault.retryable else 1
    if fault.kind == "connection":
        # A kept connection may have been closed meanwhile: that is tried once more by anyone.
        allowed = max(2, allowed)
    return allowed if fault.fails is None else min(allowed, fault.fails + 1)


def goes_well(fault: Fault, who: str) -> bool:
    """Whether nothing fails in the end."""
    return fault.kind is None or (fault.fails is not None and attempts(fault, who) > fault.fails)


def applies(fault: Fault, asking: Asking) -> bool:
    """Whether there is such a fault of such an answer."""
    return fault.group != "batches" and (asking.shows in FORMED or not fault.forms_only)


def in_editor(fault: Fault, asking: Asking) -> Expected:
    """Return what has to come of a fault in the editor."""
    who = "automatic" if asking.automatic else "patient" if asking.patient else "interactive"
    times = attempts(fault, who)
    again = asking.action == "review" and fault.kind == ASKED_AGAIN
    if again and fault.breaks:
        return Expected(None, "ok", 1, "counted", "whole", False, requests=2)
    if goes_well(fault, who):
        return Expected(None, "ok", times, "counted" if fault.fails else fault.bill, "whole", False)
    parts = fault.arrives == "head" and asking.shows in IN_PARTS
    # Who cancels does not want to read what is shown only once it has ended.
    some = parts and not (fault.cancel and asking.shows == "prose")
    sees: Arrives = "head" if some else "nothing"
    if fault.cancel:
        return Expected(None, "cancelled", 1, fault.bill, sees, False)
    kind = fault.kind
    if asking.shows not in FORMED and fault.formless != "same":
        kind = fault.formless
    if kind == "nothing":
        return Expected(None, "ok", 1, fault.bill, "nothing", False, NOTICES[asking.shows])
    outcome = None if fault.bill == "none" else OUTCOMES.get(kind or "", kind)
    ghost = asking.shows == "ghost"
    requests = 2 if again else REQUESTS.get((asking.action, fault.name), 1)
    return Expected(kind, outcome, times, fault.bill, sees, not ghost, requests=requests)
