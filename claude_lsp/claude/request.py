"""One request, and the one builder of what goes over the wire.

The builder emits only what the bound model accepts: no sampling parameters ever, no prefill where
it is refused, no forced tool choice, thinking and effort by the catalog.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from claude_lsp.claude.catalog import Usage, cost_usd
from claude_lsp.claude.dialogue import messages

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from claude_lsp.claude.catalog import Effort, Model
    from claude_lsp.claude.dialogue import Turn
    from claude_lsp.context.assemble import Context
    from claude_lsp.context.calibration import Measure
    from claude_lsp.context.tools import Tool
    from claude_lsp.routing import Tier
    from claude_lsp.text.conversation import Role

Repeats = Literal["", "shared", "stable"]
"""What of a prompt is expected to be sent again while a cache holds it: nothing, what all files of
the project share, or all that is stable."""

_HALF_CHARACTER = re.compile("[\ud800-\udfff]")
MESSAGE_TOKENS = 8
"""For the role and the bounds of one more message."""
_EFFORTS: tuple[Effort, ...] = ("low", "medium", "high", "xhigh", "max")


@dataclass(frozen=True)
class Block:
    """One text of the user message.

    Attributes:
        text: what is sent.
        tokens: the estimator's upper bound for it.
        stable: whether it stays the same between requests, so that a cache can serve it.
        shared: whether it is the same for all files of the project.
        goes_on: whether the next block is the next piece of the same document.
    """

    text: str
    tokens: int
    stable: bool = False
    shared: bool = False
    goes_on: bool = False


@dataclass(frozen=True)
class ImageBlock:
    """One image of the user message.

    Attributes:
        media_type: of the data.
        data: the encoded image.
        tokens: upper bound on what it costs.
    """

    media_type: str
    data: bytes
    tokens: int
    stable: bool = False
    shared: bool = False
    goes_on: bool = False

    @property
    def text(self) -> str:
        """What a person reads in its place."""
        return f"[{self.media_type}, {len(self.data):,} bytes]"


@dataclass(frozen=True)
class Message:
    """One message of a conversation before the newest.

    Attributes:
        role: who said it.
        blocks: what was said; it stays the same in later requests.
    """

    role: Role
    blocks: tuple[Block, ...]

    @property
    def tokens(self) -> int:
        """Upper bound on its tokens."""
        return sum(block.tokens for block in self.blocks)


@dataclass(frozen=True)
class Request:
    """One call of the Messages API, in our own terms.

    Attributes:
        action: the action's name, for the ledger.
        tier: the role that the route chose.
        model: the rules of the bound model.
        system: fixed per action.
        system_tokens: upper bound for `system`.
        blocks: the user message, stable blocks first.
        earlier: the messages before it, of a conversation; the first is the user's.
        max_tokens: longest answer, thinking included.
        effort: how hard the model should try.
        think: whether thinking is wanted where it can be chosen.
        schema: JSON schema of the answer; None for free text.
        stop_sequences: texts that end the answer.
        prefill: beginning of the answer, used only where the model takes one.
        automatic: True where nobody asked (typing), for the spend limits.
        speculative: True for what may never be needed, so that its cost is told apart.
        batched: True for one in a batch, which costs less and takes up to a day.
        repeats: what of the prompt is worth writing to the cache, as it is expected to be read
            from there.
        tools: what the model may ask for.
        tools_tokens: upper bound for `tools`.
        turns: what it has asked for before, and got.
        must_answer: whether it may ask for nothing more. The tools stay in the request, as the
            turns need them.
        language: of the code that is asked about; empty for none.
        measure: what the prompt is expected to take; None where that was not estimated.
    """

    action: str
    tier: Tier
    model: Model
    system: str
    system_tokens: int
    blocks: tuple[Block | ImageBlock, ...]
    max_tokens: int
    effort: Effort = "low"
    think: bool = False
    schema: Mapping[str, Any] | None = None
    stop_sequences: tuple[str, ...] = ()
    prefill: str = ""
    automatic: bool = False
    speculative: bool = False
    batched: bool = False
    repeats: Repeats = ""
    tools: tuple[Tool, ...] = ()
    tools_tokens: int = 0
    turns: tuple[Turn, ...] = ()
    must_answer: bool = False
    earlier: tuple[Message, ...] = ()
    language: str = ""
    measure: Measure | None = None

    @property
    def prompt_tokens(self) -> int:
        """Upper bound on the tokens of the whole prompt."""
        said = sum(turn.tokens for turn in self.turns)
        if self.measure is not None and (bound := self.measure.bound(said)) is not None:
            return bound
        blocks = sum(block.tokens for block in self.blocks)
        blocks += sum(message.tokens + MESSAGE_TOKENS for message in self.earlier)
        return self.system_tokens + self.tools_tokens + blocks + said + self.overhead

    @property
    def overhead(self) -> int:
        """Upper bound on what roles, block boundaries and the schema's hidden words take."""
        return 32 + (len(str(self.schema)) // 2 if self.schema else 0)

    @property
    def expected_tokens(self) -> int:
        """The tokens that the whole prompt is expected to take; the bound where none are."""
        if self.measure is None:
            return self.prompt_tokens
        return self.measure.expected(sum(turn.tokens for turn in self.turns))

    @property
    def prefilled(self) -> str:
        """The beginning of the answer that is sent along; the answer itself does not repeat it."""
        formatted = self.schema is not None and self.model.structured_output
        usable = self.model.prefill and not formatted and _thinking(self) is None
        return self.prefill if usable else ""

    @property
    def most_usd(self) -> float | None:
        """The most that this request can cost in US dollars; None where the price is unknown.

        Every limit is checked against it: upper bounds on the tokens, all of the prompt written to
        the cache where that may happen (the dearest way to send it), and the longest answer. A
        connection may find that the prompt repeats after all, so any but a batch counts as written.
        """
        return self.most_usd_with(0)

    @property
    def expected_most_usd(self) -> float | None:
        """What it can cost at most if the prompt takes what is expected; None as for `most_usd`."""
        return self.most_usd_with(self.expected_tokens - self.prompt_tokens)

    @property
    def most_tokens(self) -> int:
        """The most tokens that prompt and answer can have together."""
        return self.prompt_tokens + self.longest_answer

    @property
    def longest_answer(self) -> int:
        """The most tokens that the answer can have."""
        return min(self.max_tokens, self.model.max_output)

    def most_usd_with(self, more: int) -> float | None:
        """Return what `most_usd` would be with so many tokens more in the prompt."""
        output = self.longest_answer
        prompt = self.prompt_tokens + more
        if self.batched and self.repeats:
            usage = Usage(cache_write_1h=prompt, output=output)
        elif self.model.cache_minimum and not self.batched:
            usage = Usage(cache_write_5m=prompt, output=output)
        else:
            usage = Usage(input=prompt, output=output)
        return cost_usd(self.model, usage, batched=self.batched)


def blocks_of(context: Context, *, recurs: bool) -> Iterator[Block]:
    """Yield the parts of a context as they are sent, those of one kind together.

    Args:
        context: the parts, what lasts longest first.
        recurs: whether what was found beside the document is kept for a while, all of it.
    """
    kinds = itertools.groupby(
        context.parts, lambda part: (part.shared, part.stable, part.origin == context.subject)
    )
    for (shared, stable, is_subject), group in kinds:
        parts = tuple(group)
        text, count = "".join(part.text for part in parts), sum(part.tokens for part in parts)
        for size, tokens_of_piece in parts[0].lasting if len(parts) == 1 else ():
            yield Block(text[:size], tokens_of_piece, stable=True, goes_on=True)
            text, count = text[size:], count - tokens_of_piece
        if text:
            yield Block(text, count, stable or (recurs and not is_subject), shared)


def parameters(request: Request) -> dict[str, Any]:
    """Return the body of the request as the API takes it."""
    model = request.model
    body: dict[str, Any] = {
        "model": model.id,
        "max_tokens": request.longest_answer,
        "stream": True,
        "system": [{"type": "text", "text": request.system}],
        "messages": [
            *(_message(message.role, message.blocks) for message in request.earlier),
            _message("user", request.blocks),
        ],
    }
    if request.tools:
        body["tools"] = [
            {
                "name": tool.name,
                "description": tool.description,
                "input_schema": dict(tool.schema),
            }
            for tool in request.tools
        ]
        if request.must_answer:
            body["tool_choice"] = {"type": "none"}
    _mark_cacheable(request, body)
    body["messages"] += messages(request.turns, cached=_caches_messages(request))
    thinking = _thinking(request)
    if thinking:
        body["thinking"] = {"type": thinking}
    output: dict[str, Any] = {}
    if model.efforts:
        output["effort"] = _effort(request, thinking)
    if request.schema is not None and model.structured_output:
        output["format"] = {"type": "json_schema", "schema": dict(request.schema)}
    if output:
        body["output_config"] = output
    if request.stop_sequences:
        body["stop_sequences"] = list(request.stop_sequences)
    if request.prefilled:
        body["messages"].append({"role": "assistant", "content": request.prefilled})
    return body


def _message(role: Role, blocks: Sequence[Block | ImageBlock]) -> dict[str, Any]:
    return {"role": role, "content": [_wire(block) for block in blocks]}


def _wire(block: Block | ImageBlock) -> dict[str, Any]:
    if isinstance(block, ImageBlock):
        data = base64.b64encode(block.data).decode()
        source = {"type": "base64", "media_type": block.media_type, "data": data}
        return {"type": "image", "source": source}
    return {"type": "text", "text": _sendable(block.text)}


def _sendable(text: str) -> str:
    """Replace halves of characters, which a buffer may hold while it is edited: UTF-8 has none."""
    return text if text.isascii() else _HALF_CHARACTER.sub("\ufffd", text)


def prefix_of(request: Request, repeats: Repeats) -> bytes | None:
    """Return what a part of a prompt is known by in a cache; None where none would hold it.

    Args:
        request: whose prompt it is.
        repeats: up to where.
    """
    places = _breakpoints(request, repeats)
    if not places:
        return None
    message, place = places[-1]
    contents = [*(each.blocks for each in request.earlier), request.blocks]
    sent = [] if message < 0 else [*contents[:message], contents[message][: place + 1]]
    parts = [
        request.model.id,
        request.system,
        [tool.name for tool in request.tools],
        str(request.schema),
        [request.effort, request.think] if sent else [],
        [[hashlib.sha256(_bytes_of(block)).hexdigest() for block in blocks] for blocks in sent],
    ]
    return hashlib.sha256(json.dumps(parts).encode()).digest()


def _bytes_of(block: Block | ImageBlock) -> bytes:
    return block.data if isinstance(block, ImageBlock) else _sendable(block.text).encode()


def _breakpoints(request: Request, repeats: Repeats) -> list[tuple[int, int]]:
    """Return the places at whose ends a breakpoint is worth it: the message, and the block in it.

    The system prompt counts as message -1.

    A write costs more than plain input, so there is none unless something repeats. The API takes
    four, of which the turns of a dialogue need two; below the minimum it ignores them. Estimates
    are upper bounds, so the minimum is asked of three quarters of them.
    """
    minimum = request.model.cache_minimum
    # Where it must answer, the choice of tools is another one, and with it all that is cached of
    # the messages; nothing comes after it.
    if not minimum or not repeats or request.must_answer:
        return []
    schema = len(str(request.schema)) // 2 if request.schema else 0
    total = request.system_tokens + request.tools_tokens + schema
    found = [(-1, 0)] if total * 0.75 >= minimum else []
    newest = len(request.earlier)
    for number, message in enumerate(request.earlier):
        total += message.tokens
        # There the last request has written; behind it are its answer and what is asked now.
        if number == newest - 2 and repeats == "stable" and total * 0.75 >= minimum:
            found.append((number, len(message.blocks) - 1))
    for place, block in enumerate(request.blocks):
        if not block.stable or (repeats == "shared" and not block.shared):
            break
        total += block.tokens
        # A breakpoint finds what an earlier one wrote up to twenty blocks before it, so one at the
        # last stable piece of a document serves all its pieces.
        last = not (block.goes_on and request.blocks[place + 1].stable)
        if last and total * 0.75 >= minimum:
            found.append((newest, place))
    return found[-2 if request.tools else -4 :]


def _caches_messages(request: Request) -> bool:
    return (
        request.repeats == "stable" and request.model.cache_minimum > 0 and not request.must_answer
    )


def _mark_cacheable(request: Request, body: dict[str, Any]) -> None:
    """Put breakpoints where the prompt is worth keeping."""
    # A batch takes longer than five minutes.
    lifetime = {"ttl": "1h"} if request.batched else {}
    for message, place in _breakpoints(request, request.repeats):
        content = body["system"] if message < 0 else body["messages"][message]["content"]
        content[place]["cache_control"] = {"type": "ephemeral", **lifetime}


def _thinking(request: Request) -> str | None:
    """Choose the value of `thinking.type`; None leaves the model's own default."""
    accepted = request.model.thinking
    if request.think:
        return "adaptive" if "adaptive" in accepted else None
    if not request.model.thinks_by_default:
        return None
    if "disabled" in accepted:
        return "disabled"
    return "between_tools" if "between_tools" in accepted else None


def _effort(request: Request, thinking: str | None) -> str:
    """Return the effort; with thinking disabled the API accepts nothing above "high"."""
    wanted = _EFFORTS.index(request.effort)
    if thinking == "disabled":
        wanted = min(wanted, _EFFORTS.index("high"))
    accepted = [effort for effort in _EFFORTS[: wanted + 1] if effort in request.model.efforts]
    return accepted[-1] if accepted else "low"
