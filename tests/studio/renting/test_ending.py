"""A machine is called gone after two looks half a minute apart, and what still bills is listed."""

from __future__ import annotations

import pytest

from ategnatos.providers.values import LABEL_PREFIX
from ategnatos.studio.renting import ending, keys
from tests.providers.clouds.cloud import Fault
from tests.studio.renting.conftest import House


def end(house: House) -> ending.Ended:
    (rental,) = house.live()
    return ending.end(
        house.project,
        rental,
        house.provider_of,
        clock=house.clock,
        sleep=house.sleep,
        say=house.said.append,
    )


def test_it_is_gone_after_two_looks_thirty_seconds_apart(house: House) -> None:
    label = house.rent().label
    house.seconds += 3600
    began = house.seconds
    found = end(house)
    assert found.gone
    assert house.seconds - began >= 30
    assert house.live() == []
    assert house.orders()[0].state == "ended"
    status, cost = house.money()[0]
    assert status == "settled"
    assert cost > 0
    assert not keys.folder_of(label).exists()
    if house.name == "lambda_cloud":
        assert found.bill.billed is None
        assert [one["name"] for one in house.cloud.keys.values()] == ["mine"]  # type: ignore[attr-defined]
    else:
        assert found.bill.billed is not None


def test_one_that_lingers_is_looked_at_until_it_is_gone(house: House) -> None:
    house.rent()
    house.cloud.rented[house.live()[0].resource].linger = 60.0
    assert end(house).gone
    assert house.cloud.alive() == []


@pytest.mark.parametrize("fault", [Fault.REFUSE, Fault.ERROR_BEFORE])
def test_one_whose_end_is_refused_is_never_called_gone(house: House, fault: Fault) -> None:
    house.rent()
    house.cloud.inject("terminate", *[fault] * 200)
    found = end(house)
    assert not found.gone
    assert len(house.live()) == 1
    assert house.money()[0][0] == "reserved"


def test_one_whose_end_is_forgotten_is_asked_again(house: House) -> None:
    house.rent()
    house.cloud.inject("terminate", Fault.FORGET, Fault.FORGET)
    assert end(house).gone
    assert house.cloud.alive() == []


def test_a_machine_that_was_just_made_is_not_believed_to_be_absent(house: House) -> None:
    """Its page says 404 and the list lags: two such looks must not free its money."""
    house.rent()
    house.cloud.lag = house.cloud.get_lag = 120.0
    found = end(house)
    assert found.gone
    assert house.cloud.alive() == [], "it was called gone and bills"


def test_what_still_bills_is_listed_with_its_price(house: House) -> None:
    house.rent()
    left = house.cloud.leave_behind(f"{LABEL_PREFIX}r7f3c2-data")
    found = end(house)
    assert found.gone
    assert [one.id for one in found.leftovers] == [left]
    assert found.leftovers[0].bills
