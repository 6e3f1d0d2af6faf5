"""Calibration: from what requests took to better estimates, as pure arithmetic."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_lsp.context.calibration import (
    ENOUGH,
    NOTHING_KNOWN,
    Correction,
    Measure,
    Observation,
    correction,
)

FIXED, VARYING = 800, 3_000


def observed(
    ratios: list[float], of_fixed: float = 1.0, fixed: int = FIXED, varying: int = VARYING
) -> list[Observation]:
    """Observations as they come, each expected by what was known before."""
    seen: list[Observation] = []
    for ratio in ratios:
        real = round(fixed * of_fixed + varying * ratio)
        seen.append(Observation(fixed, varying, correction(seen).expected(fixed, varying), real))
    return seen


@pytest.mark.parametrize("ratio", [0.4, 0.7, 1.0, 1.6, 2.5])
def test_another_tokenizer_is_known_after_the_first_requests(ratio: float) -> None:
    first = correction(observed([ratio], of_fixed=ratio))
    real = (FIXED + VARYING) * ratio
    assert first.expected(FIXED, VARYING) == pytest.approx(real, rel=0.01)
    assert first.margin is not None
    assert first.margin > 0.2
    later = correction(observed([ratio] * ENOUGH, of_fixed=ratio))
    assert later.expected(300, 9_000) == pytest.approx(9_300 * ratio, rel=0.03)


def test_prose_and_code_get_weights_of_their_own() -> None:
    chosen = random.Random(1)
    seen: list[Observation] = []
    for _ in range(64):
        varying = chosen.randint(500, 12_000)
        real = round(FIXED * 0.8 + varying * 1.3)
        expected = correction(seen).expected(FIXED, varying)
        seen.append(Observation(FIXED, varying, expected, real))
    known = correction(seen)
    usual = sum(each.real for each in seen) / sum(each.fixed + each.varying for each in seen)
    for varying in (500, 3_000, 12_000):
        truth = FIXED * 0.8 + varying * 1.3
        assert known.expected(FIXED, varying) == pytest.approx(truth, rel=0.06)
        assert abs(known.expected(FIXED, varying) - truth) < abs(usual * (FIXED + varying) - truth)


def test_the_newest_requests_lead_to_the_project_of_now() -> None:
    known = correction(observed([1.0] * 40 + [1.1] * ENOUGH, of_fixed=1.05))
    assert known.expected(FIXED, VARYING) == pytest.approx(FIXED * 1.05 + VARYING * 1.1, rel=0.02)


@pytest.mark.parametrize("lie", [0, -5, 1, 10**9])
def test_what_no_tokenizer_counts_changes_nothing(lie: int) -> None:
    honest = observed([1.2] * 20)
    lies = [Observation(FIXED, VARYING, FIXED + VARYING, lie)] * 30
    assert correction([*honest, *lies]) == correction(honest)
    assert correction(lies) == NOTHING_KNOWN


def test_a_third_of_plausible_lies_moves_little() -> None:
    ratios = [4.0 if number % 3 == 0 else 1.2 for number in range(60)]
    honest = correction(observed([1.2] * 60, of_fixed=1.2))
    known = correction(observed(ratios, of_fixed=1.2))
    expected = honest.expected(FIXED, VARYING)
    assert known.expected(FIXED, VARYING) == pytest.approx(expected, rel=0.05)
    assert known.margin is not None
    assert honest.margin is not None
    assert honest.margin < known.margin < 1


def test_a_wider_spread_has_a_wider_margin() -> None:
    chosen = random.Random(2)
    narrow = correction(observed([1 + chosen.uniform(-0.01, 0.01) for _ in range(64)]))
    wide = correction(observed([1 + chosen.uniform(-0.3, 0.3) for _ in range(64)]))
    assert narrow.margin is not None
    assert wide.margin is not None
    assert narrow.margin < wide.margin


numbers = st.integers(-10, 10**7)


@given(st.lists(st.builds(Observation, numbers, numbers, numbers, numbers), max_size=24))
def test_any_observations_give_a_usable_correction(seen: list[Observation]) -> None:
    known = correction(seen)
    for weight in (known.fixed, known.varying):
        assert math.isfinite(weight)
        assert 0 < weight < 100
    assert known.margin is None or 0.1 < known.margin < 1
    measure = Measure(1_000, 4_000, known)
    bound = measure.bound()
    assert bound is None or bound > measure.expected()
    assert measure.expected(500) > measure.expected()


def test_a_count_of_the_endpoint_is_nearly_exact() -> None:
    measure = Measure(1_000, 4_000, Correction(1.0, 1.0, 0.3), counted=6_000)
    assert measure.expected() == 6_000
    assert 6_000 < (measure.bound() or 0) < 6_200
    assert Measure(1_000, 4_000).bound() is None
