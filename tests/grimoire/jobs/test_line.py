"""The line: who is taken first, what holds an engine back, and what becomes of failures."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.jobs import claims, database, leases, moves, owners, saga, store, throttle
from ategnatos.grimoire.jobs.claims import Claim
from ategnatos.grimoire.jobs.database import Database
from ategnatos.grimoire.jobs.leases import Policy
from ategnatos.grimoire.jobs.run import Done, Run
from ategnatos.grimoire.jobs.worker import Worker
from ategnatos.grimoire.project import Project

PICTURE = saga.load("picture")
ART = saga.load("art")
SAGAS = {"picture": PICTURE, "art": ART}
POLICY = Policy(lease=30.0, backoff=(5.0, 20.0), breaker_fails=3, breaker_seconds=60.0)
FAULT = {"code": "unexpected", "message": "it broke", "hint": ""}


@dataclass
class Line:
    """A database whose time stands still until it is told to pass."""

    project: Project
    db: Database
    time: list[float]

    def order(
        self, engine: str = "painter", *, priority: int = 0, kind: str = "image", rules: Any = None
    ) -> int:
        found = self.db.execute("SELECT COUNT(*) FROM job").fetchone()[0]
        job, fresh = store.record(
            self.db,
            kind=kind,
            engine=engine,
            recipe_id="prompt",
            base="b",
            take=0,
            binding=f"{found:016x}",
            asked="a square",
            request={},
            now="",
            priority=priority,
            saga=rules,
        )
        assert fresh
        return job.id

    def claim(self, owner: str = "one", only: int | None = None) -> Claim | None:
        return claims.claim(self.db, SAGAS, owner, POLICY, only=only)

    def taken(self, owner: str = "one") -> int | None:
        claim = self.claim(owner)
        return None if claim is None else claim.job.id

    def fail(self, claim: Claim, *, again: bool = True) -> bool:
        rules = SAGAS[claim.job.saga]
        return moves.give_up(
            self.db, claim.hold, rules, claim.job, FAULT, POLICY, again=again, engine_fault=True
        )

    def finish(self, claim: Claim, after: str = "awaiting_review") -> None:
        moves.finish(self.db, claim.hold, SAGAS[claim.job.saga], claim.job, after)

    def job(self, number: int) -> store.Job:
        return store.get(self.db, number)


@pytest.fixture
def line(either: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    time = [1_000_000.0]
    with database.connect(either, clock=lambda: time[0]) as db:
        if db.dialect == "postgres":
            monkeypatch.setattr(type(db), "now", lambda self: time[0])
        yield Line(either, db, time)


def test_priority_first_then_age(line: Line) -> None:
    line.order()
    line.order(priority=10)
    line.order(priority=-10)
    line.order(priority=10)
    assert [line.taken() for _ in range(5)] == [2, 4, 1, 3, None]


def test_a_lease_that_is_renewed_holds_and_one_that_is_not_is_taken_over(line: Line) -> None:
    line.order()
    first = line.claim()
    assert first is not None
    line.time[0] += 25
    leases.renew(line.db, first.hold, 30.0, {"done": 1, "total": 2, "message": ""})
    line.time[0] += 25
    assert line.taken("two") is None
    line.time[0] += 6
    assert line.taken("two") == 1
    assert line.job(1).fence > first.hold.fence
    for late in (
        lambda: line.finish(first),
        lambda: line.fail(first),
        lambda: leases.renew(line.db, first.hold, 30.0),
        lambda: leases.require(line.db, first.hold),
    ):
        with pytest.raises(StudioError) as refused:
            late()
        assert refused.value.code is leases.LEASE_LOST
    assert line.job(1).state == "generating"


@pytest.mark.parametrize("jump", [86_400.0 * 365, -86_400.0 * 365])
def test_a_clock_that_jumps_strands_no_job(line: Line, jump: float) -> None:
    line.order()
    claim = line.claim()
    assert claim is not None
    line.time[0] += jump
    again = line.claim("two")
    assert again is not None
    assert not line.fail(again), "there are tries left"
    line.time[0] -= jump / 2
    line.time[0] += 5.1
    assert line.taken("three") == 1


def test_a_failed_try_waits_and_the_fourth_is_the_last(line: Line) -> None:
    line.order()
    waits = []
    for _ in range(3):
        claim = line.claim()
        assert claim is not None
        assert not line.fail(claim)
        throttle.resume(line.db, "painter")
        waits.append(line.job(1).not_before - line.time[0])
        assert line.taken() is None
        line.time[0] += waits[-1]
    assert waits == [5.0, 20.0, 20.0]
    claim = line.claim()
    assert claim is not None
    assert line.fail(claim)
    failed = line.job(1)
    assert (failed.state, failed.failed_in, failed.error_class) == (
        "failed",
        "generating",
        "unexpected",
    )
    throttle.resume(line.db, "painter")
    assert moves.retry(line.db, 1, who="me") == "generating"
    assert line.taken() == 1


def test_after_three_reclaims_a_job_fails_by_force(line: Line) -> None:
    line.order()
    for number in range(4):
        assert line.taken(f"owner {number}") == 1
        line.time[0] += 31
    assert line.taken("last") is None
    failed = line.job(1)
    assert (failed.state, failed.error_class) == ("failed", "stage_timeout_repeated")


def test_the_breaker_opens_probes_with_one_job_and_closes(line: Line) -> None:
    for _ in range(6):
        line.order()
    for _ in range(3):
        claim = line.claim()
        assert claim is not None
        line.fail(claim, again=False)
    assert line.taken() is None
    assert "3 times in a row" in throttle.blocked(line.db, line.time[0])["painter"]
    line.time[0] += 61
    probe = line.claim()
    assert probe is not None
    assert line.taken("two") is None, "one job tries it, and no more"
    line.fail(probe, again=False)
    assert line.taken() is None, "the probe failed: it is open again"
    line.time[0] += 61
    probe = line.claim()
    assert probe is not None
    line.finish(probe)
    assert line.taken() == 6


def test_a_probe_whose_worker_died_does_not_hold_the_engine_for_ever(line: Line) -> None:
    for _ in range(5):
        line.order()
    for _ in range(3):
        claim = line.claim()
        assert claim is not None
        line.fail(claim, again=False)
    line.time[0] += 61
    assert line.taken() == 4
    line.time[0] += 31
    assert line.taken("two") == 4


def test_concurrency_counts_the_living_of_one_engine(line: Line) -> None:
    throttle.limit(line.db, "painter", concurrency=2, rate=None)
    for _ in range(3):
        line.order()
    line.order("other")
    assert [line.taken() for _ in range(4)] == [1, 2, 4, None]
    line.time[0] += 31
    assert line.taken("two") == 1, "the dead no longer count"


def test_the_rate_fills_evenly(line: Line) -> None:
    throttle.limit(line.db, "painter", concurrency=None, rate=(2, 10.0))
    for _ in range(4):
        line.order()
    assert [line.taken() for _ in range(3)] == [1, 2, None]
    line.time[0] += 5.1
    assert [line.taken() for _ in range(2)] == [3, None]


def test_a_pause_holds_one_engine_or_all(line: Line) -> None:
    line.order()
    line.order("other")
    assert throttle.pause(line.db, "painter", who="me", why="new disk")
    assert line.taken() == 2
    assert "new disk" in claims.waits_for(line.db, line.job(1))
    throttle.pause(line.db, throttle.EVERY, who="me", why="")
    throttle.resume(line.db, "painter")
    assert line.taken() is None
    assert throttle.resume(line.db, throttle.EVERY)
    assert line.taken() == 1


def test_cancel_stops_at_once_or_asks_the_worker(line: Line) -> None:
    line.order()
    line.order()
    claim = line.claim()
    assert claim is not None
    assert not moves.cancel(line.db, 1, who="me")
    assert leases.renew(line.db, claim.hold, 30.0) == "me"
    assert moves.cancel(line.db, 2, who="me")
    assert line.job(2).error_class == "cancelled"
    assert line.taken() is None


def test_two_verdicts_at_once_one_counts(line: Line) -> None:
    line.order(rules=ART, kind="character")
    claim = line.claim()
    assert claim is not None
    line.finish(claim, "awaiting_concept_approval")
    assert line.taken() is None, "a human wait is a row"
    seen = line.job(1)
    with database.writing(line.db):
        moves.person_moves(line.db, seen, ART, "rotation_generating", who="me", why=None)
    with pytest.raises(StudioError) as refused, database.writing(line.db):
        moves.person_moves(line.db, seen, ART, "rejected", who="you", why=None)
    assert refused.value.code is moves.JOB_STATE
    assert line.job(1).state == "rotation_generating"


def test_a_kind_may_skip_the_concept_and_only_a_person_opens_a_gate(line: Line) -> None:
    line.order(rules=ART, kind="tile")
    claim = line.claim()
    assert claim is not None
    assert claim.job.state == "rotation_generating"
    with pytest.raises(StudioError) as refused:
        line.finish(claim, "approved")
    assert refused.value.code is moves.JOB_STATE


def test_a_worker_takes_a_saga_of_its_own_file_through_its_steps(line: Line, tmp_path: Any) -> None:
    """Adding a saga is a file and its step functions."""
    path = tmp_path / "brew.json"
    path.write_text(
        """{"about": "x", "start": "ordered", "failed": "spilt", "states": {
        "ordered": {"says": "ordered"}, "heating": {"says": "heating", "runs": "heat"},
        "pouring": {"says": "pouring", "runs": "pour"}, "served": {"says": "served"},
        "spilt": {"says": "spilt"}}, "moves": [{"from": "ordered", "to": "heating"},
        {"from": "heating", "to": "pouring"}, {"from": "pouring", "to": "served"}]}"""
    )
    rules = saga.read(path)
    line.order(rules=rules)
    seen = []

    def heat(run: Run) -> Done:
        run.progress(1, 2)
        return Done(data={"degrees": 90})

    def pour(run: Run) -> None:
        seen.append(run.job.data["degrees"])

    worker = Worker(
        line.project, {"brew": rules}, {"heat": heat, "pour": pour}, clock=lambda: line.time[0]
    )
    assert worker.work(until_idle=True) == 2
    assert (line.job(1).state, seen) == ("served", [90])
    states = [event["to_state"] for event in store.events(line.db, 1)]
    assert states == ["ordered", "heating", "pouring", "served"]


@pytest.mark.parametrize("name", saga.names())
def test_no_saga_lets_a_worker_pass_a_person_or_bill_after_a_rejection(name: str) -> None:
    rules = saga.load(name)
    for state in rules.states.values():
        if state.waits_for == saga.PERSON:
            assert rules.onward(state.name, "image") is None
    assert not any(
        one.before == "rejected" and rules.states[one.after].bills for one in rules.moves
    )


def test_a_dead_process_of_this_machine_is_known_to_be_dead() -> None:
    import subprocess
    import sys

    code = "from ategnatos.grimoire.jobs.owners import owner_name; print(owner_name(3))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    dead = done.stdout.strip()
    if "@" not in dead:
        pytest.skip("this system does not tell when a process started")
    assert owners.is_gone(dead)
    assert not owners.is_gone(owners.owner_name())
    assert not owners.is_gone(owners.spoken(dead)), "without its mark nobody is declared dead"
    assert not owners.is_gone(dead.replace(dead.rpartition(".")[2], "1")), "another namespace"


def test_the_policy_that_ships_is_the_one_that_was_promised() -> None:
    said = dataclasses.asdict(Policy())
    assert (said["lease"], said["retries"], said["reclaims"], said["breaker_fails"]) == (
        30,
        3,
        3,
        10,
    )
