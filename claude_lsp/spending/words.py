"""Amounts as people read them."""

from __future__ import annotations


def dollars(amount: float) -> str:
    """Return an amount with as many places as it takes to tell it from nothing."""
    if amount < 0:
        return f"-{dollars(-amount)}"
    if amount == 0 or amount >= 100:
        return f"${amount:,.0f}"
    if amount >= 1:
        return f"${amount:,.2f}"
    return f"${amount:.3f}" if amount >= 0.01 else f"${amount:.5f}"


def count(number: float) -> str:
    """Return a number in at most three digits: 950, 12.3k, 4.56M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= 0.9995 * size:
            return f"{number / size:.3g}{letter}"
    return f"{number:.0f}"


def seconds(time_s: float) -> str:
    """Return a time in the unit that suits it."""
    if time_s < 0.9995:
        return f"{time_s * 1000:.0f} ms"
    if time_s < 600:
        return f"{time_s:.1f} s" if time_s < 9.95 else f"{time_s:.0f} s"
    return f"{time_s / 60:.0f} min"


def share(part: float | None) -> str:
    """Return a share in percent, a dash where there is none."""
    return "-" if part is None else f"{part:.0%}"


def several(number: int, word: str) -> str:
    """Return a number with its word: 1 request, 2,000 requests."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"
