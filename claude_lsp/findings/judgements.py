"""Judgements about an architecture: claims with several places and the dependencies they name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from claude_lsp.findings.claims import (
    QUOTE_LIMIT,
    Rejected,
    claims_from,
    findings_schema,
    line_of,
    path_of,
    text_of,
)
from claude_lsp.findings.sanitize import cleaned_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from claude_lsp.findings.finding import Claim

STRENGTH, FIRST = "strength", "first"
_NOTE_LIMIT = 200
_MOST_PLACES = 6


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a model claims about an architecture.

    Attributes:
        claim: the remark, at its first place.
        others: the same remark at each further place.
        notes: what each of these shows, in one line.
        dependencies: (importing, imported) pairs that it claims.
    """

    claim: Claim
    others: tuple[Claim, ...]
    notes: tuple[str, ...]
    dependencies: tuple[tuple[str, str], ...]


def judgement_from(item: Mapping[str, object]) -> Judgement | Rejected:
    """Make a judgement of one object that a model sent, leniently.

    A single place may stand in the object itself, as in a review of a document.
    """
    given = _tables(item.get("places"))[:_MOST_PLACES] or [item]
    claim = claims_from({**item, **given[0], "replacement": None}, "")
    if isinstance(claim, Rejected):
        return claim
    others = tuple(
        replace(
            claim,
            path=path_of(text_of(place, "path")),
            quote=text_of(place, "quote")[:QUOTE_LIMIT],
            line=line_of(place.get("line")),
        )
        for place in given[1:]
    )
    if not all(one.quote.strip() for one in others):
        return Rejected("a place without a quote")
    return Judgement(
        claim,
        others,
        tuple(cleaned_line(text_of(place, "shows"), _NOTE_LIMIT) for place in given[1:]),
        tuple(
            (text_of(pair, "from"), text_of(pair, "to"))
            for pair in _tables(item.get("dependencies"))
        ),
    )


def judgements_schema(rule_ids: Iterable[str]) -> dict[str, object]:
    """Return the JSON schema of an answer: findings, then what is to be said of the whole.

    Places come before the judgement, so that it is made on what is really there.
    """
    members: dict[str, Any] = findings_schema(rule_ids)
    known = members["properties"]["findings"]["items"]["properties"]
    place = {name: known[name] for name in ("path", "line", "quote")}
    place["shows"] = {"type": "string", "description": "What this place shows, in a few words."}
    module = {"type": "string", "description": "A file, a module or a package, as in the map."}
    finding = {
        "places": _list_of(place),
        "dependencies": _list_of({"from": module, "to": module}),
        **{name: known[name] for name in ("rule", "severity", "title", "explanation")},
        "confidence": known["confidence"],
    }
    remark = {
        "kind": {"type": "string", "enum": [STRENGTH, FIRST]},
        "text": {"type": "string", "description": "One or two sentences."},
    }
    return _object({"findings": _list_of(finding), "overview": _list_of(remark)})


def _list_of(members: Mapping[str, object]) -> dict[str, object]:
    return {"type": "array", "items": _object(members)}


def _object(members: Mapping[str, object]) -> dict[str, object]:
    return {
        "type": "object",
        "properties": dict(members),
        "required": list(members),
        "additionalProperties": False,
    }


def _tables(value: object) -> list[Mapping[str, object]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
