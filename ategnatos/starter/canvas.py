"""Between the model's 32x32 pixels and pictures of the size that was asked for.

Pixel art is enlarged by whole pixels only. A size that is no multiple of the model's side gets
the largest square that fits, in the middle of a transparent canvas.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ategnatos.starter.layout import OPAQUE_FROM, Layout
from ategnatos.starter.tensors import FloatArray

ByteArray = npt.NDArray[np.uint8]


def enlarge(sprite: ByteArray, where: Layout) -> ByteArray:
    """A sprite (side, side, channels) on its canvas (height, width, channels), zero around it."""
    canvas = np.zeros((where.height, where.width, sprite.shape[2]), np.uint8)
    canvas[where.square()] = sprite.repeat(where.factor, axis=0).repeat(where.factor, axis=1)
    return canvas


def to_sprite(pixels: FloatArray) -> ByteArray:
    """Model pixels (..., 4) in [-1, 1] to RGBA bytes with hard alpha; nothing is empty black."""
    scaled = np.clip(pixels * np.float32(0.5) + np.float32(0.5), 0, 1) * 255
    sprite: ByteArray = scaled.round().astype(np.uint8)
    there = sprite[..., 3] >= OPAQUE_FROM
    sprite[..., 3] = 255
    sprite[~there] = 0
    return sprite


def to_model(picture: ByteArray, where: Layout) -> FloatArray:
    """A canvas (height, width, 4) as the model's pixels (side, side, 4) in [-1, 1].

    Each block is averaged, colour by what is there of it, so that an enlarged sprite comes back
    exactly. Empty pixels have the value the model was trained with: colour 0, alpha -1.
    """
    blocks = picture[where.square()].astype(np.float32)
    blocks = blocks.reshape(where.side, where.factor, where.side, where.factor, 4)
    alpha = blocks[..., 3:]
    covered = alpha.mean(axis=(1, 3))
    colour = (blocks[..., :3] * alpha).mean(axis=(1, 3)) / np.maximum(covered, 1e-6)
    there = covered >= OPAQUE_FROM
    pixels = np.concatenate((np.where(there, colour / 127.5 - 1, 0), there * 2.0 - 1), axis=-1)
    return pixels.astype(np.float32)


def mask_to_model(mask: ByteArray, where: Layout) -> FloatArray:
    """A mask (height, width), 255 where the picture may change, as (side, side, 1) of 0 and 1.

    A model pixel may change as soon as any pixel of its block may.
    """
    blocks = mask[where.square()].reshape(where.side, where.factor, where.side, where.factor)
    marked: FloatArray = (blocks.max(axis=(1, 3)) >= OPAQUE_FROM).astype(np.float32)
    return marked[..., None]


def on_backdrop(picture: ByteArray, colour: tuple[int, int, int]) -> ByteArray:
    """The picture (height, width, 4) laid over one colour; opaque everywhere."""
    alpha = picture[..., 3:].astype(np.uint16)
    mixed = (picture[..., :3] * alpha + np.array(colour, np.uint16) * (255 - alpha) + 127) // 255
    out = np.full_like(picture, 255)
    out[..., :3] = mixed
    return out
