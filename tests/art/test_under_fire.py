"""Two at once, and killed half-way: nothing is made twice and nothing is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from ategnatos.art import generate, order
from ategnatos.engines import Request
from ategnatos.grimoire import journal
from ategnatos.grimoire.jobs import database, store
from ategnatos.grimoire.project import Project
from tests.conftest import Run
from tests.engines.painter import Painter

REQUEST = Request("a square", 0, count=3)


def now() -> datetime:
    return datetime.now(UTC)


def test_eight_at_once_make_one_job_and_call_the_engine_once(project: Project) -> None:
    painter = Painter(before_paint=lambda: time.sleep(0.2))
    planned = order.plan(painter, REQUEST, explicit_seed=None)
    made: list[generate.Made] = []

    def work() -> None:
        made.append(generate.carry_out(project, painter, planned, now=now, actor="test"))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert painter.calls == 1
    assert [one.fresh for one in made].count(True) == 1
    assert {one.job.name for one in made} == {"j1"}
    kinds = [event.kind for event in journal.read(project)]
    assert kinds == ["art.ordered", "art.delivered"]


def test_kill_nine_half_way_leaves_a_job_that_the_same_command_finishes(
    project: Project, run: Run
) -> None:
    command = [sys.executable, "-m", "ategnatos", "art", "generate", "a red potion"]
    slow = [*command, "--steps", "40", "--count", "4", "--size", "32x32"]
    for _ in range(2):
        process = subprocess.Popen(
            slow, cwd=project.root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        _wait_until_generating(project)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    with database.connect(project) as db:
        assert [job.state for job in store.jobs(db)] == [store.GENERATING]
    assert not list(project.outputs.rglob("0*.png"))
    done = run(*slow[3:], "--json", cwd=project.root)
    assert done.data["job"] == "j1"
    assert done.data["state"] == store.AWAITING_REVIEW
    assert len(list(project.outputs.rglob("0*.png"))) == 4


def _wait_until_generating(project: Project) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if _is_generating(project):
            return
        time.sleep(0.02)
    raise AssertionError("the job never began")


def _is_generating(project: Project) -> bool:
    if not Path(project.database).exists():
        return False
    with database.connect(project) as db:
        return bool(store.jobs(db, states=[store.GENERATING]))
