"""Codes of training plans: presets, the record, values as words."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from ategnatos.grimoire.project import Project
from ategnatos.train.plan import fields, laying, presets, store
from tests.train.dataset.pictures import dataset

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def _plan(project: Project, name: str = "owl") -> store.Kept:
    version = dataset(project, captioned=True)
    return store.new(
        project,
        name,
        family="sdxl/base",
        preset="quick",
        dataset=(version.dataset, version.number, version.digest()),
        values={},
        actor="user:ann",
        now=NOW,
    )


def _twice(folder: Path) -> None:
    project = Project.create(folder / "studio")
    first = _plan(project)
    store.new(
        project,
        first.name,
        family="sdxl/base",
        preset="quick",
        dataset=("owls", 1, first.plan.dataset_digest),
        values={},
        actor="user:ann",
        now=NOW,
    )


def _another_dataset(folder: Path) -> None:
    project = Project.create(folder / "studio")
    plan = _plan(project).plan.change(dataset_digest="0" * 64)
    laying.ready(project, plan, "kohya", folder / "out")


CASES = {
    "preset_unknown": lambda folder: presets.values("sdxl/base", "hasty"),
    "plan_unknown": lambda folder: store.load(Project.create(folder / "studio"), "nobody"),
    "plan_exists": _twice,
    "plan_field": lambda folder: fields.parse(["rnk=3"]),
    "plan_dataset": _another_dataset,
}
