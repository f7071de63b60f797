"""A stop tells what it costs, and can wait for the next save."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ategnatos.train.checkpoints import ledger
from ategnatos.train.run import attempts, control, record, state, status, stopping
from ategnatos.trainers import saving
from tests.conftest import Run as RunIt
from tests.train import fakes
from tests.train.run.studio import Here, now, opened, ordered, studio
from tests.waiting import wait_until


def held(tmp_path: Path, trainer: str, at: int, **values: Any) -> tuple[Any, record.Run, Path]:
    """A run whose trainer stands still after the step ``at``, and a supervisor that follows it."""
    home = fakes.install(tmp_path / "home", trainer, {"log": "success", "hold_at": at})
    project, kept = studio(tmp_path, "sdxl/base", **values)
    run = ordered(project, kept, trainer, home)
    here = Here()
    here(project, control.number_of(run))
    wait_until(lambda: (home / "held").exists())
    # The bar is drawn once more when the step is done; what came before is seen by then.
    wait_until(lambda: status.snapshot(project, run)["step"] >= at - 1)
    return project, run, home


def ended(project: Any, run: record.Run) -> record.Run:
    wait_until(lambda: record.load(project, run.id).state in record.ENDED)
    return record.load(project, run.id)


def saves(run: record.Run) -> list[int]:
    return [one.step for one in ledger.read(run.folder).resumable()]


def test_a_stop_says_what_it_costs_before_and_waits_for_the_next_save(
    tmp_path: Path, run: RunIt
) -> None:
    values = {"steps": 10, "save_every_steps": 4}
    project, made, home = held(tmp_path, "ai-toolkit", 7, **values)
    wait_until(lambda: saves(made) == [4])
    at = ("--project", str(project.root))
    told = run("train", "stop", "owl", "--dry-run", *at).out
    assert "owl-1 would be stopped." in told
    assert "since its save at step 4: this trainer does not save when it is stopped" in told
    assert "--after-save it is stopped right after its next save at step 8." in told
    costs = run("train", "stop", "owl", "--dry-run", "--json", *at).data["stop_costs"]
    assert costs["steps"] in (2, 3)
    assert (costs["saved_at"], costs["next_save_at"]) == (4, 8)
    asked = run("train", "stop", "owl", "--after-save", "--wait", "0", *at)
    assert "stops right after its next save, at step 8" in asked.out + asked.err
    # Whoever follows it leaves the trainer alone until then.
    assert stopping.wanted(made.folder) == ""
    assert record.load(project, made.id).state == "training"
    assert "wants it stopped right after its next save" in run("train", "status", "owl", *at).out
    over = control.stop(project, made, actor="user:ann", now=now(), wait=60)
    assert over.state == "stopped", over.why
    assert state.wish(made.folder) == {}
    fakes.go(home)


def test_stopped_after_the_next_save_a_run_has_that_save(tmp_path: Path) -> None:
    project, kept = studio(tmp_path, steps=4000, save_every_steps=6)
    run = ordered(project, kept)
    here = Here()
    here(project, control.number_of(run))
    wait_until(lambda: status.snapshot(project, run)["step"] >= 2)
    control.stop(project, run, actor="user:ann", now=now(), after_save=True)
    before = saves(run)
    here.join()
    over = record.load(project, run.id)
    assert over.state == "stopped", over.why
    # One in its own time, and then the one that the starter makes when it is told to end.
    assert [one for one in saves(over) if one % 6 == 0 and one not in before[1:]]
    assert "user:ann stopped it" in over.why


def test_a_wish_for_after_the_next_save_outlives_who_follows_the_run(tmp_path: Path) -> None:
    project, kept = studio(tmp_path, "sdxl/base", steps=10)
    made = ordered(project, kept, "ai-toolkit", tmp_path)
    stopping.want(made, "user:ann", after_save=True)
    assert stopping.wanted(made.folder) == ""
    stopping.want(made, "user:ann", after_save=False)
    assert stopping.wanted(made.folder) == "user:ann"
    state.want_stop(made.folder, "user:ann", after="checkpoint-4")
    # Another is the newest than then.
    assert stopping.wanted(made.folder) == "user:ann"


def test_simpletuner_saves_before_it_is_ended(tmp_path: Path) -> None:
    project, made, home = held(tmp_path, "simpletuner", 6, steps=8)
    wait_until(lambda: saves(made) == [4])
    tried = attempts.every(made.folder)[-1]
    way = stopping.asking(made, tried)
    assert way == saving.BY_FILE["simpletuner"]
    seen = fakes.starts(home)[0]["environment"]
    assert Path(seen[way.variable]) == tried.folder(made.folder) / way.name
    assert stopping.losing(made, status.snapshot(project, made)).saves
    control.stop(project, made, actor="user:ann", now=now())
    over = ended(project, made)
    assert over.state == "stopped", over.why
    assert saves(over) == [6, 4]
    here = Here()
    fakes.give(home, {"log": "success"})
    fakes.go(home)
    point = control.resume(
        project, over, actor="user:ann", now=now(), require=opened(home), begin=here
    )
    here.join()
    assert (point.point, point.step) == ("checkpoint-6", 6)
    # What asked for the save before does not ask for one now.
    second = attempts.every(made.folder)[-1].folder(made.folder) / way.name
    assert second.read_bytes() == way.quiet


@pytest.mark.parametrize(
    ("step", "made", "following"), [(0, [], 3), (2, [], 3), (3, [3], 6), (7, [3, 6], 8)]
)
def test_the_next_save_is_told_from_the_plan(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: int,
    made: list[int],
    following: int,
) -> None:
    project, kept = studio(tmp_path, steps=8, save_every_steps=3)
    run = ordered(project, kept)

    class Saved:
        def resumable(self) -> list[Any]:
            return [type("Entry", (), {"step": one}) for one in reversed(made)]

    monkeypatch.setattr(ledger, "read", lambda folder: Saved())
    seen = {"step": step, "seconds_a_step": 2.0, "steps": 8}
    found = stopping.losing(run, seen)
    assert found.following == following
    assert found.steps == step - max(made, default=0)
    assert found.seconds == 2.0 * found.steps
    assert found.saves  # the starter does it by itself
