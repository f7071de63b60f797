"""What lies in a running average of three digits: the mean loss of a stretch, and a jump in it."""

from __future__ import annotations

import random
from itertools import pairwise
from statistics import fmean

import pytest

from ategnatos.train.watching.monitor import Monitor
from ategnatos.train.watching.recovered import Recovered
from ategnatos.trainers.events import Fact, Progress
from tests.train.watching import synthetic


@pytest.mark.parametrize("epoch", [1, 7, 40, 150, 400])
@pytest.mark.parametrize("origin", [0, 900])
def test_stretches_come_back_as_exactly_as_three_digits_allow(epoch: int, origin: int) -> None:
    draw, steps = random.Random(epoch), 1200
    single = list(synthetic.losses(lambda share: 0.12, steps, 0.5, draw))
    found = Recovered(origin, epoch, origin + steps)
    ends, errors = [0], []
    for number, average in enumerate(synthetic.averaged(iter(single), epoch), 1):
        mean = found.add(origin + number, average)
        if mean is not None:
            begin, true = ends[-1], fmean(single[ends[-1] : number])
            errors.append((mean - true) / 0.12)
            assert number - begin == found.each
            ends.append(number)
    assert len(ends) - 1 == steps // found.each
    # A quarter of the level by rounding at the most, as one standard deviation at the very end.
    assert fmean(one**2 for one in errors) ** 0.5 < 0.25
    assert max(map(abs, errors)) < 1.0


def test_steps_that_were_not_seen_make_a_stretch_longer_and_no_loss_up() -> None:
    single = [0.1] * 300 + [0.5] * 300
    shown = list(synthetic.averaged(iter(single), 100))
    found = Recovered(0, 100, 600)
    missing = {50, 51, 350, 450}
    means = [
        mean
        for step, average in enumerate(shown, 1)
        if step not in missing and (mean := found.add(step, average)) is not None
    ]
    assert means[0] == pytest.approx(0.1, abs=0.02)
    assert means[-1] == pytest.approx(0.5, abs=0.1)
    assert all(0.05 < one < 0.65 for one in means)
    # An average of another process says nothing of this one.
    assert Recovered(100, 50, 200).add(100, 0.5) is None
    assert Recovered(0, 50, 200).add(60, 0.5) is None


@pytest.mark.parametrize("noise", [0.3, 0.7])
def test_a_jump_is_seen_through_a_long_average(noise: float) -> None:
    for number in range(6):
        draw = random.Random(number)
        level = synthetic.sick("jumps", draw)
        single = synthetic.losses(level, 600, noise, draw)
        found = synthetic.watch(synthetic.averaged(single, 150), 600, epoch=150)
        stops = [one.evidence["step"] for one in found if one.weight == "stop"]
        assert stops, number
        assert 360 < stops[0] <= 600


@pytest.mark.parametrize("noise", [0.3, 0.7])
def test_a_spike_in_a_long_average_is_none(noise: float) -> None:
    for number in range(4):
        single = list(synthetic.losses(lambda share: 0.1, 600, noise, random.Random(number)))
        single[400] = 30.0
        found = synthetic.watch(synthetic.averaged(iter(single), 150), 600, epoch=150)
        assert not [one for one in found if one.code in {"divergence", "rising"}], number


def test_a_process_that_was_resumed_begins_its_average_anew() -> None:
    monitor = Monitor(900, resumed_at=300, epoch_steps=150)
    draw = random.Random(3)
    losses = list(synthetic.losses(lambda share: 0.1 if share < 0.5 else 0.8, 600, 0.4, draw))
    found = []
    monitor.feed(Fact("batches_an_epoch", 150), 0.0)
    for step, average in enumerate(synthetic.averaged(iter(losses), 150), 301):
        found += monitor.feed(Progress(step, 900, average, "average", 1e-4), float(step))
    stops = [one for one in found if one.weight == "stop"]
    assert [one.code for one in stops] == ["divergence"]
    assert 600 < stops[0].evidence["step"] < 800
    said = [one.code for one in found]
    assert all(before != after for before, after in pairwise(sorted(said)))
