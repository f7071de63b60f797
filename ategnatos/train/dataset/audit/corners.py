"""Marks that repeat in the same corner of many pictures: signatures, watermarks, logos.

The corners are freed of what is broad in them, so that a mark shows against any ground, and
compared with all others: a product of matrices, not a loop.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ategnatos.train.dataset.audit.findings import Finding
from ategnatos.train.dataset.audit.look import CORNER

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ategnatos.train.dataset.audit.look import Look

_PLACES = ("top left", "top right", "bottom left", "bottom right")
# A corner with less contrast than this (grey levels) holds no mark.
_CONTRAST = 4.0
_LIKE, _FEWEST, _SHARE = 0.8, 4, 0.05
# Pictures that are the same all over (a series) say nothing about their corners.
_MOST_COMPARED = 4000


def repeated(looks: Mapping[str, Look], alike: set[str]) -> list[Finding]:
    """Pictures whose corner looks like that of many others; ``alike`` are left out: they are
    duplicates or frames of a series, and share all four.
    """
    names = [name for name, look in looks.items() if look.corners and name not in alike]
    names = names[:_MOST_COMPARED]
    if len(names) < _FEWEST:
        return []
    stack = np.stack(
        [np.frombuffer(looks[name].corners, np.uint8).reshape(4, CORNER, CORNER) for name in names]
    ).astype(np.float32)
    found: list[Finding] = []
    marked: dict[str, list[str]] = {}
    for place in range(4):
        fine = _fine(stack[:, place])
        strength = np.linalg.norm(fine, axis=1)
        unit = fine / np.maximum(strength, 1e-6)[:, None]
        unit[strength < _CONTRAST * CORNER] = 0
        fellows = (unit @ unit.T > _LIKE).sum(axis=1) - 1
        for n in np.flatnonzero(fellows >= max(_FEWEST - 1, _SHARE * len(names))):
            marked.setdefault(names[n], []).append(f"{_PLACES[place]}, {fellows[n]} others")
    for name, where in marked.items():
        # All four corners alike is a common frame, not a mark.
        if len(where) < 4:
            found.append(Finding("watermark", name, "; ".join(where)))
    return found


def _fine(corners: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each corner less its own 6x6 means."""
    cells = CORNER // 6
    broad = corners.reshape(-1, cells, 6, cells, 6).mean(axis=(2, 4))
    fine = corners - broad.repeat(6, axis=1).repeat(6, axis=2)
    return np.asarray(fine.reshape(len(corners), -1), np.float32)
