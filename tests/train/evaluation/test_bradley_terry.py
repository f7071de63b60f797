"""The ranking of votes: published results, scipy's answer, and what may not depend on anything."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.optimize import minimize
from scipy.special import expit

from ategnatos.train.evaluation.bradley_terry import fit

# American League 1987: row beat column. A. Agresti, Categorical Data Analysis, table 10.10; scores
# and standard errors against Baltimore as R's BradleyTerry2 gives them (vignette, section 2).
TEAMS = ("Milwaukee", "Detroit", "Toronto", "New York", "Boston", "Cleveland", "Baltimore")
BASEBALL = np.array(
    [
        [0, 7, 9, 7, 7, 9, 11],
        [6, 0, 7, 5, 11, 9, 9],
        [4, 6, 0, 7, 7, 8, 12],
        [6, 8, 6, 0, 6, 7, 10],
        [6, 2, 6, 7, 0, 7, 12],
        [4, 4, 5, 6, 6, 0, 6],
        [2, 4, 1, 3, 1, 7, 0],
    ],
    np.float64,
)
PUBLISHED = (1.5814, 1.4364, 1.2945, 1.2476, 1.1077, 0.6839, 0.0)
ERRORS = (0.3433, 0.3396, 0.3367, 0.3359, 0.3339, 0.3319)


def test_the_published_scores_of_the_american_league_come_out() -> None:
    found = fit(BASEBALL, prior=0)
    assert found.scores - found.scores[-1] == pytest.approx(PUBLISHED, abs=5e-5)
    errors = [found.difference(place, 6)[1] for place in range(6)]
    assert errors == pytest.approx(ERRORS, abs=5e-5)
    assert found.scores.sum() == pytest.approx(0, abs=1e-9)


def test_two_of_whom_one_wins_three_times_as_often_are_log_three_apart() -> None:
    found = fit(np.array([[0.0, 30.0], [10.0, 0.0]]), prior=0)
    gap, error = found.difference(0, 1)
    assert gap == pytest.approx(np.log(3))
    # The delta method for a logit: 1 / sqrt(n p q).
    assert error == pytest.approx(1 / np.sqrt(40 * 0.75 * 0.25))


counts = arrays.arrays(np.float64, (4, 4), elements=st.integers(0, 6).map(float))


@settings(deadline=None, max_examples=25)
@given(counts)
def test_it_is_the_answer_that_scipy_finds(wins: np.ndarray) -> None:
    np.fill_diagonal(wins, 0)

    def unlikely(scores: np.ndarray) -> float:
        gaps = scores[:, None] - scores[None, :]
        phantom = np.log(expit(scores)) + np.log(expit(-scores))
        return float(-(wins * np.log(expit(gaps))).sum() - phantom.sum() / 2)

    peer = minimize(unlikely, np.zeros(4), method="BFGS", options={"gtol": 1e-8})
    assert fit(wins).scores == pytest.approx(peer.x - peer.x.mean(), abs=1e-4)


@settings(deadline=None, max_examples=25)
@given(counts, st.permutations(range(4)))
def test_the_order_of_the_contenders_decides_nothing(wins: np.ndarray, order: list[int]) -> None:
    np.fill_diagonal(wins, 0)
    turned = fit(wins[np.ix_(order, order)])
    assert turned.scores == pytest.approx(fit(wins).scores[order], abs=1e-8)
    assert turned.covariance == pytest.approx(fit(wins).covariance[np.ix_(order, order)], abs=1e-8)


def test_who_never_lost_is_strong_and_not_infinitely_so() -> None:
    found = fit(np.array([[0.0, 5.0, 5.0], [0.0, 0.0, 3.0], [0.0, 2.0, 0.0]]))
    assert np.isfinite(found.scores).all()
    assert found.scores[0] == max(found.scores)


@pytest.mark.parametrize("wins", [[[0, 5], [0, 0]], [[0, 1, 0], [1, 0, 0], [0, 0, 0]]])
def test_without_a_prior_what_has_no_finite_answer_is_refused(wins: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="no finite"):
        fit(np.array(wins, np.float64), prior=0)


def test_more_votes_of_the_same_kind_make_the_interval_narrower() -> None:
    few, many = (fit(BASEBALL * factor) for factor in (1, 9))
    assert many.error(0) < few.error(0) / 2.5
