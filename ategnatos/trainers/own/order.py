"""The order file of one training, read and checked; see ``translation`` for who writes it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Literal, Protocol, TypeVar

from ategnatos.trainers.own.translation import ORDER_VERSION

_PICTURES = (".png", ".webp", ".jpg", ".jpeg", ".bmp")


class OrderError(ValueError):
    """An order that cannot be carried out; the text says why, in one sentence."""


class Settings(Protocol):
    """What every recipe has."""

    @property
    def steps(self) -> int:
        """How many steps there are."""

    @property
    def batch(self) -> int:
        """How many pictures a batch has."""


class Picture(Protocol):
    """What every picture of an order has."""

    @property
    def prior(self) -> bool:
        """Whether it is of what the model shall not forget."""


Recipe = TypeVar("Recipe", bound=Settings, covariant=True)
Shown = TypeVar("Shown", bound=Picture, covariant=True)


@dataclass(frozen=True, slots=True)
class Order(Generic[Recipe, Shown]):
    """What to train, on what, and where the results go.

    ``pipeline`` says which networks are loaded, ``model`` where they lie ("" is the shipped one).
    """

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


def read(
    path: Path,
    recipe: Callable[..., Recipe],
    pictures: Callable[[dict[str, Any], dict[str, Any]], Iterable[Shown]],
    pipeline: Literal["starter"] | None = None,
) -> Order[Recipe, Shown]:
    """Read an order and look for its pictures. Raises OrderError.

    ``pictures`` finds those of one of the order's folders: it is given the folder and the whole
    order. Without a ``pipeline`` the order has to name one.
    """
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        if said["version"] != ORDER_VERSION:
            raise OrderError(f"{path.name} is of version {said['version']}, not {ORDER_VERSION}")
        kept: dict[bool, list[Shown]] = {False: [], True: []}
        for folder in said["folders"]:
            kept[folder["validation"]] += pictures(folder, said)
        order = Order(
            name=said["name"],
            pipeline=pipeline or said["pipeline"],
            model=said["model"],
            recipe=recipe(**said["recipe"]),
            train=tuple(kept[False]),
            validation=tuple(kept[True]),
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
    if order.recipe.steps < 1 or order.recipe.batch < 1:
        raise OrderError("there is no step to do")
    return order


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
