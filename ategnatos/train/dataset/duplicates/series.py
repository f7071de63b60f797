"""Frames of one animation: numbered files of one size, each a change of the one before.

They are alike because somebody drew them so. They are told apart from copies by their names,
and by what stays: most lines of one frame lie in the next at the same place.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ategnatos.train.dataset.duplicates.fingerprint import stacked

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ategnatos.train.dataset.duplicates.fingerprint import Fingerprint

SHORTEST = 3
_NUMBERED = re.compile(r"(.*?)(\d+)(\D*)")
# Levels within which a pixel stayed, and a step between neighbours that is part of a line.
_STAYS, _LINE = 10, 10
_STAYING = 0.4
# So little of the whole may change that the lines do not matter; so much must, to be a change.
_LITTLE, _MOVES, _MOVED = 0.08, 16, 4
_AT_ONCE = 1024


def runs_of_frames(names: Sequence[str], prints: Sequence[Fingerprint]) -> list[list[int]]:
    """Runs of at least three pictures, as their numbers, in the order of the frames.

    A run in which nothing changes is none: those are copies.
    """
    first, second = _neighbours(names, prints)
    staying, changing = _compare(prints, first, second)
    runs: list[list[int]] = []
    changes: list[int] = []
    for k in range(len(first)):
        if staying[k] < _STAYING:
            continue
        if runs and runs[-1][-1] == first[k]:
            runs[-1].append(second[k])
            changes[-1] += bool(changing[k])
        else:
            runs.append([first[k], second[k]])
            changes.append(int(changing[k]))
    return [
        run
        for run, changed in zip(runs, changes, strict=True)
        if len(run) >= SHORTEST and 2 * changed >= len(run) - 1
    ]


def _neighbours(names: Sequence[str], prints: Sequence[Fingerprint]) -> tuple[list[int], list[int]]:
    numbered: dict[tuple[str, int], int] = {}
    for n, name in enumerate(names):
        match = _NUMBERED.fullmatch(name.rsplit(".", 1)[0])
        if match and len(match[2]) <= 18:
            numbered.setdefault((match[1] + "\0" + match[3], int(match[2])), n)
    first, second = [], []
    for (stem, number), n in sorted(numbered.items()):
        before = numbered.get((stem, number - 1))
        if before is not None and (prints[before].width, prints[before].height) == (
            prints[n].width,
            prints[n].height,
        ):
            first.append(before)
            second.append(n)
    return first, second


def _compare(
    prints: Sequence[Fingerprint], first: list[int], second: list[int]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """The share of the lines that stay, and whether anything changes, of each pair."""
    staying, changing = np.zeros(len(first), np.float32), np.zeros(len(first), bool)
    for start in range(0, len(first), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        one = stacked([prints[n] for n in first[part]], "p256")
        other = stacked([prints[n] for n in second[part]], "p256")
        away = _apart(one, other)
        lines = (_apart(one[:, 1:, 1:], one[:, 1:, :-1]) > _LINE) | (
            _apart(one[:, 1:, 1:], one[:, :-1, 1:]) > _LINE
        )
        stays = (away[:, 1:, 1:] <= _STAYS) & lines
        staying[part] = stays.sum(axis=(1, 2)) / np.maximum(lines.sum(axis=(1, 2)), 1)
        staying[part][(away > _STAYS).mean(axis=(1, 2)) <= _LITTLE] = 1
        changing[part] = (away > _MOVES).sum(axis=(1, 2)) >= _MOVED
    return staying, changing


def _apart(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(np.maximum(one, other) - np.minimum(one, other), np.uint8)
