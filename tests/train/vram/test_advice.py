"""Fits, tight or no; the largest batch; what to change, the least harmful first."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ategnatos.grimoire.errors import StudioError
from ategnatos.knowledge.gpus import find
from ategnatos.knowledge.vram import Profile, knowledge, moves, profiles
from ategnatos.train.vram.advice import advise, judge, suggest
from ategnatos.train.vram.estimate import estimate, shipped
from ategnatos.train.vram.workload import of_plan
from ategnatos.trainers import known
from ategnatos.trainers.plan import Plan
from tests.trainers.plans import large as plan

PLANS = [("sdxl/base", "kohya"), ("flux1/dev", "kohya"), ("flux1/dev", "ai-toolkit")]
PLANS += [("qwen-image/2512", "ai-toolkit"), ("krea2/raw", "simpletuner"), ("sd15/base", "kohya")]


def test_the_verdict_lies_on_the_bars() -> None:
    made = estimate(of_plan(plan(), "kohya"))
    assert judge(made, made.high) == "fits"
    assert judge(made, made.likely) == "tight"
    assert judge(made, made.likely - 0.01) == "no"


@given(
    which=st.sampled_from(PLANS),
    memory=st.floats(3, 90),
    batch=st.integers(1, 8),
    checkpointing=st.booleans(),
    optimizer=st.sampled_from(["prodigy", "adamw", "adamw8bit", "lion"]),
)
@settings(max_examples=60, deadline=None)
def test_what_is_advised_fits_and_no_move_of_it_is_needless(
    which: tuple[str, str], memory: float, batch: int, checkpointing: bool, optimizer: str
) -> None:
    family, trainer = which
    given_plan = plan(
        family=family, batch=batch, gradient_checkpointing=checkpointing, optimizer=optimizer
    )
    found = advise(given_plan, trainer, memory, shipped())
    if not found.changes:
        return
    changed = given_plan.change(**found.values)
    made = estimate(of_plan(changed, trainer), shipped())
    assert made.high <= memory
    assert found.changed == made
    assert changed.effective_batch >= given_plan.effective_batch // 2
    order = [one.name for one in moves()]
    places = [order.index(one.name) for one in found.changes]
    assert places == sorted(places)
    for one in found.changes[:-1]:
        without: dict[str, object] = {}
        for other in found.changes:
            without |= {} if other is one else dict(other.values)
        try:
            less = given_plan.change(**without)
        except StudioError:
            continue
        assert estimate(of_plan(less, trainer), shipped()).high > memory, one.name


def test_only_what_the_trainer_can_do_is_advised() -> None:
    for family, trainer in PLANS:
        for memory in (6.0, 11.5, 15.4, 23.0):
            found = advise(plan(family=family, optimizer="prodigy"), trainer, memory, shipped())
            kind = found.values.get("quantisation")
            assert kind is None or kind in known.trainer(trainer).quantisation
            row = known.trainer(trainer).families[family.partition("/")[0]]
            assert found.values.get("block_swap", 0) <= row.swap


def test_what_fits_needs_no_change_and_says_the_largest_batch() -> None:
    found = advise(plan(), "kohya", find("RTX 4090").usable_gb, shipped())
    assert found.verdict == "fits"
    assert not found.changes
    assert found.batch >= 6


def test_where_nothing_helps_nothing_is_advised() -> None:
    found = advise(plan(family="flux1/dev"), "kohya", 1.5, shipped())
    assert found.verdict == "no"
    assert found.changes == ()
    assert found.batch == 0


def test_moves_name_values_of_a_plan_and_their_cost() -> None:
    fields = set(Plan.model_fields)
    for one in moves():
        named = {*one.values, *one.origin, *one.needs, *one.above, one.half, one.double} - {""}
        assert named <= fields
        assert one.costs
    assert [one.name for one in moves()][-1] == "small pictures"


@pytest.mark.parametrize("profile", profiles(), ids=lambda one: one.name)
def test_a_profile_is_a_plan_and_takes_what_it_says(profile: Profile) -> None:
    met = 0
    for network in knowledge().networks.values():
        size = network.params / 1e9
        if not profile.model_b[0] <= size <= profile.model_b[1]:
            continue
        one = plan(family=network.serves[0], rank=16).change(**profile.set)
        made = estimate(of_plan(one, "simpletuner"), shipped())
        assert made.likely <= profile.vram_gb, network.name
        met += 1
    assert met


def test_a_profile_is_suggested_that_takes_least_from_the_model() -> None:
    networks = knowledge().networks
    small = suggest(networks["sdxl"], 24)
    assert small is not None
    assert small.name == "24gb_full_small"
    large = suggest(networks["qwen-image"], 24)
    assert large is not None
    assert large.set["quantisation"] == "nf4"
    assert suggest(networks["flux2-dev"], 8) is None
