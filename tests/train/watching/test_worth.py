"""What the effort of a training is worth."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ategnatos.train.watching.monitor import Monitor
from ategnatos.train.watching.worth import Check, Grade, by_checks, grade_of, grant
from ategnatos.trainers.events import Progress, Warned


@given(st.floats(0, 1e6), st.floats(-1, 2))
def test_every_quality_has_a_grade_and_a_worthless_one_gives_nothing(
    effort: float, quality: float
) -> None:
    made = grant(effort, quality)
    assert 0 <= made.quality <= 1
    assert made.experience <= made.effort
    if made.grade is Grade.WORTHLESS:
        assert made.experience == 0
    elif effort > 1e-6:
        assert made.experience > 0


def test_bounds_belong_to_the_grade_above_and_bear_rounding() -> None:
    assert grade_of(0.1 + 0.2) is grade_of(0.3 - 1e-12) is Grade.DOUBTFUL
    assert grade_of(0.8 - 1e-12) is grade_of(1.0) is Grade.SOUND
    assert grade_of(0.15) is grade_of(0) is Grade.WORTHLESS


def test_the_worst_check_counts_and_a_critical_one_decides_alone() -> None:
    fine, warned = Check("a"), Check("b", "warned", why="hm")
    failed, critical = Check("c", "failed"), Check("d", "failed", critical=True)
    assert by_checks(10, [fine]).experience == 10
    assert by_checks(10, [fine, warned]).quality == 0.7
    assert by_checks(10, [fine, warned]).why == ("b: hm",)
    assert by_checks(10, [failed, warned]).grade is Grade.DOUBTFUL
    assert by_checks(10, [fine, critical]).experience == 0
    assert by_checks(10, [Check("e", "warned", critical=True)]).quality == 0.7


def test_a_monitor_says_what_its_run_is_worth() -> None:
    monitor = Monitor(100)
    for step in range(1, 11):
        monitor.feed(Progress(step, 100, 0.5), float(step))
    monitor.close()
    shown = monitor.snapshot()
    assert shown["worth"]["experience"] == pytest.approx(shown["effort"]) == pytest.approx(5.0)
    monitor.feed(Warned("No caption file found", "no_captions"), 12.0)
    shown = monitor.snapshot()
    assert shown["worth"]["grade"] == "doubtful"
    monitor.feed(Progress(11, 100, float("nan"), "average"), 13.0)
    shown = monitor.snapshot()
    assert shown["worth"]["experience"] == 0
    assert json.loads(json.dumps(shown, allow_nan=False))["worth"]["grade"] == "worthless"
