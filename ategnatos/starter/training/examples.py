"""The pictures that are learned, and which of them a step sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ategnatos.starter.canvas import ByteArray, to_model
from ategnatos.starter.layout import Layout
from ategnatos.starter.tensors import FloatArray
from ategnatos.starter.training.chance import Purpose
from ategnatos.starter.training.draws import Draws


@dataclass(frozen=True, slots=True)
class Example:
    """One picture (side, side, 4) in [-1, 1], what is said of it, how often an epoch shows it.

    ``prior`` marks a picture of what the model shall not forget.
    """

    pixels: FloatArray
    caption: str
    repeats: int = 1
    prior: bool = False


def as_model(picture: ByteArray, side: int) -> FloatArray:
    """A picture (height, width, 4) of any size as the model's pixels (side, side, 4).

    A multiple of ``side`` is averaged by whole blocks, which brings enlarged pixel art back
    exactly. Any other size is laid in the middle of a transparent square, shrunk to fit (grown by
    whole pixels where it is smaller).
    """
    height, width = picture.shape[:2]
    longest = max(height, width)
    if height != width or longest % side:
        picture = _squared(picture, side)
        longest = len(picture)
    return to_model(picture, Layout(longest, longest, side, longest // side, 0, 0))


def _squared(picture: ByteArray, side: int) -> ByteArray:
    from PIL import Image

    height, width = picture.shape[:2]
    longest = max(height, width)
    if longest > side:
        new = tuple(max(1, round(length * side / longest)) for length in (width, height))
        # Colours are weighed by alpha, so that what is hidden under transparency does not show.
        shrunk = Image.fromarray(picture).convert("RGBa").resize(new, Image.Resampling.BOX)
        picture = np.asarray(shrunk.convert("RGBA"))
    else:
        factor = side // longest
        picture = picture.repeat(factor, axis=0).repeat(factor, axis=1)
    height, width = picture.shape[:2]
    square = np.zeros((side, side, 4), np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = picture
    return square


class Order:
    """Which examples each step sees: every epoch shows each as often as its repeats say.

    Subject and prior pictures are shuffled together. Which ones a step sees depends on the seed
    and the step alone.
    """

    def __init__(self, examples: Sequence[Example], batch: int, seed: int) -> None:
        repeats = [one.repeats for one in examples]
        self._shown = np.repeat(np.arange(len(examples)), repeats)
        self._batch, self._seed = batch, seed
        self._epochs: dict[int, npt.NDArray[np.int64]] = {}
        self.steps_an_epoch = -(-len(self._shown) // batch)

    def epoch(self, step: int) -> int:
        """The epoch of a step, both counted from 0."""
        return step // self.steps_an_epoch

    def at(self, step: int) -> npt.NDArray[np.int64]:
        """Numbers of the examples of a step; the last of an epoch may have fewer."""
        epoch, place = divmod(step, self.steps_an_epoch)
        if epoch not in self._epochs:
            draws = Draws(self._seed, Purpose.SHUFFLE, epoch)
            self._epochs = {epoch: self._shown[draws.order(len(self._shown))]}
        return self._epochs[epoch][place * self._batch : (place + 1) * self._batch]
