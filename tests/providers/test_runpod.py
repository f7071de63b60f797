"""RunPod's adapter: the contract, and what is RunPod's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from ategnatos.providers import Provider
from ategnatos.providers.runpod import RunPod
from ategnatos.providers.runpod.reading import STATES
from ategnatos.providers.values import Kind, Refused, Wanted
from tests.providers.clouds.cloud import KEY, Cloud
from tests.providers.clouds.runpod import RunPodCloud
from tests.providers.contract import PUBLIC_KEY, ProviderContract, Turned


class TestRunPod(ProviderContract):
    states = STATES

    def make_cloud(self, clock: Turned) -> Cloud:
        return RunPodCloud(clock)

    def make_provider(self, cloud: Cloud, limits: Mapping[str, float]) -> Provider:
        return RunPod(cloud.address, lambda: KEY, limits=limits, sleep=lambda seconds: None)

    def test_a_bid_is_refused_and_never_becomes_a_rental_on_demand(self, cloud, provider):
        assert provider.offers(Wanted(bid=True)) == []
        answer = provider.create(replace(self.intent(provider), bid=Decimal("0.1")))
        assert isinstance(answer, Refused)
        assert answer.kind is Kind.REQUEST
        assert "spot" in answer.said
        assert cloud.creates() == 0

    def test_the_machine_s_own_key_is_given_and_the_account_s_are_not_asked_for(
        self, cloud, provider
    ):
        self.created(provider)
        body = next(body for method, _, body in cloud.requests if method == "POST")
        assert body["env"]["PUBLIC_KEY"] == PUBLIC_KEY
        assert "args" not in body
        assert not any("account" in path for _, path, _ in cloud.requests)

    def test_a_region_is_where_it_is_sent_to(self, cloud, provider):
        offer = provider.offers(Wanted(region="kansas"))[0]
        assert isinstance(offer.details["centers"], list)
        provider.create(replace(self.intent(provider), offer=offer))
        assert cloud.requests[-1][2]["dataCenterIds"] == ["US-KS-2"]
        assert provider.offers(Wanted(region="atlantis")) == []

    def test_what_is_sold_out_is_said_to_be(self, provider):
        sold_out = [one for one in provider.offers(Wanted(gpu="h100")) if not one.available]
        assert [one.left for one in sold_out] == ["none"]
