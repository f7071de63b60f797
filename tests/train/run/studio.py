"""A studio with a dataset and a plan, and runs in it without gates: those have their own tests."""

from __future__ import annotations

import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ategnatos.grimoire.project import Project
from ategnatos.train.gates import Opened
from ategnatos.train.plan import store
from ategnatos.train.plan.store import Kept
from ategnatos.train.run import control, record, supervise
from ategnatos.train.run.ending import Patience
from ategnatos.train.run.lines import Rhythm
from ategnatos.train.run.record import Run
from ategnatos.train.run.steps import Steps
from tests.train.dataset.pictures import dataset

QUICK = Rhythm(first=0.02, later=0.05, lost=20.0, patience=Patience(20.0, 20.0, 5.0))
STARTER: dict[str, Any] = {
    "network": "locon",
    "rank": 2,
    "alpha": 2.0,
    "conv_rank": 2,
    "optimizer": "adamw",
    "learning_rate": 3e-3,
    "precision": "fp32",
    "save_precision": "fp32",
    "steps": 8,
    "save_every_steps": 3,
    "ema": True,
    "batch": 1,
    "samples": [],
    "trigger": "zrvk owl",
}
LARGE: dict[str, Any] = {"model": "/models/base.safetensors", "trigger": "zrvkowl", "batch": 2}


def now() -> datetime:
    return datetime.now(UTC)


def studio(folder: Path, family: str = "starter", **values: Any) -> tuple[Project, Kept]:
    """A fresh studio; the plan ``owl`` of the preset ``quick`` with ``values``."""
    project = Project.create(folder / "studio")
    version = dataset(project, count=3, captioned=True)
    usual = STARTER if family == "starter" else LARGE
    kept = store.new(
        project,
        "owl",
        family=family,
        preset="quick",
        dataset=(version.dataset, version.number, version.digest()),
        values={**usual, **values},
        actor="user:ann",
        now=now(),
    )
    return project, kept


def opened(home: Path | None = None, **found: Any) -> control.Require:
    """What stands for four open gates: a trainer's home, or our own Python; ``found`` there."""
    python = sys.executable if home is None else str(home / "venv" / "bin" / "python")

    def require(project: Project, kept: Kept, trainer: str, machine: str) -> Opened:
        facts = {"trainer": trainer, **found}
        return Opened((), str(home or ""), python, str(found.get("gpu", "")), None, None, facts)

    return require


def ordered(
    project: Project, kept: Kept, trainer: str = "starter", home: Path | None = None, **more: Any
) -> Run:
    """A run in the line, nothing started."""
    return control.order(
        project, kept, trainer, more.pop("machine", "local"), actor="user:ann", now=now(),
        **{"require": opened(home), **more},
    )  # fmt: skip


def steps(project: Project, **more: Any) -> Steps:
    return Steps(project, clock=now, **{"rhythm": QUICK, **more})


def followed(project: Project, run: Run, **more: Any) -> Run:
    """Follow it, here, to its end."""
    supervise.carry_on(project, control.number_of(run), steps(project, **more))
    return record.load(project, run.id)


class Here:
    """A supervisor in a thread of this process: for ``begin=``."""

    def __init__(self, **more: Any) -> None:
        self._more = more
        self.ending = threading.Event()
        self.threads: list[threading.Thread] = []

    def __call__(self, project: Project, job_id: int) -> None:
        thread = threading.Thread(
            target=supervise.carry_on,
            args=(project, job_id, steps(project, **self._more), self.ending),
        )
        self.threads.append(thread)
        thread.start()

    def join(self) -> None:
        for one in self.threads:
            one.join(180)
            assert not one.is_alive()
