"""Gate 1: the dataset's report says GO of the very pictures that the plan trains, and the prior
pictures are those that the plan names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ategnatos.train.dataset.report import gate
from ategnatos.train.gates import NAMES, Gate
from ategnatos.train.plan import laying

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.train.dataset.version import Version
    from ategnatos.train.plan.store import Kept
    from ategnatos.trainers.plan import Plan


def command(kept: Kept) -> str:
    """What opens it."""
    return f"ategnatos train dataset report {kept.plan.dataset}"


def state(project: Project, kept: Kept) -> Gate:
    """Open where the report counts, the plan is for the version that it speaks of, and every prior
    picture has the bytes of the version that the plan names.

    Raises StudioError as :func:`ategnatos.train.dataset.report.gate.state` and
    :func:`ategnatos.train.plan.laying.prior_of`.
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
    why, opens = found.why, command(kept)
    facts = found.facts()
    plan = kept.plan
    if plan.regularisation:
        prior = laying.prior_of(project, plan)
        assert prior is not None  # the plan names one
        facts["prior"] = {
            "dataset": prior.dataset,
            "version": prior.number,
            "digest": prior.digest(),
        }
        if not why and (why := _prior_is_other(project, plan, prior)):
            opens = f"ategnatos train plan set {kept.name} --regularisation-version newest"
    return Gate(1, NAMES[0], not why, why, opens, found.event, facts=facts)


def _prior_is_other(project: Project, plan: Plan, prior: Version) -> str:
    """Why the prior pictures are not those that the plan names; "" where they are."""
    if not plan.regularisation_version:
        return f"the plan names no version of its prior pictures {prior.dataset!r}"
    changed = gate.changed_file(project, prior)
    return f"of the prior pictures {prior.dataset!r}, {changed}" if changed else ""
