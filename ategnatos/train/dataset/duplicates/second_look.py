"""The second look: are these two the same picture, once flip, rotation and crop are undone?

Two grey images of 64x64 (squashed, whatever the picture's shape) are laid on each other. A crop
shows as a stretch and a shift of each axis; those four numbers, with a gain and an offset for
brightness, are found by Gauss-Newton steps from coarse to fine, for thousands of pairs at once.
What is left over then decides: the same picture agrees in nearly every block, a small text
disagrees in a few, another subject before the same ground in many.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ategnatos.train.dataset.duplicates.hashes import LYINGS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

SIDE = 64
_BLOCK = 8
# A crop of 12 % stretches by 1 / 0.88; a little more is let through, and judged by what is left.
_MOST_STRETCH = 0.24
_MOST_GAIN = 1.35
# Agreement at which a pair needs no search, and below which it is given up half-way.
_PLAIN, _PLAIN_WORST, _HOPELESS = 0.97, 20.0, 0.55
_STILL = np.array([1, 0, 1, 0], np.float32)
_STEPS = {16: 7, 32: 5, 64: 4}
_PAIRS_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Looked:
    """For ``n`` pairs. ``agree`` is the share of blocks that agree (0 to 1), ``left`` the mean
    difference in the agreeing ones (grey levels), ``worst`` that of the worst block, ``warp``
    (n, 4) stretch and shift across and down (share of the side), ``gain`` and ``offset`` of the
    brightness, ``texture`` the standard deviation of the flatter of the two.
    """

    agree: Floats
    left: Floats
    worst: Floats
    warp: Floats
    gain: Floats
    offset: Floats
    texture: Floats


def laid(stack: NDArray[np.uint8], lyings: NDArray[np.intp]) -> NDArray[np.uint8]:
    """Images (n, side, side[, channels]) laid as ``LYINGS`` says, one number an image."""
    out = stack.copy()
    for number, (swap, across, down) in enumerate(LYINGS):
        here = np.flatnonzero(lyings == number)
        if not len(here) or number == 0:
            continue
        part = stack[here]
        part = part.swapaxes(1, 2) if swap else part
        part = part[:, :, ::-1] if across else part
        out[here] = part[:, ::-1] if down else part
    return out


def look(
    stack: NDArray[np.uint8],
    first: NDArray[np.intp],
    second: NDArray[np.intp],
    lyings: NDArray[np.intp],
    warps: Floats,
) -> Looked:
    """Compare picture ``first[k]`` with picture ``second[k]`` laid as ``lyings[k]``.

    ``stack`` is (pictures, 64, 64) uint8; ``warps`` (pairs, 4) are where to begin.
    """
    found = [
        _look(
            stack[first[k : k + _PAIRS_AT_ONCE]].astype(np.float32),
            laid(stack[second[k : k + _PAIRS_AT_ONCE]], lyings[k : k + _PAIRS_AT_ONCE]).astype(
                np.float32
            ),
            warps[k : k + _PAIRS_AT_ONCE].copy(),
        )
        for k in range(0, len(first), _PAIRS_AT_ONCE)
    ]
    if not found:
        none = np.zeros(0, np.float32)
        return Looked(none, none, none, np.zeros((0, 4), np.float32), none, none, none)
    return Looked(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def _look(one: Floats, other: Floats, warp: Floats) -> tuple[Floats, ...]:
    texture = np.minimum(one.std(axis=(1, 2)), other.std(axis=(1, 2)))
    found = _judge(one, other, np.tile(_STILL, (len(one), 1)))
    # Most copies lie still and need no search; most strangers are seen before its last, dear step.
    doubtful = np.flatnonzero((found[0] < _PLAIN) | (found[2] > _PLAIN_WORST))
    for sides, hopeless in (((16, 32), _HOPELESS), ((64,), 0.0)):
        if not len(doubtful):
            break
        a, b, way = one[doubtful], other[doubtful], warp[doubtful]
        for side in sides:
            small_a, small_b = _shrunk(a, side), _shrunk(b, side)
            for _ in range(_STEPS[side]):
                way = _step(small_a, small_b, way)
        warp[doubtful] = way
        judged = _judge(a, b, way)
        # A search adds noise where nothing was cropped: no crop wins unless it is worse.
        better = judged[0] > found[0][doubtful] + 0.02
        for had, fresh in zip(found, judged, strict=True):
            had[doubtful[better]] = fresh[better]
        doubtful = doubtful[judged[0] >= hopeless]
    return (*found, texture)


def _shrunk(stack: Floats, side: int) -> Floats:
    step = stack.shape[1] // side
    if step == 1:
        return stack
    return stack.reshape(len(stack), side, step, side, step).mean(axis=(2, 4))  # type: ignore[no-any-return]


def _places(warp: Floats, side: int) -> tuple[Floats, Floats]:
    """Where each column and row of the first lies in the second, in shares from -0.5 to 0.5."""
    at = ((np.arange(side, dtype=np.float32) + 0.5) / side) - 0.5
    across = warp[:, 0:1] * at[None] + warp[:, 1:2]
    down = warp[:, 2:3] * at[None] + warp[:, 3:4]
    return np.asarray(across, np.float32), np.asarray(down, np.float32)


def _weights(places: Floats, side: int) -> tuple[Floats, NDArray[np.bool_]]:
    """Matrices (n, side, side) that take linear samples at ``places``, and which lie inside."""
    index = (places + 0.5) * side - 0.5
    inside = (index >= -0.5) & (index <= side - 0.5)
    distance = np.abs(index.clip(0, side - 1)[:, :, None] - np.arange(side, dtype=np.float32))
    return np.asarray(np.maximum(0, 1 - distance), np.float32), inside


def _sampled(stack: Floats, warp: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    side = stack.shape[1]
    across, down = _places(warp, side)
    take_x, in_x = _weights(across, side)
    take_y, in_y = _weights(down, side)
    moved = np.asarray(take_y @ stack @ take_x.transpose(0, 2, 1), np.float32)
    return moved, in_y[:, :, None] & in_x[:, None, :]


def _step(a: Floats, b: Floats, warp: Floats) -> Floats:
    """One Gauss-Newton step of the warp; the brightness is fitted along."""
    count, side = len(a), a.shape[1]
    moved, inside = _sampled(b, warp)
    slope_x = np.gradient(moved, axis=2) * side
    slope_y = np.gradient(moved, axis=1) * side
    at = (((np.arange(side, dtype=np.float32) + 0.5) / side) - 0.5)[None]
    # Gradients are those of the warped image: divided by its stretch they are the second's own.
    slope_x /= warp[:, 0, None, None]
    slope_y /= warp[:, 2, None, None]
    x, y = at[:, None, :], at[:, :, None]
    columns = np.stack(
        [slope_x * x, slope_x, slope_y * y, slope_y, moved, np.ones_like(moved)], axis=-1
    ).reshape(count, -1, 6)
    keep = inside.reshape(count, -1, 1).astype(np.float32)
    # A second subject or a text must not pull: what differs much weighs little.
    away = (a - moved).reshape(count, -1)
    scale = np.median(np.abs(away), axis=1, keepdims=True) * 2.5 + 4
    keep = keep / (1 + (away / scale) ** 2)[:, :, None]
    weighted = columns * keep
    normal = weighted.transpose(0, 2, 1) @ columns
    right = weighted.transpose(0, 2, 1) @ a.reshape(count, -1, 1)
    normal += np.eye(6, dtype=np.float32) * (
        1e-4 * np.trace(normal, axis1=1, axis2=2)[:, None, None] / 6 + 1e-3
    )
    solved = np.linalg.solve(normal, right)[:, :, 0]
    gain = solved[:, 4]
    gain = np.where(np.abs(gain) < 0.3, 0.3, gain)
    stepped = warp + (solved[:, :4] / gain[:, None]).clip(-0.08, 0.08)
    stepped[:, 0::2] = stepped[:, 0::2].clip(1 - _MOST_STRETCH, 1 + _MOST_STRETCH)
    stepped[:, 1::2] = stepped[:, 1::2].clip(-_MOST_STRETCH, _MOST_STRETCH)
    return np.asarray(stepped, np.float32)


def _judge(one: Floats, other: Floats, warp: Floats) -> tuple[Floats, ...]:
    count = len(one)
    moved, inside = _sampled(other, warp)
    flat_a, flat_b = one.reshape(count, -1), moved.reshape(count, -1)
    keep = inside.reshape(count, -1).astype(np.float32)
    gain, offset = _brightness(flat_a, flat_b, keep)
    # Once more without what differs most, so that an overlay does not tilt the brightness.
    away = np.abs(flat_a - gain[:, None] * flat_b - offset[:, None])
    cut = np.quantile(away, 0.8, axis=1, keepdims=True)
    gain, offset = _brightness(flat_a, flat_b, keep * (away <= cut))
    gain = gain.clip(1 / _MOST_GAIN, _MOST_GAIN)
    away = np.abs(flat_a - gain[:, None] * flat_b - offset[:, None]) * keep
    # Where the picture changes steeply, a hair's breadth of shift is many levels.
    steep = np.abs(np.gradient(one, axis=1)) + np.abs(np.gradient(one, axis=2))
    tiles = SIDE // _BLOCK
    shape = (count, tiles, _BLOCK, tiles, _BLOCK)
    inside_of = keep.reshape(shape).sum(axis=(2, 4))
    difference = away.reshape(shape).sum(axis=(2, 4)) / np.maximum(inside_of, 1)
    allowed = 5 + 0.30 * steep.reshape(shape).mean(axis=(2, 4))
    # Brightening runs into white: the lightest areas then lag behind the rest.
    level = one.reshape(shape).mean(axis=(2, 4))
    allowed += level * (0.6 * np.abs(gain - 1).clip(0, 0.25))[:, None, None]
    counted = inside_of >= _BLOCK * _BLOCK / 2
    total = np.maximum(counted.sum(axis=(1, 2)), 1)
    good = (difference <= allowed) & counted
    agree = good.sum(axis=(1, 2)) / total
    left = (difference * good).sum(axis=(1, 2)) / np.maximum(good.sum(axis=(1, 2)), 1)
    worst = (difference * counted).max(axis=(1, 2))
    return tuple(
        np.asarray(found, np.float32) for found in (agree, left, worst, warp, gain, offset)
    )


def _brightness(a: Floats, b: Floats, keep: Floats) -> tuple[Floats, Floats]:
    total = np.maximum(keep.sum(axis=1), 1)
    mean_a, mean_b = (a * keep).sum(axis=1) / total, (b * keep).sum(axis=1) / total
    spread = ((b - mean_b[:, None]) ** 2 * keep).sum(axis=1) / total
    joint = ((a - mean_a[:, None]) * (b - mean_b[:, None]) * keep).sum(axis=1) / total
    gain = np.where(spread > 1e-3, joint / np.maximum(spread, 1e-3), 1.0)
    return gain, mean_a - gain * mean_b
