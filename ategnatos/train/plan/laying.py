"""From a plan to the dataset that one trainer will see, as values and on the disk."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.train.dataset import record
from ategnatos.train.dataset.structure import laying, prepare, stage
from ategnatos.train.dataset.structure.layout import Frame, Layout, Staged
from ategnatos.trainers import Dataset, Subset

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.train.dataset.version import Version
    from ategnatos.trainers.plan import Plan

PLAN_DATASET = ErrorCode("plan_dataset", "The plan's dataset is not what the plan says it is.")


@dataclass(frozen=True, slots=True)
class Ready:
    """A dataset laid out for one trainer: as the trainer sees it, and as it will lie."""

    dataset: Dataset
    layout: Layout
    version: Version

    def put(self, project: Project, *, copy: bool = False, at: Path | None = None) -> stage.Laid:
        """Put it on the disk: at the dataset's root, or ``at`` another place from which it will be
        brought to the machine where that root is. Raises StudioError as :func:`stage.put`.
        """
        bound = {
            "dataset": self.version.dataset,
            "number": self.version.number,
            "digest": self.version.digest(),
        }
        place = at or Path(self.dataset.root)
        return stage.put(project, self.layout, place, bound, copy=copy)


def version_of(project: Project, plan: Plan) -> Version:
    """The version that the plan names. Raises StudioError (``plan_dataset``,
    ``dataset_unknown``, ``dataset_damaged``).
    """
    found = record.load(project, plan.dataset, plan.dataset_version)
    if found.digest() != plan.dataset_digest:
        raise StudioError(
            PLAN_DATASET,
            f"Version {plan.dataset_version} of {plan.dataset!r} is not the one that the plan"
            f" {plan.name!r} was made for; nothing was done.",
            hint=f"ategnatos train plan new {plan.name}-2 --dataset {plan.dataset}",
            plan=plan.name,
            dataset=plan.dataset,
        )
    return found


def prior_of(project: Project, plan: Plan) -> Version | None:
    """The version of the prior pictures that the plan names, None where it has none. A plan from
    before such versions were named means the newest.

    Raises StudioError as :func:`version_of`.
    """
    if not plan.regularisation:
        return None
    found = record.load(project, plan.regularisation, plan.regularisation_version or None)
    if plan.regularisation_version and found.digest() != plan.regularisation_digest:
        raise StudioError(
            PLAN_DATASET,
            f"Version {found.number} of the prior pictures {found.dataset!r} is not the one that"
            f" the plan {plan.name!r} was made for; nothing was done.",
            hint=f"ategnatos train plan set {plan.name} --regularisation-version newest",
            plan=plan.name,
            dataset=found.dataset,
        )
    return found


def ready(project: Project, plan: Plan, kind: str, place: Path) -> Ready:
    """The plan's dataset for the trainer layout ``kind``, to lie at ``place`` (absolute).

    Nothing is written. Raises StudioError: ``plan_dataset`` and those of
    :func:`ategnatos.train.dataset.structure.prepare.prepare`.
    """
    version, prior = version_of(project, plan), prior_of(project, plan)
    frame = Frame(
        kind,
        plan.dataset,
        plan.resolution,
        plan.batch,
        plan.accumulation,
        plan.epochs or 1,
        plan.upscale,
        plan.base_family,
        "",
        laying.parse_ground(plan.ground),
    )
    # Where the length is in steps, an epoch shows each picture once: repeats decide nothing.
    repeats = plan.repeats or (None if plan.epochs else 1)
    ask = prepare.Ask(repeats, plan.target_steps, (), prior)
    layout = laying.LAY_OUT[kind](prepare.prepare(project, version, frame, ask), place)
    steps = layout.steps
    return Ready(
        Dataset(
            name=plan.dataset,
            version=version.number,
            digest=version.digest(),
            layout=kind,
            root=place,
            subsets=tuple(_subsets(layout)),
            buckets=tuple((*one.size, one.pictures, one.shown) for one in layout.buckets),
            batches_an_epoch=steps.batches,
            steps_an_epoch=steps.steps_an_epoch,
            steps=plan.steps or steps.steps,
            config=_config(layout),
            warnings=layout.warnings,
        ),
        layout,
        version,
    )


def epochs_of(plan: Plan, dataset: Dataset) -> int:
    """How many epochs the run takes, begun ones counted in."""
    return plan.epochs or ceil(plan.steps / max(1, dataset.steps_an_epoch))


def _subsets(layout: Layout) -> Iterable[Subset]:
    folders: dict[str, list[Staged]] = {}
    for name, one in layout.links.items():
        folders.setdefault(name.rpartition("/")[0], []).append(one)
    for folder, members in folders.items():
        first = members[0]
        yield Subset(
            folder,
            first.concept,
            1 if first.validation else first.repeats,
            len(members),
            sum(bool(one.caption) for one in members),
            first.regularisation,
            first.validation,
        )


def _config(layout: Layout) -> Any:
    """The layout's own dataset file, read."""
    for name, raw in layout.small.items():
        if name == "dataset.toml":
            return tomllib.loads(raw.decode())
        if name in ("multidatabackend.json", "dataset.json"):
            return json.loads(raw)
        if name == "datasets.yaml":
            import yaml

            return yaml.safe_load(raw)
    return None
