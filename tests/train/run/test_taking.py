"""A run is said to be begun when its supervisor has it, and of two at once one is refused."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.jobs import database, store
from ategnatos.guard import locks
from ategnatos.train.run import attempts, control, going_on, ordering, record, taking
from tests.conftest import Run as RunIt
from tests.train import fakes
from tests.train.run.studio import Here, followed, now, opened, ordered, studio
from tests.waiting import wait_until


def together(acts: list[Callable[[], Any]]) -> tuple[list[Any], list[StudioError]]:
    """Do them in threads of their own; what they gave back, and what they refused."""
    done: list[Any] = []
    refused: list[StudioError] = []

    def one(act: Callable[[], Any]) -> None:
        try:
            done.append(act())
        except StudioError as error:
            refused.append(error)

    threads = [threading.Thread(target=one, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    return done, refused


def at_once(monkeypatch: pytest.MonkeyPatch, module: Any) -> None:
    """Both have looked, and seen a free GPU, before either writes itself down."""
    both, look = threading.Barrier(2), ordering.free

    def free(*given: Any, **more: Any) -> None:
        look(*given, **more)
        both.wait(30)

    monkeypatch.setattr(module, "free", free)


def test_of_two_launches_at_the_same_instant_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, kept = studio(tmp_path)
    at_once(monkeypatch, ordering)
    done, refused = together([lambda: ordered(project, kept)] * 2)
    assert [one.code for one in refused] == [control.RUN_BUSY]
    assert f"has {done[0].id} already" in refused[0].message
    assert [one.id for one in record.every(project)] == [done[0].id]
    with database.connect(project) as db:
        assert len(control.queue(db)) == 1


def test_of_two_resumes_at_the_same_instant_one_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = fakes.install(
        tmp_path / "home",
        "simpletuner",
        {"log": "success", "stop_at": 6, "status": 1},
        {"log": "success"},
    )
    project, kept = studio(tmp_path, "sdxl/base", steps=8)
    run = followed(project, ordered(project, kept, "simpletuner", home))
    assert run.state == "failed"
    at_once(monkeypatch, going_on)
    here = Here()

    def resume() -> control.Resumed:
        return control.resume(
            project, run, actor="user:ann", now=now(), require=opened(home), begin=here
        )

    done, refused = together([resume, resume])
    here.join()
    assert [one.code for one in refused] == [control.RUN_STATE]
    assert "already" in refused[0].message
    assert [one.point for one in done] == ["checkpoint-4"]
    assert record.load(project, run.id).state == "finished"
    assert len(attempts.every(run.folder)) == len(fakes.starts(home)) == 2


@pytest.fixture
def launch(run: RunIt, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """``train launch owl --json`` in a fresh studio behind open gates."""
    project, _ = studio(tmp_path, steps=4, save_every_steps=4)
    monkeypatch.setattr(control, "order", functools.partial(control.order, require=opened()))

    def call() -> tuple[Any, Any]:
        words = ("--trainer", "starter", "--json", "--project", project.root)
        return project, run("train", "launch", "owl", *words)

    return call


def test_a_launch_comes_back_when_its_supervisor_has_the_run(launch: Any) -> None:
    project, done = launch()
    assert done.data["started"] is True
    # Not 'queued': somebody has it, or it is over already.
    assert done.data["state"] in record.AT_WORK | {"finished"}
    wait_until(lambda: record.load(project, "owl").state in record.ENDED)
    assert record.load(project, "owl").state == "finished"


def test_a_supervisor_that_dies_at_once_is_told_with_its_last_words_and_nothing_is_lost(
    launch: Any, run: RunIt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho Traceback ...\necho ImportError: no such thing\nexit 3\n")
    broken.chmod(0o755)
    with monkeypatch.context() as patched:
        patched.setattr(ordering.sys, "executable", str(broken))
        project, done = launch()
    error = done.envelope["error"]
    assert (done.code, error["code"]) == (1, "run_untaken")
    assert "ended at once, with status 3" in error["message"]
    assert "It said: ImportError: no such thing" in error["message"]
    assert "train queue start gpu:local:0" in error["hint"]
    waiting = record.load(project, "owl")
    assert waiting.state == "queued"
    assert followed(project, waiting).state == "finished"


def test_a_launch_that_waits_for_its_gpu_says_for_whom(launch: Any) -> None:
    with locks.resource("gpu:local:0", who="somebody's game"):
        project, done = launch()
        assert done.data["started"] is False
        assert "somebody's game" in done.data["waits_for"]
        run = record.load(project, "owl")
        assert run.state == "queued"
        control.stop(project, run, actor="user:ann", now=now())
    with database.connect(project) as db:
        number = control.number_of(run)
        # What is asked again in some seconds is asked now.
        with database.writing(db):
            db.execute("UPDATE job SET not_before=0")
        # The supervisor sees that there is nothing left to do, and ends.
        wait_until(lambda: not store.get(db, number).runnable)


def test_one_that_never_comes_to_it_is_not_waited_for_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, kept = studio(tmp_path)
    run = ordered(project, kept)
    sleeper = tmp_path / "python"
    sleeper.write_text("#!/bin/sh\nexec sleep 600\n")
    sleeper.chmod(0o755)
    monkeypatch.setattr(ordering.sys, "executable", str(sleeper))
    # What another one said before is not its word.
    (run.folder / "supervisor.log").write_text("Over after 9 s.\n")
    by = control.start(project, control.number_of(run))
    try:
        with pytest.raises(StudioError) as late:
            taking.taken_up(project, run, by, patience=0.2)
        assert late.value.code is taking.RUN_UNTAKEN
        assert "has not come to it" in late.value.message
        assert "Over after" not in late.value.message
        assert record.load(project, run.id).state == "queued"
    finally:
        by.process.kill()
        by.process.wait()


def test_a_run_goes_on_with_the_gpu_that_it_had(tmp_path: Path) -> None:
    orders = ({"log": "success", "stop_at": 9, "status": 1}, {"log": "resume_after_kill"})
    home = fakes.install(tmp_path / "home", "ai-toolkit", *orders)
    project, kept = studio(tmp_path, "sdxl/base", steps=10)
    run = followed(project, ordered(project, kept, "ai-toolkit", home, gpu="1"))
    assert (run.state, run.gpu) == ("failed", "gpu:local:1")

    def resume(**more: Any) -> control.Resumed:
        return control.resume(
            project, run, actor="user:ann", now=now(), require=opened(home), **more
        )

    with pytest.raises(StudioError) as another:
        resume(gpu="0")
    assert another.value.code is control.RUN_GPU
    assert "--gpu 1 of local" in another.value.message
    assert record.load(project, run.id).state == "failed"
    here = Here()
    resume(begin=here, gpu="1")
    here.join()
    assert record.load(project, run.id).gpu == "gpu:local:1"
    assert fakes.starts(home)[1]["environment"]["CUDA_VISIBLE_DEVICES"] == "1"
