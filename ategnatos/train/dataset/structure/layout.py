"""What is laid out: pictures with their new names, captions and folders; and what is left out.

A trainer's module turns a :class:`Plan` into a :class:`Layout`: links to pictures, small files, and
the report of what that trainer will see. Nothing here touches the disk but to read headers.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.knowledge import loader
from ategnatos.train.dataset.structure import buckets
from ategnatos.train.dataset.structure.arithmetic import STRUCTURE_OPTION, Steps, count

if TYPE_CHECKING:
    from ategnatos.train.dataset.structure.buckets import Choose
    from ategnatos.train.dataset.version import Picture

CAPTIONS_MISSING = ErrorCode("captions_missing", "Pictures without a caption cannot be trained.")
NOTHING_TO_TRAIN = ErrorCode("nothing_to_train", "No picture is left that the trainer can read.")

_SAFE = re.compile(r"[^A-Za-z0-9.-]+")
# A name that trainers take for something else: ai-toolkit's default caption and control folders.
_TAKEN = frozenset({"default", "_controls", "metadata_cache"})
_LONGEST_STEM = 80


@dataclass(frozen=True, slots=True)
class Staged:
    """One picture as the trainer meets it.

    ``stem`` and ``suffix`` make its file name; ``caption`` is one line. ``rewrite`` says that its
    bytes are written anew as an upright PNG instead of linked. ``mask`` is the mask's picture.
    """

    picture: Picture
    dataset: str
    stem: str
    suffix: str
    size: tuple[int, int]
    caption: str
    concept: str
    repeats: int
    regularisation: bool = False
    validation: bool = False
    rewrite: bool = False
    mask: Picture | None = None

    @property
    def file(self) -> str:
        """Its file name."""
        return self.stem + self.suffix

    @property
    def place(self) -> str:
        """The folder of its kind: training pictures, prior pictures, or those set apart."""
        return "validation" if self.validation else "reg" if self.regularisation else "train"

    @property
    def folder(self) -> str:
        """Where it lies with a trainer that is told a folder a concept."""
        return f"{self.place}/{self.concept}"


@dataclass(frozen=True, slots=True)
class Frame:
    """How the trainer is set where it touches the data. ``resolution`` is a side in pixels;
    ``ground`` the colour that is laid under transparent pictures, "" for none.
    """

    trainer: str
    name: str
    resolution: int
    batch: int = 1
    accumulation: int = 1
    epochs: int = 15
    upscale: bool = True
    family: str = ""
    masks: str = ""
    ground: str = ""

    def steps(self, shown: Iterable[int]) -> Steps:
        """What a run takes whose buckets hold so many pictures each, with repeats."""
        return count(shown, epochs=self.epochs, batch=self.batch, accumulation=self.accumulation)


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a trainer's module needs. ``dropped`` are names with why."""

    frame: Frame
    staged: tuple[Staged, ...]
    dropped: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Bucket:
    """One size with how many pictures fall into it, and how many with repeats."""

    size: tuple[int, int]
    pictures: int
    shown: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Files to write (``small`` by relative path) and pictures to link (``links``), the first
    by their bytes, the others by what is staged; and what the trainer will make of it.
    """

    frame: Frame
    small: Mapping[str, bytes]
    links: Mapping[str, Staged]
    masks: Mapping[str, Staged]
    buckets: tuple[Bucket, ...]
    steps: Steps
    dropped: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...] = ()
    enlarged: tuple[tuple[str, float], ...] = ()
    start_with: tuple[str, ...] = field(default=())

    def facts(self) -> dict[str, Any]:
        """The report as JSON has it."""
        train = [one for one in self.links.values() if not one.validation]
        return {
            "trainer": self.frame.trainer,
            "resolution": self.frame.resolution,
            "batch": self.frame.batch,
            "accumulation": self.frame.accumulation,
            "pictures": sum(not one.regularisation for one in train),
            "regularisation": sum(one.regularisation for one in train),
            "validation": sum(one.validation for one in self.links.values()),
            "captions": sum(bool(one.caption) for one in train if not one.regularisation),
            "concepts": _concepts(train),
            "buckets": [
                {"size": list(one.size), "pictures": one.pictures, "shown": one.shown}
                for one in self.buckets
            ],
            "dropped": [{"picture": name, "why": why} for name, why in self.dropped],
            "enlarged": [{"picture": name, "by": by} for name, by in self.enlarged],
            "rewritten": sorted(one.picture.name for one in self.links.values() if one.rewrite),
            "epochs": self.steps.epochs,
            "batches_an_epoch": self.steps.batches,
            "steps_an_epoch": self.steps.steps_an_epoch,
            "steps": self.steps.steps,
        }


def _concepts(train: Sequence[Staged]) -> list[dict[str, Any]]:
    made: dict[str, dict[str, Any]] = {}
    for one in train:
        entry = made.setdefault(
            one.concept,
            {
                "name": one.concept,
                "repeats": one.repeats,
                "regularisation": one.regularisation,
                "pictures": 0,
            },
        )
        entry["pictures"] += 1
    return list(made.values())


@cache
def trainers() -> Mapping[str, Any]:
    """How each trainer reads a folder: ``trainer_datasets.json``."""
    table: Mapping[str, Any] = loader.read("trainer_datasets").content["trainers"]
    return table


def parse_trainer(text: str) -> str:
    """A trainer by its name. Raises StudioError (``structure_option``)."""
    said = text.strip().lower().replace("_", "-")
    if said in trainers():
        return said
    raise StudioError(
        STRUCTURE_OPTION,
        f"{text[:60]!r} is no trainer whose folders are known; nothing was laid out.",
        hint=f"Known are: {', '.join(trainers())}.",
        given=text[:60],
    )


def alignment(trainer: str, family: str) -> int:
    """The number of pixels that bucket sides of a family are multiples of."""
    table = trainers()[trainer]["alignment"]
    base = family.split("/")[0]
    return int(table.get(base, table["default"]))


def stems(names: Sequence[str]) -> dict[str, str]:
    """A file stem for each name: readable, unique whatever the case, safe for every trainer.

    Two pictures that differ in their suffix alone would share one caption file; a leading dot
    hides a file from ai-toolkit.

    >>> list(stems(["a.png", "a.jpg", ".b.png", "c d/e.png"]).values())
    ['a', 'a-2', 'b', 'c-d-e']
    """
    made: dict[str, str] = {}
    taken = set(_TAKEN)
    for name in names:
        path = Path(name)
        plain = _SAFE.sub("-", str(path.with_suffix(""))).strip("-.")[:_LONGEST_STEM] or "picture"
        stem, number = plain, 1
        while stem.lower() in taken:
            number += 1
            stem = f"{plain}-{number}"
        taken.add(stem.lower())
        made[name] = stem
    return made


def by_folder(staged: Iterable[Staged], choose: Choose) -> tuple[Bucket, ...]:
    """The buckets of a trainer to which each folder is a dataset of its own: those of two folders
    never share a batch. What is set apart for validation is in none.
    """
    counts: dict[tuple[str, tuple[int, int]], list[int]] = defaultdict(lambda: [0, 0])
    for one in staged:
        if not one.validation:
            entry = counts[(one.folder, choose(one.size))]
            entry[0] += 1
            entry[1] += one.repeats
    return tuple(Bucket(size, n, m) for (_, size), (n, m) in sorted(counts.items()))


def enlarged(staged: Iterable[Staged], choose: Choose) -> list[tuple[str, float]]:
    """The pictures that are smaller than their buckets, each with how many times it grows."""
    found = [(one.picture.name, buckets.enlarged(one.size, choose(one.size))) for one in staged]
    return [(name, round(by, 2)) for name, by in found if by > 1.005]


def line(text: str) -> str:
    """A caption as one line: no trainer agrees with another on what a second line means."""
    return " ".join(text.split())
