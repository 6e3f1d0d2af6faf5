"""Every option, once: its key, type, default, one-line meaning and who may set it.

The JSON schema, the editors' settings pages and the README table are generated from here.
`configuration.py` reads the layers and merges them; this module only knows what is valid.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import math
import re
import types
import typing
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from claude_lsp import routing
from claude_lsp.routing import Rule, Tier
from claude_lsp.user_actions import UserAction, user_action

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Scope = Literal["user", "project"]
"""Who may set an option. A project's own files may set only those of scope "project": nothing in
a repository can raise what is spent, widen what is sent, or change where it is sent."""


def option(
    default: Any,
    doc: str,
    *,
    scope: Scope = "user",
    minimum: float | None = None,
    maximum: float | None = None,
) -> Any:
    """Declare an option as a dataclass field.

    Args:
        default: its value where nobody sets it.
        doc: one line for the generated tables.
        scope: who may set it.
        minimum: the smallest number allowed.
        maximum: the largest number allowed.
    """
    metadata = {"doc": doc, "scope": scope, "minimum": minimum, "maximum": maximum}
    if isinstance(default, dict):
        return field(default_factory=lambda: dict(default), metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Models:
    """Which model each tier is bound to; any id that the endpoint knows is accepted."""

    haiku: str = option("claude-haiku-5-5", "Model for quick, cheap requests such as completions.")
    sonnet: str = option("claude-sonnet-5-5", "Model for edits, explanations and reviews.")
    opus: str = option("claude-opus-5-5", "Model for architecture reviews.")
    prices: dict[str, dict[str, float]] = option(
        {}, "US dollars per million tokens by model id: input, output and, if needed, cache_read."
    )


@dataclass(frozen=True)
class Completion:
    """Completions while typing."""

    trigger: Literal["automatic", "manual", "off"] = option(
        "automatic", "When to suggest: while typing, only when asked, or never."
    )
    triggers: dict[str, Literal["automatic", "manual", "off"]] = option(
        {}, "The same by language or by glob of paths, over completion.trigger; the last one wins."
    )
    debounce_ms: int = option(
        150,
        "Usual pause in typing before an automatic request is sent, in ms; it follows your rhythm.",
        minimum=0,
    )
    multiline: Literal["auto", "never", "always"] = option(
        "auto", "Whether completions have several lines: as the syntax at the cursor suggests."
    )
    in_comments: bool = option(True, "Whether to suggest in comments while typing.")
    in_strings: bool = option(True, "Whether to suggest in strings while typing.")
    per_minute: int = option(40, "Most automatic requests sent within a minute.", minimum=0)
    popup: bool = option(
        False,
        "Whether suggestions also stand in the completion menu, for editors without ghost text.",
    )
    suggestions: int = option(
        3,
        "Most suggestions to choose from when you ask for one; while typing there is one.",
        minimum=1,
        maximum=10,
    )
    speculative: bool = option(
        False,
        "Whether to ask for what follows a suggestion while it is shown; up to twice the cost.",
    )
    max_tokens: int = option(256, "Longest completion, in tokens.", minimum=1)
    context_tokens: int = option(
        4000, "Bound on the context of a completion, in tokens.", minimum=200
    )


@dataclass(frozen=True)
class ContextOptions:
    """What may be sent."""

    ignore: tuple[str, ...] = option(
        (),
        "Files never to send, in .gitignore syntax, beside .gitignore and .claudeignore.",
        scope="project",
    )
    max_file_kb: int = option(512, "Files larger than this are never sent, in kB.", minimum=1)
    tokens: int = option(
        12000,
        "Bound on the context of a fix, explanation or review request, in tokens.",
        minimum=500,
    )
    deadline_ms: int = option(
        50,
        "Longest wait for a completion's context, in ms; after it, what is ready is used.",
        minimum=0,
    )
    index: bool = option(
        True,
        "Whether to index the project's files; without, only open files are known.",
    )


@dataclass(frozen=True)
class Edits:
    """How edits arrive."""

    live: Literal["off", "line"] = option(
        "off",
        'With "line", a completion you ask for grows in the buffer; cancelled, it leaves nothing.',
    )


@dataclass(frozen=True)
class CodeLens:
    """What stands above definitions."""

    enabled: bool = option(
        False,
        "Whether review, explain and tests are offered above definitions, with about what each "
        "costs.",
    )


@dataclass(frozen=True)
class Ask:
    """Conversations kept as documents."""

    folder: str = option(
        ".claude-lsp/conversations",
        "Where new conversations are kept, relative to the project's folder.",
        scope="project",
    )
    context_tokens: int = option(
        40000,
        "Bound on what is sent of a conversation and what it refers to, in tokens.",
        minimum=1000,
    )


@dataclass(frozen=True)
class PathInstructions:
    """What reviewers of some files should know.

    Attributes:
        glob: the files, by their path or name.
        instructions: in plain words.
    """

    glob: str
    instructions: str


@dataclass(frozen=True)
class Review:
    """What a review reports."""

    on_save: bool = option(
        False,
        "Review what has changed in a file when it is saved, within `spend.automatic_day_usd`.",
    )
    min_severity: Literal["critical", "major", "minor", "info"] = option(
        "minor", "Findings below this severity are not shown.", scope="project"
    )
    min_confidence: float = option(
        0.4,
        "Findings below this confidence (0 to 1) are not shown.",
        scope="project",
        minimum=0,
        maximum=1,
    )
    max_findings: int = option(
        50, "Most findings shown for one file or run, worst first.", scope="project", minimum=1
    )
    instructions: str = option(
        "", "What reviewers of this project should know, in plain words.", scope="project"
    )
    baseline: str = option(
        "",
        "File of accepted findings, made by `claude-lsp baseline write`; relative to the project.",
        scope="project",
    )
    suppression_reason: bool = option(
        True,
        "Whether a comment `claude-lsp: ignore[rule] reason` has no effect without a reason.",
        scope="project",
    )
    path: tuple[PathInstructions, ...] = option(
        (),
        "Instructions for reviewers of files that match a glob: a list of `glob`, `instructions`.",
        scope="project",
    )


@dataclass(frozen=True)
class Arch:
    """Architecture reviews."""

    context_tokens: int = option(
        24000,
        "Bound on an architecture review's context (project map, central files), in tokens.",
        minimum=1000,
    )
    max_rounds: int = option(
        6,
        "How often an architecture review may ask for more of the project; 0 for never.",
        minimum=0,
        maximum=50,
    )
    layers: tuple[str, ...] = option(
        (),
        "Layers, the highest first; each imports only those below (see the rule arch.layer).",
        scope="project",
    )
    independent: tuple[str, ...] = option(
        (), "Modules that must not import each other, as `a | b | c`.", scope="project"
    )
    forbid: tuple[dict[str, str], ...] = option(
        (), "Modules that must not import others: tables with `from` and `to`.", scope="project"
    )
    allow: tuple[str, ...] = option(
        (),
        "Imports that break no contract, as `a.b -> c.d`; `*` is one part of a name, `**` any.",
        scope="project",
    )


@dataclass(frozen=True)
class Spend:
    """Limits in US dollars and tokens; a request that would pass one is not sent."""

    request_usd: float = option(1.0, "Most that one request may cost, in US dollars.", minimum=0)
    dialogue_usd: float = option(
        2.0,
        "Most that a question which Claude answers in several requests may cost, in US dollars.",
        minimum=0,
    )
    day_usd: float = option(10.0, "Most that one day may cost, in US dollars.", minimum=0)
    automatic_day_usd: float = option(
        2.0, "Most that a day's unasked-for requests may cost, in US dollars.", minimum=0
    )
    request_tokens: int = option(
        1_500_000, "Most tokens of one request, prompt and longest answer together.", minimum=0
    )
    day_tokens: int = option(100_000_000, "Most tokens of one day.", minimum=0)
    automatic_day_tokens: int = option(
        50_000_000, "Most tokens of a day's unasked-for requests.", minimum=0
    )
    actions: dict[str, dict[str, float]] = option(
        {},
        "Limits of single actions: request_usd, request_tokens, day_usd, day_tokens by its name.",
    )
    keep_days: int = option(
        400,
        "How long the ledger keeps what each request has used, in days.",
        minimum=1,
        maximum=36_500,
    )


@dataclass(frozen=True)
class Endpoint:
    """Where requests are sent. The key never stands here: it comes from the environment."""

    base_url: str = option(
        "", "Address of a Messages API; empty for the environment's or Anthropic's own."
    )
    headers: dict[str, str] = option({}, "Further HTTP headers, for gateways.")
    timeout_s: float = option(600.0, "Deadline for one review request, in seconds.", minimum=1)
    ca_file: str = option("", "Certificate bundle for a proxy with its own authority.")


@dataclass(frozen=True)
class Log:
    """The server's log; keys, prompts and source never stand in it above the level debug."""

    level: Literal["debug", "info", "warning", "error"] = option("info", "How much is logged.")
    file: str = option("", "Log to this file as well as to stderr, as JSON lines.")
    max_mb: int = option(
        10,
        "Size at which the log's file begins anew, in MB; three of before are kept.",
        minimum=1,
        maximum=10_000,
    )
    trace: str = option(
        "",
        "Write a trace of the session to this file, for Perfetto; `{pid}` is the process's number.",
    )


@dataclass(frozen=True)
class Telemetry:
    """What is told to others, and only to where your own environment says; never any content."""

    otel: bool = option(
        False, "Whether to export OpenTelemetry spans and metrics, as `OTEL_*` variables say."
    )


@dataclass(frozen=True)
class Settings:
    """All options, resolved. Read as `settings.completion.max_tokens`."""

    models: Models = field(default_factory=Models)
    routes: dict[str, tuple[Rule, ...]] = option(
        {},
        "Tier for an action, where not its own default; or rules by max_tokens and language.",
    )
    completion: Completion = field(default_factory=Completion)
    context: ContextOptions = field(default_factory=ContextOptions)
    edits: Edits = field(default_factory=Edits)
    ask: Ask = field(default_factory=Ask)
    code_lens: CodeLens = field(default_factory=CodeLens)
    review: Review = field(default_factory=Review)
    arch: Arch = field(default_factory=Arch)
    spend: Spend = field(default_factory=Spend)
    endpoint: Endpoint = field(default_factory=Endpoint)
    log: Log = field(default_factory=Log)
    telemetry: Telemetry = field(default_factory=Telemetry)
    actions: dict[str, UserAction] = option(
        {},
        "Actions of your own by name: title, prompt, output and more; see docs/cookbook.md.",
        scope="project",
    )
    suppress: dict[str, dict[str, str]] = option(
        {},
        "Findings not to show, by fingerprint: each has a reason and may have a last day, until.",
        scope="project",
    )

    def model_for(self, tier: Tier) -> str:
        """Return the id of the model that a tier is bound to."""
        return str(getattr(self.models, tier))


class Option(NamedTuple):
    """One option as the generated documents show it."""

    key: str
    type: Any
    default: Any
    doc: str
    scope: Scope
    minimum: float | None
    maximum: float | None


class Invalid(NamedTuple):
    """Why a value was not taken: the key it was given for, and a sentence for the user."""

    key: str
    message: str


def options(group: type = Settings, prefix: str = "") -> Iterator[Option]:
    """Yield every option, in the order in which documents list them."""
    hints = typing.get_type_hints(group)
    for item in dataclasses.fields(group):
        key, kind = prefix + item.name, hints[item.name]
        if dataclasses.is_dataclass(kind) and isinstance(kind, type):
            yield from options(kind, key + ".")
            continue
        default = item.default
        if item.default_factory is not dataclasses.MISSING:
            default = item.default_factory()
        meta = item.metadata
        limits = meta["minimum"], meta["maximum"]
        yield Option(key, kind, default, meta["doc"], meta["scope"], *limits)


def flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted key, value) for each leaf of a nested table; option tables stay whole."""
    tables = {item.key for item in _known().values() if typing.get_origin(item.type) is dict}
    for name, value in values.items():
        key = f"{prefix}{name}"
        if isinstance(value, dict) and key not in tables:
            yield from flatten(value, key + ".")
        else:
            yield key, value


def check(key: str, value: Any) -> Any:
    """Return the value for an option, in the option's type, or why it can't be taken.

    Returns:
        the value, or an `Invalid` that says what is wrong and, for an unknown key, what was
        probably meant.
    """
    known = _known().get(key)
    if known is None:
        near = difflib.get_close_matches(key, _known(), n=1, cutoff=0.6)
        hint = f"; did you mean {near[0]}?" if near else ""
        return Invalid(key, f"unknown setting {key}{hint}")
    try:
        checked = _coerce(known.type, value)
    except ValueError as error:
        if key in ("actions", "routes"):
            return Invalid(key, f"{key} {error}")
        return Invalid(key, f"{key} {error}, not {value!r}")
    if known.minimum is not None and checked < known.minimum:
        return Invalid(key, f"{key} must be at least {known.minimum:g}, not {value!r}")
    if known.maximum is not None and checked > known.maximum:
        return Invalid(key, f"{key} must be at most {known.maximum:g}, not {value!r}")
    if key == "arch.forbid" and any(each.keys() != {"from", "to"} for each in checked):
        return Invalid(key, f"{key} needs tables with `from` and `to` alone, not {value!r}")
    if key == "arch.allow" and not all(
        all(side.strip() for side in one.partition("->")[::2]) for one in checked
    ):
        return Invalid(key, f"{key} needs imports such as 'a.b -> c.d', not {value!r}")
    if key == "models.prices":
        for model, price in checked.items():
            # A price that lacks a part, or is negative, would let a request pass every limit.
            if not price.keys() >= {"input", "output"} or min(price.values()) < 0:
                wanted = f"{key} needs input and output of at least 0 for {model}"
                return Invalid(key, f"{wanted}, not {price!r}")
    if key == "spend.actions":
        for action, limits in checked.items():
            if fault := _limits_fault(limits):
                return Invalid(key, f"{key}.{action} {fault}")
    if key == "suppress":
        for fingerprint, entry in checked.items():
            if fault := _suppress_fault(fingerprint, entry):
                return Invalid(key, f"{key}.{fingerprint} {fault}")
    return checked


_LIMITS = ("request_usd", "request_tokens", "day_usd", "day_tokens")


def _limits_fault(limits: Mapping[str, float]) -> str | None:
    """Return what is wrong with the limits of an action, None if nothing is."""
    for name, most in limits.items():
        if name not in _LIMITS:
            near = difflib.get_close_matches(name, _LIMITS, n=1, cutoff=0.6)
            hint = f"; did you mean {near[0]}?" if near else ""
            return f"has only {', '.join(_LIMITS)}, not {name}{hint}"
        if most < 0:
            return f"needs a {name} of at least 0, not {most!r}"
    return None


def _suppress_fault(fingerprint: str, entry: Mapping[str, str]) -> str | None:
    """Return what is wrong with an entry of the table `suppress`, None if nothing is."""
    if not re.fullmatch(r"[0-9a-f]{16}", fingerprint):
        return "is no fingerprint: 16 hexadecimal digits, as reports show them"
    if unknown := entry.keys() - {"reason", "until"}:
        return f"has only a reason and until, not {min(unknown)}"
    if not entry.get("reason", "").strip():
        return "needs a reason"
    if "until" in entry:
        try:
            date.fromisoformat(entry["until"])
        except ValueError:
            return f"has an until that is no day such as 2027-01-31: {entry['until']!r}"
    return None


def build(values: Mapping[str, Any]) -> Settings:
    """Build the settings from checked values by dotted key; the rest keeps its default."""

    def make(group: type, prefix: str) -> Any:
        hints = typing.get_type_hints(group)
        arguments: dict[str, Any] = {}
        for item in dataclasses.fields(group):
            key, kind = prefix + item.name, hints[item.name]
            if dataclasses.is_dataclass(kind) and isinstance(kind, type):
                arguments[item.name] = make(kind, key + ".")
            elif key in values:
                arguments[item.name] = values[key]
        return group(**arguments)

    settings: Settings = make(Settings, "")
    return settings


def schema() -> dict[str, Any]:
    """Return the JSON schema of a settings file."""
    top: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "claude-lsp settings",
        "type": "object",
        "additionalProperties": False,
        "properties": {},
    }
    for item in options():
        table = top
        *groups, name = item.key.split(".")
        for group in groups:
            empty = {"type": "object", "additionalProperties": False, "properties": {}}
            table = table["properties"].setdefault(group, empty)
        table["properties"][name] = property_schema(item)
    return top


def property_schema(item: Option) -> dict[str, Any]:
    """Return the JSON schema of one option's value."""
    entry = {**_json_type(item.type), "default": item.default, "description": item.doc}
    if item.minimum is not None:
        entry["minimum"] = item.minimum
    if item.maximum is not None:
        entry["maximum"] = item.maximum
    return entry


def _json_type(kind: Any) -> dict[str, Any]:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        return {"type": "string", "enum": list(arguments)}
    if origin is tuple:
        return {"type": "array", "items": _json_type(arguments[0])}
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        own = [item for item in dataclasses.fields(kind) if not item.metadata.get("internal")]
        return {
            "type": "object",
            "properties": {item.name: _json_type(hints[item.name]) for item in own},
            "required": [item.name for item in own if item.default is dataclasses.MISSING],
            "additionalProperties": False,
        }
    if origin is dict and arguments[1] == tuple[Rule, ...]:
        return routing.json_schema()
    if origin is dict:
        return {"type": "object", "additionalProperties": _json_type(arguments[1])}
    return {"type": {str: "string", bool: "boolean", int: "integer", float: "number"}[kind]}


def _coerce(kind: Any, value: Any) -> Any:
    """Bring a value from TOML, JSON or the environment into an option's type.

    Raises:
        ValueError: it does not fit; the message completes "KEY ...".
    """
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        if value in arguments:
            return value
        raise ValueError("must be one of " + ", ".join(repr(choice) for choice in arguments))
    if origin is tuple and dataclasses.is_dataclass(arguments[0]):
        if not isinstance(value, (list, tuple)):
            raise ValueError("must be a list of tables")
        return tuple(_table(arguments[0], entry) for entry in value)
    if origin is tuple:
        if arguments[0] is not str:
            if isinstance(value, (list, tuple)):
                return tuple(_coerce(arguments[0], part) for part in value)
            raise ValueError("must be a list of tables")
        if isinstance(value, str):
            value = [part.strip() for part in value.split(",") if part.strip()]
        if isinstance(value, (list, tuple)) and all(isinstance(part, str) for part in value):
            return tuple(value)
        raise ValueError("must be a list of texts")
    if origin is dict and arguments[1] == tuple[Rule, ...]:
        return routing.routes(value)
    if origin is dict:
        if not isinstance(value, dict):
            raise ValueError("must be a table")
        if arguments[1] is UserAction:
            return _user_actions(value)
        return {str(name): _coerce(arguments[1], entry) for name, entry in value.items()}
    if isinstance(kind, types.UnionType):
        raise TypeError(f"option types are never unions: {kind}")
    return _scalar(kind, value)


def _user_actions(tables: Mapping[str, Any]) -> dict[str, UserAction]:
    actions = {}
    for name, table in tables.items():
        try:
            actions[str(name)] = user_action(str(name), table)
        except ValueError as error:
            raise ValueError(f"{name} {error}") from None
    return actions


def _table(kind: Any, value: Any) -> Any:
    """Bring a table into a small dataclass of texts; one that is one already stays."""
    if isinstance(value, kind):
        return value
    names = [item.name for item in dataclasses.fields(kind)]
    if not isinstance(value, dict) or set(value) != set(names):
        raise ValueError(f"must be a list of tables, each with {' and '.join(names)}")
    return kind(**{name: _coerce(str, value[name]) for name in names})


def _scalar(kind: type, value: Any) -> Any:
    if kind is str and isinstance(value, str):
        return value
    if kind is str and isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()  # TOML has days of its own
    if kind is bool and isinstance(value, bool):
        return value
    if kind is bool and isinstance(value, str) and value.lower() in ("true", "false", "1", "0"):
        return value.lower() in ("true", "1")
    if kind in (int, float) and not isinstance(value, bool):
        if isinstance(value, int) or (kind is float and isinstance(value, float)):
            try:
                number = kind(value)
            except OverflowError:
                raise ValueError("must be a finite number") from None
        elif isinstance(value, float) and value.is_integer():
            number = int(value)  # JSON clients send 150.0 for 150
        elif isinstance(value, str):
            try:
                number = kind(value)
            except ValueError:
                raise ValueError(f"must be {_NAMES[kind]}") from None
        else:
            raise ValueError(f"must be {_NAMES[kind]}")
        # Whole numbers have no bound in TOML and JSON, and none above this one makes sense.
        if not math.isfinite(number) if isinstance(number, float) else abs(number) > _LARGEST:
            raise ValueError("must be a finite number")
        return number
    raise ValueError(f"must be {_NAMES[kind]}")


_LARGEST = 2**53
_NAMES: dict[type, str] = {str: "a text", bool: "true or false", int: "a whole number"}
_NAMES[float] = "a number"


@functools.cache
def _known() -> dict[str, Option]:
    """Return every option by its key."""
    return {item.key: item for item in options()}
