"""Routes: which tier an action goes to, by size and language, and what is said of mistakes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from claude_lsp.actions import ACTIONS
from claude_lsp.actions.route import route_of
from claude_lsp.routing import Rule, as_written, json_schema
from claude_lsp.settings import Invalid, Settings, build, check, schema
from tests.unit.engine_kit import engine_for, situation, snapshot

if TYPE_CHECKING:
    from pathlib import Path

RULES = [{"tier": "haiku", "max_tokens": 500}, {"tier": "opus", "language": "sql"}, "sonnet"]


def settings(routes: dict[str, Any]) -> Settings:
    checked = check("routes", routes)
    assert not isinstance(checked, Invalid), checked
    return build({"routes": checked})


@pytest.mark.parametrize(
    ("name", "lines", "tier", "why"),
    [
        ("a.py", 5, "haiku", "routes.fix: haiku for up to 500 tokens"),
        ("a.py", 500, "sonnet", "routes.fix: sonnet"),
        ("a.sql", 5, "haiku", "routes.fix: haiku for up to 500 tokens"),
        ("a.sql", 500, "opus", "routes.fix: opus for sql"),
    ],
)
def test_the_first_rule_that_fits_decides(
    tmp_path: Path, name: str, lines: int, tier: str, why: str
) -> None:
    asked = situation(snapshot(tmp_path / name, "value = call(argument)\n" * lines), name)
    found = route_of(ACTIONS["fix"], asked, settings({"fix": RULES}))
    assert (found.tier, found.why) == (tier, why)
    assert route_of(ACTIONS["fix"], asked, settings({"fix": RULES}), "opus").tier == "opus"
    assert route_of(ACTIONS["explain"], asked, settings({"fix": RULES})).why == "its own tier"


def test_the_size_is_that_of_the_selection(tmp_path: Path) -> None:
    document = snapshot(tmp_path / "a.py", "value = call(argument)\n" * 500)
    asked = situation(document, "a.py", document.index.range_of(0, 200))
    assert route_of(ACTIONS["rewrite"], asked, settings({"rewrite": RULES})).tier == "haiku"


def test_where_no_rule_fits_the_action_keeps_its_tier(tmp_path: Path) -> None:
    asked = situation(snapshot(tmp_path / "a.py", "x = 1\n"), "a.py")
    only_sql = settings({"fix": [{"tier": "opus", "language": ["sql", "go"]}]})
    found = route_of(ACTIONS["fix"], asked, only_sql)
    assert (found.tier, found.why) == ("sonnet", "its own tier: no rule of routes.fix fits")


async def test_the_request_goes_where_the_rules_say(tmp_path: Path) -> None:
    document = snapshot(tmp_path / "a.py", "value = 1\n")
    async with engine_for(tmp_path, routes=settings({"fix": RULES}).routes) as engine:
        prepared = await engine.prepare(ACTIONS["fix"], situation(document, "a.py"))
    assert prepared.request.model.id == "claude-haiku-5-5"
    assert prepared.why == "routes.fix: haiku for up to 500 tokens"
    assert 0 < prepared.request.expected_tokens < prepared.request.prompt_tokens


@pytest.mark.parametrize(
    ("route", "said"),
    [
        ("gpt", "fix must be one of 'haiku', 'sonnet', 'opus', not 'gpt'"),
        ([], "fix needs at least one rule"),
        (7, "fix[0] must be a tier or a table with tier, not 7"),
        (["sonnet", "opus"], "fix[0] fits whatever is asked, so the rules after it are never"),
        ([{"tiers": "opus"}], "fix[0] has no option tiers; did you mean tier?"),
        ([{"max_tokens": 5}], "fix[0] needs a tier"),
        ([{"tier": "opus", "max_tokens": 0}], "fix[0] needs a whole number above 0"),
        ([{"tier": "opus", "max_tokens": True}], "fix[0] needs a whole number above 0"),
        ([{"tier": "opus", "language": 3}], "fix[0] needs a language or a list of them"),
        ([{"tier": "best"}], "fix[0] must be one of"),
        ({"tier": "opus", "language": "go"}, "fix must be a tier or a list of rules"),
    ],
)
def test_a_mistake_is_told_where_it_stands(route: Any, said: str) -> None:
    refused = check("routes", {"fix": route})
    assert isinstance(refused, Invalid)
    assert refused.message.startswith(f"routes {said}")


def test_what_is_read_is_written_again() -> None:
    assert as_written((Rule("opus"),)) == "opus"
    checked = check("routes", {"fix": RULES})
    assert check("routes", {"fix": as_written(checked["fix"])}) == checked


def test_the_schema_knows_both_forms() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    assert schema()["properties"]["routes"].items() >= json_schema().items()
    for valid in ("opus", RULES, [{"tier": "opus", "language": ["go"]}]):
        jsonschema.validate({"fix": valid}, json_schema())
    for invalid in ("gpt", [{"language": "go"}], [{"tier": "opus", "size": 1}]):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({"fix": invalid}, json_schema())


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"complete": {"day_us": 1}}, "complete has only request_usd, request_tokens, day_usd"),
        ({"complete": {"day_usd": -1}}, "complete needs a day_usd of at least 0, not -1"),
    ],
)
def test_limits_of_actions_are_checked(limits: Any, said: str) -> None:
    refused = check("spend.actions", limits)
    assert isinstance(refused, Invalid)
    assert refused.message.startswith(f"spend.actions.{said}")
