"""What went wrong with a request, in words that help: one mapper for every way it can fail.

The SDK and the HTTP library raise many unrelated classes, some failures raise nothing at all, and
an error event in mid-stream carries status 200. `client.py` reduces each of them to the arguments
of the functions here; everything above deals with `Failure` alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from claude_lsp.claude.stream import Answer

Kind = Literal[
    "no-credentials",
    "authentication",
    "permission",
    "billing",
    "spend-limit",
    "rate-limit",
    "overloaded",
    "model-not-found",
    "prompt-too-long",
    "too-large",
    "bad-request",
    "server",
    "timeout",
    "connection",
    "interrupted",
    "refused",
    "truncated",
    "configuration",
    "budget",
    "ledger",
    "ignored",
    "unusable",
    "recording",
    "not-recorded",
    "conversation",
]


@dataclass(frozen=True)
class Failure:
    """One failed request.

    Attributes:
        kind: what happened, for code.
        message: what happened, for the user; one sentence without a full stop.
        advice: what the user can do; one sentence without a full stop.
        retryable: whether the same request may succeed later.
        retry_after_s: how long the server asked to wait, None where it did not.
        request_id: for support, where the server gave one.
    """

    kind: Kind
    message: str
    advice: str
    retryable: bool = False
    retry_after_s: float | None = None
    request_id: str | None = None

    def __str__(self) -> str:
        """Return the text shown to the user."""
        suffix = f" (request {self.request_id})" if self.request_id else ""
        return f"{self.message}. {self.advice}.{suffix}"


class ClaudeError(Exception):
    """A request failed; `failure` says how."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(str(failure))
        self.failure = failure


_LIMIT_CODES = frozenset(
    ("enforced_spend_limit_reached", "contract_spend_limit_reached", "spend_limit_reached")
)

# Error type of the API -> what it means. Statuses without a type fall back to `_BY_STATUS`.
_BY_TYPE: dict[str, Failure] = {
    "authentication_error": Failure(
        "authentication",
        "The API key was not accepted",
        "Check ANTHROPIC_API_KEY, or log in again",
    ),
    "permission_error": Failure(
        "permission",
        "This key may not use the model or feature",
        "Ask your organisation's administrator, or choose another model for the tier",
    ),
    "billing_error": Failure(
        "billing", "The account's billing needs attention", "Open the billing page of the console"
    ),
    "not_found_error": Failure(
        "model-not-found",
        "The endpoint does not know this model",
        "Check the model ids in the settings (models.haiku, models.sonnet, models.opus)",
    ),
    "request_too_large": Failure(
        "too-large", "The request is larger than the API takes", "Lower context.tokens"
    ),
    "rate_limit_error": Failure(
        "rate-limit", "The API's rate limit is reached", "Wait a moment and try again", True
    ),
    "overloaded_error": Failure(
        "overloaded", "The API is overloaded", "Try again in a minute", True
    ),
    "timeout_error": Failure("timeout", "The API took too long", "Try again", True),
    "api_error": Failure("server", "The API had an internal error", "Try again", True),
    "invalid_request_error": Failure(
        "bad-request",
        "The API refused the request",
        "If it persists, report it together with the request id",
    ),
}

_BY_STATUS: dict[int, str] = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    413: "request_too_large",
    422: "invalid_request_error",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}

_TOO_LONG = re.compile(
    r"prompt is too long|exceed_context_size|context (?:size|length|window)", re.IGNORECASE
)
_USAGE_LIMIT = re.compile(r"usage limits?|spend(?:ing)? limit", re.IGNORECASE)


def from_status(
    status: int,
    error_type: str | None = None,
    message: str = "",
    *,
    code: str | None = None,
    request_id: str | None = None,
    retry_after_s: float | None = None,
) -> Failure:
    """Map an error answer, or an error event in mid-stream (whose HTTP status is 200).

    Args:
        status: the HTTP status.
        error_type: `error.type` of the body; None where the body was not the API's.
        message: `error.message` of the body.
        code: `error.details.error_code` of the body.
        request_id: the `request-id` header.
        retry_after_s: the `retry-after` header.
    """
    known = _BY_TYPE.get(error_type or "") or _BY_TYPE.get(_BY_STATUS.get(status, ""))
    if known is None:
        known = _BY_TYPE["api_error" if status >= 500 or status == 200 else "invalid_request_error"]
    if _TOO_LONG.search(message) and status in (200, 400, 413, 500):
        known = Failure(
            "prompt-too-long",
            "The request does not fit the model's context window",
            "Lower context.tokens, or review fewer files at once",
        )
    elif code in _LIMIT_CODES or (status in (400, 429) and _USAGE_LIMIT.search(message)):
        known = Failure(
            "spend-limit",
            "The spending limit set for this key in the console is reached",
            "Raise it in the console, or wait for the next period",
        )
    elif error_type == "timeout_error" or status in (408, 504):
        known = _BY_TYPE["timeout_error"]
    detail = _one_line(message)
    text = (
        f"{known.message}: {detail}" if detail and known.kind != "authentication" else known.message
    )
    return replace(known, message=text, request_id=request_id, retry_after_s=retry_after_s)


def no_credentials() -> Failure:
    """There is no key, token or profile."""
    return Failure(
        "no-credentials",
        "No Anthropic API key was found",
        "Set ANTHROPIC_API_KEY, log in with an Anthropic profile, or set endpoint.base_url to a "
        "Messages API of your own with a key in the environment",
    )


def configuration(problem: str) -> Failure:
    """The client can't be built from the settings or the environment."""
    return Failure(
        "configuration",
        f"The connection can't be set up: {_one_line(problem)}",
        "Check the proxy variables and the endpoint settings; `claude-lsp doctor` shows them",
    )


def connection(problem: str) -> Failure:
    """Nothing answered before the first byte."""
    advice = "Check the network, the proxy and endpoint.base_url"
    if "CERTIFICATE_VERIFY_FAILED" in problem:
        advice = (
            "A proxy of your network may have an authority of its own: name its certificate bundle "
            "by endpoint.ca_file in your own settings"
        )
    return Failure(
        "connection",
        f"The API can't be reached: {_one_line(problem)}",
        advice,
        retryable=True,
    )


def interrupted(request_id: str | None = None) -> Failure:
    """The stream broke off: dropped, stalled, damaged, or ended without its last event."""
    return Failure(
        "interrupted",
        "The answer broke off before its end",
        "What had arrived is kept; try again for the rest",
        retryable=True,
        request_id=request_id,
    )


def timeout(seconds: float | None = None) -> Failure:
    """Our own deadline passed, or the server was silent for too long before it answered."""
    return Failure(
        "timeout",
        "The API did not begin to answer in time"
        if seconds is None
        else f"No complete answer within {seconds:g} s",
        "Try again, or raise endpoint.timeout_s",
        retryable=True,
    )


def refused(category: str | None, request_id: str | None = None) -> Failure:
    """The model declined; a retry usually declines again."""
    reason = f" ({category})" if category else ""
    return Failure(
        "refused",
        f"The model declined to answer{reason}",
        "Rephrase, narrow the selection, or route the action to another model",
        request_id=request_id,
    )


def truncated(reason: str, request_id: str | None = None) -> Failure:
    """The answer reached a length limit."""
    where = "context window" if reason == "model_context_window_exceeded" else "output limit"
    return Failure(
        "truncated",
        f"The answer was cut at the model's {where}",
        "What had arrived is kept; ask about a smaller part",
        request_id=request_id,
    )


def cut_short(limit: str) -> Failure:
    """The answer reached the length that our own limit left it."""
    return Failure(
        "truncated",
        f"The answer was cut where {limit} ends",
        f"What had arrived is kept; raise {limit} for the rest",
    )


def at_end(answer: Answer, request_id: str | None = None) -> Failure | None:
    """How an answer that has ended failed: an error event, no end, a refusal or a cut, or not."""
    if answer.error is not None:
        kind, message = answer.error
        return from_status(200, kind, message, request_id=request_id)
    if not answer.complete or answer.stop_reason is None:
        return interrupted(request_id)
    if answer.stop_reason == "refusal":
        return refused(answer.refusal, request_id)
    if answer.stop_reason in ("max_tokens", "model_context_window_exceeded"):
        return truncated(answer.stop_reason, request_id)
    return None


def budget(
    limit: str, needed: float | None, left: float, spent_on: str = "", *, tokens: bool = False
) -> Failure:
    """One of our own limits would be passed.

    Args:
        limit: as the user set it.
        needed: the most that the request could take; None for an unknown price.
        left: what the limit leaves.
        spent_on: what has used it up, in words.
        tokens: whether all that is in tokens instead of dollars.
    """
    if needed is None:
        return Failure(
            "budget",
            f"The model's price is unknown, so {limit} can't be kept",
            "Set its price in models.prices, or bind the tier to a known model",
        )
    if limit.startswith("--"):
        advice = f"Raise {limit}, or review fewer files"
    elif "day_" in limit:
        advice = (
            f"Raise {limit} in your settings, or wait for the next day; what needs no model goes on"
        )
    else:
        advice = f"Raise {limit} in your settings, or lower what is sent (context.tokens)"
    verb = "take" if tokens else "cost"
    leaves = f"{limit} leaves {amount(max(left, 0), tokens=tokens)}"
    today = f" (today: {spent_on})" if spent_on else ""
    return Failure(
        "budget",
        f"Not sent: it could {verb} {amount(needed, tokens=tokens)}, and {leaves}{today}",
        advice,
    )


def too_long(tokens: int, window: int) -> Failure:
    """The prompt is longer than the model's context window, as we know before it is sent."""
    return Failure(
        "prompt-too-long",
        f"Not sent: the request has about {tokens:,} tokens, and the model takes {window:,}",
        "Lower context.tokens, or review fewer files at once",
    )


def amount(number: float, *, tokens: bool = False) -> str:
    """Return dollars or tokens as messages show them."""
    return f"{number:,.0f} tokens" if tokens else f"${number:.4f}"


def ledger(problem: str) -> Failure:
    """The record of what was spent can't be used, so no limit could be kept."""
    return Failure(
        "ledger",
        f"Nothing is sent while the ledger can't be used: {_one_line(problem)}",
        "Free some disk space or set CLAUDE_LSP_STATE_DIR to a folder that can be written",
    )


def recording(folder: str, problem: str) -> Failure:
    """Answers can't be kept, or those that were can't be read."""
    return Failure(
        "recording",
        f"The answers in {folder} can't be used: {_one_line(problem)}",
        "Name another folder",
    )


def not_recorded(folder: str) -> Failure:
    """Nothing may be sent, and this was not asked when the answers were recorded."""
    return Failure(
        "not-recorded",
        f"{folder} holds no answer to this request",
        "Record again: the code, the settings or the version have changed since",
    )


def unusable(reason: str) -> Failure:
    """The answer ended well but is not what was asked for."""
    return Failure(
        "unusable",
        f"The answer could not be used: {_one_line(reason)}",
        "Try again; if it persists, bind the tier to another model",
        retryable=True,
    )


def ignored(path: str, reason: str) -> Failure:
    """The document must not leave the machine."""
    return Failure(
        "ignored",
        f"{path} is not sent: {reason}",
        "Change .gitignore, .claudeignore or context.ignore if it should be",
    )


def conversation(reason: str) -> Failure:
    """A conversation can't be sent as it is."""
    return Failure(
        "conversation",
        f"The conversation is not sent: {reason}",
        "Write a shorter turn under the last heading '## You', or refer to files by @file:path",
    )


def _one_line(text: str, limit: int = 300) -> str:
    text = " ".join(text.split()).rstrip(".")
    return text if len(text) <= limit else text[: limit - 1] + "…"
