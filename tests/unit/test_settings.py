"""The options: what is taken, what is refused and with which words, and the generated schema."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from claude_lsp.routing import TIERS, Rule
from claude_lsp.settings import Invalid, Settings, build, check, flatten, options, schema

OPTIONS = {item.key: item for item in options()}


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("models.haiku", "local-model", "local-model"),
        ("completion.trigger", "off", "off"),
        ("completion.debounce_ms", 0, 0),
        ("completion.debounce_ms", 150.0, 150),
        ("completion.debounce_ms", "75", 75),
        ("spend.day_usd", 3, 3.0),
        ("spend.day_usd", "2.5", 2.5),
        ("review.min_confidence", 0.75, 0.75),
        ("context.ignore", ["a", "b"], ("a", "b")),
        ("context.ignore", "a, b ,", ("a", "b")),
        ("context.ignore", [], ()),
        ("routes", {"fix": "opus"}, {"fix": (Rule("opus"),)}),
        ("models.prices", {"m": {"input": 1, "output": 2.5}}, {"m": {"input": 1, "output": 2.5}}),
        ("endpoint.headers", {"x-team": "a"}, {"x-team": "a"}),
    ],
)
def test_takes(key: str, value: Any, expected: Any) -> None:
    taken = check(key, value)
    assert taken == expected
    assert type(taken) is type(expected)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("models.haiku", 5, "models.haiku must be a text, not 5"),
        ("models.haiku", None, "models.haiku must be a text, not None"),
        ("completion.debounce_ms", -1, "completion.debounce_ms must be at least 0, not -1"),
        ("completion.debounce_ms", "-1", "completion.debounce_ms must be at least 0, not '-1'"),
        ("completion.debounce_ms", 1.5, "completion.debounce_ms must be a whole number, not 1.5"),
        ("completion.debounce_ms", "x", "completion.debounce_ms must be a whole number, not 'x'"),
        ("completion.debounce_ms", True, "completion.debounce_ms must be a whole number, not True"),
        ("completion.debounce_ms", [1], "completion.debounce_ms must be a whole number, not [1]"),
        ("completion.max_tokens", 0, "completion.max_tokens must be at least 1, not 0"),
        (
            "completion.trigger",
            "sometimes",
            "completion.trigger must be one of 'automatic', 'manual', 'off', not 'sometimes'",
        ),
        (
            "completion.trigger",
            [],
            "completion.trigger must be one of 'automatic', 'manual', 'off', not []",
        ),
        ("spend.day_usd", "free", "spend.day_usd must be a number, not 'free'"),
        ("spend.day_usd", float("nan"), "spend.day_usd must be a finite number, not nan"),
        ("spend.day_usd", "inf", "spend.day_usd must be a finite number, not 'inf'"),
        ("context.ignore", [1], "context.ignore must be a list of texts, not [1]"),
        ("context.ignore", {"a": 1}, "context.ignore must be a list of texts, not {'a': 1}"),
        ("routes", "opus", "routes must be a table, not 'opus'"),
        (
            "routes",
            {"fix": "gpt"},
            "routes fix must be one of 'haiku', 'sonnet', 'opus', not 'gpt'",
        ),
        (
            "models.prices",
            {"m": {"input": "dear"}},
            "models.prices must be a number, not {'m': {'input': 'dear'}}",
        ),
        (
            "models.prices",
            {"m": {"input": -1, "output": 1}},
            ("models.prices needs input and output of at least 0 for m, "
            "not {'input': -1.0, 'output': 1.0}"),
        ),
        (
            "models.prices",
            {"m": {"inptu": 1, "output": 1}},
            ("models.prices needs input and output of at least 0 for m, "
            "not {'inptu': 1.0, 'output': 1.0}"),
        ),
        (
            "review.min_confidence",
            1.5,
            "review.min_confidence must be at most 1, not 1.5",
        ),
        ("completion.debouce_ms", 1, ("unknown setting completion.debouce_ms; did you mean "
         "completion.debounce_ms?")),
        ("spend.dayusd", 1, "unknown setting spend.dayusd; did you mean spend.day_usd?"),
        ("qqq", 1, "unknown setting qqq"),
    ],
)  # fmt: skip
def test_refuses_with_the_reason(key: str, value: Any, message: str) -> None:
    refused = check(key, value)
    assert isinstance(refused, Invalid)
    assert (refused.key, refused.message) == (key, message)


@pytest.mark.parametrize(
    "value",
    [None, [], {}, object(), float("inf"), 10**400, "1e400", "9" * 5000, b"x", [[]], {1: {1: 1}}],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("key", OPTIONS)
def test_no_value_makes_the_check_fail(key: str, value: Any) -> None:
    check(key, value)


@pytest.mark.parametrize("key", OPTIONS)
def test_each_default_is_valid_for_its_own_type(key: str) -> None:
    assert check(key, OPTIONS[key].default) == OPTIONS[key].default


def test_build_fills_in_defaults() -> None:
    assert build({}) == Settings()
    rules = {"fix": (Rule("opus"),)}
    built = build({"completion.max_tokens": 7, "routes": rules})
    assert (built.completion.max_tokens, built.routes) == (7, rules)
    assert built.completion.debounce_ms == Settings().completion.debounce_ms


def test_defaults_are_not_shared() -> None:
    first = Settings()
    first.routes["fix"] = (Rule("opus"),)
    assert Settings().routes == {}
    assert OPTIONS["routes"].default == {}


def test_flatten_keeps_option_tables_whole() -> None:
    values = {"models": {"haiku": "h", "prices": {"m": {"input": 1}}}, "routes": {}, "a.b": 1}
    assert dict(flatten(values)) == {
        "models.haiku": "h",
        "models.prices": {"m": {"input": 1}},
        "routes": {},
        "a.b": 1,
    }


def test_nothing_that_costs_or_sends_more_belongs_to_a_project() -> None:
    of_projects = {key for key, item in OPTIONS.items() if item.scope == "project"}
    # What it defines asks before each request: test_what_a_project_defines_asks_first.
    assert of_projects == {
        "actions",
        "ask.folder",  # in the project, whatever it says
        "context.ignore",
        "review.min_severity",
        "review.min_confidence",
        "review.max_findings",
        "review.instructions",
        "review.path",
        "review.baseline",
        "review.suppression_reason",
        "suppress",
        "arch.layers",
        "arch.independent",
        "arch.forbid",
        "arch.allow",
    }


FINGERPRINT = "0123456789abcdef"


def test_the_days_of_toml_are_taken() -> None:
    table = {FINGERPRINT: {"reason": "known", "until": date(2027, 1, 31)}}
    assert check("suppress", table) == {FINGERPRINT: {"reason": "known", "until": "2027-01-31"}}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"9f2c": {"reason": "r"}}, "is no fingerprint"),
        ({FINGERPRINT: {}}, "needs a reason"),
        ({FINGERPRINT: {"reason": " "}}, "needs a reason"),
        ({FINGERPRINT: {"reason": "r", "untill": "x"}}, "not untill"),
        ({FINGERPRINT: {"reason": "r", "until": "tomorrow"}}, "no day such as"),
        ({FINGERPRINT: "r"}, "must be a table"),
    ],
)
def test_what_is_suppressed_needs_a_reason_and_real_days(table: Any, message: str) -> None:
    refused = check("suppress", table)
    assert isinstance(refused, Invalid)
    assert message in refused.message


def _leaves(table: dict[str, Any], prefix: str = "") -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for name, entry in table["properties"].items():
        if "properties" in entry:
            assert entry["additionalProperties"] is False
            found |= _leaves(entry, f"{prefix}{name}.")
        else:
            found[prefix + name] = entry
    return found


def test_the_schema_describes_every_option() -> None:
    made = json.loads(json.dumps(schema()))
    leaves = _leaves(made)
    assert list(leaves) == list(OPTIONS)
    assert made["additionalProperties"] is False
    python_types = {
        "string": str,
        "integer": int,
        "number": (int, float),
        "boolean": bool,
        "array": list,
        "object": dict,
    }
    for key, entry in leaves.items():
        item = OPTIONS[key]
        assert entry["description"] == item.doc
        assert isinstance(entry["default"], python_types[entry["type"]])  # type: ignore[arg-type]
        assert entry["default"] in entry.get("enum", [entry["default"]])
        if "minimum" in entry:
            assert entry["default"] >= entry["minimum"]


def test_every_option_is_documented_in_one_line() -> None:
    for item in OPTIONS.values():
        assert item.doc.endswith("."), item.key
        assert "\n" not in item.doc
        assert len(item.doc) <= 100
        assert item.scope in ("user", "project")


def test_model_for_each_tier() -> None:
    bound = build({"models.opus": "big"})
    assert [bound.model_for(tier) for tier in TIERS] == [
        "claude-haiku-5-5",
        "claude-sonnet-5-5",
        "big",
    ]
