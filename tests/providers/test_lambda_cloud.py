"""Lambda Cloud's adapter: the contract, and what is Lambda's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from ategnatos.grimoire.errors import StudioError
from ategnatos.guard.budget.teardown import Outcome
from ategnatos.providers import Provider
from ategnatos.providers.lambda_cloud import LambdaCloud
from ategnatos.providers.lambda_cloud.reading import STATES
from ategnatos.providers.values import Kind, Refused
from tests.providers.clouds import recorded
from tests.providers.clouds.cloud import KEY, Cloud, Fault
from tests.providers.clouds.lambda_cloud import LambdaCloudServer
from tests.providers.contract import ProviderContract, Turned


class TestLambdaCloud(ProviderContract):
    states = STATES
    busy_is_no = False
    keeps_books = False

    def make_cloud(self, clock: Turned) -> Cloud:
        return LambdaCloudServer(clock)

    def make_provider(self, cloud: Cloud, limits: Mapping[str, float]) -> Provider:
        return LambdaCloud(
            cloud.address,
            lambda: KEY,
            limits=limits,
            sleep=lambda seconds: None,
            pace=lambda method, path: None,
        )

    def test_a_machine_s_key_is_registered_under_its_label_and_no_other_is_touched(
        self, cloud, provider
    ):
        mine = {**cloud.keys}
        made = self.created(provider)
        names = [one["name"] for one in cloud.keys.values()]
        assert names == ["mine", "ateg-r7f3c2-a1"]
        provider.terminate(made)
        left = [one for one in provider.leftovers() if one.kind == "key"]
        assert [(one.name, one.bills) for one in left] == [("ateg-r7f3c2-a1", False)]
        assert provider.remove(left[0]).outcome is Outcome.ACCEPTED
        assert cloud.keys == mine

    def test_the_key_of_a_machine_that_lives_is_no_leftover(self, provider):
        self.created(provider)
        assert provider.leftovers() == []

    def test_a_key_that_cannot_be_registered_launches_nothing(self, cloud, provider):
        intent = self.intent(provider)
        cloud.inject("keys", Fault.ERROR_BEFORE, Fault.ERROR_BEFORE)
        answer = provider.create(intent)
        assert isinstance(answer, Refused)
        assert "key" in answer.said
        assert cloud.creates() == 0

    def test_an_end_that_leaves_the_machine_out_was_not_accepted(self, cloud, provider):
        made = self.created(provider)
        cloud.inject("terminate", Fault.REFUSE)
        answer = provider.terminate(made)
        assert answer.outcome is Outcome.REFUSED
        assert "not accepted" in answer.said

    def test_what_it_has_no_field_for_is_refused_before_anything_is_sent(self, cloud, provider):
        intent = self.intent(provider)
        for changed in (
            replace(intent, image="some/image"),
            replace(intent, ports=(8188,)),
            replace(intent, disk_gb=100_000),
        ):
            answer = provider.create(changed)
            assert isinstance(answer, Refused)
            assert answer.kind is Kind.REQUEST
        assert cloud.creates() == 0

    def test_variables_and_the_start_script_travel_as_user_data(self, cloud, provider):
        intent = replace(self.intent(provider), env={"A": "it's"}, start="echo up\n")
        provider.create(intent)
        script = cloud.requests[-1][2]["user_data"]
        assert script.startswith("#!/bin/sh\n")
        assert "'A=it'\"'\"'s'" in script
        assert "echo up" in script

    def test_a_page_of_the_firewall_is_not_a_wrong_key(self, cloud, provider, monkeypatch):
        page = recorded.reply("lambda_cloud", "cloudflare_1010")
        monkeypatch.setattr(cloud, "route", lambda *arguments: page)
        monkeypatch.setattr(cloud, "check", False)
        with pytest.raises(StudioError) as caught:
            provider.ours()
        assert caught.value.details["kind"] == "blocked"
