"""One request, and the one builder of what goes over the wire.

The builder emits only what the bound model accepts: no sampling parameters ever, no prefill where
it is refused, no forced tool choice, thinking and effort by the catalog.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from claude_lsp.claude.catalog import Usage, cost_usd
from claude_lsp.claude.dialogue import messages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from claude_lsp.claude.catalog import Effort, Model
    from claude_lsp.claude.dialogue import Turn
    from claude_lsp.context.calibration import Measure
    from claude_lsp.context.tools import Tool
    from claude_lsp.routing import Tier
    from claude_lsp.text.conversation import Role

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
    """

    text: str
    tokens: int
    stable: bool = False


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
        the cache where that may happen (the dearest way to send it), and the longest answer.
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
        if self.model.cache_minimum:
            usage = Usage(cache_write_5m=prompt, output=output)
        else:
            usage = Usage(input=prompt, output=output)
        return cost_usd(self.model, usage, batched=self.batched)


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
    body["messages"] += messages(request.turns, cached=request.model.cache_minimum > 0)
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


def _mark_cacheable(request: Request, body: dict[str, Any]) -> None:
    """Put breakpoints at the ends of the stable parts that reach the model's minimum.

    The API takes four, of which the turns of a dialogue need two; below the minimum it ignores
    them, so none is set in vain. Estimates are upper bounds, so the minimum is asked of three
    quarters of them. In a conversation the end of the message before is where the last request
    has written, so one stands there.
    """
    minimum = request.model.cache_minimum
    if not minimum:
        return
    breakpoint_mark = {"type": "ephemeral"}
    total = request.system_tokens + request.tools_tokens
    most = 2 if request.tools else 3
    marked = 0
    content = body["messages"][-1]["content"]
    for number, message in enumerate(request.earlier):
        total += message.tokens
        # Behind it there are only the answer to it and what is asked now.
        if number == len(request.earlier) - 2 and total * 0.75 >= minimum:
            body["messages"][number]["content"][-1]["cache_control"] = breakpoint_mark
            marked += 1
    for block, wire in zip(request.blocks, content, strict=True):
        if not block.stable or marked == most:
            break
        total += block.tokens
        if total * 0.75 >= minimum:
            wire["cache_control"] = breakpoint_mark
            marked += 1
    if not marked and (request.system_tokens + request.tools_tokens) * 0.75 >= minimum:
        body["system"][0]["cache_control"] = breakpoint_mark


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
