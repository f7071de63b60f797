"""``ategnatos jobs watch``, ``retry`` and ``limit``, beside a worker that is really at work."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from ategnatos.art import generate, steps
from ategnatos.art import order as orders
from ategnatos.engines import ENGINE_CANNOT, Progress, ProgressCallback, Request, Result
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.jobs import database, leases
from ategnatos.grimoire.jobs.leases import Policy
from ategnatos.grimoire.jobs.worker import Worker
from ategnatos.grimoire.project import Project
from tests.conftest import Run
from tests.engines.painter import Painter

# Until something that surely happens has happened.
PATIENCE = 60.0


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Slow(Painter):
    """Paints half, says so, and waits to be let on."""

    name: str = "slow"
    half_done: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)

    def generate(self, request: Request, on_progress: ProgressCallback | None = None) -> Result:
        assert on_progress is not None
        on_progress(Progress(1, 2, "half"))
        self.half_done.set()
        assert self.go_on.wait(PATIENCE)
        return super().generate(request, on_progress)


class Refusing(Painter):
    """Refuses every order until it is mended."""

    broken = True

    def generate(self, request: Request, on_progress: ProgressCallback | None = None) -> Result:
        if self.broken:
            raise StudioError(ENGINE_CANNOT, "It is out of paint.", hint="Buy some.")
        return super().generate(request, on_progress)


def queue(project: Project, engine: Painter, prompt: str = "a square") -> None:
    order = orders.plan(engine, Request(prompt, 0, count=1), explicit_seed=1)
    generate.enqueue(project, engine.name, order, now=now, actor="user:test")


def worker(project: Project, engine: Painter) -> Worker:
    work = steps.Steps(project, engine_of=lambda _: engine, now=now, actor="user:test")
    policy = Policy(retries=0)
    return Worker(project, steps.SAGAS, work.table(), policy=policy, failed=work.failed)


def may_begin(project: Project, engine: Painter, job: int) -> bool:
    """Whether a worker would get the job now; a job that it got is given back."""
    with database.connect(project) as db:
        claim = worker(project, engine).claim(db, job)
        if claim is not None:
            leases.release(db, [claim.hold])
    return claim is not None


@contextmanager
def at_work(project: Project, engine: Slow) -> Iterator[None]:
    """A worker that has painted half of the next job for the length of the block; afterwards it
    has carried out all that was in the line.
    """
    done: list[int] = []
    hand = worker(project, engine)
    thread = threading.Thread(target=lambda: done.append(hand.work(until_idle=True)))
    thread.start()
    try:
        assert engine.half_done.wait(PATIENCE)
        yield
    finally:
        engine.go_on.set()
        thread.join(PATIENCE)
    assert done, "the worker did not end"


def test_watching_shows_how_far_another_process_is_and_gives_up_in_time(
    project: Project, run: Run
) -> None:
    engine = Slow()
    queue(project, engine)
    with at_work(project, engine):
        ran = run("jobs", "watch", "j1", "--timeout", "0", "--json", cwd=project.root)
        assert (ran.code, ran.envelope["error"]["code"]) == (1, "still_running")
        seen = ran.envelope["data"]
        assert (seen["state"], seen["at_work"]) == ("generating", True)
        # How far it is is written with the next beat of the worker's pulse.
        deadline = time.monotonic() + PATIENCE
        while not seen["progress"] and time.monotonic() < deadline:
            ran = run("jobs", "watch", "j1", "--timeout", "0.1", "--json", cwd=project.root)
            seen = ran.envelope["data"]
        assert (seen["progress"]["done"], seen["progress"]["total"]) == (1, 2)
        told = run("jobs", "watch", "j1", "--timeout", "0", cwd=project.root)
        assert "50 %" in told.out + told.err
    ended = run("jobs", "watch", "j1", "--json", cwd=project.root).data
    assert (ended["state"], ended["waits_for"]) == ("awaiting_review", "a person")
    assert ended["next"] == ["ategnatos art show j1"]


def test_a_watch_ends_by_itself_when_the_job_needs_a_person(project: Project) -> None:
    engine = Slow()
    queue(project, engine)
    words = [sys.executable, "-m", "ategnatos", "jobs", "watch", "j1", "--timeout", "60"]
    with at_work(project, engine):
        watching = subprocess.Popen(
            words, cwd=project.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert watching.stderr is not None
        told = ""
        while "50 %" not in told:
            told = watching.stderr.readline()
            assert told, "it ended before the job did"
    out, _ = watching.communicate(timeout=PATIENCE)
    assert watching.returncode == 0
    assert "ategnatos art show j1" in out


def test_a_failed_job_goes_on_where_it_failed(project: Project, run: Run) -> None:
    engine = Refusing()
    queue(project, engine)
    hand = worker(project, engine)
    hand.work(until_idle=True)
    watched = run("jobs", "watch", "j1", "--json", cwd=project.root).data
    assert (watched["state"], watched["error"]["message"]) == ("failed", "It is out of paint.")
    assert watched["next"] == ["ategnatos jobs retry j1"]

    would = run("jobs", "retry", "j1", "--dry-run", "--json", cwd=project.root).data
    assert would["state"] == "generating"
    assert run("jobs", "show", "j1", "--json", cwd=project.root).data["state"] == "failed"

    back = run("jobs", "retry", "j1", "--json", cwd=project.root).data
    assert back["state"] == "generating"
    engine.broken = False
    worker(project, engine).work(until_idle=True)
    shown = run("jobs", "show", "j1", "--json", cwd=project.root).data
    assert (shown["state"], shown["error"]) == ("awaiting_review", None)
    # Once it is well there is nothing to try again, and a dry run says so too.
    for more in ([], ["--dry-run"]):
        ran = run("jobs", "retry", "j1", *more, "--json", cwd=project.root)
        assert (ran.code, ran.envelope["error"]["code"]) == (1, "job_state")


def test_a_limit_of_one_lets_the_second_job_wait(project: Project, run: Run) -> None:
    engine = Slow()
    queue(project, engine, "a first square")
    queue(project, engine, "a second square")
    set_to = run("jobs", "limit", "slow", "--concurrency", "1", "--json", cwd=project.root)
    assert set_to.data == {"engine": "slow", "concurrency": 1, "rate": None}
    with at_work(project, engine):
        listed = run("jobs", "list", "--json", cwd=project.root).data["jobs"]
        assert [one["at_work"] for one in listed] == [True, False]
        assert "which is its limit" in listed[1]["waits_for"]
        assert not may_begin(project, engine, 2)
    listed = run("jobs", "list", "--json", cwd=project.root).data["jobs"]
    assert [one["state"] for one in listed] == ["awaiting_review", "awaiting_review"]


def test_a_rate_that_is_used_up_lets_the_next_job_wait_until_it_is_taken_away(
    project: Project, run: Run
) -> None:
    engine = Painter()
    queue(project, engine, "a first square")
    queue(project, engine, "a second square")
    assert run("jobs", "limit", "painter", "--rate", "1/80000", cwd=project.root).code == 0
    assert may_begin(project, engine, 1)
    assert not may_begin(project, engine, 2)
    waits = run("jobs", "show", "j2", "--json", cwd=project.root).data["waits_for"]
    assert "its rate of 1 in 80000 s is used up" in waits
    assert run("jobs", "limit", "painter", cwd=project.root).code == 0
    assert worker(project, engine).work(until_idle=True) == 2


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--rate", "often"), "usage"),
        (("--rate", "0/60"), "limit_invalid"),
        (("--rate", "1/0"), "limit_invalid"),
        (("--rate", "1/nan"), "limit_invalid"),
        (("--concurrency", "0"), "limit_invalid"),
        (("--concurrency", "0", "--dry-run"), "limit_invalid"),
        (("--concurrency", "many"), "usage"),
    ],
)
def test_a_limit_that_cannot_be_is_refused_and_changes_nothing(
    project: Project, run: Run, words: tuple[str, ...], code: str
) -> None:
    run("jobs", "limit", "painter", "--concurrency", "1", cwd=project.root)
    ran = run("jobs", "limit", "painter", *words, "--json", cwd=project.root)
    assert (ran.code, ran.envelope["error"]["code"]) == (1, code)
    engine = Painter()
    queue(project, engine)
    assert worker(project, engine).work(until_idle=True) == 1


def test_a_dry_run_of_a_limit_sets_none(project: Project, run: Run) -> None:
    words = ("jobs", "limit", "painter", "--rate", "1/80000", "--dry-run", "--json")
    assert run(*words, cwd=project.root).data["dry_run"] is True
    engine = Painter()
    queue(project, engine, "a first square")
    queue(project, engine, "a second square")
    assert worker(project, engine).work(until_idle=True) == 2
