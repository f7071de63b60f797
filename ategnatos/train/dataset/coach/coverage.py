"""The coverage matrix: from how many sides a training set shows its subject.

A picture tells a dimension by an agent's answer, by the words of its caption, or by what was
measured, in this order. What nobody told is counted as untold and never guessed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ategnatos.train.dataset.captions.protocol import Wanted, spoken
from ategnatos.train.dataset.coverage_words import dimensions

if TYPE_CHECKING:
    from ategnatos.train.dataset.version import Picture

_TOLD = 0.5


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of a dimension. ``share`` is of the pictures that tell the dimension."""

    value: str
    plural: str
    pictures: tuple[str, ...]
    share: float
    wanted: float


@dataclass(frozen=True, slots=True)
class Row:
    """One dimension. ``weight`` (0 to 1) is how much it matters for the training type; ``most``
    is the share that one value may have.
    """

    name: str
    title: str
    weight: float
    most: float
    cells: tuple[Cell, ...]
    told: int
    untold: tuple[str, ...]

    @property
    def known(self) -> bool:
        """Whether enough pictures tell it: below, its gaps may be gaps of the captions."""
        return self.told > 0 and self.told >= _TOLD * (self.told + len(self.untold))

    def facts(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "dimension": self.name,
            "title": self.title,
            "weight": self.weight,
            "told": self.told,
            "untold": list(self.untold),
            "values": [
                {
                    "value": one.value,
                    "pictures": list(one.pictures),
                    "count": len(one.pictures),
                    "share": round(one.share, 3),
                    "wanted": one.wanted,
                }
                for one in self.cells
            ],
        }


def matrix(
    pictures: Sequence[Picture], like: Wanted, measured: Mapping[str, Mapping[str, float]]
) -> tuple[Row, ...]:
    """A row for every dimension that matters for the training type, most important first.

    ``measured`` are facts by the picture's SHA-256.
    """
    made = []
    for name, dimension in dimensions().items():
        weight = float(dimension["for"][like.training])
        if weight:
            made.append(_row(name, dimension, weight, pictures, measured))
    return tuple(sorted(made, key=lambda row: -row.weight))


def _row(
    name: str,
    dimension: Mapping[str, Any],
    weight: float,
    pictures: Sequence[Picture],
    measured: Mapping[str, Mapping[str, float]],
) -> Row:
    by_value: dict[str, list[str]] = {value: [] for value in dimension["values"]}
    untold = []
    for picture in pictures:
        values = values_of(picture, name, dimension, measured.get(picture.sha256, {}))
        for value in values:
            by_value[value].append(picture.name)
        if not values:
            untold.append(picture.name)
    told = len(pictures) - len(untold)
    cells = tuple(
        Cell(
            value,
            entry["plural"],
            tuple(by_value[value]),
            len(by_value[value]) / told if told else 0.0,
            float(entry["share"]),
        )
        for value, entry in dimension["values"].items()
    )
    return Row(
        name, dimension["title"], weight, float(dimension["most"]), cells, told, tuple(untold)
    )


def values_of(
    picture: Picture, name: str, dimension: Mapping[str, Any], measured: Mapping[str, float]
) -> list[str]:
    """What a picture tells of one dimension; several values where its caption names several."""
    values: Mapping[str, Any] = dimension["values"]
    answered = picture.notes.get("answers")
    if isinstance(answered, dict) and answered.get(name) in values:
        return [answered[name]]
    text = ""
    if picture.caption is not None:
        # Technique says "soft light" too; only the content part tells of the scene.
        text = picture.caption.parts.get("content") or picture.caption.text
    said = {word: value for value, entry in values.items() for word in entry["say"]}
    found = list(dict.fromkeys(said[word] for word in spoken(text, list(said))))
    for value, entry in values.items():
        rule = entry.get("measured")
        if rule and rule["of"] in measured and rule["from"] <= measured[rule["of"]] < rule["to"]:
            found.append(value)
    return list(dict.fromkeys(found))
