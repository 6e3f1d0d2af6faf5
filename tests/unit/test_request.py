"""The one builder of requests: what goes over the wire is what the bound model accepts."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from claude_lsp.actions import ACTIONS
from claude_lsp.claude.catalog import MODELS as CATALOG
from claude_lsp.claude.catalog import Price, Usage, cost_usd, lookup
from claude_lsp.claude.recording import key_of
from claude_lsp.claude.request import Block, parameters
from claude_lsp.claude.route import route
from claude_lsp.context import tokens
from claude_lsp.routing import Rule
from claude_lsp.settings import build
from claude_lsp.text.positions import Position, Range
from tests.messages_api import MODELS, MessagesApi, replies
from tests.messages_api.models import EFFORTS
from tests.unit.engine_kit import engine_for, point_at, request, situation, snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from claude_lsp.actions.action import Situation
    from claude_lsp.claude.request import Request

PRICE = {"input": 1.0, "output": 1.0}
ALL_MODELS = [*MODELS, "claude-haiku-4-5-20251001", "claude-haiku-5-5-20261007", "local-llama"]
ANSWERS = {
    "complete": "<fill>pass</fill>",
    "explain": "It adds.",
    "describeImage": "A chart",
    "commitMessage": "Add a sum",
    "changeSummary": "It adds.",
    "review": '{"findings": []}',
    "architecture": '{"findings": []}',
}


def asked(root: Path, action: str) -> Situation:
    text = "import helper\n\n\ndef add(a, b):\n    return a + b\n" * 30
    snapshot(root / "helper.py", "def helped():\n    return 1\n" * 60)
    document = snapshot(root / "main.py", text)
    span = Range(Position(3, 4), Position(3, 4)) if action == "complete" else None
    return situation(document, "main.py", span)


@pytest.fixture(scope="module", autouse=True)
def vocabulary() -> None:
    assert tokens.warm()


@pytest.mark.parametrize("action", ACTIONS)
async def test_no_model_refuses_any_action(
    action: str, messages_api: MessagesApi, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The service's rules against the builder: every model, known to us or not."""
    point_at(messages_api, monkeypatch)
    messages_api.models["local-llama"] = replace(
        MODELS["claude-haiku-4-5"],
        id="local-llama",
        thinking=frozenset(),
        efforts=(),
        prefill=False,
        forced_tool_choice=False,
        max_output=16_000,
    )
    messages_api.models["claude-haiku-5-5-20261007"] = MODELS["claude-haiku-5-5"]
    messages_api.answer = replies.text(ANSWERS.get(action, '{"edits": []}'))
    where = asked(tmp_path, action)
    for model in ALL_MODELS:
        options: dict[str, Any] = {f"models__{tier}": model for tier in ("haiku", "sonnet", "opus")}
        options |= {"models__prices": {} if lookup(model).known else {model: PRICE}}
        async with engine_for(tmp_path, **options) as engine:
            prepared = await engine.prepare(ACTIONS[action], where)
            async for _ in engine.run(ACTIONS[action], where, prepared):
                pass
    assert [(r.model, r.refused) for r in messages_api.messages] == [(m, None) for m in ALL_MODELS]
    for received in messages_api.messages:
        assert received.body["stream"] is True
        assert not received.body.keys() & {"temperature", "top_p", "top_k", "tool_choice"}
        # A model of which nothing is known gets none.
        wanted = bool(ACTIONS[action].tools) and lookup(received.model).known
        assert ("tools" in received.body) is wanted
        assert received.body["messages"][0]["role"] == "user"


def test_the_catalog_agrees_with_the_service() -> None:
    """Two tables written apart say the same of each model."""
    for model_id, model in CATALOG.items():
        served = MODELS[model_id]
        assert model.thinking == served.thinking, model_id
        assert model.thinks_by_default == served.thinks_by_default, model_id
        assert model.efforts == frozenset(served.efforts), model_id
        assert model.prefill == served.prefill, model_id
        assert model.forced_tool_choice == served.forced_tool_choice, model_id
        assert model.cache_minimum == served.cache_minimum, model_id
        assert (model.context_window, model.max_output) == (
            served.context_window,
            served.max_output,
        ), model_id
        assert model.tokenizer == {"v3": "claude-3", "v4.7": "claude-4.7"}[served.tokenizer]


def body(model: str, **changes: Any) -> dict[str, Any]:
    return parameters(request(model, **changes))


@pytest.mark.parametrize(
    ("model", "think", "thinking"),
    [
        ("claude-haiku-5-5", False, "disabled"),
        ("claude-haiku-5-5", True, "adaptive"),
        ("claude-haiku-4-5", False, None),
        ("claude-haiku-4-5", True, None),
        ("claude-sonnet-5-5", False, "between_tools"),
        ("claude-sonnet-5-5", True, "adaptive"),
        ("claude-sonnet-5", False, "disabled"),
        ("claude-sonnet-4-6", False, None),
        ("claude-sonnet-4-6", True, "adaptive"),
        ("claude-opus-5-5", False, None),
        ("claude-opus-5-5", True, "adaptive"),
        ("claude-opus-5", False, "disabled"),
        ("claude-opus-4-8", False, None),
        ("claude-opus-4-7", True, "adaptive"),
        ("unheard-of", False, None),
        ("unheard-of", True, None),
    ],
)
def test_thinking(model: str, think: bool, thinking: str | None) -> None:
    assert body(model, think=think).get("thinking", {}).get("type") == thinking


@pytest.mark.parametrize("effort", EFFORTS)
@pytest.mark.parametrize("think", [False, True])
@pytest.mark.parametrize("model", [*CATALOG, "unheard-of"])
def test_effort(model: str, think: bool, effort: str) -> None:
    made = body(model, effort=effort, think=think)
    sent = made.get("output_config", {}).get("effort")
    if not lookup(model).efforts:
        assert sent is None
    elif made.get("thinking") == {"type": "disabled"} and effort in ("xhigh", "max"):
        assert sent == "high"
    else:
        assert sent == effort


def test_prefill_only_where_it_is_taken() -> None:
    started = body("claude-haiku-4-5", prefill="<fill>")["messages"]
    assert started[-1] == {"role": "assistant", "content": "<fill>"}
    for model in (*CATALOG, "unheard-of"):
        if model != "claude-haiku-4-5":
            assert body(model, prefill="<fill>")["messages"][-1]["role"] == "user"
    with_schema = body("claude-haiku-4-5", prefill="<fill>", schema={"type": "object"})
    assert with_schema["messages"][-1]["role"] == "user"


def test_structured_output_where_it_is_honoured() -> None:
    schema = {"type": "object", "additionalProperties": False, "properties": {}, "required": []}
    for model in CATALOG:
        assert body(model, schema=schema)["output_config"]["format"] == {
            "type": "json_schema",
            "schema": schema,
        }
    assert "output_config" not in body("unheard-of", schema=schema)


def test_an_unknown_model_gets_the_barest_request() -> None:
    made = body(
        "unheard-of",
        think=True,
        effort="high",
        prefill="x",
        schema={"type": "object"},
        blocks=(Block("context " * 9000, 20_000, stable=True), Block("q", 2)),
        max_tokens=99_999,
    )
    assert made.keys() == {"model", "max_tokens", "stream", "system", "messages"}
    assert made["max_tokens"] == 8192
    assert "cache_control" not in json.dumps(made)


def test_the_longest_answer_is_never_over_the_models() -> None:
    assert body("claude-haiku-4-5", max_tokens=100_000)["max_tokens"] == 64_000


def marks(made: dict[str, Any]) -> list[str]:
    system = ["system" for block in made["system"] if "cache_control" in block]
    content = made["messages"][0]["content"]
    return system + [str(n) for n, block in enumerate(content) if "cache_control" in block]


STABLE, SHARED = "stable", "shared"


@pytest.mark.parametrize(
    ("model", "repeats", "system", "blocks", "expected"),
    [
        ("claude-haiku-5-5", STABLE, 10, [(2000, STABLE), (500, "")], ["0"]),
        ("claude-haiku-5-5", STABLE, 10, [(300, STABLE), (500, "")], []),
        ("claude-haiku-5-5", STABLE, 700, [(10, "")], ["system"]),
        ("claude-haiku-5-5", STABLE, 600, [(100, STABLE), (10, "")], ["0"]),
        ("claude-haiku-5-5", STABLE, 10, [(100, STABLE), (900, STABLE), (9, "")], ["1"]),
        ("claude-haiku-5-5", STABLE, 10, [(900, STABLE)] * 5, ["1", "2", "3", "4"]),
        ("claude-haiku-5-5", STABLE, 10, [(900, ""), (900, STABLE)], []),
        ("claude-haiku-4-5", STABLE, 10, [(4000, STABLE), (500, "")], []),
        ("claude-haiku-4-5", STABLE, 10, [(6000, STABLE), (500, "")], ["0"]),
        ("claude-opus-4-7", STABLE, 10, [(2500, STABLE)], []),
        ("claude-opus-4-7", STABLE, 10, [(2800, STABLE)], ["0"]),
        ("unheard-of", STABLE, 9000, [(90_000, STABLE)], []),
        # Nothing is written that nobody will read.
        ("claude-haiku-5-5", "", 900, [(2000, STABLE), (500, "")], []),
        ("claude-haiku-5-5", SHARED, 10, [(900, SHARED), (900, STABLE), (9, "")], ["0"]),
        ("claude-haiku-5-5", SHARED, 10, [(900, STABLE), (9, "")], []),
        ("claude-haiku-5-5", SHARED, 900, [(900, STABLE), (9, "")], ["system"]),
    ],
)
def test_breakpoints_stand_at_the_ends_of_what_repeats(
    model: str, repeats: str, system: int, blocks: list[tuple[int, str]], expected: list[str]
) -> None:
    made = tuple(
        Block("text", count, stable=kind != "", shared=kind == SHARED) for count, kind in blocks
    )
    assert marks(body(model, system_tokens=system, blocks=made, repeats=repeats)) == expected


def test_of_the_pieces_of_a_document_only_the_last_stable_one_is_marked() -> None:
    pieces = [Block("piece", 200, stable=True, goes_on=True) for _ in range(9)]
    made = (Block("found", 900, stable=True), *pieces, Block("rest", 50), Block("q", 9))
    assert marks(body("claude-haiku-5-5", blocks=made, repeats=STABLE)) == ["0", "9"]


def test_a_batch_keeps_what_repeats_for_an_hour() -> None:
    made = body("claude-sonnet-5-5", system_tokens=900, repeats=SHARED, batched=True)
    assert made["system"][0]["cache_control"] == {"type": "ephemeral", "ttl": "1h"}


def test_how_an_answer_is_paid_for_changes_not_what_it_is_known_by() -> None:
    blocks = (Block("s", 900, stable=True, shared=True), Block("a", 9))
    bodies = [
        body("claude-sonnet-5-5", blocks=blocks, repeats=repeats, batched=batched)
        for repeats in ("", STABLE, SHARED)
        for batched in (False, True)
    ]
    assert len({key_of(made) for made in bodies}) == 1
    assert key_of(body("claude-sonnet-5-5", blocks=blocks[:1])) != key_of(bodies[0])


def test_the_bound_on_the_price_is_over_every_way_to_pay() -> None:
    asked: Request = request(blocks=(Block("x", 3000, stable=True),), max_tokens=700)
    most = asked.most_usd
    assert most is not None
    prompt = asked.prompt_tokens
    for usage in (
        Usage(input=prompt, output=700),
        Usage(cache_write_5m=prompt, output=700),
        Usage(cache_read=prompt, output=700),
        Usage(input=prompt // 2, cache_write_5m=prompt - prompt // 2, output=700),
    ):
        cost = cost_usd(asked.model, usage)
        assert cost is not None
        assert cost <= most
    kept = replace(asked, batched=True, repeats="shared").most_usd
    written = cost_usd(asked.model, Usage(cache_write_1h=prompt, output=700), batched=True)
    assert kept is not None
    assert written is not None
    assert kept >= written


def test_long_prompts_have_their_own_price() -> None:
    haiku = lookup("claude-haiku-5-5")
    assert cost_usd(haiku, Usage(input=100_000)) == pytest.approx(0.01)
    assert cost_usd(haiku, Usage(input=100_001)) == pytest.approx(0.0500005)
    assert cost_usd(haiku, Usage(input=1, cache_read=100_000)) == pytest.approx(0.0050005)
    assert cost_usd(lookup("unheard-of"), Usage(input=1)) is None


@pytest.mark.parametrize("wrong", [-1.0, float("nan"), float("inf")])
def test_a_price_that_is_no_amount_is_unknown(wrong: float) -> None:
    priced = replace(lookup("claude-haiku-5-5"), prices=(Price(1, wrong, 1, 1, 1),))
    assert request(priced).most_usd is None
    assert cost_usd(priced, Usage(input=1, output=1)) is None
    later = replace(priced, prices=(Price(1, 1, 1, 1, 1, above=100_000),))
    assert request(later).most_usd is None


def test_routes() -> None:
    plain = build({})
    assert route("complete", "haiku", plain).model.id == "claude-haiku-5-5"
    changed = build({"routes": {"complete": (Rule("opus"),)}, "models.opus": "claude-opus-5"})
    chosen = route("complete", "haiku", changed)
    assert (chosen.tier, chosen.model.id) == ("opus", "claude-opus-5")
    assert route("fix", "sonnet", changed).tier == "sonnet"


def test_a_price_of_the_user_replaces_every_band() -> None:
    prices = {"claude-haiku-5-5": {"input": 2.0, "output": 4.0}, "mine": {**PRICE, "cache_read": 0}}
    settings = build({"models.prices": prices, "models.sonnet": "mine"})
    haiku = route("complete", "haiku", settings).model
    assert haiku.prices == (Price(2.0, 4.0, 2.5, 4.0, 0.2, as_of=None),)
    mine = route("fix", "sonnet", settings).model
    assert (mine.known, mine.price_for(5)) == (False, Price(1.0, 1.0, 1.25, 2.0, 0.0, as_of=None))


async def test_the_prefilled_beginning_belongs_to_the_answer(
    messages_api: MessagesApi, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A model that takes a beginning does not repeat it, and is stopped as early as the others."""
    point_at(messages_api, monkeypatch)
    where = asked(tmp_path, "complete")
    texts = []
    for model, answer in (
        ("claude-haiku-5-5", "<fill>the_end()"),
        ("claude-haiku-4-5", "the_end()"),
    ):
        messages_api.script(replies.text(answer))
        async with engine_for(tmp_path, models__haiku=model) as engine:
            prepared = await engine.prepare(ACTIONS["complete"], where)
            outcomes = [o async for o in engine.run(ACTIONS["complete"], where, prepared)]
        texts.append(outcomes[-1].text)  # type: ignore[union-attr]
    assert texts == ["the_end()", "the_end()"]
