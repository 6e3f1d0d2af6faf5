"""What the service refuses: each rule is one small function over the parsed body."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from tests.messages_api.blocks import check_conversation
from tests.messages_api.cache import LIFETIMES, breakpoints
from tests.messages_api.errors import ApiError, invalid
from tests.messages_api.models import ALIASES
from tests.messages_api.schemas import check_schema

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from tests.messages_api.models import Model

VERSIONS = frozenset({"2023-01-01", "2023-06-01", "2026-10-21"})
MOST_BREAKPOINTS = 4
MOST_STRICT_TOOLS = 20
MOST_BODY_BYTES = 32 * 1024 * 1024
FAST_MODE_BETA = "fast-mode-2026-02-01"

COUNTED_PARAMETERS = frozenset(
    {
        "cache_control", "messages", "model", "output_config", "speed", "system", "thinking",
        "tool_choice", "tools", "user_profile_id", "workspace_id",
    }
)  # fmt: skip
"""The parameters of `count_tokens`."""

PARAMETERS = COUNTED_PARAMETERS | {
    "container", "diagnostics", "inference_geo", "max_tokens", "metadata", "service_tier",
    "stop_sequences", "stream",
}  # fmt: skip
"""The parameters of `POST /v1/messages`."""

SAMPLING = ("temperature", "top_p", "top_k")
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")


def check_headers(headers: Mapping[str, str], keys: Collection[str]) -> str:
    """Return the API key of a request.

    Args:
        headers: by lower-case name.
        keys: the keys that are valid.

    Raises:
        ApiError: 401 without a valid key, 400 without a known `anthropic-version`.
    """
    scheme, _, token = headers.get("authorization", "").partition(" ")
    key = token.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")
    if not key:
        raise ApiError(401, "x-api-key or authorization header is required")
    if key not in keys:
        raise ApiError(401, "invalid x-api-key")
    version = headers.get("anthropic-version")
    if version is None:
        raise invalid("anthropic-version: header is required")
    if version not in VERSIONS:
        raise invalid(f'anthropic-version: "{version}" is not a valid version')
    return key


def parse_body(raw: bytes) -> dict[str, Any]:
    """The JSON object of a body.

    Raises:
        ApiError: 400 if it is none.
    """
    try:
        body = json.loads(raw)
    except ValueError as error:
        raise invalid(f"The request body is not valid JSON: {error}") from error
    if not isinstance(body, dict):
        raise invalid("The request body must be a JSON object")
    return body


def find_model(name: Any, models: Mapping[str, Model]) -> Model:
    """The model of this id or alias.

    Raises:
        ApiError: 404 for an unknown or retired one, 400 if there is no id.
    """
    if not isinstance(name, str):
        raise invalid("model: Field required")
    model = models.get(ALIASES.get(name, name))
    if model is None or model.lifecycle == "retired":
        raise ApiError(404, f"model: {name}")
    return model


def check_message(
    body: dict[str, Any],
    models: Mapping[str, Model],
    *,
    betas: str = "",
    counting: bool = False,
    batched: bool = False,
) -> Model:
    """Check the body of a request for a message.

    Args:
        body: the parsed body.
        models: the models served, by id.
        betas: the `anthropic-beta` header.
        counting: whether it only asks for a count of its tokens.
        batched: whether it is one request of a batch.

    Returns:
        The model that it names.

    Raises:
        ApiError: 400 or 404 for the first rule that is broken.
    """
    for name in SAMPLING:
        if name in body:
            raise invalid(f"{name}: sampling parameters are not supported, even at their defaults")
    known = COUNTED_PARAMETERS if counting else PARAMETERS
    if unknown := sorted(body.keys() - known):
        raise invalid(f"{unknown[0]}: Extra inputs are not permitted")
    _check_shapes(body)
    model = find_model(body.get("model"), models)
    if not counting:
        _check_max_tokens(body, model)
        _check_options(body, batched=batched)
    _check_thinking(body, model, counting=counting)
    _check_output_config(body, model)
    _check_speed(body, model, betas)
    _check_tools(body)
    _check_tool_choice(body, model)
    check_conversation(body, model)
    _check_breakpoints(body)
    return model


def forced_tool(body: dict[str, Any]) -> bool:
    """Whether a request makes the model call a tool."""
    return (body.get("tool_choice") or {}).get("type") in ("any", "tool")


def _check_shapes(body: dict[str, Any]) -> None:
    shapes = {
        dict: ("thinking", "output_config", "tool_choice", "metadata", "cache_control"),
        list: ("tools", "stop_sequences"),
    }
    for shape, names in shapes.items():
        for name in names:
            if not isinstance(body.get(name) or shape(), shape):
                raise invalid(f"{name}: Input should be a valid {shape.__name__}")
    for index, tool in enumerate(body.get("tools") or ()):
        if not isinstance(tool, dict):
            raise invalid(f"tools.{index}: Input should be an object")


def _check_max_tokens(body: dict[str, Any], model: Model) -> None:
    tokens = body.get("max_tokens")
    if tokens is None:
        raise invalid("max_tokens: Field required")
    if not isinstance(tokens, int) or isinstance(tokens, bool) or tokens < 0:
        raise invalid("max_tokens: Input should be an integer of at least 0")
    if tokens > model.max_output:
        raise invalid(
            f"max_tokens: {tokens} > {model.max_output}, which is the maximum allowed number of "
            f"output tokens for {model.id}"
        )
    if tokens == 0:
        refused = {
            "stream": bool(body.get("stream")),
            "output_config.format": bool((body.get("output_config") or {}).get("format")),
            "tool_choice": forced_tool(body),
            "thinking": (body.get("thinking") or {}).get("type") == "enabled",
        }
        for name, present in refused.items():
            if present:
                raise invalid(f"max_tokens: 0 cannot be combined with {name}")


def _check_options(body: dict[str, Any], *, batched: bool) -> None:
    if batched:
        for name in ("stream", "speed"):
            if body.get(name):
                raise invalid(f"{name}: not supported in a batch")
        if body["max_tokens"] == 0:
            raise invalid("max_tokens: 0 is not supported in a batch")
    if not isinstance(body.get("stream", False), bool):
        raise invalid("stream: Input should be a valid boolean")
    if body.get("service_tier", "auto") not in ("auto", "standard_only"):
        raise invalid("service_tier: Input should be 'auto' or 'standard_only'")
    diagnostics = body.get("diagnostics")
    if diagnostics is not None:
        fits = isinstance(diagnostics, dict) and diagnostics.keys() == {"previous_message_id"}
        if not fits or not isinstance(diagnostics["previous_message_id"], str | None):
            raise invalid("diagnostics: Input should be an object with previous_message_id")
        if batched:
            raise invalid("diagnostics: not supported in a batch")
    metadata = body.get("metadata") or {}
    if unknown := sorted(metadata.keys() - {"user_id"}):
        raise invalid(f"metadata.{unknown[0]}: Extra inputs are not permitted")
    for index, sequence in enumerate(body.get("stop_sequences") or ()):
        if not isinstance(sequence, str) or not sequence.strip():
            raise invalid(f"stop_sequences.{index}: each stop sequence must contain non-whitespace")


def _check_thinking(body: dict[str, Any], model: Model, *, counting: bool) -> None:
    thinking = body.get("thinking")
    if thinking is None:
        return
    kind = thinking.get("type")
    if kind not in model.thinking:
        accepted = ", ".join(sorted(model.thinking))
        raise invalid(
            f"thinking.type: '{kind}' is not supported by {model.id}; it accepts: {accepted}"
        )
    fields = {"adaptive": {"display"}, "enabled": {"display", "budget_tokens"}}.get(kind, set())
    if unknown := sorted(thinking.keys() - fields - {"type"}):
        raise invalid(f"thinking.{kind}.{unknown[0]}: Extra inputs are not permitted")
    if thinking.get("display", "omitted") not in ("summarized", "omitted", None):
        raise invalid("thinking.display: Input should be 'summarized' or 'omitted'")
    effort = (body.get("output_config") or {}).get("effort")
    if kind == "disabled" and effort in model.efforts_without_disabled:
        raise invalid(f"thinking.type: 'disabled' cannot be combined with effort '{effort}'")
    if kind == "enabled":
        budget = thinking.get("budget_tokens")
        if not isinstance(budget, int) or budget < 1024:
            raise invalid("thinking.enabled.budget_tokens: Input should be at least 1024")
        if not counting and budget >= body["max_tokens"]:
            raise invalid("max_tokens: must be greater than thinking.budget_tokens")
        if forced_tool(body):
            raise invalid("thinking: may not be enabled when tool_choice forces tool use")


def _check_output_config(body: dict[str, Any], model: Model) -> None:
    config = body.get("output_config") or {}
    if unknown := sorted(config.keys() - {"effort", "format"}):
        raise invalid(f"output_config.{unknown[0]}: Extra inputs are not permitted")
    effort = config.get("effort")
    if effort is not None:
        if not model.efforts:
            raise invalid(f"output_config.effort: {model.id} does not support effort")
        if effort not in model.efforts:
            accepted = ", ".join(model.efforts)
            raise invalid(f"output_config.effort: Input should be one of {accepted}")
    form = config.get("format")
    if form is not None:
        if not isinstance(form, dict) or form.get("type") != "json_schema":
            raise invalid("output_config.format.type: Input should be 'json_schema'")
        if unknown := sorted(form.keys() - {"type", "schema"}):
            raise invalid(f"output_config.format.{unknown[0]}: Extra inputs are not permitted")
        check_schema(form.get("schema"), "output_config.format.schema")


def _check_speed(body: dict[str, Any], model: Model, betas: str) -> None:
    speed = body.get("speed")
    if speed not in (None, "standard", "fast"):
        raise invalid("speed: Input should be 'standard' or 'fast'")
    accepted = model.fast == "yes" or (model.fast == "beta" and FAST_MODE_BETA in betas)
    if speed == "fast" and not accepted:
        raise invalid(f"speed: 'fast' is not supported by {model.id} on this request")


def _check_tools(body: dict[str, Any]) -> None:
    names: set[str] = set()
    strict = 0
    for index, tool in enumerate(body.get("tools") or ()):
        where = f"tools.{index}"
        name = tool.get("name")
        if not isinstance(name, str) or not _TOOL_NAME.fullmatch(name):
            raise invalid(f"{where}.name: String should match pattern '^{_TOOL_NAME.pattern}$'")
        if name in names:
            raise invalid("tools: Tool names must be unique.")
        names.add(name)
        # Tools with a type of their own run on the service and have no schema.
        if tool.get("type") not in (None, "custom"):
            continue
        schema = tool.get("input_schema")
        if not isinstance(schema, dict) or schema.get("type") != "object":
            raise invalid(f"{where}.input_schema.type: Input should be 'object'")
        if tool.get("strict"):
            strict += 1
            check_schema(schema, f"{where}.input_schema")
    if strict > MOST_STRICT_TOOLS:
        raise invalid(f"tools: {strict} strict tools; the limit is {MOST_STRICT_TOOLS}")


def _check_tool_choice(body: dict[str, Any], model: Model) -> None:
    choice = body.get("tool_choice")
    if choice is None:
        return
    kind = choice.get("type")
    if kind not in ("auto", "any", "tool", "none"):
        raise invalid("tool_choice.type: Input should be 'auto', 'any', 'tool' or 'none'")
    if not body.get("tools"):
        raise invalid("tool_choice: may only be specified while providing tools")
    if forced_tool(body) and not model.forced_tool_choice:
        raise invalid(f"tool_choice.type: '{kind}' is not supported by {model.id}; use 'auto'")
    if kind == "tool" and choice.get("name") not in {tool.get("name") for tool in body["tools"]}:
        raise invalid(f"tool_choice.name: Tool '{choice.get('name')}' not found in provided tools")


def _check_breakpoints(body: dict[str, Any]) -> None:
    marks = [mark for section in ("tools", "system") for mark in breakpoints(body.get(section))]
    marks += breakpoints(body["messages"])
    if body.get("cache_control") is not None:
        marks.append(body["cache_control"])
    if len(marks) > MOST_BREAKPOINTS:
        raise invalid(
            f"A maximum of {MOST_BREAKPOINTS} blocks with cache_control may be provided. "
            f"Found {len(marks)}."
        )
    short_lived = False
    for mark in marks:
        if mark.get("type") != "ephemeral":
            raise invalid("cache_control.type: Input should be 'ephemeral'")
        lifetime = mark.get("ttl", "5m")
        if lifetime not in LIFETIMES:
            raise invalid("cache_control.ttl: Input should be '5m' or '1h'")
        if lifetime == "1h" and short_lived:
            raise invalid("cache_control.ttl: '1h' must not come after '5m'")
        short_lived = short_lived or lifetime == "5m"
