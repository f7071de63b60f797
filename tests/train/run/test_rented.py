"""A real training on a rented machine, behind a real ssh server: its time runs out, it restarts."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ategnatos.grimoire.jobs import database
from ategnatos.grimoire.project import Project
from ategnatos.grimoire.spend import rentals
from ategnatos.train.checkpoints import ledger
from ategnatos.train.run import control, due, record, state
from ategnatos.train.run.lines import Rhythm
from tests.machines import sshd
from tests.machines.wire import Wire
from tests.train import fakes
from tests.train.run.studio import QUICK, Here, now, opened, ordered, studio
from tests.train.run.test_far import NAME, reached, rent, server, wire
from tests.waiting import wait_until

__all__ = ["rent", "server", "wire"]

pytestmark = pytest.mark.sshd

# Far more than the test lets it train.
STEPS = 4000


def begun(project: Project, kept: Any, server: sshd.Server, wire: Wire) -> tuple[record.Run, Here]:
    """A run of the starter trainer on the machine, of which one save is home."""
    run = ordered(project, kept, machine=NAME)
    here = Here(machine=reached(server, wire))
    here(project, control.number_of(run))
    wait_until(lambda: any(one.resumable for one in ledger.read(run.folder).entries))
    return run, here


def rental(project: Project) -> rentals.Rental:
    with database.connect(project) as db:
        return rentals.get_live(db, "runpod", "p1")


def test_before_its_machine_s_time_is_over_a_run_is_saved_and_brought_home(
    server: sshd.Server,
    wire: Wire,
    rent: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(due, "_LOOK_SECONDS", 0.0)
    project, kept = studio(tmp_path, steps=STEPS, save_every_steps=8)
    rent(project)
    run, here = begun(project, kept, server, wire)
    # The machine turned out dearer than was said: its timer is shorter now.
    end = now() + timedelta(seconds=300)
    with database.connect(project) as db, database.writing(db):
        db.execute("UPDATE rental SET due_at=?", (end.isoformat(),))
    here.join()
    run = record.load(project, run.id)
    assert run.state == "stopped", run.why
    assert due.TIMER in run.why
    assert datetime.fromisoformat(run.ended_at) < datetime.fromisoformat(rental(project).due_at)
    entries = [one for one in ledger.read(run.folder).entries if one.resumable]
    far = Path(state.read(run.folder)["there"])
    newest = max(entries, key=lambda one: one.step)
    assert (run.folder / newest.weights).read_bytes() == (far / newest.weights).read_bytes()
    # Nothing of it runs on the machine any more: it may be ended.
    group = (far / "attempts" / "1" / "pid").read_text().split()[0]
    assert not Path(f"/proc/{group}").exists()
    # Another machine, here this computer, would go on from what was saved at the end.
    found = control.resume(
        project, run, actor="user:ann", now=now(), machine="local", require=opened(), dry_run=True
    )
    assert (found.step, found.broken) == (newest.step, ())


def test_a_machine_that_is_taken_away_loses_the_run_at_once_and_it_goes_on_elsewhere(
    server: sshd.Server,
    wire: Wire,
    rent: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(due, "_LOOK_SECONDS", 0.0)
    home = fakes.install(
        server.home / tmp_path.name, "simpletuner", {"log": "success", "hold_at": 6}
    )
    project, kept = studio(tmp_path, "sdxl/base", steps=8)
    rent(project)
    run = ordered(project, kept, "simpletuner", home, machine=NAME)
    # One that only does not answer would be waited for, for an hour.
    patient = Rhythm(0.02, 0.05, 3600.0, QUICK.patience)
    here = Here(machine=reached(server, wire), rhythm=patient)
    here(project, control.number_of(run))
    wait_until(lambda: (home / "held").exists())
    wait_until(lambda: any(one.resumable for one in ledger.read(run.folder).entries))
    # Outbid: its host stops it, and the reaper saw that it is gone.
    wire.refuse = 1 << 30
    wire.cut()
    with database.connect(project) as db, database.writing(db):
        rentals.end(db, rentals.get_live(db, "runpod", "p1"), how="observed", now=now())
    here.join()
    run = record.load(project, run.id)
    assert (run.state, "is ended" in run.why) == ("lost", True)
    found = control.resume(
        project, run, actor="user:ann", now=now(), machine="local", require=opened(), dry_run=True
    )
    assert (found.point, found.step) == ("checkpoint-4", 4)
    fakes.go(home)


def test_the_money_of_a_machine_ends_a_run_as_its_time_does(rent: Any, tmp_path: Path) -> None:
    project, _ = studio(tmp_path)
    rent(project)
    live = rental(project)
    began = datetime.fromisoformat(live.started_at)
    assert due.until(project, NAME) == began + timedelta(minutes=60) - timedelta(seconds=720)
    dear = replace(live, rate=1_000_000)
    assert due._end(dear, 500_000) == began + timedelta(minutes=30)
    assert due._end(dear, 9_000_000) == began + timedelta(minutes=60)
    assert due.until(project, "runpod:other") is None
    assert due.Due(project, "local", now).wanted() == ""
    assert due.Due(project, NAME, now).wanted() == ""
    late = due.Due(project, NAME, lambda: began + timedelta(minutes=59))
    assert late.wanted() == due.TIMER


def test_a_machine_that_restarts_ends_the_try_and_the_run_goes_on_there(
    server: sshd.Server, wire: Wire, rent: Any, tmp_path: Path
) -> None:
    project, kept = studio(tmp_path, steps=STEPS, save_every_steps=8)
    rent(project)
    run, here = begun(project, kept, server, wire)
    far = Path(state.read(run.folder)["there"])
    # As a restart: the line goes, and trainer and keeper are gone without a word.
    server.stop()
    wire.cut()
    for name in ("keeper", "pid"):
        number = int((far / "attempts" / "1" / name).read_text().split()[0])
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)
    server.start()
    here.join()
    run = record.load(project, run.id)
    assert run.state in {"failed", "killed"}, run.why
    saved = max(one.step for one in ledger.read(run.folder).entries if one.resumable)
    found = control.resume(
        project, run, actor="user:ann", now=now(), require=opened(), dry_run=True
    )
    assert (found.run.id, found.step, found.broken) == (run.id, saved, ())
