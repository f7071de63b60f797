"""The reaper's nets, one by one, and whole lives in virtual time with faults and deaths."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from ategnatos.grimoire import journal
from ategnatos.grimoire.jobs import database
from ategnatos.grimoire.project import Project
from ategnatos.grimoire.spend import rentals
from ategnatos.grimoire.spend.amounts import decimal
from ategnatos.guard.budget.config import Config
from ategnatos.providers import Provider
from ategnatos.providers.values import Wanted
from ategnatos.studio import reaper
from ategnatos.studio.renting import create
from ategnatos.studio.renting.plan import Plan
from tests.providers.clouds.cloud import KEY, Fault
from tests.providers.clouds.vastai import VastCloud
from tests.providers.clouds.wireless import Wireless
from tests.studio.reaper_simulation import PERIOD, PROVIDERS, live


class Time:
    """A time that the test moves, for us and for the provider."""

    def __init__(self) -> None:
        self.now = 1_795_000_000.0

    def __call__(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Place:
    """A studio, a provider that is played, and what is rented there."""

    def __init__(self, folder: Path) -> None:
        self.time = Time()
        self.cloud = VastCloud(lambda: self.time.now, check=False)
        self.provider: Provider = PROVIDERS["vastai"][1](
            "http://cloud.example",
            lambda: KEY,
            sleep=lambda seconds: None,
            pace=lambda method, path: None,
            transport=Wireless(self.cloud),
        )
        self.project = Project.create(folder / "studio")
        self.number = 0

    def rent(self, minutes: int = 60) -> str:
        offer = next(one for one in self.provider.offers(Wanted(disk_gb=20)) if one.available)
        self.number += 1
        rented = create.rent(
            self.project,
            Config(),
            self.provider,
            Plan(offer, minutes, f"rtest{self.number}", 1, 20),
            actor="user:test",
            clock=self.time,
            sleep=self.time.sleep,
        )
        # The fake answers with a recorded price; here what is billed is what was offered.
        self.cloud.rented[rented.rental.resource].rate = decimal(rented.rental.rate)
        return rented.rental.resource

    def find(self, name: str) -> tuple[Provider | None, str]:
        return (self.provider, "") if name == "vastai" else (None, "not here")

    def look(self, **given: reaper.Ask) -> reaper.Round:
        return reaper.reap(
            self.project, ["vastai"], self.find, clock=self.time, period=PERIOD, **given
        )

    def why(self, **given: reaper.Ask) -> list[str]:
        return list(self.look(**given).reasons.values())


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("ATEGNATOS_MACHINES", str(tmp_path / "machines"))
    return Place(tmp_path)


def test_a_machine_that_works_in_time_is_let_be(place: Place) -> None:
    place.rent()
    place.time.now += 600
    assert place.why() == []
    assert len(place.cloud.alive()) == 1


def test_one_is_ended_before_its_money_is_used_up_and_not_after(place: Place) -> None:
    place.rent(minutes=10)
    place.time.now += 600 - PERIOD - 1
    assert place.why() == []
    place.time.now += 2
    assert place.why() == ["its time is over"]
    assert place.cloud.alive() == []


def test_one_that_costs_more_than_was_said_ends_when_the_money_does(place: Place) -> None:
    resource = place.rent(minutes=60)
    with database.connect(place.project) as db:
        said = decimal(rentals.get_live(db, "vastai", resource).rate)
    place.cloud.rented[resource].rate = said * 4
    place.time.now += 14 * 60
    assert place.why() == []
    place.time.now += 60
    assert place.why() == ["the money that was set aside for it is used up"]


def test_one_that_does_not_come_up_is_ended_at_its_provider_s_time(place: Place) -> None:
    resource = place.rent()
    place.cloud.rented[resource].stuck = True
    place.cloud.rented[resource].boot = 10.0
    boot = place.provider.terms().boot_seconds
    place.time.now += boot - 5
    assert place.why() == []
    place.time.now += 10
    (why,) = place.why()
    assert "not come up" in why


def test_one_that_can_never_run_is_ended_at_once(place: Place) -> None:
    resource = place.rent()
    place.cloud.outbid(resource)
    (why,) = place.why()
    assert why
    assert place.cloud.alive() == []


def test_one_whose_host_went_away_is_given_half_an_hour(place: Place) -> None:
    resource = place.rent()
    place.cloud.force(resource, "a state of next year")
    place.time.now += reaper.UNKNOWN_SECONDS - 10
    assert place.why() == []
    place.time.now += 20
    (why,) = place.why()
    assert "does not know" in why


def test_one_that_idles_or_was_abandoned_is_ended_with_the_reason(place: Place) -> None:
    place.rent()
    place.rent()
    assert place.why(ask=lambda rental: "it idles" if rental.id == 1 else "") == ["it idles"]
    assert place.why(abandoned=lambda rental: "nobody's") == ["nobody's"]
    kinds = [event.kind for event in journal.read(place.project)]
    assert kinds.count("rental.reaped") == 2


def test_a_machine_of_ours_without_a_timer_is_counted_and_ended(place: Place) -> None:
    resource = place.rent()
    with database.connect(place.project) as db, database.writing(db):
        (rental,) = rentals.live(db)
        rentals.end(db, rental, how="person", now=place.time())
    assert place.why() == ["no record says that it runs"]
    place.time.now += 31
    (ended,) = place.look().findings
    assert (ended.kind, ended.rental.resource) == ("ended", resource)
    assert ended.rental.rate > 0


def test_a_machine_without_a_timer_is_counted_once_though_two_hosts_see_it(place: Place) -> None:
    place.rent()
    with database.connect(place.project) as db, database.writing(db):
        (rental,) = rentals.live(db)
        rentals.end(db, rental, how="person", now=place.time())
    (seen,) = place.provider.ours()
    with database.connect(place.project) as db:
        # The other host's reaper takes it in between this one's look and its word.
        there = reaper._taken_in(place.project, db, seen, place.time())
        assert reaper._taken_in(place.project, db, seen, place.time()).id == there.id
        assert [one.id for one in rentals.live(db)] == [there.id]


def test_a_machine_of_a_lost_database_is_known_by_the_journal(place: Place) -> None:
    place.rent()
    for one in place.project.grimoire.glob(".state/studio.db*"):
        one.unlink()
    place.look()
    assert place.cloud.alive() == [] or place.look().findings


def test_a_machine_with_our_prefix_that_no_record_knows_is_left_alone(place: Place) -> None:
    place.rent()
    (made,) = place.cloud.rented.values()
    place.cloud.rented["77"] = replace(made, id="77", label="ateg-relsewhere-a1")
    done = place.look()
    assert [one.label for one in done.strangers] == ["ateg-relsewhere-a1"]
    assert done.reasons == {}


def test_a_provider_that_does_not_answer_ends_nothing_and_is_named(place: Place) -> None:
    place.rent()
    place.cloud.inject("list", *[Fault.ERROR_BEFORE] * 20)
    done = place.look()
    assert list(done.silent) == ["vastai"]
    assert [one.kind for one in done.findings] == ["runs"]
    assert len(place.cloud.alive()) == 1


def test_money_of_an_unknown_machine_counts_until_it_is_found_or_given_up(place: Place) -> None:
    place.cloud.lag = 100_000.0
    place.cloud.inject("create", Fault.DROP_BEFORE)
    from ategnatos.grimoire.errors import StudioError

    with pytest.raises(StudioError) as error:
        place.rent()
    assert error.value.code.code == "machine_unseen"

    def counted() -> int:
        with database.connect(place.project) as db:
            return int(db.execute("SELECT SUM(counts) AS c FROM spend").fetchone()["c"])

    assert counted() > 0
    place.look()
    assert counted() > 0
    place.time.now += timedelta(hours=1).total_seconds()
    place.look()
    assert counted() == 0


@pytest.mark.parametrize("name", sorted(PROVIDERS))
def test_whole_lives_end_with_nothing_running_nothing_doubled_and_the_cap_kept(
    name: str, tmp_path: Path
) -> None:
    for seed in range(4):
        folder = tmp_path / str(seed)
        folder.mkdir()
        lived = live(name, seed, folder)
        assert lived.sound, lived
        assert lived.cap <= Decimal(50)
