"""Exactly what a prepared request would send, with the origin of every part of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from claude_lsp.claude.request import parameters

if TYPE_CHECKING:
    from claude_lsp.engine import Prepared


def as_dict(prepared: Prepared) -> dict[str, Any]:
    """Return a prepared request with the origin of every part of it."""
    request, parts = prepared.request, prepared.context
    return {
        "action": request.action,
        "tier": request.tier,
        "model": request.model.id,
        "why": prepared.why,
        "tokens": {
            "expected": request.expected_tokens,
            "bound": request.prompt_tokens,
            "parts": parts.tokens,
        },
        "most_usd": prepared.most_usd,
        **({"bounds": asdict(prepared.bounds)} if prepared.bounds is not None else {}),
        "parts": [
            {
                "origin": part.origin,
                "reason": part.reason,
                "score": part.score if part.score != float("inf") else None,
                "tokens": part.tokens,
                "stable": part.stable,
                "cut": part.cut,
                "redacted": list(part.secrets),
                "text": part.text,
            }
            for part in parts.parts
        ],
        "left_out": [{"origin": each.origin, "reason": each.reason} for each in parts.left_out],
        "body": parameters(request),
    }


def as_text(prepared: Prepared) -> str:
    """Return a prepared request for a person to read."""
    request, parts = prepared.request, prepared.context
    most = prepared.most_usd
    price = "price unknown" if most is None else f"at most ${most:.4f}"
    head = f"{request.action} -> {request.tier} ({request.model.id}; {prepared.why})"
    bounds = (
        f"about {request.expected_tokens:,} tokens in, at most {request.prompt_tokens:,}, "
        f"and {request.max_tokens:,} out"
    )
    lines = [f"{head}: {bounds}, {price}"]
    for part in parts.parts:
        notes = [part.reason, f"{part.tokens:,} tokens", "stable" if part.stable else "volatile"]
        notes += ["cut"] if part.cut else []
        notes += [f"redacted: {', '.join(part.secrets)}"] if part.secrets else []
        lines.append(f"  {part.origin}: {'; '.join(notes)}")
    lines += [f"  not sent: {each.origin} ({each.reason})" for each in parts.left_out]
    if prepared.bounds is not None:
        lines.append(
            f"  then up to {prepared.bounds.rounds} rounds in which the model may look into the "
            f"project, {prepared.bounds.tokens:,} tokens in all"
        )
    lines += ["", "--- system ---", request.system]
    lines += ["--- tools ---"] if request.tools else []
    lines += [
        f"{tool.name}({', '.join(tool.schema['properties'])}): {tool.description}"
        for tool in request.tools
    ]
    for message in request.earlier:
        for said in message.blocks:
            lines += [f"--- {message.role}, stable ---", said.text]
    for block in request.blocks:
        lines += [f"--- user, {'stable' if block.stable else 'volatile'} ---", block.text]
    return "\n".join(lines)
