"""The line of trainings: one GPU trains one, the next begins by itself, and nobody jumps it."""

from __future__ import annotations

import subprocess
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.jobs import database, throttle
from ategnatos.grimoire.jobs.effects import LaterError
from ategnatos.guard import locks
from ategnatos.train.run import control, holding, record, resuming, state, status, supervise
from ategnatos.train.run.record import Run
from tests.conftest import Run as RunIt
from tests.train import fakes
from tests.train.run.studio import Here, followed, now, opened, ordered, studio
from tests.waiting import wait_until


def waiting(tmp_path: Path, *orders: dict[str, Any]) -> tuple[Any, Any, Path]:
    home = fakes.install(tmp_path / "home", "ai-toolkit", *orders)
    project, kept = studio(tmp_path, "sdxl/base", steps=10)
    return project, kept, home


def queued(project: Any, kept: Any, home: Path, **more: Any) -> Run:
    return ordered(project, kept, "ai-toolkit", home, wait=True, **more)


def test_the_next_begins_by_itself_in_the_order_of_priority(tmp_path: Path, run: RunIt) -> None:
    project, kept, home = waiting(tmp_path, {"log": "success", "hold_at": 2})
    first = queued(project, kept, home)
    low = queued(project, kept, home, priority=-10)
    high = queued(project, kept, home, priority=10)
    here = Here()
    here(project, control.number_of(first))
    wait_until(lambda: (home / "held").exists())
    with database.connect(project) as db:
        line = [str(one.data["run"]) for one in control.queue(db)]
        assert supervise.next_in_line(db, first.gpu) is None
    assert line == [first.id, high.id, low.id]
    at = ("--project", str(project.root))
    told = run("train", "queue", "list", "--json", *at).data["queue"]
    assert [one["waits_for"] for one in told[1:]] == ["owl-1, which trains on it"] * 2
    shown = run("train", "queue", "list", *at).out.splitlines()
    assert [line.split()[3] for line in shown if line.startswith("owl-")][:3] == [
        "normal",
        "high",
        "low",
    ]
    assert control.attend(project, first.gpu, here) is None
    fakes.go(home)
    here.join()
    runs = [record.load(project, one.id) for one in (first, high, low)]
    assert [one.state for one in runs] == ["finished"] * 3
    assert [one.begun_at for one in runs] == sorted(one.begun_at for one in runs)
    for earlier, later in pairwise(runs):
        assert earlier.ended_at <= later.begun_at


def test_a_pause_lets_the_running_one_end_and_begins_no_other(tmp_path: Path) -> None:
    project, kept, home = waiting(tmp_path, {"log": "success", "hold_at": 2})
    first, second = queued(project, kept, home), queued(project, kept, home)
    here = Here()
    here(project, control.number_of(first))
    wait_until(lambda: (home / "held").exists())
    with database.connect(project) as db:
        throttle.pause(db, first.gpu, who="user:ann", why="games")
    fakes.go(home)
    here.join()
    states = [record.load(project, one.id).state for one in (first, second)]
    assert states == ["finished", "queued"]
    assert control.attend(project, first.gpu, here) is None
    with database.connect(project) as db:
        throttle.resume(db, first.gpu)
    assert control.attend(project, first.gpu, here) == control.number_of(second)
    here.join()
    assert record.load(project, second.id).state == "finished"


def test_one_that_waits_is_taken_out_of_the_line(tmp_path: Path) -> None:
    project, kept, home = waiting(tmp_path, {"log": "success"})
    first, second = queued(project, kept, home), queued(project, kept, home)
    gone = control.stop(project, first, actor="user:ann", now=now())
    assert (gone.state, gone.why) == ("stopped", "user:ann took it out of the line.")
    with pytest.raises(StudioError) as refused:
        control.waits(gone)
    assert refused.value.code is control.RUN_STATE
    assert refused.value.hint == f"ategnatos train status {gone.id}"
    followed(project, second)
    assert record.load(project, first.id).state == "stopped"
    assert len(fakes.starts(home)) == 1


def test_a_launch_is_refused_while_the_gpu_has_a_run(tmp_path: Path) -> None:
    project, kept, home = waiting(tmp_path, {"log": "success"})
    queued(project, kept, home)
    with pytest.raises(StudioError) as busy:
        ordered(project, kept, "ai-toolkit", home)
    assert busy.value.code is control.RUN_BUSY
    assert "train queue add owl" in busy.value.hint
    # Another GPU is another matter.
    other = ordered(project, kept, "ai-toolkit", home, gpu="1")
    assert other.gpu == "gpu:local:1"
    run = followed(project, other)
    assert run.state == "finished"
    seen = fakes.starts(home)[0]["environment"]
    # CUDA's own order is another than that of nvidia-smi, which the number is of.
    assert (seen["CUDA_VISIBLE_DEVICES"], seen["CUDA_DEVICE_ORDER"]) == ("1", "PCI_BUS_ID")


def test_only_the_gpu_that_the_gates_looked_at_is_trained_on(tmp_path: Path) -> None:
    project, kept, home = waiting(tmp_path, {"log": "success"})
    looked = opened(home, gpu="NVIDIA GeForce RTX 3090", gpu_index=1)
    with pytest.raises(StudioError) as other:
        ordered(project, kept, "ai-toolkit", home, require=looked, gpu="0")
    assert other.value.code is control.RUN_GPU
    assert "train environment owl --trainer ai-toolkit --gpu 0" in other.value.hint
    assert not record.every(project)
    run = ordered(project, kept, "ai-toolkit", home, require=looked)
    assert run.gpu == "gpu:local:1"
    control.stop(project, run, actor="user:ann", now=now())
    # A machine without any has none to mistake.
    assert ordered(
        project, kept, "ai-toolkit", home, require=opened(home, gpu="", gpu_index=0), gpu="2"
    )


def test_on_the_processor_no_gpu_is_seen_and_none_is_held(tmp_path: Path) -> None:
    project, kept, home = waiting(tmp_path, {"log": "success"})
    looked = opened(home, gpu="", gpu_index=0, processor=True, cores=3)
    with pytest.raises(StudioError) as other:
        ordered(project, kept, "ai-toolkit", home, require=looked, gpu="0")
    assert other.value.code is control.RUN_GPU
    assert "opened for the processor of local, and GPU 0 was asked for" in other.value.message
    run = ordered(project, kept, "ai-toolkit", home, require=looked)
    assert run.gpu == "gpu:local:cpu"
    with locks.resource("gpu:local:0", who="somebody's game"):
        run = followed(project, run)
    assert run.state == "finished", run.why
    seen = fakes.starts(home)[0]["environment"]
    assert (seen["CUDA_VISIBLE_DEVICES"], seen["OMP_NUM_THREADS"]) == ("", "3")


def test_nothing_trains_on_a_gpu_that_somebody_else_holds(tmp_path: Path) -> None:
    project, kept, home = waiting(tmp_path, {"log": "success"})
    run = queued(project, kept, home)
    here = Here()
    with locks.resource(run.gpu, who="/art"):
        with pytest.raises(LaterError), holding.gpu(run):
            pass
        here(project, control.number_of(run))
        with database.connect(project) as db:
            wait_until(lambda: control.queue(db)[0].not_before > 0)
        assert not fakes.starts(home)
    # What is asked again in some seconds is asked now.
    with database.connect(project) as db, database.writing(db):
        db.execute("UPDATE job SET not_before=0")
    here.join()
    assert record.load(project, run.id).state == "finished"


def test_launch_and_queue_refuse_while_a_gate_is_closed(tmp_path: Path, run: RunIt) -> None:
    project, _ = studio(tmp_path)
    for words in (("launch", "owl"), ("launch", "owl", "--dry-run"), ("queue", "add", "owl")):
        done = run("train", *words, "--trainer", "starter", "--json", "--project", project.root)
        assert done.code == 1, done
        assert done.envelope["error"]["code"] == "train_gate"
        assert "ategnatos train" in done.envelope["error"]["hint"]
    assert not record.every(project)


def test_a_run_that_saved_nothing_is_begun_anew_and_not_gone_on_with(
    tmp_path: Path, run: RunIt
) -> None:
    project, kept, home = waiting(tmp_path, {"log": "missing_model"})
    ended = followed(project, ordered(project, kept, "ai-toolkit", home))
    assert ended.state == "failed"
    at = ("--project", str(project.root))
    launch = "ategnatos train launch owl --trainer ai-toolkit"
    assert run("train", "watch", "owl", "--json", *at).envelope["error"]["hint"] == launch
    page = run("train", "status", "owl", *at)
    assert launch in page.err + page.out


def test_every_command_says_how_a_run_stands(tmp_path: Path, run: RunIt) -> None:
    project, kept, home = waiting(tmp_path, {"log": "success"})
    at = ("--project", str(project.root))
    assert run("train", "list", *at).out.startswith("No runs yet.")
    assert run("train", "queue", "list", *at).out.startswith("Nothing trains")
    made = queued(project, kept, home)
    line = run("train", "queue", "list", "--json", *at).data["queue"]
    assert [one["run"] for one in line] == ["owl-1"]
    assert "waits in the line" in run("train", "status", "owl", *at).out
    assert run("train", "stop", "owl", "--dry-run", *at).out == "owl-1 would be stopped.\n"
    followed(project, made)
    told = run("train", "status", "owl", "--json", *at).envelope["data"]
    assert (told["state"], told["step"], told["checkpoints"]["whole"]) == ("finished", 10, 3)
    page = run("train", "status", "owl-1", *at).out
    assert "owl-1 is finished, step 10 of 10" in page
    assert "3 of 3 checkpoints are whole" in page
    assert run("train", "watch", "owl", *at).code == 0
    listed = run("train", "list", "owl", "--json", *at).envelope["data"]["runs"]
    assert [(one["id"], one["state"]) for one in listed] == [("owl-1", "finished")]
    over = run("train", "resume", "owl", "--json", *at).envelope["error"]
    assert over["hint"] == "ategnatos train eval owl-1"
    for words in (("stop", "owl"), ("resume", "owl"), ("queue", "remove", "owl-1")):
        assert run("train", *words, "--json", *at).envelope["error"]["code"] == "run_state"
    nobody = run("train", "status", "nobody", "--json", *at)
    assert nobody.envelope["error"]["code"] == "run_unknown"
    again = run("jobs", "retry", "j1", "--json", *at).envelope["error"]
    assert (again["code"], again["hint"]) == ("job_state", "ategnatos train resume owl-1")
    shown = run("jobs", "list", "--all", "--json", *at).data["jobs"]
    assert [(one["kind"], one["says"]) for one in shown] == [("training", "trained")]
    assert run("art", "list", "--json", *at).data["jobs"] == []
    assert run("art", "history", *at).code == 0
    assert run("status", *at).code == 0


def test_a_run_that_waits_says_for_what(tmp_path: Path, run: RunIt) -> None:
    project, kept, home = waiting(tmp_path, {"log": "success"})
    made = queued(project, kept, home)
    at = ("--project", str(project.root))
    (made.folder / "supervisor.log").write_text("Traceback ...\nImportError: no such thing\n")
    told = run("train", "status", "owl", *at).out
    assert "no supervisor has taken it up" in told
    assert "queue start gpu:local:0" in told
    assert "The last one said: ImportError: no such thing" in told
    with database.connect(project) as db:
        throttle.pause(db, made.gpu, who="user:ann", why="games")
    assert "games" in status.waits_for(project, made)
    assert "games" in status.held_back(project, made.gpu)
    with database.connect(project) as db:
        throttle.resume(db, made.gpu)
    here = Here()
    with locks.resource(made.gpu, who="/art"):
        here(project, control.number_of(made))
        wait_until(lambda: "/art" in status.waits_for(project, made))
    here.ending.set()
    here.join()
    assert "waits in the line" in run("train", "resume", "owl", "--dry-run", *at).out


def test_a_run_that_never_came_into_the_line_can_be_struck_off(tmp_path: Path) -> None:
    project, kept, home = waiting(tmp_path, {"log": "success"})
    made = record.new(
        project, kept, trainer="ai-toolkit", machine="local", gpu="gpu:local:0", steps=10, now=now()
    )
    assert "train stop owl-1" in status.waits_for(project, made)
    with pytest.raises(StudioError, match="owl-1 already"):
        ordered(project, kept, "ai-toolkit", home)
    gone = control.stop(project, made, actor="user:ann", now=now())
    assert gone.state == "stopped"
    assert ordered(project, kept, "ai-toolkit", home).id == "owl-2"


def test_a_run_whose_folder_is_gone(tmp_path: Path, run: RunIt) -> None:
    project, kept, home = waiting(tmp_path, {"log": "success", "hold_at": 2})
    made = queued(project, kept, home)
    here = Here()
    here(project, control.number_of(made))
    wait_until(lambda: (home / "held").exists())
    control.stop(project, made, actor="user:ann", now=now(), begin=here, wait=60)
    here.join()
    made.folder.rename(tmp_path / "elsewhere")
    assert "was stopped" in run("train", "status", "owl", "--project", project.root).out
    with pytest.raises(StudioError) as nothing:
        control.resume(
            project,
            record.load(project, made.id),
            actor="user:ann",
            now=now(),
            require=opened(home),
        )
    assert nothing.value.code is resuming.RUN_NOTHING


def test_two_studios_with_a_run_of_the_same_name_do_not_share_a_gpu(tmp_path: Path) -> None:
    project, kept, home = waiting(tmp_path / "one", {"log": "success"})
    other, its_kept, its_home = waiting(tmp_path / "two", {"log": "success"})
    mine, its = queued(project, kept, home), queued(other, its_kept, its_home)
    assert mine.id == its.id
    with holding.gpu(mine), pytest.raises(LaterError), holding.gpu(its):
        pass


def test_a_lock_is_given_back_unless_the_trainer_s_keeper_has_it(tmp_path: Path) -> None:
    project, kept, home = waiting(tmp_path, {"log": "success"})
    made = queued(project, kept, home)
    error = StudioError(record.RUN_UNKNOWN, "The disk is full.", hint="Make room.")
    # What an earlier try left behind says nothing of this one.
    state.put_live(made.folder, {"alive": True})
    with pytest.raises(StudioError), holding.gpu(made):
        raise error
    assert locks.standing(made.gpu, holding.name(made)) is None
    # And with a full disk nothing was written of a trainer that lives.
    state.put_live(made.folder, {})

    def given_up(held: locks.Held) -> None:
        holding.hand_over(held, keeper.pid)
        raise error

    keeper = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    try:
        with pytest.raises(StudioError), ExitStack() as stack:
            given_up(stack.enter_context(holding.gpu(made)))
        assert locks.standing(made.gpu, holding.name(made)) is not None
    finally:
        keeper.communicate()
    assert locks.standing(made.gpu, holding.name(made)) is None


def test_a_failed_run_whose_trainer_lives_says_so(tmp_path: Path, run: RunIt) -> None:
    project, kept, home = waiting(tmp_path, {"log": "success", "hold_at": 2})
    made = queued(project, kept, home)
    here = Here()
    here(project, control.number_of(made))
    wait_until(lambda: (home / "held").exists())
    here.ending.set()
    here.join()
    # As where the disk was full for a moment: nobody follows it, and its trainer knows nothing.
    record.note(project, made.id, now=now(), state="failed", why="The disk is full.")
    at = ("--project", str(project.root))
    assert "its trainer still lives" in run("train", "status", "owl", *at).out
    again = Here()
    gone = control.stop(
        project, record.load(project, made.id), actor="user:ann", now=now(), begin=again, wait=60
    )
    again.join()
    assert record.load(project, gone.id).state == "stopped"
    assert "its trainer still lives" not in run("train", "status", "owl", *at).out
