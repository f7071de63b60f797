"""Rented machines end in time, and none is called gone on less than two looks."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ategnatos.grimoire import journal
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.jobs import database
from ategnatos.grimoire.project import Project
from ategnatos.grimoire.spend import ledger, rentals
from ategnatos.grimoire.spend.amounts import USD
from ategnatos.guard.budget import policy
from ategnatos.guard.budget.config import Config
from ategnatos.studio import rentals as room
from ategnatos.studio import spending, watchdog
from tests.studio.fake_provider import Cloud

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
RATE = 600_000  # a cent a minute


class Clock:
    """A time that the test moves."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def pass_minutes(self, minutes: float) -> None:
        self.now += timedelta(minutes=minutes)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with Cloud() as running:
        running.machines.add("pod-1")
        yield running


def rent(project: Project, minutes: int = 60, name: str = "pod-1", provider: str = "fake") -> str:
    wanted = room.Plan(provider, name, RATE, minutes)
    room.start(project, Config(), wanted, wanted.entry(NOON), actor="user:test", now=NOON)
    return wanted.name


def sweep(project: Project, cloud: Cloud, clock: Clock) -> watchdog.Finding:
    (found,) = watchdog.sweep(project, cloud.find, clock=clock)
    return found


def spent(project: Project) -> tuple[str, int]:
    with database.connect(project) as db:
        (row,) = db.execute("SELECT status, counts FROM spend").fetchall()
    return str(row[0]), int(row[1])


def test_a_machine_in_time_is_let_be_and_a_person_is_warned_before_the_end(
    project: Project, cloud: Cloud, clock: Clock
) -> None:
    rent(project)
    assert spent(project) == ("reserved", 600_000)
    assert sweep(project, cloud, clock).kind == "runs"
    clock.pass_minutes(55)
    assert sweep(project, cloud, clock).kind == "soon"
    assert cloud.asked == []


def test_an_overdue_machine_is_ended_and_believed_gone_at_the_second_look(
    project: Project, cloud: Cloud, clock: Clock
) -> None:
    rent(project)
    clock.pass_minutes(60)
    first = sweep(project, cloud, clock)
    assert (first.kind, cloud.machines) == ("ending", set())
    assert "once" in first.said
    clock.pass_minutes(0.25)
    assert sweep(project, cloud, clock).kind == "ending"
    clock.pass_minutes(0.5)
    assert sweep(project, cloud, clock).kind == "ended"
    assert cloud.asked == ["pod-1"]
    assert spent(project) == ("settled", 600_000)
    assert watchdog.sweep(project, cloud.find, clock=clock) == []
    kinds = [event.kind for event in journal.read(project) if event.kind.startswith("rental.")]
    assert kinds == ["rental.started", "rental.end_asked", "rental.ended"]


def test_a_reply_that_got_lost_is_unknown_and_the_machine_counts_until_it_is_seen_gone(
    project: Project, cloud: Cloud, clock: Clock
) -> None:
    rent(project)
    clock.pass_minutes(60)
    cloud.mood, cloud.blind = "silent", 1
    found = sweep(project, cloud, clock)
    assert found.kind == "person"
    assert "unknown" in found.said
    clock.pass_minutes(10)
    cloud.mood = "obey"
    assert sweep(project, cloud, clock).kind == "ending"
    clock.pass_minutes(1)
    ended = sweep(project, cloud, clock)
    assert (ended.kind, ended.cost, ended.over) == ("ended", 700_000, 100_000)
    assert "more than was reserved" in ended.said
    assert spent(project) == ("settled", 700_000)


def test_absent_present_absent_is_not_gone(project: Project, cloud: Cloud, clock: Clock) -> None:
    rent(project)
    clock.pass_minutes(60)
    assert sweep(project, cloud, clock).kind == "ending"
    cloud.machines.add("pod-1")
    clock.pass_minutes(1)
    assert sweep(project, cloud, clock).kind == "ending"
    cloud.machines.clear()
    clock.pass_minutes(1)
    assert sweep(project, cloud, clock).kind == "ending"
    clock.pass_minutes(1)
    assert sweep(project, cloud, clock).kind == "ended"


def test_an_unclear_look_between_two_absences_starts_again(
    project: Project, cloud: Cloud, clock: Clock
) -> None:
    rent(project)
    clock.pass_minutes(60)
    assert sweep(project, cloud, clock).kind == "ending"
    cloud.blind = 1
    clock.pass_minutes(1)
    assert sweep(project, cloud, clock).kind == "ending"
    clock.pass_minutes(1)
    assert sweep(project, cloud, clock).kind == "ending"
    clock.pass_minutes(1)
    assert sweep(project, cloud, clock).kind == "ended"


def test_accepted_but_still_there_is_asked_again_and_goes_on_counting(
    project: Project, cloud: Cloud, clock: Clock
) -> None:
    rent(project)
    clock.pass_minutes(60)
    cloud.mood = "forget"
    for _ in range(3):
        assert sweep(project, cloud, clock).kind == "ending"
        clock.pass_minutes(30)
    assert len(cloud.asked) == 3
    found = spending.look(project, clock.now)
    assert found.late == 900_000
    one = room.Plan("fake", "pod-2", 0, 1).entry(clock.now)
    tight = Config(max_daily_cost=1_400_000)
    with database.connect(project) as db, pytest.raises(StudioError), database.writing(db):
        policy.reserve(db, tight, one, now=clock.now)


def test_a_refusal_is_for_a_person_and_is_asked_again(
    project: Project, cloud: Cloud, clock: Clock
) -> None:
    rent(project)
    clock.pass_minutes(60)
    cloud.mood = "refuse"
    found = sweep(project, cloud, clock)
    assert found.kind == "person"
    assert "refused" in found.said
    cloud.mood = "obey"
    assert sweep(project, cloud, clock).kind == "ending"


def test_without_its_provider_it_stays_on_the_list_with_what_to_do(
    project: Project, cloud: Cloud, clock: Clock
) -> None:
    rent(project, provider="nobody")
    clock.pass_minutes(60)
    found = sweep(project, cloud, clock)
    assert found.kind == "person"
    assert "timer stop nobody:pod-1 --gone" in found.said
    with database.connect(project) as db:
        assert [one.name for one in rentals.live(db)] == ["nobody:pod-1"]


def test_a_second_timer_for_one_machine_is_refused_and_reserves_nothing(
    project: Project,
) -> None:
    rent(project)
    with pytest.raises(StudioError) as refused:
        rent(project)
    assert refused.value.code is rentals.RENTAL_RUNNING
    assert spent(project) == ("reserved", 600_000)


def test_all_machines_together_stay_under_the_hourly_rate(project: Project) -> None:
    for number in range(5):
        rent(project, minutes=1, name=f"pod-{number}")
    with pytest.raises(StudioError) as refused:
        rent(project, minutes=1, name="pod-5")
    assert refused.value.details["caps"] == [{"field": "max_hourly_rate", "left": "0.00"}]


def test_stopping_looks_and_believes_nobody(project: Project, cloud: Cloud, clock: Clock) -> None:
    name = rent(project)
    clock.pass_minutes(10)
    found = room.stop(project, name, cloud.find, teardown=False, now=clock.now)
    assert found.kind == "runs"
    assert cloud.asked == []
    found = room.stop(project, name, cloud.find, teardown=True, now=clock.now)
    assert (found.kind, cloud.asked) == ("ending", ["pod-1"])
    clock.pass_minutes(1)
    ended = sweep(project, cloud, clock)
    assert (ended.kind, ended.cost) == ("ended", 100_000)


def _sweeper(root: str, port: int, start: object) -> None:
    from tests.studio.fake_provider import CloudClient

    start.wait()  # type: ignore[attr-defined]
    for _ in range(5):
        watchdog.sweep(
            Project(Path(root)),
            lambda _: (CloudClient(port), ""),
            clock=lambda: NOON + timedelta(minutes=61),
        )


def test_four_sweeps_at_once_ask_once(project: Project, cloud: Cloud) -> None:
    for number in range(3):
        cloud.machines.add(f"pod-{number}")
        rent(project, name=f"pod-{number}")
    context = multiprocessing.get_context("fork")
    start = context.Barrier(4)
    sweepers = [
        context.Process(target=_sweeper, args=(str(project.root), cloud.port, start))
        for _ in range(4)
    ]
    for one in sweepers:
        one.start()
    for one in sweepers:
        one.join(60)
        assert one.exitcode == 0
    assert sorted(cloud.asked) == ["pod-0", "pod-1", "pod-2"]
    with database.connect(project) as db:
        assert len(rentals.live(db)) == 3  # one look each: nobody is gone yet


def test_a_watchdog_that_died_after_sending_is_followed_by_the_next(
    project: Project, cloud: Cloud, clock: Clock
) -> None:
    rent(project)
    clock.pass_minutes(60)
    with database.connect(project) as db, database.writing(db):
        (one,) = rentals.live(db)
        assert rentals.claim(db, one, now=clock.now, seconds=watchdog.CLAIM_SECONDS)
        rentals.end_asked(db, one)
    assert sweep(project, cloud, clock).kind == "held"
    clock.pass_minutes(4)
    assert sweep(project, cloud, clock).kind == "ending"
    assert cloud.asked == ["pod-1"]


def test_what_was_spent_is_settled_once(project: Project, cloud: Cloud, clock: Clock) -> None:
    rent(project)
    with database.connect(project) as db:
        (one,) = rentals.live(db)
        clock.pass_minutes(5)
        watchdog.close(project, db, one, how="person", actor="person:x", now=clock.now)
        with database.writing(db):
            assert not ledger.settle(db, one.spend_key, {USD: 1}, now=clock.now).fresh
    assert spent(project) == ("settled", 50_000)
