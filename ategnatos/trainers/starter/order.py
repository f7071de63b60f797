"""The order file of one training, read and checked; and the pictures that it names."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ategnatos.starter.training.examples import Example, as_model
from ategnatos.starter.training.recipe import Recipe
from ategnatos.trainers.starter.translation import ORDER_VERSION, SIDE

if TYPE_CHECKING:
    from ategnatos.starter.canvas import ByteArray

_PICTURES = (".png", ".webp", ".jpg", ".jpeg", ".bmp")


class OrderError(ValueError):
    """An order that cannot be carried out; the text says why, in one sentence."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to train, on what, and where the results go; see ``translation.translate``."""

    name: str
    model: Path | None
    recipe: Recipe
    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    output: Path
    half: bool
    keep: int
    save_every: int
    sample_every: int
    validate_every: int
    samples: tuple[dict[str, Any], ...]
    resume: Path | None
    metadata: dict[str, str]


def read(path: Path) -> Order:
    """Read an order and its pictures. Raises OrderError."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        if said["version"] != ORDER_VERSION:
            raise OrderError(f"{path.name} is of version {said['version']}, not {ORDER_VERSION}")
        folders = said["folders"]
        train = [one for one in folders if not one["validation"]]
        order = Order(
            name=said["name"],
            model=Path(said["model"]) if said["model"] else None,
            recipe=Recipe(**said["recipe"]),
            train=tuple(_all(train)),
            validation=tuple(_all([one for one in folders if one["validation"]])),
            output=Path(said["output"]),
            half=said["save_precision"] == "fp16",
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
    if order.recipe.steps < 1 or order.recipe.batch < 1:
        raise OrderError("there is no step to do")
    return order


def _all(folders: Iterable[dict[str, Any]]) -> Iterable[Example]:
    for folder in folders:
        for path, caption in pictures_of(Path(folder["path"])):
            pixels = as_model(pixels_of(path), SIDE)
            yield Example(pixels, caption, folder["repeats"], folder["prior"])


def pictures_of(folder: Path) -> Iterable[tuple[Path, str]]:
    """The pictures of a folder in the order of their names, each with NAME.txt as its caption.

    Raises OrderError where the folder is not there.
    """
    if not folder.is_dir():
        raise OrderError(f"the folder {folder} is not there")
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in _PICTURES and not path.name.startswith("."):
            words = path.with_suffix(".txt")
            caption = words.read_text(encoding="utf-8").strip() if words.is_file() else ""
            yield path, caption


def pixels_of(path: Path) -> ByteArray:
    """A picture (height, width, 4), upright. Raises OrderError."""
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as picture:
            upright = ImageOps.exif_transpose(picture)
            return np.asarray(upright.convert("RGBA"))
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise OrderError(f"the picture {path} cannot be read: {error}") from error
