"""One look of the coach at a version: matrix, sizes, shopping list."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

from ategnatos.train.dataset import measured, relatives
from ategnatos.train.dataset.captions.protocol import wanted
from ategnatos.train.dataset.coach import coverage, shopping, sizes
from ategnatos.train.dataset.structure.split import VALIDATION

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.train.dataset.audit.auditing import Audited
    from ategnatos.train.dataset.version import Version

# Frames of one movement: a third of them tells it.
_OF_A_SERIES = 3


@dataclass(frozen=True, slots=True)
class Coached:
    """What the coach says. ``pictures`` counts those that are trained on."""

    training: str
    pictures: int
    rows: tuple[coverage.Row, ...]
    advice: sizes.Advice
    list: shopping.Shopping
    related: tuple[shopping.Related, ...]
    leaks: tuple[tuple[str, ...], ...]

    def facts(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "training": self.training,
            "pictures": self.pictures,
            "coverage": [row.facts() for row in self.rows],
            "size": self.advice.facts(),
            "shopping": self.list.facts(),
            "leaks": [list(one) for one in self.leaks],
        }


def coach(project: Project, version: Version, audited: Audited | None = None) -> Coached:
    """Look at a version; ``audited`` is an audit taken just now.

    Raises StudioError (``write_failed``, ``disk_full``).
    """
    like = wanted(version)
    facts = measured.of(project, version, audited.passed if audited else None)
    readable = [one for one in version.pictures if facts[one.sha256]]
    train = [one for one in readable if one.split != VALIDATION]
    rows = coverage.matrix(train, like, facts)
    found = audited.groups if audited else relatives.found(project, version)
    related = tuple(
        shopping.Related("series", one.files, max(2, ceil(len(one.files) / _OF_A_SERIES)))
        if one.kind == "series"
        else shopping.Related("copies", one.files, 1, one.keep)
        for one in found
    )
    advice = sizes.advise(len(train), like.training)
    split = {one.name: one.split == VALIDATION for one in version.pictures}
    apart = any(split.values())
    leaks = tuple(
        one.files for one in found if apart and len({split[name] for name in one.files}) > 1
    )
    made = shopping.shopping(rows, advice, related, len(train))
    return Coached(like.training, len(train), rows, advice, made, related, leaks)
