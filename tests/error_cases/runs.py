"""Codes of training runs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ategnatos.grimoire.project import Project
from ategnatos.machines import MACHINE_UNREACHABLE
from ategnatos.machines.local import LocalMachine
from ategnatos.train.run import control, ordering, place, record, room, supervise, taking
from ategnatos.train.run.keeper import Keeper
from ategnatos.train.run.lines import Rhythm
from ategnatos.train.run.steps import Steps
from tests.train import fakes
from tests.train.run.studio import followed, now, opened, ordered, studio


def _unknown(folder: Path) -> None:
    record.load(Project.create(folder / "studio"), "nobody-1")


def _no_keeper(folder: Path) -> None:
    Keeper(LocalMachine(), str(folder), "python3").look(1, 0)


def _no_command(folder: Path) -> None:
    place.Place(folder, folder, LocalMachine()).ask(["ls", str(folder / "nowhere")])


def _begun(folder: Path, **order: Any) -> tuple[Project, record.Run, Path]:
    home = fakes.install(folder / "home", "ai-toolkit", order)
    project, kept = studio(folder, "sdxl/base", steps=10)
    return project, ordered(project, kept, "ai-toolkit", home), home


def _nothing(folder: Path) -> None:
    project, run, home = _begun(folder, log="missing_model")
    run = followed(project, run)
    control.resume(project, run, actor="user:ann", now=now(), require=opened(home))


def _finished(folder: Path) -> None:
    project, run, home = _begun(folder, log="success")
    run = followed(project, run)
    control.resume(project, run, actor="user:ann", now=now(), require=opened(home))


def _busy(folder: Path) -> None:
    project, run, home = _begun(folder, log="success")
    from ategnatos.train.plan import store

    ordered(project, store.load(project, run.plan), "ai-toolkit", home)


def _full_disk(folder: Path) -> None:
    room.roomy(folder, LocalMachine(), stop=0.0)


def _another_gpu(folder: Path) -> None:
    project, kept = studio(folder)
    looked: dict[str, Any] = {"gpu": "NVIDIA GeForce RTX 5090", "gpu_index": 1}
    ordered(project, kept, require=opened(None, **looked), gpu="0")


def _no_timer(folder: Path) -> None:
    project = Project.create(folder / "studio")
    machine = LocalMachine()
    machine.name = "runpod:pod-1"
    control.timed(project, machine)


class _Silent(LocalMachine):
    """A machine whose line is broken from some moment on."""

    broken = False

    def run(self, *given: Any, **more: Any) -> Any:
        if self.broken:
            from ategnatos.grimoire.errors import StudioError

            raise StudioError(
                MACHINE_UNREACHABLE, "It does not answer.", hint="Wait.", started=None
            )
        _Silent.broken = "start" in given[0]
        return super().run(*given, **more)


def _ended(folder: Path, machine: LocalMachine | None = None, **order: Any) -> None:
    """What the step itself raises; the worker makes a failed job of it."""
    from ategnatos.grimoire.jobs import database
    from ategnatos.grimoire.jobs.leases import Policy
    from ategnatos.grimoire.jobs.run import Pulse
    from ategnatos.grimoire.jobs.run import Run as JobRun
    from ategnatos.grimoire.jobs.worker import Worker
    from ategnatos.train.run.steps import SAGAS

    project, run, _ = _begun(folder, **order)
    steps = Steps(
        project,
        clock=lambda: datetime.now(UTC),
        machine=lambda project, name: machine or LocalMachine(),
        rhythm=Rhythm(0.02, 0.05, lost=0.2),
    )
    policy: Policy = supervise.POLICY
    worker = Worker(project, SAGAS, steps.table(), policy=policy)
    import threading
    import time

    with database.connect(project) as db:
        claim = worker.claim(db, control.number_of(run))
        assert claim is not None
        with Pulse(project, claim, policy, time.time, threading.Event()) as pulse:
            steps.train(JobRun(project, db, claim, policy, pulse, lambda point, job: None))


def _lost(folder: Path) -> None:
    _Silent.broken = False
    _ended(folder, _Silent(), log="success")


def _untaken(folder: Path) -> None:
    """Its Python is none."""
    project, run, _ = _begun(folder, log="success")
    none = folder / "python"
    none.write_text("#!/bin/sh\nexit 1\n")
    none.chmod(0o755)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ordering.sys, "executable", str(none))
        by = control.start(project, control.number_of(run))
    taking.taken_up(project, run, by)


CASES = {
    "keeper_odd": _no_keeper,
    "run_busy": _busy,
    "run_failed": lambda folder: _ended(folder, log="missing_model"),
    "run_disk": _full_disk,
    "run_gpu": _another_gpu,
    "run_lost": _lost,
    "run_machine": _no_command,
    "run_nothing": _nothing,
    "run_state": _finished,
    "run_timer": _no_timer,
    "run_unknown": _unknown,
    "run_untaken": _untaken,
}
