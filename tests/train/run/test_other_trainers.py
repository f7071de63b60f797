"""kohya, SimpleTuner and ai-toolkit: recorded logs replayed under the supervisor, as they end."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ategnatos.grimoire import journal
from ategnatos.grimoire.jobs import database, moves
from ategnatos.guard import locks
from ategnatos.machines.local import LocalMachine
from ategnatos.train.checkpoints import ledger
from ategnatos.train.run import attempts, control, holding, place, preparing, record, state, status
from ategnatos.train.run.ending import Patience
from ategnatos.train.run.keeper import Keeper
from ategnatos.train.run.ladder import CHANGED_EVENT
from ategnatos.train.run.lines import Rhythm
from ategnatos.train.run.record import Run
from ategnatos.train.watching import curve
from ategnatos.trainers import load_trainer
from tests.train import fakes
from tests.train.run.studio import Here, followed, now, opened, ordered, studio
from tests.waiting import wait_until

# What each recorded run did: steps of the plan, steps of its saves.
STEPS = {"kohya": 12, "ai-toolkit": 10, "simpletuner": 8}
TRAINERS = tuple(STEPS)
# In the log of kohya that is gone on with, the state of the second epoch is named.
RESUMED = {"kohya": "resume_initial_epoch", "ai-toolkit": "resume_after_kill"}


def begun(
    folder: Path, trainer: str, *orders: dict[str, Any], **values: Any
) -> tuple[Any, Run, Path]:
    """A studio, a run in the line and the trainer's home. kohya's plan has 3 epochs of 4 steps."""
    home = fakes.install(folder / "home", trainer, *orders)
    length: dict[str, Any] = {"steps": STEPS[trainer]}
    if trainer == "kohya":
        # 3 pictures, one of them twice... an epoch of 4 steps is 8 pictures in batches of 2.
        length = {"epochs": 3, "repeats": 4, "save_every_epochs": 1, "batch": 3}
    project, kept = studio(folder, "sdxl/base", **{**length, **values})
    return project, ordered(project, kept, trainer, home), home


def resumed(project: Any, run: Run, home: Path, **more: Any) -> control.Resumed:
    return control.resume(project, run, actor="user:ann", now=now(), require=opened(home), **more)


@pytest.mark.parametrize("trainer", TRAINERS)
def test_a_whole_run_is_followed_to_its_end(trainer: str, tmp_path: Path) -> None:
    project, run, home = begun(tmp_path, trainer, {"log": "success"})
    run = followed(project, run)
    assert run.state == "finished", run.why
    assert run.step == STEPS[trainer]
    saves = [one for one in ledger.read(run.folder).entries if one.usable]
    assert [one.step for one in saves] == [4, 8, STEPS[trainer]]
    assert saves[-1].final
    assert curve.read(run.folder).steps >= STEPS[trainer] - 1
    assert len(fakes.starts(home)) == 1
    # What it prints is kept, byte for byte, with its carriage returns.
    assert b"\r" in (run.folder / "attempts/1/log.txt").read_bytes()


def test_kohya_goes_on_with_the_state_and_the_epoch_after_it(tmp_path: Path) -> None:
    project, run, home = begun(tmp_path, "kohya", {"log": "killed"}, {"log": RESUMED["kohya"]})
    run = followed(project, run)
    assert (run.state, attempts.every(run.folder)[-1].code) == ("failed", "killed")
    here = Here()
    made = resumed(project, run, home, begin=here)
    here.join()
    run = record.load(project, run.id)
    assert run.state == "finished", run.why
    start = fakes.starts(home)[1]
    assert Path(start["resume"]).name == made.point
    assert made.point.endswith("-state")
    assert int(start["initial_epoch"]) == made.step // 4 + 1
    # Its bar counts from 0 again; the curve does not.
    assert curve.read(run.folder).points[-1].step == 12
    assert run.step == 12


def test_simpletuner_is_told_the_checkpoint_by_name(tmp_path: Path) -> None:
    project, run, home = begun(
        tmp_path, "simpletuner", {"log": "success", "stop_at": 6, "status": 1}, {"log": "success"}
    )
    run = followed(project, run)
    assert run.state == "failed"
    here = Here()
    made = resumed(project, run, home, begin=here)
    here.join()
    assert (made.point, made.step) == ("checkpoint-4", 4)
    assert fakes.starts(home)[1]["resume"] == "checkpoint-4"


def test_ai_toolkit_finds_nothing_newer_than_the_point(tmp_path: Path) -> None:
    project, run, home = begun(
        tmp_path,
        "ai-toolkit",
        # The second save is cut off in its state, the newest thing written.
        {"log": "success", "stop_at": 9, "status": 1},
        {"log": RESUMED["ai-toolkit"]},
    )
    run = followed(project, run)
    newest = run.output / "owl_000000008.safetensors"
    newest.write_bytes(newest.read_bytes()[:-9])
    (run.output / "owl.log").write_text("what the real one would take for its checkpoint")
    here = Here()
    made = resumed(project, run, home, begin=here)
    here.join()
    run = record.load(project, run.id)
    assert run.state == "finished", run.why
    assert (made.point, made.step) == ("owl_000000004.safetensors", 4)
    # What is lost is said: the one optimizer.pt was that of the save that is broken.
    assert "optimizer's state" in " ".join(made.notes)
    assert fakes.starts(home)[1]["resume"] == "owl_000000004.safetensors"
    aside = sorted(one.name for one in (run.folder / "aside" / "2").iterdir())
    assert aside == ["optimizer.pt", "owl.log", "owl_000000008.safetensors"]


def test_a_run_that_goes_on_stands_where_it_goes_on_from_and_not_where_it_ended(
    tmp_path: Path,
) -> None:
    project, run, home = begun(
        tmp_path,
        "kohya",
        {"log": "success", "stop_at": 10, "status": 1},
        {"log": "resume_initial_epoch", "hold_at": 1},
    )
    run = followed(project, run)
    assert (run.state, run.step) == ("failed", 10)
    assert status.snapshot(project, run)["step"] == 10
    here = Here()
    made = resumed(project, run, home, begin=here)
    assert made.step == 8
    wait_until(lambda: (home / "held").exists())
    assert status.snapshot(project, record.load(project, run.id))["step"] in (8, 9)
    wait_until(lambda: state.live(run.folder).get("attempt") == 2)
    assert status.snapshot(project, record.load(project, run.id))["step"] in (8, 9)
    fakes.go(home)
    here.join()
    done = status.snapshot(project, record.load(project, run.id))
    assert (done["state"], done["step"]) == ("finished", 12)


def test_a_state_that_broke_off_is_moved_aside_and_the_one_before_is_taken(
    tmp_path: Path,
) -> None:
    project, run, home = begun(
        tmp_path,
        "kohya",
        {"log": "success", "stop_at": 10, "status": 1, "cut": True},
        {"log": "resume_plain"},
    )
    run = followed(project, run)
    broken = [one for one in ledger.read(run.folder).entries if not one.state_whole]
    assert [one.step for one in broken] == [8]
    here = Here()
    made = resumed(project, run, home, begin=here)
    here.join()
    assert made.point == "owl-000001-state"
    assert "owl-000002-state" in made.broken[0]
    assert fakes.starts(home)[1]["initial_epoch"] == "2"
    assert (run.folder / "aside" / "2" / "owl-000002-state").is_dir()


@pytest.mark.parametrize("trainer", ["kohya", "ai-toolkit"])
def test_a_loss_that_is_no_number_ends_the_run_though_the_trainer_would_end_with_0(
    trainer: str, tmp_path: Path
) -> None:
    project, run, _ = begun(tmp_path, trainer, {"log": "nan_loss", "pace": 0.05})
    run = followed(project, run)
    assert run.state == "diverged", run.why
    assert "not a number" in run.why


@pytest.mark.parametrize(
    ("trainer", "log", "code"),
    [
        ("kohya", "no_images", "no_training_data"),
        ("simpletuner", "disk_full", "disk_full"),
        ("ai-toolkit", "missing_model", "missing_model"),
    ],
)
def test_a_failure_is_named_whatever_the_exit_status(
    trainer: str, log: str, code: str, tmp_path: Path
) -> None:
    project, run, _ = begun(tmp_path, trainer, {"log": log})
    run = followed(project, run)
    assert run.state == "failed", run.why
    assert attempts.every(run.folder)[-1].code == code
    assert run.why
    assert state.read(run.folder)["status"] == "failed"


def test_memory_that_runs_out_is_met_with_a_smaller_batch_and_every_try_keeps_its_log(
    tmp_path: Path,
) -> None:
    project, run, home = begun(
        tmp_path, "ai-toolkit", {"log": "success", "oom_above": 1}, batch=4, accumulation=1
    )
    run = followed(project, run)
    assert run.state == "finished", run.why
    starts = fakes.starts(home)
    assert [(one["batch"], one["accumulation"]) for one in starts] == [(4, 1), (2, 2), (1, 4)]
    tries = attempts.every(run.folder)
    assert [(one.end, one.code) for one in tries] == [
        ("failed", "cuda_oom"),
        ("failed", "cuda_oom"),
        ("finished", ""),
    ]
    for one in tries[:2]:
        assert b"CUDA out of memory" in one.log(run.folder).read_bytes()
    assert len(run.changes) == 2
    assert "an update still sees 4 pictures" in run.changes[0]
    told = [one.data for one in journal.read(project, {CHANGED_EVENT})]
    assert [one["values"] for one in told] == [
        {"batch": 2, "accumulation": 2},
        {"batch": 1, "accumulation": 4},
    ]
    assert preparing.plan_of(run.folder).batch == 1
    assert json.loads((run.folder / "plan.json").read_text())["accumulation"] == 4


def test_after_the_batch_other_moves_are_tried_and_then_it_fails(tmp_path: Path) -> None:
    project, run, home = begun(
        tmp_path,
        "ai-toolkit",
        {"log": "success", "oom_above": 0},
        batch=2,
        gradient_checkpointing=False,
    )
    run = followed(project, run)
    assert run.state == "failed"
    assert attempts.every(run.folder)[-1].code == "cuda_oom"
    names = [one.change.get("name") for one in attempts.every(run.folder)[1:]]
    assert names[0] == "smaller batch"
    assert names[1] == "checkpointing"
    assert 3 <= len(fakes.starts(home)) <= 9


@pytest.mark.parametrize(("trainer", "status"), [("ai-toolkit", 137), ("kohya", 143)])
def test_a_trainer_that_heeds_no_signal_is_killed_with_all_it_started(
    trainer: str, status: int, tmp_path: Path
) -> None:
    # Of kohya's two processes the launcher goes at the first word, and its child must go too.
    project, run, home = begun(
        tmp_path, trainer, {"log": "success", "hold_at": 6, "stubborn": True}
    )
    here = Here(rhythm=Rhythm(0.02, 0.05, patience=Patience(1.0, 0.3, 0.3)))
    here(project, control.number_of(run))
    wait_until(lambda: (home / "held").exists())
    run = control.stop(project, run, actor="user:ann", now=now(), begin=here, wait=180)
    here.join()
    assert run.state == "stopped"
    tried = attempts.every(run.folder)[-1]
    assert tried.status == status
    assert not Keeper(LocalMachine(), str(run.folder), "").look(1, 0).alive
    assert locks.standing(run.gpu, holding.name(run)) is None


def test_one_that_is_stopped_after_its_last_save_is_finished(tmp_path: Path) -> None:
    project, run, home = begun(tmp_path, "ai-toolkit", {"log": "success", "lingers": True})
    here = Here()
    here(project, control.number_of(run))
    wait_until(lambda: (home / "held").exists())
    run = control.stop(project, run, actor="user:ann", now=now(), begin=here, wait=180)
    here.join()
    assert (run.state, run.step) == ("finished", 10), run.why
    assert run.why == "user:ann asked it to stop when every step was done."
    assert any(one.final and one.whole for one in ledger.read(run.folder).entries)


def test_a_full_disk_stops_the_run_before_a_save_breaks_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, run, home = begun(tmp_path, "ai-toolkit", {"log": "success", "hold_at": 5})
    here = Here()
    here(project, control.number_of(run))
    wait_until(lambda: (home / "held").exists())
    # A disk that is 96 % full, as df says it.
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    (bin_ / "df").write_text('#!/bin/sh\necho "Filesystem 1 2 3 4 5"\necho "x 100 96 4 96% /"\n')
    (bin_ / "df").chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin_}{os.pathsep}{os.environ['PATH']}")
    here.join()
    run = record.load(project, run.id)
    assert run.state == "stopped", run.why
    assert "96.0 % full" in run.why
    assert attempts.every(run.folder)[-1].code == "disk_stop"
    whole = [one.step for one in ledger.read(run.folder).entries if one.usable]
    assert whole == [4]


def test_somebody_elses_sigterm_to_the_launcher_does_not_end_the_run(tmp_path: Path) -> None:
    project, run, home = begun(tmp_path, "kohya", {"log": "success", "hold_at": 6})
    here = Here()
    here(project, control.number_of(run))
    wait_until(lambda: (home / "held").exists())
    launcher = int((run.folder / "attempts/1/pid").read_text().split()[0])
    assert launcher != fakes.starts(home)[0]["pid"]
    os.kill(launcher, signal.SIGTERM)
    wait_until(lambda: (run.folder / "attempts/1/status").exists())
    fakes.go(home)
    here.join()
    # The trainer went on to its end, and its LoRA is whole: that decides, not the status.
    run = record.load(project, run.id)
    assert (run.state, run.step) == ("finished", 12)
    assert attempts.every(run.folder)[-1].status == 143


def test_a_job_that_was_cancelled_with_nobody_there_is_stopped_all_the_same(
    tmp_path: Path,
) -> None:
    project, run, home = begun(tmp_path, "ai-toolkit", {"log": "success", "hold_at": 6})
    first = Here()
    first(project, control.number_of(run))
    wait_until(lambda: (home / "held").exists())
    first.ending.set()
    first.join()
    # What 'jobs cancel' does: the job is over at once, the trainer knows nothing of it.
    with database.connect(project) as db:
        moves.cancel(db, control.number_of(run), who="user:ann")
    run = record.load(project, run.id)
    assert status.snapshot(project, run)["alive"]
    after = Here()
    run = control.stop(project, run, actor="user:bob", now=now(), begin=after, wait=180)
    after.join()
    assert run.state == "stopped"
    assert "user:bob" in run.why
    assert not status.snapshot(project, run)["alive"]


def test_a_run_that_was_given_up_is_followed_again_where_its_trainer_lives(
    tmp_path: Path,
) -> None:
    project, run, home = begun(tmp_path, "ai-toolkit", {"log": "success", "hold_at": 6})
    first = Here()
    first(project, control.number_of(run))
    wait_until(lambda: (home / "held").exists())
    first.ending.set()
    first.join()
    record.note(project, run.id, now=now(), state="lost", why="It did not answer.")
    with database.connect(project) as db:
        moves.cancel(db, control.number_of(run), who="ategnatos")
    after = Here()
    made = resumed(project, record.load(project, run.id), home, begin=after)
    assert made.attached
    fakes.go(home)
    after.join()
    run = record.load(project, run.id)
    assert run.state == "finished", run.why
    assert len(fakes.starts(home)) == len(attempts.every(run.folder)) == 1


def test_what_a_resumed_try_has_not_saved_yet_an_earlier_one_has(tmp_path: Path) -> None:
    project, run, _ = begun(tmp_path, "kohya", {"log": "success"})
    run = followed(project, run)
    first = attempts.last(run.folder)
    assert first is not None
    # Resumed into a folder of its own, and stopped while it wrote its first save there.
    second = replace(
        first, number=2, begins=4, point="owl-000001-state", output="output-from-00000004"
    )
    attempts.put(run.folder, second)
    cut = run.folder / second.output / "owl-step00000002.safetensors"
    cut.parent.mkdir()
    cut.write_bytes(b"cut off")
    assert [one.output for one in attempts.outputs(run.folder)] == [second.output, first.output]

    machine = LocalMachine()
    point = control.newest(project, run, machine)
    assert (point.name, point.output, point.step) == ("owl-000002-state", "output", 8)
    where = place.Place(run.folder, run.folder, machine)
    laid = preparing.dataset(project, run, load_trainer("kohya"), where)
    preparing._cleared(run, where, laid, point, "3")
    assert not cut.exists()
    assert (run.folder / "aside/3" / second.output / cut.name).read_bytes() == b"cut off"
    assert (run.folder / "output" / "owl-000002-state").is_dir()

    # A training that began anew has nothing to do with what was saved before.
    attempts.put(run.folder, replace(first, number=3, output="output-anew"))
    assert [one.output for one in attempts.outputs(run.folder)] == ["output-anew"]
