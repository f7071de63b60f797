"""Strain, zones, hints, levels and smoothing."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ategnatos.train.watching.bands import band
from ategnatos.train.watching.smoothing import Smoothed, span_of
from ategnatos.train.watching.strain import SkillStrainTracker, StrainTracker, Zone, zone_of


def test_a_strain_at_a_bound_belongs_to_the_zone_above_whatever_a_float_makes_of_it() -> None:
    made = StrainTracker(floor=0.5).update(0.8, 1)
    assert made is not None
    assert made.strain == 0.30000000000000004
    assert made.zone is Zone.STRETCH
    assert zone_of(0.1 + 0.2) is zone_of(0.3) is zone_of(0.3 - 1e-12) is Zone.STRETCH
    assert zone_of(0.29) is Zone.PRODUCTIVE
    assert (zone_of(0.1), zone_of(0.0999), zone_of(0.5)) == (
        Zone.PRODUCTIVE,
        Zone.RECOVERY,
        Zone.OVERLOAD,
    )


@given(st.floats(0, 2), st.floats(0, 2))
def test_more_strain_is_never_a_lower_zone(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert band(low, (0.1, 0.3, 0.5)) <= band(high, (0.1, 0.3, 0.5))


@settings(max_examples=50)
@given(st.lists(st.floats(0.01, 3), min_size=2, max_size=50), st.floats(0, 1))
def test_effort_is_strain_added_up_and_efficiency_what_it_gained(
    losses: list[float], floor: float
) -> None:
    tracker = StrainTracker(floor)
    for step, loss in enumerate(losses, 1):
        tracker.update(loss, step)
    effort = sum(max(0.0, one - floor) for one in losses)
    assert tracker.cumulative_effort == pytest.approx(effort)
    assert tracker.plastic_gain == losses[0] - losses[-1]
    if effort:
        assert tracker.efficiency == pytest.approx((losses[0] - losses[-1]) / effort)


def follow(losses: list[float], floor: float = 0.0) -> StrainTracker:
    tracker = StrainTracker(floor)
    for step, loss in enumerate(losses, 1):
        tracker.update(loss, step)
    return tracker


def test_hints_follow_zone_and_trend() -> None:
    high, low = [0.9] * 300, [0.05] * 300
    falling = [0.4 - step / 1000 for step in range(300)]
    assert follow(high).get_curriculum_hint().action == "back_off"
    assert follow(low).get_curriculum_hint().action == "level_up"
    assert follow(falling).get_curriculum_hint().action == "continue"
    assert follow([0.9 - step / 1000 for step in range(300)]).get_curriculum_hint().action == (
        "continue"
    )
    assert follow([0.9]).get_curriculum_hint().action == "continue"


def test_each_level_is_kept_with_what_it_took() -> None:
    tracker = StrainTracker()
    for step in range(100, 2600, 100):
        tracker.update(0.5 - step / 10_000, step)
    assert [(one.level, one.step) for one in tracker.levels] == [(1, 1000), (2, 2000)]
    assert sum(one.effort for one in tracker.levels) < tracker.cumulative_effort
    assert tracker.levels[1].gain == pytest.approx(0.1)


def test_skills_have_floors_of_their_own() -> None:
    both = SkillStrainTracker()
    both.set_floor("owl", 0.8)
    both.set_floor("fox", 0.5)
    owl, fox = both.update("owl", 0.9, 1), both.update("fox", 0.9, 1)
    assert owl is not None
    assert fox is not None
    assert (owl.zone, fox.zone) == (Zone.PRODUCTIVE, Zone.STRETCH)
    assert both.update("owl", math.nan, 2) is None
    assert both.update("owl", 0.9, 1) is None


@settings(max_examples=50)
@given(st.lists(st.floats(0.001, 10), min_size=1, max_size=80), st.integers(1, 200))
def test_a_smoothed_loss_lies_among_the_losses_from_the_first_on(
    losses: list[float], span: int
) -> None:
    made = Smoothed(span)
    for loss in losses:
        made.add(loss)
        made.add(math.nan)
    assert made.value is not None
    assert min(losses) - 1e-9 <= made.value <= max(losses) + 1e-9
    first = Smoothed(span)
    first.add(losses[0])
    assert first.value == pytest.approx(losses[0])


def test_what_is_averaged_already_is_not_averaged_again() -> None:
    made = Smoothed(span_of(1000))
    for loss in (0.1, 0.4, 0.2):
        made.add(loss, average=True)
    assert made.value == 0.2
