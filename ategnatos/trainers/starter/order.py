"""The starter trainer's order: every picture as the model's pixels, in memory."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ategnatos.starter.training.examples import Example, as_model
from ategnatos.starter.training.recipe import Recipe
from ategnatos.trainers.own import order as orders
from ategnatos.trainers.own.order import OrderError, pictures_of
from ategnatos.trainers.own.translation import STARTER_SIDE

if TYPE_CHECKING:
    from ategnatos.starter.canvas import ByteArray

Order = orders.Order[Recipe, Example]


def read(path: Path) -> Order:
    """Read an order and its pictures. Raises OrderError."""
    return orders.read(path, Recipe, _examples, "starter")


def _examples(folder: dict[str, Any], said: dict[str, Any]) -> Iterable[Example]:
    for path, caption in pictures_of(Path(folder["path"])):
        pixels = as_model(pixels_of(path), STARTER_SIDE)
        yield Example(pixels, caption, folder["repeats"], folder["prior"])


def pixels_of(path: Path) -> ByteArray:
    """A picture (height, width, 4), upright. Raises OrderError."""
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as picture:
            upright = ImageOps.exif_transpose(picture)
            return np.asarray(upright.convert("RGBA"))
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise OrderError(f"the picture {path} cannot be read: {error}") from error
