"""The torch trainer's order: its recipe, its pictures, and which of them each step sees."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ategnatos.starter.training.chance import Purpose
from ategnatos.starter.training.draws import Draws
from ategnatos.starter.training.optimizer import Shape
from ategnatos.trainers.own import order as orders
from ategnatos.trainers.own.order import OrderError, pictures_of

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Recipe:
    """The settings of one training; named as in ``ategnatos.starter.training.recipe``.

    A step is ``accumulation`` batches of ``batch`` pictures of one size each.
    """

    steps: int
    seed: int
    rank: int
    alpha: float
    convolution_rank: int
    convolution_alpha: float
    dropout: float
    text_encoder: bool
    text_encoder_rate: float
    optimizer: Literal["adamw", "lion", "adafactor"]
    rate: float
    schedule: Shape
    warmup: int
    cycles: int
    weight_decay: float
    max_grad_norm: float
    batch: int
    accumulation: int
    prior_weight: float
    caption_dropout: float
    shuffle_captions: bool
    flip: bool
    noise_offset: float
    min_snr_gamma: float
    timesteps: Literal["uniform", "sigmoid"]
    ema_decay: float
    precision: Literal["bf16", "fp16", "fp32"]
    gradient_checkpointing: bool

    def facts(self) -> dict[str, Any]:
        """The settings as JSON has them."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Shown:
    """One picture: its file, its caption, how often an epoch shows it, the size it is seen in."""

    path: Path
    caption: str
    repeats: int
    prior: bool
    bucket: Size


Order = orders.Order[Recipe, Shown]


def read(path: Path) -> Order:
    """Read an order and look for its pictures. Raises OrderError."""
    order = orders.read(path, Recipe, _shown)
    if order.recipe.accumulation < 1:
        raise OrderError("there is no step to do")
    return order


def _shown(folder: dict[str, Any], said: dict[str, Any]) -> Iterable[Shown]:
    for path, caption in pictures_of(Path(folder["path"])):
        size = said["buckets"].get(str(path))
        if size is None:
            raise OrderError(
                f"the picture {path} has no size in the order: lay the dataset out again"
            )
        yield Shown(path, caption, folder["repeats"], folder["prior"], (size[0], size[1]))


class Epochs:
    """Which pictures each batch of each step sees: every epoch shows each as often as told.

    A batch holds pictures of one size. With one size alone the order is the starter trainer's,
    picture for picture. What a step sees depends on the seed and its number alone.
    """

    def __init__(self, pictures: Sequence[Shown], batch: int, accumulation: int, seed: int) -> None:
        self._shown = np.repeat(np.arange(len(pictures)), [one.repeats for one in pictures])
        self._sizes = sorted({one.bucket for one in pictures})
        self._bucket = np.array([self._sizes.index(one.bucket) for one in pictures])[self._shown]
        self._batch, self._accumulation, self._seed = batch, accumulation, seed
        counts = np.bincount(self._bucket, minlength=len(self._sizes))
        self.batches_an_epoch = int(sum(-(-int(count) // batch) for count in counts))
        self.steps_an_epoch = -(-self.batches_an_epoch // accumulation)
        self._known: dict[int, list[list[int]]] = {}

    def epoch(self, step: int) -> int:
        """The epoch of a step, both counted from 0."""
        return step // self.steps_an_epoch

    def at(self, step: int) -> list[list[int]]:
        """The batches of a step, each the numbers of its pictures."""
        epoch, place = divmod(step, self.steps_an_epoch)
        if epoch not in self._known:
            self._known = {epoch: self._batches(epoch)}
        first = place * self._accumulation
        return self._known[epoch][first : first + self._accumulation]

    def _batches(self, epoch: int) -> list[list[int]]:
        shuffled = Draws(self._seed, Purpose.SHUFFLE, epoch).order(len(self._shown))
        made: list[list[int]] = []
        for number in range(len(self._sizes)):
            members = self._shown[shuffled[self._bucket[shuffled] == number]].tolist()
            made += [members[n : n + self._batch] for n in range(0, len(members), self._batch)]
        if len(self._sizes) > 1:
            places = Draws(self._seed, Purpose.BATCHES, epoch).order(len(made))
            made = [made[place] for place in places]
        return made
