"""What every provider promises, as tests that any provider can be run through.

Subclass :class:`ProviderContract` in a test file, name it ``Test...``, and give it ``make_cloud``
(a fake of the provider, see ``clouds.cloud.Cloud``) and ``make_provider`` (the adapter, told to ask
that fake). Class attributes say what of the contract reads differently there. The adapter talks to
the fake over a real socket; the fake's time is turned by the test, so nothing waits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar

import pytest

from ategnatos.grimoire.errors import StudioError
from ategnatos.guard.budget.teardown import Outcome, Presence
from ategnatos.providers import Provider
from ategnatos.providers.values import (
    LABEL_PREFIX,
    Created,
    Instance,
    Intent,
    Kind,
    Refused,
    State,
    Unknown,
    Wanted,
)
from tests.providers.clouds.cloud import KEY, Cloud, Fault
from tests.waiting import wait_until

PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExampleExample ateg"
WANTED = Wanted(disk_gb=60)
# Short, so that a silent server costs a test a moment; a loaded machine answers within it.
LIMITS = {"create": 5.0, "list": 10.0, "get": 10.0, "terminate": 10.0}
SILENT_SECONDS = 0.4


class Turned:
    """A clock that stands until it is turned."""

    def __init__(self) -> None:
        self.now = 1_795_000_000.0

    def __call__(self) -> float:
        return self.now

    def turn(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


class StoppedError(Exception):
    """What a last look raises."""


class ProviderContract:
    """The contract. Every test takes the provider as a caller would: by its Protocol alone."""

    states: ClassVar[Mapping[str, State]] = {}
    """Every raw state of the provider, and what it means."""
    busy_is_no: ClassVar[bool] = True
    """False where a 429 after a create proves nothing."""
    keeps_books: ClassVar[bool] = True
    """False where no endpoint says what was billed."""
    offline_state: ClassVar[State] = State.UNKNOWN
    leftover_ours: ClassVar[bool] = True
    """False where leftovers bear no name, so that none may be removed."""

    def make_cloud(self, clock: Turned) -> Cloud:
        raise NotImplementedError("give the fake")

    def make_provider(self, cloud: Cloud, limits: Mapping[str, float]) -> Provider:
        raise NotImplementedError("give the adapter")

    @pytest.fixture
    def clock(self) -> Turned:
        return Turned()

    @pytest.fixture
    def cloud(self, clock: Turned) -> Iterator[Cloud]:
        with self.make_cloud(clock) as cloud:
            yield cloud
        assert cloud.wrong == []
        sent = repr([body for _, _, body in cloud.requests])
        assert KEY not in sent, "the account's key was sent inside a request"

    @pytest.fixture
    def provider(self, cloud: Cloud) -> Provider:
        return self.make_provider(cloud, LIMITS)

    def intent(self, provider: Provider, number: int = 1, **changes: Any) -> Intent:
        offer = [one for one in provider.offers(WANTED) if one.available][number % 2 - 1]
        return Intent(
            label=f"{LABEL_PREFIX}r7f3c2-a{number}",
            run="r7f3c2",
            offer=offer,
            public_key=PUBLIC_KEY,
            disk_gb=60,
            **changes,
        )

    def created(self, provider: Provider, number: int = 1) -> str:
        made = provider.create(self.intent(provider, number))
        assert isinstance(made, Created), made
        assert made.fault == ""
        return made.id

    def seen(self, provider: Provider, resource: str) -> Instance:
        found = provider.get(resource)
        assert found is not None
        return found

    # What it is.

    def test_it_is_a_provider_and_says_its_terms_without_any_request(self, cloud, provider):
        terms = provider.terms()
        assert isinstance(provider, Provider)
        assert provider.name
        assert provider.label
        assert terms.unit_seconds >= 1
        assert terms.visible_seconds >= 0
        assert cloud.requests == []

    def test_its_account_can_be_looked_at(self, provider):
        balance = provider.account().balance
        assert balance is None or balance >= 0

    # What it offers.

    def test_offers_are_cheapest_first_and_known_by_a_stable_id(self, provider):
        offers = list(provider.offers(WANTED))
        free = [one.price for one in offers if one.available]
        assert free
        assert free == sorted(free)
        assert len({one.id for one in offers}) == len(offers)
        assert {one.id for one in provider.offers(WANTED)} == {one.id for one in offers}
        assert all(one.provider == provider.name and one.price > 0 for one in offers)

    def test_offers_are_those_that_were_wanted(self, provider):
        first = provider.offers(WANTED)[0]
        by_name = provider.offers(replace(WANTED, gpu=first.gpu.lower()))
        assert by_name
        assert all(first.gpu.lower() in one.gpu.lower() for one in by_name)
        assert provider.offers(replace(WANTED, gpu="no such gpu")) == []
        assert provider.offers(replace(WANTED, max_price=Decimal("0.0001"))) == []
        for one in provider.offers(replace(WANTED, vram_gb=20)):
            assert one.vram_gb >= 20

    def test_an_offer_s_cost_has_its_disk_and_traffic_in_it(self, provider):
        one = provider.offers(WANTED)[0]
        whole = one.cost(Decimal(2), disk_gb=60, down_gb=10, up_gb=1)
        assert whole >= one.price * 2
        assert whole == one.hourly(60) * 2 + 10 * one.down_price + one.up_price

    # A machine's life.

    def test_a_machine_comes_up_lets_its_key_in_and_says_where_ssh_is(self, clock, cloud, provider):
        cloud.boot = 100.0
        made = self.created(provider)
        one = self.seen(provider, made)
        assert one.state is State.PENDING
        assert provider.ssh(made) == ()
        clock.turn(101)
        one = self.seen(provider, made)
        assert one.state is State.RUNNING
        assert one.label == f"{LABEL_PREFIX}r7f3c2-a1"
        assert one.name == f"{provider.name}:{made}"
        assert one.rate is not None
        assert provider.admit(made, PUBLIC_KEY).outcome is Outcome.ACCEPTED
        assert provider.admit(made, PUBLIC_KEY).outcome is Outcome.ACCEPTED
        place = provider.ssh(made)[0]
        assert place.host
        assert 0 < place.port < 65536
        assert place.user
        assert cloud.creates() == 1

    def test_a_machine_ends_and_is_absent_by_its_own_page_and_by_the_list(
        self, clock, cloud, provider
    ):
        cloud.linger = 20.0
        made = self.created(provider)
        assert provider.terminate(made).outcome is Outcome.ACCEPTED
        assert provider.observe(made).presence is Presence.PRESENT
        assert self.seen(provider, made).state.bills
        clock.turn(21)
        assert provider.observe(made).presence is Presence.ABSENT
        assert provider.terminate(made).outcome is Outcome.ALREADY_GONE
        assert cloud.alive() == []

    def test_what_never_was_is_already_gone_and_absent(self, provider):
        assert provider.terminate("99999999").outcome is Outcome.ALREADY_GONE
        assert provider.get("99999999") is None
        assert provider.observe("99999999").presence is Presence.ABSENT

    def test_a_name_finds_exactly_its_machines_and_the_prefix_ours(self, provider):
        first, second = self.created(provider, 1), self.created(provider, 2)
        foreign = provider.create(replace(self.intent(provider, 3), label="somebody-elses"))
        assert isinstance(foreign, Created)
        assert [one.id for one in provider.find(f"{LABEL_PREFIX}r7f3c2-a1")] == [first]
        assert provider.find(f"{LABEL_PREFIX}r7f3c2-a") == []
        assert {one.id for one in provider.ours()} == {first, second}

    def test_stop_halts_it_and_it_bills_on_or_is_refused(self, provider):
        made = self.created(provider)
        answer = provider.stop(made)
        if not provider.terms().stops:
            assert answer.outcome is Outcome.REFUSED
            return
        assert answer.outcome is Outcome.ACCEPTED
        assert self.seen(provider, made).state is State.STOPPING
        assert State.STOPPING.bills

    def test_the_books_say_what_it_cost(self, clock, provider):
        made = self.created(provider)
        clock.turn(3600)
        bill = provider.billing_proof(made, datetime.fromtimestamp(clock() - 7200, UTC))
        assert bill.said
        if self.keeps_books:
            assert bill.billed is not None
            assert bill.billed > 0
        else:
            assert bill.billed is None

    # Raw states.

    def test_every_raw_state_is_mapped_and_an_unseen_one_is_unknown(self, cloud, provider):
        made = self.created(provider)
        for raw, state in {**self.states, "A_STATE_OF_NEXT_YEAR": State.UNKNOWN}.items():
            cloud.force(made, raw)
            assert self.seen(provider, made).state is state, raw
            listed = {one.id: one.state for one in provider.ours()}
            assert listed.get(made, State.TERMINATED) is state, raw

    def test_a_machine_that_hangs_in_loading_stays_pending_and_bills(self, clock, cloud, provider):
        cloud.boot = 10.0
        made = self.created(provider)
        cloud.rented[made].stuck = True
        clock.turn(provider.terms().boot_seconds + 1)
        assert self.seen(provider, made).state is State.PENDING
        assert provider.observe(made).presence is Presence.PRESENT

    def test_one_that_was_taken_away_is_known_for_hopeless_or_gone(self, cloud, provider):
        made = self.created(provider)
        cloud.outbid(made)
        found = provider.get(made)
        gone = found is None or found.state is State.TERMINATED
        assert gone or (found.state is State.STOPPING and found.hopeless)

    def test_one_whose_host_is_away_is_unknown_and_bills(self, cloud, provider):
        made = self.created(provider)
        cloud.offline(made)
        found = self.seen(provider, made)
        assert found.state is self.offline_state
        assert found.state.bills
        assert provider.observe(made).presence is Presence.PRESENT
        assert [one.id for one in provider.ours()] == [made]

    def test_one_that_can_never_start_is_said_to_be_hopeless(self, cloud, provider):
        made = self.created(provider)
        cloud.break_start(made)
        assert self.seen(provider, made).hopeless

    def test_a_key_that_was_not_let_in_is_not_said_to_be(self, cloud, provider):
        cloud.lose_keys = True
        made = self.created(provider)
        assert provider.admit(made, PUBLIC_KEY).outcome is not Outcome.ACCEPTED

    # Creates that go wrong.

    @pytest.mark.parametrize(
        "fault", [Fault.DROP_AFTER, Fault.ERROR_AFTER, Fault.GARBAGE_AFTER, Fault.SLOW_AFTER]
    )
    def test_a_create_whose_answer_is_lost_is_unknown_and_found_by_its_name(self, cloud, fault):
        intent = self.intent(self.make_provider(cloud, LIMITS))
        limits = {**LIMITS, "create": SILENT_SECONDS} if fault is Fault.SLOW_AFTER else LIMITS
        provider = self.make_provider(cloud, limits)
        cloud.inject("create", fault)
        assert isinstance(provider.create(intent), Unknown)
        # Who gives up soon may do so before a busy server has read what he sent.
        wait_until(lambda: cloud.alive(intent.label))
        provider = self.make_provider(cloud, LIMITS)
        assert cloud.creates() == 1, "a create was sent again"
        assert [one.label for one in provider.find(intent.label)] == [intent.label]

    @pytest.mark.parametrize("fault", [Fault.DROP_BEFORE, Fault.ERROR_BEFORE])
    def test_a_create_that_did_nothing_and_does_not_say_so_is_unknown(self, cloud, provider, fault):
        intent = self.intent(provider)
        cloud.inject("create", fault)
        assert isinstance(provider.create(intent), Unknown)
        assert cloud.creates() == 1
        assert provider.find(intent.label) == []

    @pytest.mark.parametrize(
        ("fault", "kind"),
        [
            (Fault.UNAUTHORIZED, Kind.AUTH),
            (Fault.NO_MONEY, Kind.BALANCE),
            (Fault.NO_CAPACITY, Kind.CAPACITY),
        ],
    )
    def test_a_definite_no_says_which_and_made_nothing(self, cloud, provider, fault, kind):
        intent = self.intent(provider)
        cloud.inject("create", fault)
        answer = provider.create(intent)
        assert isinstance(answer, Refused), answer
        assert answer.kind is kind
        assert answer.said
        assert cloud.alive() == []

    def test_a_create_that_came_too_often_is_a_no_or_proves_nothing(self, cloud, provider):
        intent = self.intent(provider)
        cloud.inject("create", Fault.TOO_MANY)
        answer = provider.create(intent)
        assert cloud.creates() == 1, "a create was sent again"
        if self.busy_is_no:
            assert isinstance(answer, Refused)
            assert answer.kind is Kind.BUSY
            assert answer.wait is None or answer.wait > 0
        else:
            assert isinstance(answer, Unknown)

    def test_a_create_that_nobody_could_receive_is_a_no(self, clock):
        with self.make_cloud(clock) as cloud:
            provider = self.make_provider(cloud, LIMITS)
            intent = self.intent(provider)
        answer = provider.create(intent)
        assert isinstance(answer, Refused)
        assert cloud.creates() == 0

    def test_the_last_look_is_taken_before_the_send_and_stops_it(self, cloud, provider):
        intent = self.intent(provider)

        def look() -> None:
            assert cloud.creates() == 0
            raise StoppedError

        with pytest.raises(StoppedError):
            provider.create(intent, look)
        assert cloud.creates() == 0
        assert cloud.alive() == []
        assert isinstance(provider.create(intent), Created)

    def test_the_same_label_cannot_hide_a_second_machine(self, cloud, provider):
        provider.create(self.intent(provider, 1))
        label = f"{LABEL_PREFIX}r7f3c2-a1"
        second = provider.create(replace(self.intent(provider, 2), label=label))
        expected = 2 if isinstance(second, Created) else 1
        assert len(provider.find(label)) == expected == len(cloud.alive(label))

    # Lists that lag.

    def test_a_new_machine_may_be_missing_in_lists_for_a_while(self, clock, cloud, provider):
        cloud.lag = 100.0
        intent = self.intent(provider)
        cloud.inject("create", Fault.DROP_AFTER)
        provider.create(intent)
        assert provider.find(intent.label) == []
        clock.turn(101)
        assert len(provider.find(intent.label)) == 1
        assert cloud.lag < provider.terms().visible_seconds

    def test_a_404_after_a_create_is_no_absence_while_the_list_has_it(self, cloud, provider):
        cloud.get_lag = 100.0
        made = self.created(provider)
        assert provider.get(made) is None
        assert provider.observe(made).presence is Presence.PRESENT

    # Ends that go wrong.

    def test_a_refused_end_is_not_an_accepted_one(self, cloud, provider):
        made = self.created(provider)
        cloud.inject("terminate", Fault.REFUSE)
        assert provider.terminate(made).outcome is Outcome.REFUSED
        assert provider.observe(made).presence is Presence.PRESENT
        assert provider.terminate(made).outcome is Outcome.ACCEPTED

    def test_an_end_that_was_accepted_and_forgotten_shows_in_the_next_look(self, cloud, provider):
        made = self.created(provider)
        cloud.inject("terminate", Fault.FORGET)
        assert provider.terminate(made).outcome is Outcome.ACCEPTED
        assert provider.observe(made).presence is Presence.PRESENT

    def test_an_end_whose_answer_is_lost_is_unknown(self, cloud, provider):
        made = self.created(provider)
        cloud.inject("terminate", Fault.ERROR_BEFORE, Fault.DROP_BEFORE)
        assert provider.terminate(made).outcome is Outcome.UNKNOWN
        assert len(cloud.alive()) == 1

    def test_an_end_survives_being_asked_too_often(self, cloud, provider):
        made = self.created(provider)
        cloud.inject("terminate", Fault.TOO_MANY)
        assert provider.terminate(made).outcome is Outcome.ACCEPTED

    # Questions that go wrong.

    def test_a_wrong_key_is_said_by_every_verb_and_proves_no_absence(self, cloud, provider):
        made = self.created(provider)
        for verb, ask in {
            "list": lambda: provider.ours(),
            "get": lambda: provider.get(made),
            "offers": lambda: provider.offers(WANTED),
        }.items():
            cloud.inject(verb, Fault.UNAUTHORIZED)
            with pytest.raises(StudioError) as caught:
                ask()
            assert caught.value.code.code == "provider_refused"
            assert caught.value.details["kind"] == "auth"
        cloud.inject("get", Fault.UNAUTHORIZED)
        assert provider.observe(made).presence is Presence.UNKNOWN
        cloud.inject("terminate", Fault.UNAUTHORIZED)
        assert provider.terminate(made).outcome is Outcome.REFUSED

    @pytest.mark.parametrize("fault", [Fault.ERROR_BEFORE, Fault.DROP_BEFORE])
    def test_a_question_is_asked_twice_and_then_said_to_be_unanswered(self, cloud, provider, fault):
        made = self.created(provider)
        cloud.inject("list", fault)
        assert [one.id for one in provider.ours()] == [made]
        cloud.inject("list", fault, fault)
        with pytest.raises(StudioError) as caught:
            provider.ours()
        assert caught.value.code.code == "provider_silent"
        cloud.inject("get", fault, fault)
        assert provider.observe(made).presence is Presence.UNKNOWN

    def test_a_question_that_came_too_often_is_asked_once_more(self, cloud, provider):
        self.created(provider)
        cloud.inject("list", Fault.TOO_MANY)
        assert len(provider.ours()) == 1
        cloud.inject("list", Fault.TOO_MANY, Fault.TOO_MANY)
        with pytest.raises(StudioError) as caught:
            provider.ours()
        assert caught.value.details["kind"] == "busy"

    def test_a_list_that_is_garbage_makes_nothing_vanish(self, cloud, provider):
        made = self.created(provider)
        cloud.inject("get", Fault.GARBAGE_AFTER)
        assert provider.observe(made).presence is not Presence.ABSENT
        cloud.inject("list", Fault.GARBAGE_AFTER)
        with pytest.raises(StudioError):
            provider.ours()

    # What is left.

    def test_what_bills_without_a_machine_is_listed_with_its_price(self, cloud, provider):
        assert [one for one in provider.leftovers() if one.bills] == []
        left = cloud.leave_behind(f"{LABEL_PREFIX}r7f3c2-data")
        found = [one for one in provider.leftovers() if one.bills]
        assert [one.id for one in found] == [left]
        assert found[0].ours is self.leftover_ours
        assert found[0].monthly is None or found[0].monthly > 0
        answer = provider.remove(found[0])
        if not self.leftover_ours:
            assert answer.outcome is Outcome.REFUSED
            assert cloud.left_behind() == [left]
            return
        assert found[0].monthly is not None
        assert answer.outcome is Outcome.ACCEPTED
        assert cloud.left_behind() == []
        assert provider.remove(found[0]).outcome is Outcome.ALREADY_GONE

    def test_what_is_not_ours_is_never_removed(self, cloud, provider):
        cloud.leave_behind("my-own-data")
        for one in provider.leftovers():
            if not one.ours:
                assert provider.remove(one).outcome is Outcome.REFUSED
        assert len(cloud.left_behind()) == 1
        assert [one for one in provider.leftovers() if one.ours and one.bills] == []
