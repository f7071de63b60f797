"""Divergence, plateau and overfitting: healthy noise is left alone, what is sick is found.

A small part of what ``benchmarks/watching.py`` counts with intervals.
"""

from __future__ import annotations

import math
import random

import pytest

from ategnatos.train.watching.divergence import Divergence
from ategnatos.train.watching.overfitting import Overfitting
from tests.train.watching import synthetic

ALARMS = {"divergence", "rising", "nan"}


@pytest.mark.parametrize("epoch", [0, 60])
@pytest.mark.parametrize("noise", [0.4, 0.9])
@pytest.mark.parametrize("kind", ["falling", "settling", "flat"])
def test_no_noise_of_a_healthy_run_is_called_a_divergence(
    kind: str, noise: float, epoch: int
) -> None:
    for number in range(3):
        draw = random.Random(f"{kind}{noise}{number}")
        single = synthetic.losses(synthetic.healthy(kind, draw), 900, noise, draw)
        if epoch:
            single = synthetic.averaged(single, epoch)
        codes = {one.code for one in synthetic.watch(single, 900, epoch=epoch)}
        assert not codes & ALARMS
        if kind == "falling":
            assert "plateau" not in codes


@pytest.mark.parametrize("epoch", [0, 40])
@pytest.mark.parametrize("kind", ["jumps", "climbs", "from the start"])
def test_a_run_that_leaves_its_level_is_stopped_with_the_evidence(kind: str, epoch: int) -> None:
    draw = random.Random(kind)
    begins = 1500 * (0.012 if kind == "from the start" else 0.6)
    single = synthetic.losses(synthetic.sick(kind, draw), 1500, 0.6, draw)
    if epoch:
        single = synthetic.averaged(single, epoch)
    found = synthetic.watch(single, 1500, epoch=epoch)
    stops = [one for one in found if one.weight == "stop"]
    assert [one.code for one in stops] == ["divergence"]
    evidence = stops[0].evidence
    assert begins < evidence["step"] < 1500
    assert evidence["factor"] == pytest.approx(evidence["level"] / evidence["lowest"])
    assert evidence["factor"] > 4
    assert f"step {evidence['step']}" in stops[0].text


def test_a_spike_that_passes_is_no_divergence() -> None:
    watch = Divergence(1000)
    draw = random.Random(3)
    for step in range(1, 1001):
        loss = 0.1 * math.exp(draw.gauss(0, 0.4))
        if 500 <= step < 506:
            loss *= 1000
        assert watch.add(step, loss) == []


def test_a_flat_run_has_a_plateau_and_is_told_so_once() -> None:
    draw = random.Random(1)
    level = synthetic.healthy("flat", draw)
    found = synthetic.watch(synthetic.losses(level, 3000, 0.3, draw), 3000)
    said = [one for one in found if one.code == "plateau"]
    assert len(said) == 1
    assert said[0].weight == "note"
    assert abs(said[0].evidence["change"]) < 0.1
    assert 0 < said[0].evidence["best_case"] < 0.2


def test_five_losses_within_a_hundredth_are_no_plateau() -> None:
    """What the plateau of an earlier program was: any healthy noise has them."""
    draw = random.Random(2)
    level = synthetic.healthy("falling", draw)
    single = list(synthetic.losses(level, 2000, 0.5, draw))
    single[1000:1005] = [0.100, 0.101, 0.102, 0.103, 0.104]
    assert not {one.code for one in synthetic.watch(iter(single), 2000)} & {"plateau"}


def test_overfitting_is_a_gap_with_a_validation_that_rose() -> None:
    watch = Overfitting()
    draw = random.Random(5)
    said = []
    for number in range(24):
        training = 0.2 * math.exp(-number / 10)
        held = 0.2 * (1.0 + 0.06 * max(0, number - 6)) * (1 + draw.gauss(0, 0.02))
        said += watch.add(number * 50, held, training)
    assert [one.code for one in said][-1] == "overfitting"
    last = said[-1].evidence
    assert last["gap"] > 0.5
    assert last["lowest_at"] < 400 < last["step"]
    assert last["rise"] > 0.05
    assert watch.stage == "overfitting"
    assert len(said) <= 2


@pytest.mark.parametrize(
    ("held", "stage"), [(0.10, "fine"), (0.129, "fine"), (0.13, "watch"), (0.15, "overfitting")]
)
def test_the_gap_has_three_stages_and_bounds_that_bear_rounding(held: float, stage: str) -> None:
    watch = Overfitting()
    watch.add(1, held, 0.1)
    assert watch.stage == stage


def test_harder_pictures_are_no_overfitting_while_their_loss_falls() -> None:
    watch = Overfitting()
    for number in range(40):
        training = 0.2 * math.exp(-number / 30)
        assert watch.add(number, training * 1.8, training) == []
    assert watch.stage == "overfitting"
