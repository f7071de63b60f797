"""The order file of one training, read and checked; which pictures each step sees."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ategnatos.starter.training.draws import Draws
from ategnatos.starter.training.optimizer import Shape
from ategnatos.trainers.accelerate.translation import ORDER_VERSION
from ategnatos.trainers.starter.order import OrderError, pictures_of

Size = tuple[int, int]
# Purposes in the names of draws: the first as the starter trainer names it, the second our own.
_SHUFFLE, _BATCHES = 1, 6


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


@dataclass(frozen=True, slots=True)
class Order:
    """What to train, on what, and where the results go; see ``translation.translate``."""

    name: str
    pipeline: Literal["starter", "sd", "sdxl"]
    model: str
    recipe: Recipe
    train: tuple[Shown, ...]
    validation: tuple[Shown, ...]
    output: Path
    save_precision: Literal["bf16", "fp16", "fp32"]
    keep: int
    save_every: int
    sample_every: int
    validate_every: int
    samples: tuple[dict[str, Any], ...]
    resume: Path | None
    metadata: dict[str, str]


def read(path: Path) -> Order:
    """Read an order and look for its pictures. Raises OrderError."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        if said["version"] != ORDER_VERSION:
            raise OrderError(f"{path.name} is of version {said['version']}, not {ORDER_VERSION}")
        folders, buckets = said["folders"], said["buckets"]
        order = Order(
            name=said["name"],
            pipeline=said["pipeline"],
            model=said["model"],
            recipe=Recipe(**said["recipe"]),
            train=tuple(_all((one for one in folders if not one["validation"]), buckets)),
            validation=tuple(_all((one for one in folders if one["validation"]), buckets)),
            output=Path(said["output"]),
            save_precision=said["save_precision"],
            keep=said["keep"],
            save_every=said["save_every"],
            sample_every=said["sample_every"],
            validate_every=said["validate_every"],
            samples=tuple(said["samples"]),
            resume=Path(said["resume"]) if said["resume"] else None,
            metadata=said["metadata"],
        )
    except (OSError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise OrderError(f"the order {path} cannot be read: {error!r}") from error
    if not any(not one.prior for one in order.train):
        raise OrderError("there is no picture to train on")
    if min(order.recipe.steps, order.recipe.batch, order.recipe.accumulation) < 1:
        raise OrderError("there is no step to do")
    return order


def _all(folders: Iterable[dict[str, Any]], buckets: dict[str, list[int]]) -> Iterable[Shown]:
    for folder in folders:
        for path, caption in pictures_of(Path(folder["path"])):
            size = buckets.get(str(path))
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
        shuffled = Draws(self._seed, _SHUFFLE, epoch).order(len(self._shown))
        made: list[list[int]] = []
        for number in range(len(self._sizes)):
            members = self._shown[shuffled[self._bucket[shuffled] == number]].tolist()
            made += [members[n : n + self._batch] for n in range(0, len(members), self._batch)]
        if len(self._sizes) > 1:
            places = Draws(self._seed, _BATCHES, epoch).order(len(made))
            made = [made[place] for place in places]
        return made
