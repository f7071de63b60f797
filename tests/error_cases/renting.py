"""One real way to provoke each error of ordering a machine."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tests.providers.clouds.cloud import KEY, Fault

if TYPE_CHECKING:
    from ategnatos.providers.runpod import RunPod


def _ordered(folder: Path, *faults: Fault, spoil: Callable[[RunPod, str], None] | None) -> None:
    from ategnatos.grimoire.project import Project
    from ategnatos.guard.budget.config import Config
    from ategnatos.providers.runpod import RunPod
    from ategnatos.providers.values import Wanted
    from ategnatos.studio.renting import create
    from ategnatos.studio.renting.plan import Plan
    from tests.providers.clouds.runpod import RunPodCloud

    seconds = [1_795_000_000.0]

    def sleep(passing: float) -> None:
        seconds[0] += passing

    os.environ["ATEGNATOS_MACHINES"] = str(folder / "machines")
    try:
        with RunPodCloud(lambda: seconds[0]) as cloud:
            provider = RunPod(cloud.address, lambda: KEY, sleep=sleep)
            cloud.inject("create", *faults)
            plan = Plan(provider.offers(Wanted())[0], 60, "rerror00")
            project = Project.create(folder / "studio")
            if spoil is not None:
                spoil(provider, str(project.root))
            create.rent(
                project,
                Config(),
                provider,
                plan,
                actor="test",
                clock=lambda: datetime.fromtimestamp(seconds[0], UTC),
                sleep=sleep,
            )
    finally:
        del os.environ["ATEGNATOS_MACHINES"]


def _overtake(provider: RunPod, root: str) -> None:
    """Somebody closes the order while its sender hangs."""
    from ategnatos.grimoire.jobs import database
    from ategnatos.grimoire.project import Project
    from ategnatos.grimoire.spend import machines

    create = provider.create

    def hanging(intent: object, last_look: object) -> object:
        with database.connect(Project(Path(root))) as db, database.writing(db):
            machines.close(
                db,
                "ateg-rerror00-a1",
                machines.DROPPED,
                before=(machines.INTENT,),
                said="too late",
                now=datetime.now(UTC),
            )
        return create(intent, last_look)  # type: ignore[arg-type]

    provider.create = hanging  # type: ignore[assignment,method-assign]


def _unknown(folder: Path) -> None:
    from ategnatos.grimoire.jobs import database
    from ategnatos.grimoire.project import Project
    from ategnatos.grimoire.spend import machines

    with database.connect(Project.create(folder / "studio")) as db:
        machines.get(db, "ateg-nobody-a1")


CASES: dict[str, Callable[[Path], None]] = {
    "machine_refused": lambda folder: _ordered(folder, Fault.NO_MONEY, spoil=None),
    "machine_unseen": lambda folder: _ordered(folder, Fault.DROP_BEFORE, spoil=None),
    "machine_overtaken": lambda folder: _ordered(folder, spoil=_overtake),
    "machine_unknown": _unknown,
}
