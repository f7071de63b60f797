"""How strong each of several is, from who was preferred to whom: the Bradley-Terry model.

The chance that ``i`` is preferred to ``j`` is ``1 / (1 + exp(s_j - s_i))``. Found by Newton's
method on the log-likelihood, which is concave; intervals from its curvature. A tie counts as half
a win for each. Source: R. A. Bradley and M. E. Terry, "Rank analysis of incomplete block designs",
Biometrika 39 (1952); D. R. Hunter, "MM algorithms for generalized Bradley-Terry models", Annals of
Statistics 32 (2004), for when a solution exists.

Who never lost would be infinitely strong. So each also played ``prior`` games against one of
average strength, half won and half lost: 1 pulls a little towards "nobody knows" and matters less
with each vote; 0 is the plain model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_MOST_STEPS = 100
_SMALL = 1e-10


@dataclass(frozen=True, slots=True)
class Strengths:
    """``scores`` (n,) are log-odds with mean 0; ``covariance`` (n, n) is theirs."""

    scores: Floats
    covariance: Floats

    def error(self, one: int) -> float:
        """Standard error of a score against the average."""
        return float(np.sqrt(max(0.0, self.covariance[one, one])))

    def difference(self, one: int, other: int) -> tuple[float, float]:
        """How much stronger ``one`` is, and the standard error of that."""
        part = self.covariance
        variance = part[one, one] + part[other, other] - 2 * part[one, other]
        gap = float(self.scores[one] - self.scores[other])
        return gap, float(np.sqrt(max(0.0, variance)))


def fit(wins: Floats, prior: float = 1.0) -> Strengths:
    """The strengths; ``wins[i, j]`` (n, n) is how often ``i`` was preferred to ``j``, 0.5 a tie.

    Raises ValueError for another shape, negative counts, and with ``prior`` 0 where no finite
    answer exists: some part never won against the rest, or was never held against it.
    """
    wins = np.asarray(wins, np.float64)
    count = len(wins)
    if wins.shape != (count, count) or not count or (wins < 0).any() or np.diagonal(wins).any():
        raise ValueError("wins is a square of counts, with nothing on its diagonal")
    if prior == 0 and not _connected(wins > 0):
        raise ValueError("some of them never won against the others: no finite strength fits")
    games = wins + wins.T
    scores = np.zeros(count)
    value = _likelihood(wins, scores, prior)
    for _ in range(_MOST_STEPS):
        slope, curve = _derivatives(wins, games, scores, prior)
        step = np.linalg.pinv(curve, hermitian=True) @ slope
        share = 1.0
        while True:
            tried = scores + share * step
            found = _likelihood(wins, tried, prior)
            if found >= value - _SMALL or share < _SMALL:
                break
            share /= 2
        scores, value = tried, found
        if np.abs(share * step).max() < _SMALL:
            break
    _, curve = _derivatives(wins, games, scores, prior)
    centred = np.eye(count) - 1 / count
    covariance = centred @ np.linalg.pinv(curve, hermitian=True) @ centred
    return Strengths(scores - scores.mean(), covariance)


def _likelihood(wins: Floats, scores: Floats, prior: float) -> float:
    gaps = scores[:, None] - scores[None, :]
    half = prior / 2 * (np.logaddexp(0, -scores) + np.logaddexp(0, scores)).sum()
    return float(-(wins * np.logaddexp(0, -gaps)).sum() - half)


def _derivatives(
    wins: Floats, games: Floats, scores: Floats, prior: float
) -> tuple[Floats, Floats]:
    """The slope, and the curvature with its sign turned, so that it is positive."""
    chance = 1 / (1 + np.exp(np.clip(scores[None, :] - scores[:, None], -700, 700)))
    alone = 1 / (1 + np.exp(np.clip(-scores, -700, 700)))
    slope = (wins - games * chance).sum(axis=1) + prior * (0.5 - alone)
    weight = games * chance * (1 - chance)
    curve = np.diag(weight.sum(axis=1) + prior * alone * (1 - alone)) - weight
    return slope, curve


def _connected(beats: NDArray[np.bool_]) -> bool:
    """Whether each is preferred to each other, over others if need be."""
    reach = beats | np.eye(len(beats), dtype=np.bool_)
    for _ in range(len(beats)):
        reach = (reach.astype(np.int64) @ reach.astype(np.int64)) > 0
    return bool(reach.all())
