"""A machine is ordered once, its money is set aside before, and no answer that is lost loses it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from ategnatos.grimoire import journal
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.jobs import database
from ategnatos.grimoire.spend import machines
from ategnatos.grimoire.spend.amounts import of_rate
from ategnatos.studio.renting import keys, search
from tests.providers.clouds.cloud import Fault
from tests.studio.renting.conftest import House

AFTER = [Fault.DROP_AFTER, Fault.ERROR_AFTER, Fault.GARBAGE_AFTER, Fault.SLOW_AFTER]
BEFORE = [Fault.DROP_BEFORE, Fault.ERROR_BEFORE]


def attend(house: House) -> list[search.Sighting]:
    return search.attend(house.project, house.provider_of, clock=house.clock)


def kinds(house: House) -> list[str]:
    events = journal.read(house.project)
    return [one.kind for one in events if one.kind.startswith("machine.")]


def test_a_machine_is_written_down_before_it_is_sent_for_and_made_after(house: House) -> None:
    seen: list[tuple[str, list[tuple[str, int]]]] = []
    route = house.cloud.route

    def spying(method: str, path: str, query: dict[str, str], body: object) -> object:
        if house.cloud.verb(method, path) == "create":
            seen.append((house.orders()[0].state, house.money()))
        return route(method, path, query, body)

    house.cloud.route = spying  # type: ignore[assignment,method-assign]
    rented = house.rent()
    assert [state for state, _ in seen] == ["sent"]
    assert seen[0][1][0][0] == "reserved"
    assert seen[0][1][0][1] > 0
    (order,) = house.orders()
    assert (order.state, order.resource) == ("made", rented.rental.resource)
    assert [one.name for one in house.live()] == [f"{house.name}:{order.resource}"]
    assert kinds(house) == ["machine.intended", "machine.made"]
    assert house.cloud.creates() == 1


@pytest.mark.parametrize("fault", AFTER)
def test_what_a_lost_answer_has_made_is_found_by_its_name(house: House, fault: Fault) -> None:
    plan = house.plan()
    house.cloud.lag = 60.0
    house.cloud.inject("create", fault)
    began = house.clock()
    rented = house.rent(plan)
    assert house.cloud.creates() == 1
    (machine,) = house.cloud.alive()
    assert rented.rental.resource == machine.id
    assert house.clock() - began >= timedelta(seconds=50)
    assert house.orders()[0].state == "made"
    # The timer counts from the send: what ran unseen was billed.
    assert rented.rental.started_at == house.orders()[0].sent_at
    assert any("Nothing is sent again" in said for said in house.said)


@pytest.mark.parametrize("fault", BEFORE)
def test_what_was_never_made_is_missing_after_the_search_and_never_was_after_the_watch(
    house: House, fault: Fault
) -> None:
    plan = house.plan()
    house.cloud.inject("create", fault)
    with pytest.raises(StudioError) as caught:
        house.rent(plan)
    assert caught.value.code.code == "machine_unseen"
    assert house.orders()[0].state == "missing"
    assert house.money()[0][0] == "reserved"
    assert house.live() == []
    house.seconds += search.WATCH_SECONDS
    assert [one.kind for one in attend(house)] == ["never"]
    assert house.money() == [("released", 0)]
    assert attend(house) == []
    assert house.cloud.creates() == 1


def test_what_shows_up_after_the_search_is_adopted_and_is_for_ending(house: House) -> None:
    plan = house.plan()
    house.cloud.lag = 600.0
    house.cloud.inject("create", Fault.DROP_AFTER)
    with pytest.raises(StudioError) as caught:
        house.rent(plan)
    assert caught.value.code.code == "machine_unseen"
    house.seconds += 600
    (seen,) = attend(house)
    assert seen.kind == "late"
    assert [one.resource for one in house.live()] == [house.cloud.alive()[0].id]
    assert house.money()[0][0] == "reserved"


def test_a_look_that_fails_brings_no_order_nearer_to_its_end(house: House) -> None:
    plan = house.plan()
    house.cloud.lag = 100_000.0
    house.cloud.inject("create", Fault.DROP_AFTER)
    house.cloud.inject("list", *[Fault.ERROR_BEFORE] * 400)
    with pytest.raises(StudioError) as caught:
        house.rent(plan)
    assert caught.value.code.code == "machine_unseen"
    assert house.orders()[0].state == "sent"
    house.seconds += 10 * search.WATCH_SECONDS
    assert [one.kind for one in attend(house)] == ["unclear"]
    assert house.money()[0][0] == "reserved"


@pytest.mark.parametrize("fault", [Fault.UNAUTHORIZED, Fault.NO_MONEY, Fault.NO_CAPACITY])
def test_a_definite_no_gives_the_money_back_at_once(house: House, fault: Fault) -> None:
    plan = house.plan()
    house.cloud.inject("create", fault)
    with pytest.raises(StudioError) as caught:
        house.rent(plan)
    assert caught.value.code.code == "machine_refused"
    assert caught.value.hint
    assert house.orders()[0].state == "refused"
    assert house.money() == [("released", 0)]
    assert not keys.folder_of(plan.label).exists()
    assert house.rent(house.plan("rother00")).rental.resource


def test_a_cap_of_the_budget_refuses_before_anything_is_written_or_sent(house: House) -> None:
    plan = house.plan(minutes=120)
    house.config = replace(house.config, max_hourly_rate=1)
    with pytest.raises(StudioError) as caught:
        house.rent(plan)
    assert caught.value.code.code == "budget_refused"
    assert house.orders() == []
    assert house.money() == []
    assert house.cloud.creates() == 0
    assert not keys.folder_of(plan.label).exists()


@pytest.mark.parametrize("house", ["runpod"], indirect=True)  # it alone answers with its price
def test_a_machine_that_is_dearer_than_it_was_said_runs_for_less_long(house: House) -> None:
    house.cloud.dearer = Decimal(2)  # type: ignore[attr-defined]
    rented = house.rent(house.plan(minutes=120))
    assert rented.rental.max_minutes == 61
    whole = of_rate(rented.rental.rate, rented.rental.max_minutes * 60)
    assert whole <= house.money()[0][1]


def test_a_label_is_ordered_once(house: House) -> None:
    plan = house.plan()
    house.rent(plan)
    with pytest.raises(Exception):  # noqa: B017 - the driver's own error of a second primary key
        house.rent(plan)
    assert house.cloud.creates() == 1
    assert len(house.orders()) == 1


def test_of_two_machines_of_one_name_the_older_is_kept(house: House) -> None:
    plan = house.plan()
    first = house.provider.create(plan.intent("ssh-ed25519 AAAA one"))
    house.seconds += 5
    house.cloud.inject("create", Fault.DROP_AFTER)
    if house.name == "vastai":  # an offer is rented once there
        others = [one for one in house.provider.offers(_any()) if one.id != plan.offer.id]
        plan = replace(plan, offer=others[0])
    if house.name == "lambda_cloud":  # one key a name
        house.cloud.keys.clear()  # type: ignore[attr-defined]
    rented = house.rent(plan)
    assert rented.rental.resource == first.id  # type: ignore[union-attr]
    assert [one.ended is None for one in house.cloud.rented.values()] == [True, False]


def test_an_intent_whose_process_died_is_dropped_and_cannot_be_sent_any_more(house: House) -> None:
    plan = house.plan()

    class Died(BaseException):
        pass

    def die(*arguments: object, **named: object) -> object:
        raise Died

    create, house.provider.create = house.provider.create, die  # type: ignore[assignment,method-assign]
    with pytest.raises(Died):
        house.rent(plan)
    house.provider.create = create  # type: ignore[method-assign]
    assert house.orders()[0].state == "intent"
    assert attend(house) == []
    house.seconds += search.STILLBORN_SECONDS
    assert [one.kind for one in attend(house)] == ["dropped"]
    assert house.money() == [("released", 0)]
    with database.connect(house.project) as db:
        assert not machines.mark_sent(db, plan.label, now=house.clock())


def test_one_that_was_dropped_while_it_hung_sends_nothing(house: House) -> None:
    plan = house.plan()
    create = house.provider.create

    def slow(intent: object, last_look: object) -> object:
        house.seconds += search.STILLBORN_SECONDS
        attend(house)
        return create(intent, last_look)  # type: ignore[arg-type]

    house.provider.create = slow  # type: ignore[assignment,method-assign]
    with pytest.raises(StudioError) as caught:
        house.rent(plan)
    assert caught.value.code.code == "machine_overtaken"
    assert house.cloud.creates() == 0
    assert house.money() == [("released", 0)]


def test_one_whose_process_died_after_the_send_is_found_by_whoever_attends_next(
    house: House,
) -> None:
    plan = house.plan()
    house.cloud.inject("create", Fault.DROP_AFTER)
    house.cloud.lag = 60.0

    class Died(BaseException):
        pass

    def die() -> None:
        raise Died

    house.on_sleep = die
    with pytest.raises(Died):
        house.rent(plan)
    house.on_sleep = lambda: None
    assert house.orders()[0].state == "sent"
    assert house.live() == []
    house.seconds += 60
    (seen,) = attend(house)
    assert seen.kind == "found"
    assert [one.resource for one in house.live()] == [house.cloud.alive()[0].id]


def test_a_reaper_that_finds_it_first_and_a_late_answer_make_one_timer(house: House) -> None:
    plan = house.plan()
    create = house.provider.create

    def late(intent: object, last_look: object) -> object:
        answer = create(intent, last_look)  # type: ignore[arg-type]
        assert [one.kind for one in attend(house)] == ["found"]
        return answer

    house.provider.create = late  # type: ignore[assignment,method-assign]
    rented = house.rent(plan)
    assert [one.resource for one in house.live()] == [rented.rental.resource]
    assert kinds(house).count("machine.made") == 1


def test_the_machine_s_key_is_its_own_and_readable_by_nobody_else(house: House) -> None:
    plan = house.plan()
    house.rent(plan)
    key = keys.folder_of(plan.label) / "key"
    assert key.stat().st_mode & 0o777 == 0o600
    public = keys.make(plan.label)
    assert public.startswith("ssh-ed25519 ")
    assert keys.make(house.plan("rother00").label) != public
    assert house.provider.admit(house.live()[0].resource, public).outcome.value == "accepted"


def _any() -> object:
    from ategnatos.providers.values import Wanted

    return Wanted()
