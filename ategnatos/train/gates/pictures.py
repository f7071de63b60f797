"""Gate 1: the dataset's report says GO of the very pictures that the plan trains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ategnatos.train.dataset.report import gate
from ategnatos.train.gates import NAMES, Gate

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.train.plan.store import Kept


def command(kept: Kept) -> str:
    """What opens it."""
    return f"ategnatos train dataset report {kept.plan.dataset}"


def state(project: Project, kept: Kept) -> Gate:
    """Open where the report counts and the plan is for the version that it speaks of.

    Raises StudioError as :func:`ategnatos.train.dataset.report.gate.state`.
    """
    found = gate.state(project, kept.plan.dataset)
    if found.digest != kept.plan.dataset_digest:
        return Gate(
            1,
            NAMES[0],
            False,
            f"the dataset was changed after the plan was made: it is version {found.version} now,"
            f" and the plan trains version {kept.plan.dataset_version}",
            f"ategnatos train plan set {kept.name} --dataset-version newest",
            found.event,
            facts=found.facts(),
        )
    return Gate(1, NAMES[0], found.open, found.why, command(kept), found.event, facts=found.facts())
