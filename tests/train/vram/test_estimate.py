"""The memory estimate: what its parts are, how far off it is, and that nothing is overfitted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ategnatos.knowledge.vram import GIB, knowledge
from ategnatos.train.vram import fit
from ategnatos.train.vram.estimate import PARTS, estimate, largest_batch, parts, shipped
from ategnatos.train.vram.workload import Workload, of_plan, of_report
from ategnatos.trainers.plan import Plan, read


def plan(**values: object) -> Plan:
    base = {
        "name": "owl",
        "family": "sdxl/base",
        "dataset": "owls",
        "dataset_version": 1,
        "dataset_digest": "0" * 64,
        "optimizer": "adamw8bit",
    }
    return read({**base, **values})


def test_readings_of_sources_never_seen_are_met_within_a_fifth_and_nine_of_ten_within_two() -> None:
    scores = fit.leave_one_source_out(fit.readings())
    errors = sorted(abs(one.error) for one in scores)
    assert len(scores) >= 37
    assert len({one.source for one in scores}) >= 13
    assert fit.quantile(errors, 0.5) <= 0.2
    assert fit.quantile(errors, 0.9) <= 0.4


def test_a_source_left_out_has_no_part_in_its_own_estimate() -> None:
    given_rows = fit.readings()
    source = given_rows[0][1].source
    tenfold = [
        (report, replace(one, gb=one.gb * 10) if one.source == source else one)
        for report, one in given_rows
    ]
    before = {one.id: one for one in fit.leave_one_source_out(given_rows) if one.source == source}
    after = {one.id: one for one in fit.leave_one_source_out(tenfold) if one.source == source}
    assert {k: v.estimated for k, v in before.items()} == {k: v.estimated for k, v in after.items()}


def test_the_shipped_calibration_is_what_the_shipped_reports_give() -> None:
    assert fit.calibrate(fit.readings()) == shipped()


def test_without_readings_the_calibration_is_what_was_expected() -> None:
    assert fit.fit([]) == fit.EXPECTED


def test_four_of_five_readings_lie_within_the_bars() -> None:
    within = 0
    rows = fit.readings()
    for _, one in rows:
        made = estimate(one.work)
        within += made.low <= one.gb <= made.high
    assert within / len(rows) >= 0.75


def test_most_bounds_are_kept() -> None:
    cards = [one for one in knowledge().reports if one.kind == "fits_card"]
    kept = [one for one in cards if estimate(of_report(one)).low <= one.high]
    assert len(cards) >= 15
    assert len(kept) >= len(cards) - 2


def test_the_parts_add_up_and_have_names_for_people() -> None:
    made = estimate(of_plan(plan(ema=True, samples=[{"prompt": "an owl"}]), "kohya"))
    assert sum(made.parts.values()) == pytest.approx(made.likely)
    assert set(made.parts) <= set(PARTS)
    assert {"weights", "trained", "average", "vae", "text", "working"} <= set(made.parts)


def test_each_move_that_should_save_memory_saves_it() -> None:
    dear = plan(gradient_checkpointing=False, batch=4, optimizer="prodigy", rank=64)
    cost = estimate(of_plan(dear, "kohya")).likely
    for change in (
        {"gradient_checkpointing": True},
        {"batch": 2},
        {"optimizer": "adamw8bit"},
        {"rank": 16},
        {"cache_text": True},
        {"quantisation": "int8"},
        {"quantisation": "nf4"},
        {"resolution": 768},
        {"gradient_checkpointing": True, "block_swap": 10},
    ):
        assert estimate(of_plan(dear.change(**change), "kohya")).likely < cost, change


@pytest.mark.parametrize("family", sorted(knowledge().networks))
def test_every_family_has_an_estimate_above_its_weights(family: str) -> None:
    network = knowledge().networks[family]
    made = estimate(of_plan(plan(family=network.serves[0]), "ai-toolkit"))
    assert made.low > network.params * 2 / GIB * 0.8
    assert made.likely < 120


def test_checkpointing_keeps_less_than_everything_in_every_network() -> None:
    for network in knowledge().networks.values():
        for side in (512, 1024, 1536):
            pixels = side * side
            with_it = sum(
                one.of(pixels) for one in (network.inputs, network.outside, network.block)
            )
            assert 0 < with_it < network.kept.of(pixels) / 2, network.name


@given(batch=st.integers(1, 64), side=st.sampled_from([256, 512, 768, 1024, 1536]))
def test_more_pictures_never_take_less(batch: int, side: int) -> None:
    work = of_plan(plan(batch=batch, resolution=side), "kohya")
    more = replace(work, batch=batch + 1)
    assert parts(more, shipped())["working"] > parts(work, shipped())["working"]


@given(memory=st.floats(4, 200))
def test_the_largest_batch_fits_and_one_more_does_not(memory: float) -> None:
    work: Workload = of_plan(plan(), "kohya")
    most = largest_batch(work, memory, shipped())
    if most:
        assert estimate(replace(work, batch=most)).high <= memory
    assert estimate(replace(work, batch=most + 1)).high > memory
