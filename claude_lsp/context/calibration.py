"""From what requests really took to better estimates of the next ones: arithmetic alone.

An estimate has two parts, since they are of two kinds: what every request of an action begins with
(prose, definitions of tools, what a schema adds) and what varies (code, mostly). Each part has a
weight, fitted to the observed requests; the median of the newest errors then leads to the project
that is worked on. Medians and bounds on the weights keep a few wrong observations without effect.
"""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

KEPT = 64
"""Observations of one kind that count, the newest."""
ENOUGH = 8
"""Observations of one kind that stand for themselves; with fewer, those of all kinds count."""
CONFIDENCE = 0.999
"""Share of requests whose tokens are within the bound once there are enough observations."""

PLAUSIBLE = (0.2, 5.0)
"""Real tokens for an estimated one: no tokenizer in use is outside, whatever the text."""
_PULL = 0.3
"""How strongly both weights are drawn to the usual ratio, as if so many requests had it."""
_FURTHEST = 2.0
"""How far a weight may be from the usual ratio, as a factor."""
# Of the logarithm of real / expected. One-step errors have long tails: at another project or kind
# of file the first is five times the usual.
_LEAST_MARGIN = 0.20
_TIMES_USUAL = 8.0
_TIMES_WORST = 1.2
_FEW_MARGIN = 0.30
# The endpoint's own count is "an estimate" too, of everything but what the service adds.
_COUNTED_MARGIN = 1.02
_COUNTED_MORE = 16
_MOST_MARGIN = 0.60


class Observation(NamedTuple):
    """One request: what was estimated, and what it took.

    Attributes:
        fixed: estimated tokens of the fixed part, before any correction.
        varying: the same of the rest.
        expected: what the whole was expected to take, after the correction of that time.
        real: tokens of the prompt, as the endpoint counted them.
    """

    fixed: int
    varying: int
    expected: int
    real: int


class Correction(NamedTuple):
    """What estimates are to be multiplied with.

    Attributes:
        fixed: weight of the fixed part.
        varying: weight of the rest.
        margin: from the expected number to the bound, as a share; None where nothing has been
            observed, so that the family's own bound holds.
    """

    fixed: float = 1.0
    varying: float = 1.0
    margin: float | None = None

    def expected(self, fixed: int, varying: int) -> int:
        """Return the expected tokens of a prompt, from the estimates of its two parts."""
        return math.ceil(fixed * self.fixed + varying * self.varying)


NOTHING_KNOWN = Correction()


class Measure(NamedTuple):
    """How much a prompt takes, before and after what is known of such prompts.

    Attributes:
        fixed: estimated tokens of what every prompt of the action begins with, uncorrected.
        varying: the same of the rest.
        correction: what has been observed of such prompts.
        counted: tokens of the whole, where the endpoint was asked; None where it was not.
    """

    fixed: int
    varying: int
    correction: Correction = NOTHING_KNOWN
    counted: int | None = None

    def expected(self, more: int = 0) -> int:
        """Return the expected tokens of the prompt with so many estimated ones more."""
        if self.counted is not None:
            return self.counted + more
        return self.correction.expected(self.fixed, self.varying + more)

    def bound(self, more: int = 0) -> int | None:
        """Return what the prompt exceeds at most once in a thousand times.

        Returns:
            None where nothing is known of such prompts, so that the family's own bound holds.
        """
        if self.counted is not None:
            return math.ceil((self.counted + more) * _COUNTED_MARGIN) + _COUNTED_MORE
        if self.correction.margin is None:
            return None
        return math.ceil(self.expected(more) * (1 + self.correction.margin))


def is_plausible(estimated: float, real: float) -> bool:
    """Whether a text that was estimated so can have taken that many tokens."""
    least, most = PLAUSIBLE
    return estimated * least <= real <= estimated * most


def correction(observations: Sequence[Observation]) -> Correction:
    """Return what estimates are to be multiplied with, given what was observed, the newest last."""
    seen = [
        each
        for each in observations[-KEPT:]
        if each.fixed + each.varying > 0 and is_plausible(each.fixed + each.varying, each.real)
    ]
    if not seen:
        return NOTHING_KNOWN
    fixed, varying = _weights(seen)
    newest = [
        math.log(each.real / (fixed * each.fixed + varying * each.varying))
        for each in seen[-ENOUGH:]
    ]
    factor = math.exp(statistics.median(newest))
    return Correction(fixed * factor, varying * factor, _margin(seen))


def _weights(seen: Sequence[Observation]) -> tuple[float, float]:
    """Return the weights of the two parts: least squares of relative errors, drawn to the usual."""
    usual = statistics.median(each.real / (each.fixed + each.varying) for each in seen)
    square_fixed = square_varying = _PULL
    both = 0.0
    sum_fixed = sum_varying = _PULL * usual
    for each in seen:
        fixed, varying = each.fixed / each.real, each.varying / each.real
        square_fixed += fixed * fixed
        square_varying += varying * varying
        both += fixed * varying
        sum_fixed += fixed
        sum_varying += varying
    determinant = square_fixed * square_varying - both * both
    weights = (
        (sum_fixed * square_varying - sum_varying * both) / determinant,
        (square_fixed * sum_varying - both * sum_fixed) / determinant,
    )
    least, most = usual / _FURTHEST, usual * _FURTHEST
    first, second = (min(max(weight, least), most) for weight in weights)
    return first, second


def _margin(seen: Sequence[Observation]) -> float:
    """Return how far above the expected number the bound is, as a share of it."""
    # The first ones were expected by what had been known of other kinds.
    errors = [math.log(each.real / each.expected) for each in seen if each.expected > 0]
    later = errors[ENOUGH // 2 :]
    if len(later) < ENOUGH // 2:
        return _FEW_MARGIN
    usual = statistics.median(map(abs, later))
    share = max(_LEAST_MARGIN, _TIMES_USUAL * usual, _TIMES_WORST * max(later))
    return math.expm1(min(share, _MOST_MARGIN))
