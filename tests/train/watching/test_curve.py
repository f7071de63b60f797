"""The curve on the disk, and in few points."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ategnatos.train.watching import curve
from ategnatos.train.watching.thinning import chosen
from ategnatos.train.watching.values import Point

points = st.builds(
    Point,
    step=st.integers(0, 10**9),
    loss=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    rate=st.none() | st.floats(0, 1),
    seconds=st.none() | st.floats(0, 1e4),
    at=st.floats(0, 4e9),
    epoch=st.none() | st.integers(0, 10**6),
    validation=st.none() | st.floats(0, 10),
    vram_mib=st.none() | st.integers(0, 10**6),
    average=st.booleans(),
)


@settings(max_examples=30, deadline=None)
@given(st.lists(points, max_size=12, unique_by=lambda one: one.step))
def test_a_curve_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, given_points: list[Point]
) -> None:
    folder = tmp_path_factory.mktemp("run")
    rising = sorted(given_points, key=lambda one: one.step)
    for one in rising:
        curve.append(folder, [one])
    assert curve.read(folder).points == tuple(rising)


def test_numbers_that_are_none_are_kept_for_what_they_are(tmp_path: Path) -> None:
    curve.append(tmp_path, [Point(1, math.nan), Point(2, math.inf), Point(3, None)])
    found = [one.loss for one in curve.read(tmp_path).points]
    assert str(found) == "[nan, inf, None]"


def test_a_line_that_was_broken_off_costs_itself_alone(tmp_path: Path) -> None:
    curve.append(tmp_path, [Point(1, 0.1), Point(2, 0.2)])
    path = tmp_path / curve.NAME
    path.write_bytes(path.read_bytes() + b'{"step":3,"lo')
    assert [one.step for one in curve.read(tmp_path).points] == [1, 2]
    curve.append(tmp_path, [Point(4, 0.4)])
    found = curve.read(tmp_path)
    assert ([one.step for one in found.points], found.broken) == ([1, 2, 4], 1)
    path.write_bytes(path.read_bytes() + b'[1,2]\n{"step":"5"}\n')
    assert curve.read(tmp_path).broken == 3
    assert curve.read(tmp_path / "nowhere").points == ()


def test_a_resume_begins_anew_from_there_and_a_step_is_completed(tmp_path: Path) -> None:
    curve.append(tmp_path, [Point(step, step / 10) for step in range(1, 8)])
    curve.append(tmp_path, [Point(4, 4.0), Point(5, 5.0), Point(5, None, validation=0.3)])
    found = curve.read(tmp_path).points
    assert [(one.step, one.loss) for one in found] == [
        (1, 0.1),
        (2, 0.2),
        (3, 0.3),
        (4, 4.0),
        (5, 5.0),
    ]
    assert found[-1].validation == 0.3
    # What it did the first time stays in the file.
    assert (tmp_path / curve.NAME).read_text().count('"step":7') == 1


@settings(max_examples=150, deadline=None)
@given(
    values=st.lists(
        st.floats(-1e6, 1e6) | st.just(math.nan) | st.just(math.inf), min_size=1, max_size=400
    ),
    most=st.integers(4, 60),
)
def test_thinning_keeps_the_ends_the_extremes_and_that_there_was_nan(
    values: list[float], most: int
) -> None:
    losses = np.array(values)
    kept = chosen(losses, most)
    assert len(kept) <= max(most, 4) + 2
    assert list(kept) == sorted(set(kept.tolist()))
    assert {0, len(values) - 1} <= set(kept.tolist())
    known = losses[np.isfinite(losses)]
    if len(known):
        left = losses[kept][np.isfinite(losses[kept])]
        assert (left.min(), left.max()) == (known.min(), known.max())
    assert bool(np.isnan(losses).any()) == bool(np.isnan(losses[kept]).any())
    if np.isnan(losses).any():
        assert int(np.flatnonzero(np.isnan(losses))[0]) in kept


def test_one_spike_in_many_steps_is_still_there(tmp_path: Path) -> None:
    rows = [Point(step, 0.1) for step in range(1, 20_001)]
    rows[12_344] = Point(12_345, 9.0)
    rows[777] = Point(778, 0.001)
    curve.append(tmp_path, rows)
    found = curve.read(tmp_path, 200)
    assert found.steps == 20_000
    assert len(found.points) <= 200
    assert {one.step: one.loss for one in found.points if one.loss != 0.1} == {
        778: 0.001,
        12_345: 9.0,
    }
