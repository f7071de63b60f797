"""A long curve in few points, without losing its extremes: what a page can draw.

The steps are cut into buckets of equal width; of each stay its lowest and its highest point, and
the first and the last of the curve. A spike of one step in a million is still there, which every
n-th point or an average would have lost. NaN stays too, as it is what a person looks for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def chosen(losses: npt.NDArray[np.float64], points: int) -> npt.NDArray[np.intp]:
    """Indices of at most ``points`` (4 or more) losses that stay, rising.

    ``losses`` is one-dimensional. Where it is short, all stay.
    """
    import numpy as np

    count = len(losses)
    if count <= max(points, 4):
        return np.arange(count)
    room = max(points, 4) - 2
    bad = np.flatnonzero(np.isnan(losses))
    kept = [np.array([0, count - 1])]
    if len(bad):
        # The first of them says when it began; a few more say that it lasted.
        few = max(1, min(len(bad), room // 4))
        kept.append(bad[np.linspace(0, len(bad) - 1, few).astype(np.intp)])
        room -= few
    width = -(-count // max(1, room // 2 - 1))
    low = high = losses
    if not np.isfinite(losses).all():
        known = np.isfinite(losses)
        low, high = np.where(known, losses, np.inf), np.where(known, losses, -np.inf)
    whole = count // width
    begins = np.arange(whole) * width
    kept.append(begins + low[: whole * width].reshape(whole, width).argmin(axis=1))
    kept.append(begins + high[: whole * width].reshape(whole, width).argmax(axis=1))
    if whole * width < count:
        kept.append(whole * width + np.array([low[whole * width :].argmin()]))
        kept.append(whole * width + np.array([high[whole * width :].argmax()]))
    return np.unique(np.concatenate(kept))


def thin(losses: Sequence[float | None], points: int) -> list[int]:
    """As :func:`chosen` for a list in which None may stand: it is never kept for its value."""
    if len(losses) <= points:
        return list(range(len(losses)))
    import numpy as np

    array = np.array([np.inf if one is None else one for one in losses], np.float64)
    found: list[int] = chosen(array, points).tolist()
    return found
