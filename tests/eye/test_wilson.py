"""The interval is honest: it holds the rate, stays inside 0 to 1, and narrows with counting."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ategnatos.eye.wilson import wilson

COUNTS = st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def test_a_published_value() -> None:
    """Eight of ten at 95 percent, as statsmodels' proportion_confint(method='wilson') says."""
    low, high = wilson(8, 10)
    assert low == pytest.approx(0.490162, abs=1e-6)
    assert high == pytest.approx(0.943318, abs=1e-6)


@settings(deadline=None, max_examples=60)
@given(COUNTS)
def test_it_holds_the_rate_and_stays_inside(counts: tuple[int, int]) -> None:
    successes, trials = counts
    low, high = wilson(successes, trials)
    assert 0 <= low <= successes / trials <= high <= 1
    assert low < high


@settings(deadline=None, max_examples=60)
@given(COUNTS)
def test_failures_are_the_mirror_of_successes(counts: tuple[int, int]) -> None:
    successes, trials = counts
    low, high = wilson(successes, trials)
    other_low, other_high = wilson(trials - successes, trials)
    assert (low, high) == pytest.approx((1 - other_high, 1 - other_low))


@settings(deadline=None, max_examples=60)
@given(COUNTS)
def test_ten_times_the_counting_is_narrower(counts: tuple[int, int]) -> None:
    successes, trials = counts
    low, high = wilson(successes, trials)
    more_low, more_high = wilson(successes * 10, trials * 10)
    assert more_high - more_low < high - low


@pytest.mark.parametrize(("successes", "trials"), [(0, 0), (3, 2), (-1, 2)])
def test_counts_that_cannot_be_are_refused(successes: int, trials: int) -> None:
    with pytest.raises(ValueError, match="cannot be"):
        wilson(successes, trials)
