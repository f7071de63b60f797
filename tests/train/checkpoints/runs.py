"""A run of the record with real files, as a trainer and the watch would have left them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from ategnatos.grimoire import documents
from ategnatos.grimoire.project import Project
from ategnatos.grimoire.schemas.runs import RunRow
from ategnatos.train.checkpoints import ledger
from ategnatos.train.run import record
from ategnatos.train.run.record import Run
from ategnatos.train.watching.values import Losses
from tests.train.checkpoints import saves

# What is written now is an hour old by then.
LATER = datetime.now(UTC) + timedelta(hours=1)


def saved(
    project: Project,
    losses: Sequence[float] = (0.5, 0.2, 0.3),
    *,
    number: int = 1,
    state: str = "finished",
    trainer: str = "kohya",
) -> Run:
    """``owl-1`` with one save of kohya for each loss, at steps 10, 20, 30 ..."""
    identity = f"owl-{number}"
    row = RunRow(
        id=identity,
        plan="owl",
        number=1,
        digest="0" * 64,
        dataset="owls",
        dataset_version=1,
        trainer=trainer,
        state=state,
        created_at="2026-11-21T12:00:00Z",
        folder=f"workspace/training/owl/runs/{identity}",
    )
    with documents.edit(project, "runs", now=LATER) as document:
        document.runs = [*document.runs, row]
    made = record.load(project, identity)
    for epoch, loss in enumerate(losses, 1):
        found = saves.kohya(made.folder / "output", epoch=epoch, seed=epoch)
        entry = ledger.record(
            made.folder, found, losses=Losses(epoch * 10, epoch, loss, loss), now=LATER
        )
        assert entry is not None
    return made
