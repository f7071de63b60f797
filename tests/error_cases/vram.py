"""Codes of memory in training: what nothing is known of, and readings that cannot be."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from ategnatos.grimoire.project import Project
from ategnatos.knowledge import cuda, gpus
from ategnatos.knowledge.vram import knowledge
from ategnatos.train.vram.measured import record_peak
from ategnatos.trainers.plan import read


def _mib_for_gib(folder: Path) -> None:
    plan = read(
        {
            "name": "owl",
            "family": "sdxl/base",
            "dataset": "owls",
            "dataset_version": 1,
            "dataset_digest": "0" * 64,
        }
    )
    record_peak(
        Project.create(folder / "studio"),
        run="r1",
        machine="tower",
        plan=plan,
        trainer="kohya",
        gb=11264.0,
        now=datetime(2026, 11, 21, tzinfo=UTC),
    )


def _price_of_nothing(folder: Path) -> None:
    from ategnatos.commands.contract import Call
    from ategnatos.commands.train.cost import cost
    from ategnatos.train.plan import store
    from tests.train.dataset.pictures import dataset

    project = Project.create(folder / "studio")
    version = dataset(project, captioned=True)
    store.new(
        project,
        "ann",
        family="sdxl/base",
        preset="quick",
        dataset=(version.dataset, version.number, version.digest()),
        values={},
        actor="user:ann",
        now=datetime(2026, 11, 21, tzinfo=UTC),
    )
    cost(Call("train cost", project_option=project.root), "ann", price=0.5)


CASES = {
    "price_of_what": _price_of_nothing,
    "vram_family": lambda folder: knowledge().network("flux3"),
    "trainer_habits": lambda folder: knowledge().habits("nobody"),
    "gpu_unknown": lambda folder: gpus.find("RTX 9999"),
    "no_build": lambda folder: cuda.choose(gpus.find("RTX 5090"), "535.104.05"),
    "peak_odd": _mib_for_gib,
}
