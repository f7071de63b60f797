"""A training run as the record has it while it trains: curve, ledger, samples; no trainer runs."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

from ategnatos.grimoire.project import Project
from ategnatos.train.checkpoints import ledger
from ategnatos.train.plan import store
from ategnatos.train.run import record, state
from ategnatos.train.run.record import Run
from ategnatos.train.watching import curve
from ategnatos.train.watching.monitor import Monitor
from ategnatos.train.watching.values import Losses, Point, Vitals
from ategnatos.trainers import Checkpoint
from tests.train.dataset.pictures import dataset, drawn

STEPS, DONE, SAVES = 400, 300, (100, 200, 300)


def now() -> datetime:
    return datetime.now(UTC)


def planned(project: Project) -> store.Kept:
    """A plan ``owl`` over three small pictures."""
    version = dataset(project, count=3, captioned=True)
    return store.new(
        project,
        "owl",
        family="starter",
        preset="quick",
        dataset=(version.dataset, version.number, version.digest()),
        values={"trigger": "zrvk owl"},
        actor="user:ann",
        now=now(),
    )


def at_work(project: Project, **values: Any) -> Run:
    """A run that is said to train, with 300 of 400 steps and three saves."""
    kept = planned(project)
    made = record.new(
        project, kept, trainer="starter", machine="local", gpu="gpu:local:0", steps=STEPS, now=now()
    )
    made.folder.mkdir(parents=True)
    points = [point(step) for step in range(1, DONE + 1)]
    curve.append(made.folder, points)
    monitor = Monitor.again(points, STEPS)
    monitor.tick(Vitals(True, True, 0.5, 9 << 30, 4096), float(DONE))
    for step in SAVES:
        save(made, step, monitor.losses(step) if step == DONE else Losses(step, smoothed=1 / step))
    tell(made, monitor.snapshot())
    return record.note(project, made.id, now=now(), **{"state": "training", "step": DONE, **values})


def point(step: int) -> Point:
    """A loss that falls, with a jump at step 50, and a validation each hundred steps."""
    loss = 3.0 if step == 50 else 0.1 + math.exp(-step / 60)
    return Point(step, loss, 1e-4, 1.0, float(step), 1, 0.2 if step % 100 == 0 else None)


def tell(run: Run, seen: dict[str, Any]) -> None:
    """What a look at the run saw."""
    state.put_live(
        run.folder,
        {
            "monitor": seen,
            "vram_mib": 4096,
            "disk_used_share": 0.5,
            "findings": [
                {"code": "plateau", "weight": "warn", "text": "It stands still.", "evidence": {}}
            ],
        },
    )


def save(run: Run, step: int, losses: Losses) -> None:
    """Weights in the ledger, and two samples of that step."""
    import numpy as np
    from safetensors.numpy import save_file

    output = run.folder / "output"
    (output / "samples").mkdir(parents=True, exist_ok=True)
    path = output / f"owl-{step:06d}.safetensors"
    save_file({"a.weight": np.full((4, 4), step, np.float32)}, str(path))
    for prompt in (1, 2):
        (output / "samples" / f"owl-{step:06d}-{prompt}.png").write_bytes(drawn(step + prompt))
    found = Checkpoint(step=step, epoch=None, weights=path, state=None, final=False)
    assert ledger.record(run.folder, found, losses=losses, now=now(), over=True) is not None
