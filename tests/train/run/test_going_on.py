"""Stopped, killed and taken over: the starter trainer ends in the bytes that it would have."""

from __future__ import annotations

import os
import random
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.jobs import database, store
from ategnatos.grimoire.project import Project
from ategnatos.guard import locks
from ategnatos.guard.locks import process
from ategnatos.guard.locks.process import Process
from ategnatos.train.checkpoints import ledger
from ategnatos.train.run import attempts, control, holding, record, state, status
from ategnatos.train.run.record import Run
from ategnatos.train.watching import curve
from tests.train.run.studio import Here, followed, now, opened, ordered, studio
from tests.waiting import wait_until

STEPS, EVERY = 16, 4


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[float | None]]:
    """What an uninterrupted run ends in, and its curve."""
    folder = tmp_path_factory.mktemp("whole")
    project, kept = studio(folder, steps=STEPS, save_every_steps=EVERY)
    run = followed(project, ordered(project, kept))
    assert run.state == "finished", run.why
    return (run.output / "owl.safetensors").read_bytes(), losses(run)


def losses(run: Run) -> list[float | None]:
    points = curve.read(run.folder).points
    assert [one.step for one in points] == list(range(1, len(points) + 1))
    return [one.loss for one in points]


def step_of(run: Run) -> int:
    return int(state.live(run.folder).get("monitor", {}).get("step") or 0)


def trainer_of(run: Run) -> Process:
    """Its trainer's process, once there is one; numbers are given again, so its birth counts."""
    number = attempts.every(run.folder)[-1].number
    path = run.folder / "attempts" / str(number) / "pid"
    wait_until(lambda: path.is_file() and path.read_text().strip())
    pid, born = path.read_text().split()
    return Process(int(pid), f"{process._boot()}:{born}", process.machine(), "")


def resumed(project: Project, run: Run, **more: Any) -> control.Resumed:
    return control.resume(
        project,
        run,
        actor="user:ann",
        now=now(),
        require=opened(),
        **more,  # type: ignore[arg-type]
    )


def test_stopped_and_resumed_it_ends_as_if_nothing_had_been(
    tmp_path: Path, expected: tuple[bytes, list[float | None]]
) -> None:
    project, kept = studio(tmp_path / "cut", steps=STEPS, save_every_steps=EVERY)
    run = ordered(project, kept)
    here = Here()
    here(project, control.number_of(run))
    wait_until(lambda: step_of(run) >= 2)
    # It stands still until the wish is written down: it must not end before it is stopped.
    trainer = trainer_of(run)
    try:
        os.kill(trainer.pid, signal.SIGSTOP)
        state.want_stop(run.folder, "user:ann")
        os.kill(trainer.pid, signal.SIGCONT)
        run = control.stop(project, run, actor="user:ann", now=now(), begin=here, wait=180)
    except (ProcessLookupError, StudioError):
        here.join()
        assert record.load(project, run.id).state == "finished"
        pytest.skip("it was trained before it could be stopped")
    here.join()
    assert run.state == "stopped"
    assert "user:ann stopped it" in run.why
    assert not process.alive(trainer)
    assert locks.standing(run.gpu, holding.name(run)) is None
    with pytest.raises(StudioError) as nothing:
        control.stop(project, run, actor="user:ann", now=now())
    assert nothing.value.code is control.RUN_STATE
    made = resumed(project, run, begin=here)
    # The starter saves when it is stopped: not a step is lost.
    assert made.step == run.step
    here.join()
    run = record.load(project, run.id)
    assert run.state == "finished", run.why
    assert ((run.output / "owl.safetensors").read_bytes(), losses(run)) == expected
    with pytest.raises(StudioError) as over:
        resumed(project, run)
    assert over.value.code is control.RUN_STATE


def test_killed_at_any_moment_trainer_or_supervisor_nothing_is_lost(
    tmp_path: Path, expected: tuple[bytes, list[float | None]]
) -> None:
    """The short form of benchmarks/train_kills.py."""
    project, kept = studio(tmp_path / "cut", steps=STEPS, save_every_steps=EVERY)
    run = ordered(project, kept)
    chance = random.Random(7)
    control.start(project, control.number_of(run))
    for victim in ("supervisor", "trainer", "supervisor"):
        target = step_of(run) + chance.randrange(1, EVERY)
        wait_until(lambda at=target: step_of(run) >= at or _over(project, run))  # type: ignore[misc]
        if victim == "supervisor":
            _kill_supervisor(project, run)
            control.attend(project, run.gpu)
        elif _kill(trainer_of(run)):
            wait_until(lambda: _over(project, run))
            killed = record.load(project, run.id)
            if killed.state == "finished":
                break  # it had trained its last step when it was killed
            assert killed.state == "failed"
            assert "killed" in killed.why.lower()
            made = resumed(project, killed)
            assert killed.step - made.step <= EVERY
    wait_until(lambda: _over(project, run))
    run = record.load(project, run.id)
    assert run.state == "finished", run.why
    assert ((run.output / "owl.safetensors").read_bytes(), losses(run)) == expected
    saved = [one.step for one in ledger.read(run.folder).entries if one.usable and not one.final]
    assert saved == list(range(EVERY, STEPS + 1, EVERY))


def test_a_dead_supervisor_leaves_the_gpu_held_by_the_trainer(tmp_path: Path) -> None:
    project, kept = studio(tmp_path, steps=400, save_every_steps=100)
    run = ordered(project, kept)
    control.start(project, control.number_of(run))
    wait_until(lambda: step_of(run) >= 2)
    _kill_supervisor(project, run)
    trainer = trainer_of(run)
    before = step_of(run)
    held = locks.standing(run.gpu, holding.name(run))
    assert held is not None
    with pytest.raises(StudioError) as busy, locks.resource(run.gpu, who="/art", timeout=0):
        pass
    assert busy.value.code is locks.RESOURCE_HELD
    seen = status.snapshot(project, run)
    assert (seen["followed"], seen["alive"]) == (False, True)
    # Whoever stops it finds nobody following it, and begins a supervisor that does.
    here = Here()
    run = control.stop(project, run, actor="user:ann", now=now(), begin=here, wait=180)
    here.join()
    assert run.state == "stopped"
    assert run.step >= before
    assert not process.alive(trainer)
    with locks.resource(run.gpu, who="/art", timeout=0):
        pass


def test_a_broken_newest_save_is_moved_aside_and_the_one_before_is_taken(tmp_path: Path) -> None:
    project, kept = studio(tmp_path, steps=80, save_every_steps=2)
    run = ordered(project, kept)
    here = Here()
    here(project, control.number_of(run))
    wait_until(lambda: len(list(run.output.glob("state-*.safetensors"))) >= 2)
    _kill(trainer_of(run))
    here.join()
    run = record.load(project, run.id)
    before, newest = sorted(run.output.glob("state-*.safetensors"))[-2:]
    newest.write_bytes(newest.read_bytes()[:-100])
    made = resumed(project, run, begin=here)
    assert made.point == before.name
    assert newest.name in made.broken[0]
    wait_until(lambda: step_of(run) > made.step and len(attempts.every(run.folder)) == 2)
    run = control.stop(project, run, actor="user:ann", now=now(), begin=here, wait=180)
    here.join()
    assert (run.folder / "aside" / "2" / newest.name).is_file()
    tried = attempts.every(run.folder)
    assert [(one.begins, one.end) for one in tried] == [(0, "failed"), (made.step, "stopped")]
    assert losses(run)


def test_without_a_whole_save_there_is_nothing_to_resume(tmp_path: Path) -> None:
    project, kept = studio(tmp_path, steps=400, save_every_steps=200)
    run = ordered(project, kept)
    here = Here()
    here(project, control.number_of(run))
    wait_until(lambda: step_of(run) >= 1)
    _kill(trainer_of(run))
    here.join()
    with pytest.raises(StudioError) as nothing:
        resumed(project, record.load(project, run.id))
    assert nothing.value.code.code == "run_nothing"


def test_a_disk_that_would_stop_a_run_at_once_begins_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, kept = studio(tmp_path, steps=STEPS, save_every_steps=EVERY)
    run = ordered(project, kept)
    run = record.note(project, run.id, now=now(), state="stopped")
    full = shutil._ntuple_diskusage(total=100 << 30, used=96 << 30, free=4 << 30)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: full)
    for again in (lambda: resumed(project, run), lambda: ordered(project, kept)):
        with pytest.raises(StudioError, match=r"96.0 % full") as caught:
            again()
        assert caught.value.code.code == "run_disk"
    assert [(one.id, one.state) for one in record.every(project)] == [(run.id, "stopped")]


def _over(project: Project, run: Run) -> bool:
    return record.load(project, run.id).state in record.ENDED


def _kill(victim: Process) -> bool:
    """With no chance to say a word; False where it was gone by itself."""
    if not process.alive(victim):
        return False
    os.kill(victim.pid, signal.SIGKILL)
    wait_until(lambda: not process.alive(victim))
    return True


def _kill_supervisor(project: Project, run: Run) -> None:
    """As a power cut would; nothing where none follows the run."""
    with database.connect(project) as db:
        owner = store.get(db, control.number_of(run)).owner
    found = None if owner is None else process.of(int(owner.split(":")[1]))
    if found is not None and status.followed(project, run):
        _kill(found)
