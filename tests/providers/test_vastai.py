"""Vast.ai's adapter: the contract, and what is Vast.ai's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import ClassVar

import pytest

from ategnatos.grimoire.errors import StudioError
from ategnatos.providers import Provider
from ategnatos.providers.pace import Pace
from ategnatos.providers.values import (
    LABEL_PREFIX,
    Created,
    Intent,
    Kind,
    Refused,
    State,
    Wanted,
)
from ategnatos.providers.vastai import INTERVALS, VastAi
from ategnatos.providers.vastai.reading import STATES
from tests.providers.clouds.cloud import KEY, Cloud, Fault
from tests.providers.clouds.vastai import VastCloud
from tests.providers.contract import PUBLIC_KEY, ProviderContract, Turned


class TestVastAi(ProviderContract):
    states: ClassVar[Mapping[str, State]] = {**STATES, "provisioning": State.PENDING}
    leftover_ours = False

    def make_cloud(self, clock: Turned) -> Cloud:
        return VastCloud(clock)

    def make_provider(self, cloud: Cloud, limits: Mapping[str, float]) -> Provider:
        return VastAi(
            cloud.address,
            lambda: KEY,
            limits=limits,
            sleep=lambda seconds: None,
            pace=lambda method, path: None,
        )

    def bid(self, provider: Provider, amount: str) -> Intent:
        offer = provider.offers(Wanted(bid=True))[0]
        assert offer.bid
        label = f"{LABEL_PREFIX}bid-a1"
        return Intent(label, "bid", offer, PUBLIC_KEY, bid=Decimal(amount))

    def test_a_bid_is_sent_as_one_and_costs_what_was_bid(self, cloud, provider):
        made = provider.create(self.bid(provider, "0.20"))
        assert isinstance(made, Created)
        body = cloud.requests[-1][2]
        assert body["price"] == 0.2
        assert body["cancel_unavail"] is True
        assert self.seen(provider, made.id).bid

    def test_an_interruptible_offer_without_a_bid_would_be_rented_at_the_full_price(
        self, cloud, provider
    ):
        intent = replace(self.bid(provider, "0.20"), bid=None)
        assert isinstance(provider.create(intent), Refused)
        assert isinstance(provider.create(self.intent(provider, bid=Decimal(1))), Refused)
        assert cloud.creates() == 0

    def test_an_error_that_made_a_machine_after_all_says_which(self, cloud, provider):
        answer = provider.create(self.bid(provider, "0.05"))
        assert isinstance(answer, Created)
        assert "too low" in answer.fault
        assert [one.id for one in provider.find(f"{LABEL_PREFIX}bid-a1")] == [answer.id]
        assert self.seen(provider, answer.id).state is State.STOPPING

    def test_an_offer_that_is_taken_is_no_capacity(self, provider):
        intent = self.intent(provider)
        provider.create(intent)
        again = provider.create(replace(intent, label=f"{LABEL_PREFIX}other-a1"))
        assert isinstance(again, Refused)
        assert again.kind is Kind.CAPACITY

    def test_a_machine_that_was_outbid_says_so(self, cloud, provider):
        made = self.created(provider)
        cloud.outbid(made)
        assert self.seen(provider, made).hopeless == "it was outbid"

    def test_a_long_list_is_read_to_its_end(self, cloud, provider):
        cloud.page_size = 2
        made = {self.created(provider, number) for number in (1, 2)}
        third = provider.create(replace(self.intent(provider, 3), label=f"{LABEL_PREFIX}third-a1"))
        assert isinstance(third, Created)
        assert {one.id for one in provider.ours()} == {*made, third.id}

    def test_a_search_says_the_disk_because_it_changes_the_price(self, cloud, provider):
        provider.offers(Wanted(disk_gb=123, vram_gb=24))
        body = cloud.requests[-1][2]
        assert body["allocated_storage"] == 123
        assert body["gpu_ram"] == {"gte": 24000}

    def test_the_daily_search_quota_is_no_matter_of_waiting_a_little(self, cloud, provider):
        cloud.inject("offers", Fault.TOO_MANY, Fault.TOO_MANY)
        with pytest.raises(StudioError) as caught:
            provider.offers(Wanted())
        assert caught.value.details["kind"] == "quota"
        assert caught.value.details["wait"] > 0

    def test_ssh_goes_to_the_mapped_port_first_and_to_the_proxy_then(self, cloud, provider):
        made = self.created(provider)
        direct, proxy = provider.ssh(made)
        assert (direct.host, direct.port, direct.way) == ("203.0.113.42", 33526, "direct")
        assert (proxy.host, proxy.port, proxy.way) == ("ssh6.vast.ai", 14568, "proxy")
        cloud.rented[made].more["image_runtype"] = "jupyter_direc ssh_direc ssh_proxy"
        assert provider.ssh(made)[1].port == 14569

    def test_its_minimum_intervals_are_kept(self):
        slept: list[float] = []
        pace = Pace(INTERVALS, sleep=slept.append, clock=lambda: 100.0)
        pace("PUT", "/api/v0/asks/1/")
        pace("PUT", "/api/v0/asks/2/")
        pace("GET", "/api/v1/instances/")
        pace("PUT", "/api/v0/asks/3/")
        assert slept == [4.5, 9.0]
