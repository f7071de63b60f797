"""What was measured here: a dry run's steps, then the steps of runs, kept by machine and plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from ategnatos.grimoire import documents
from ategnatos.train.measuring import about
from ategnatos.train.pace.speed import Pace, measured

if TYPE_CHECKING:
    from datetime import datetime

    from ategnatos.grimoire.project import Project
    from ategnatos.trainers.plan import Plan

_NEWEST = 500


def record_pace(
    project: Project,
    *,
    run: str,
    machine: str,
    gpu: str,
    plan: Plan,
    trainer: str,
    basis: Literal["dry run", "run"],
    steps: int,
    seconds: float,
    now: datetime,
) -> None:
    """Keep what a step took, in seconds, over so many ``steps``. The same run again replaces its
    measurement. ``machine`` is the label that readings of memory are kept under, too.
    """
    from ategnatos.grimoire.schemas.pace import PaceRow

    row = PaceRow(
        **about(plan, run=run, machine=machine, gpu=gpu, trainer=trainer, now=now),
        basis=basis,
        steps=steps,
        seconds=round(seconds, 6),
    )
    with documents.edit(project, "pace", now=now) as document:
        document.measured = row.instead(document.measured)[-_NEWEST:]


def by_gpu(project: Project, plan: Plan, trainer: str) -> dict[str, Pace]:
    """What this very plan was measured at with the trainer, by the GPU's name in the table.

    A run's own steps go before a dry run's, the newest before older ones.
    """
    from ategnatos.knowledge import gpus

    digest = plan.digest()
    found: dict[str, Pace] = {}
    for row in documents.read(project, "pace").measured:
        if (row.digest, row.trainer) != (digest, trainer) or not row.gpu:
            continue
        card = gpus.known(row.gpu)
        name = card.name if card is not None else row.gpu
        if row.basis == "run" or name not in found or found[name].basis == "dry run":
            found[name] = measured(row.seconds, row.basis, f"{row.steps} steps of {row.run}")
    return found
