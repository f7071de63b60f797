"""The shopping list: what to add, what to leave out, in words that need no explanation.

``more`` are pictures to find, the most wanted first; ``fewer`` are pictures to leave out; ``look``
are things that nobody told yet. A dimension that most captions leave untold is not bought for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import ceil
from typing import Any

from ategnatos.train.dataset.coach.coverage import Cell, Row
from ategnatos.train.dataset.coach.sizes import Advice

_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Related:
    """Pictures that are the same or nearly: ``kind`` is copies or series; ``keep`` is how many
    are worth keeping, ``best`` one of them ("" for a series).
    """

    kind: str
    pictures: tuple[str, ...]
    keep: int
    best: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the list. ``count`` pictures; ``pictures`` are names where it is about some."""

    says: str
    count: int
    dimension: str = ""
    value: str = ""
    pictures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Shopping:
    """The whole list."""

    more: tuple[Entry, ...]
    fewer: tuple[Entry, ...]
    look: tuple[Entry, ...]

    def facts(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            name: [{**asdict(one), "pictures": list(one.pictures)} for one in getattr(self, name)]
            for name in ("more", "fewer", "look")
        }


def shopping(
    rows: Sequence[Row], advice: Advice, related: Sequence[Related], total: int
) -> Shopping:
    """The list for ``total`` pictures. Shares are of the number that the set should have."""
    aim = max(total, advice.at_least)
    more: list[tuple[float, Entry]] = []
    fewer: list[Entry] = []
    others: list[Entry] = []
    look: list[Entry] = []
    if advice.missing:
        says = f"{advice.missing} more pictures at least, to have {advice.at_least}."
        more.append((10.0, Entry(says, advice.missing)))
    for row in rows:
        if not row.known:
            if row.weight >= 1:
                says = f"{row.title}: {len(row.untold)} of {total} captions do not say."
                look.append(Entry(says, len(row.untold), row.name, "", row.untold))
            continue
        for cell in row.cells:
            wanted = ceil(cell.wanted * row.weight * aim)
            lacking = wanted - len(cell.pictures)
            if lacking > 0:
                has = _there(len(cell.pictures))
                says = f"{lacking} more {cell.plural} ({has})."
                urgent = row.weight * (1.5 if not cell.pictures else 1) * cell.wanted
                more.append((urgent, Entry(says, lacking, row.name, cell.value, cell.pictures)))
            elif cell.share > row.most and len(cell.pictures) > 2:
                entry = _too_many(row, cell)
                (fewer if entry.count else others).append(entry)
    for one in related:
        shown = ", ".join(one.pictures[:_SHOWN]) + (" ..." if len(one.pictures) > _SHOWN else "")
        if one.kind == "series":
            says = f"{len(one.pictures)} frames of one series ({shown}): keep {one.keep}."
        else:
            says = f"{len(one.pictures)} times the same picture ({shown}): keep {one.best}."
        fewer.append(Entry(says, len(one.pictures) - one.keep, "", "", one.pictures))
    more.sort(key=lambda pair: -pair[0])
    found = (*(entry for _, entry in more), *others)
    return Shopping(found, tuple(fewer), tuple(look))


def _there(number: int) -> str:
    if number < 2:
        return "there is one" if number else "there is none"
    return f"there are {number}"


def _too_many(row: Row, cell: Cell) -> Entry:
    """One value that starves the rest; ``count`` 0 where leaving out alone cannot mend it."""
    many = len(cell.pictures)
    add = ceil(many / row.most - row.told)
    says = f"{many} of {row.told} are {cell.plural}: add {add} that are not"
    # Leaving out makes the whole smaller too.
    leave = ceil((many - row.most * row.told) / (1 - row.most))
    if row.told == many or leave >= many:
        return Entry(f"{says}.", 0, row.name, cell.value, cell.pictures)
    return Entry(f"{says}, or leave {leave} out.", leave, row.name, cell.value, cell.pictures)
