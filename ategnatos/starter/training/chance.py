"""What a training draws by chance, each under a number of its own in the names of draws.

The trainer in torch draws by the same names in the same order, so that the same plan sees the
same pictures, captions, noise and times in both.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import numpy.typing as npt

from ategnatos.starter.training.draws import Draws


class Purpose(IntEnum):
    """What is drawn. The numbers stay as they are: another one is another training."""

    BEGIN = 0
    SHUFFLE = 1
    NOISE = 2
    TIMES = 3
    CAPTIONS = 4
    VALIDATION = 5
    BATCHES = 6  # in torch alone
    DROPOUT = 7  # in torch alone


def times(draws: Draws, count: int, length: int, way: str) -> npt.NDArray[np.int64]:
    """Time steps (count,) below ``length``: "uniform", or "sigmoid" with more in the middle."""
    if way == "sigmoid":
        normal = draws.normal(count).astype(np.float64)
        return np.minimum((length / (1 + np.exp(-normal))).astype(np.int64), length - 1)
    return draws.whole(count, length)


def validation_times(length: int) -> npt.NDArray[np.int64]:
    """The time steps (3,) at which a validation picture is seen, the same each time."""
    return np.array([length // 8, length // 3, length * 2 // 3], np.int64)


def caption(whole: str, draws: Draws, dropout: float, shuffled: bool) -> str:
    """The caption as one step sees it: whole, without its order, or not at all."""
    dropped = draws.uniform(1)[0] < dropout
    if shuffled:
        parts = [part.strip() for part in whole.split(",")]
        # The first part holds the trigger and stays where it is.
        whole = ", ".join([parts[0], *(parts[1:][n] for n in draws.order(len(parts) - 1))])
    return "" if dropped else whole
