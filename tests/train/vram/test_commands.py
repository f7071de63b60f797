"""``train vram`` and ``train cost`` as a person and an agent run them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from ategnatos.grimoire.project import Project
from ategnatos.train.plan import store
from ategnatos.train.vram import measured
from tests.train.dataset.pictures import dataset

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def planned(project: Project) -> Project:
    version = dataset(project, captioned=True)
    for name, family in (("ann", "sdxl/base"), ("big", "flux1/dev")):
        store.new(
            project,
            name,
            family=family,
            preset="standard",
            dataset=(version.dataset, version.number, version.digest()),
            values={},
            actor="user:ann",
            now=NOW,
        )
    return project


def test_a_plan_that_fits_says_so_with_parts_and_the_largest_batch(run: Any, planned: Any) -> None:
    ran = run("train", "vram", "ann", "--gpu", "RTX 4090", cwd=planned.root)
    assert ran.code == 0
    assert "It fits" in ran.out
    assert "the base model" in ran.out
    assert "Largest batch" in ran.out


def test_one_that_does_not_gets_a_change_and_the_command_makes_it_fit(
    run: Any, planned: Any
) -> None:
    ran = run("train", "vram", "big", "--gpu", "rtx3060", "--json", cwd=planned.root)
    assert ran.data["verdict"] == "no"
    assert ran.data["changed"]["high"] <= ran.data["memory"]
    line = next(
        one
        for one in run("train", "vram", "big", "--gpu", "3060", cwd=planned.root).out.splitlines()
        if "train plan set" in one
    )
    assert run(*line.split()[1:], cwd=planned.root).code == 0
    again = run("train", "vram", "big", "--gpu", "rtx3060", "--json", cwd=planned.root)
    assert again.data["verdict"] == "fits"


def test_without_a_gpu_it_names_the_smallest_that_fit(run: Any, planned: Any) -> None:
    ran = run("train", "vram", "ann", "--json", cwd=planned.root)
    assert ran.data["verdict"] is None
    assert len(ran.data["smallest"]) >= 3


def test_free_memory_counts_in_place_of_the_cards(run: Any, planned: Any) -> None:
    fits = run("train", "vram", "ann", "--gpu", "4090", "--json", cwd=planned.root).data
    busy = run(
        "train", "vram", "ann", "--gpu", "4090", "--memory", "6", "--json", cwd=planned.root
    ).data
    assert (fits["verdict"], busy["verdict"]) == ("fits", "no")


def test_a_machines_runs_count_where_it_is_named(run: Any, planned: Any) -> None:
    plan = store.load(planned, "ann").plan
    measured.record_peak(
        planned, run="r1", machine="tower", plan=plan, trainer="kohya", gb=17.5, now=NOW
    )
    here = run(
        "train", "vram", "ann", "--machine", "tower", "--trainer", "kohya", "--json",
        cwd=planned.root,
    ).data  # fmt: skip
    assert here["likely"] == 17.5
    assert here["readings_here"] == 1


def test_an_unknown_gpu_is_refused_with_the_nearest(run: Any, planned: Any) -> None:
    ran = run("train", "vram", "ann", "--gpu", "RTX 4099", "--json", cwd=planned.root)
    assert ran.code == 1
    assert ran.envelope["error"]["code"] == "gpu_unknown"


def test_a_price_of_ones_own_makes_hours_and_dollars(run: Any, planned: Any) -> None:
    ran = run(
        "train", "cost", "ann", "--gpu", "RTX 4090", "--price", "0.5", "--seconds", "1",
        "--steps", "3600", "--json", cwd=planned.root,
    )  # fmt: skip
    (offer,) = ran.data["offers"]
    assert offer["hours"][0] == 1.35
    assert offer["usd"][0] == "0.68"
    assert offer["basis"] == "dry run"
    told = run("train", "cost", "ann", "--gpu", "4090", "--price", "0.5", cwd=planned.root)
    assert "about $" in told.out


def test_a_card_that_is_too_small_costs_nothing_but_a_reason(run: Any, planned: Any) -> None:
    ran = run(
        "train", "cost", "big", "--gpu", "RTX 3060", "--price", "0.1", "--json", cwd=planned.root
    )
    (offer,) = ran.data["offers"]
    assert offer["verdict"] == "no"
    assert "GiB" in offer["why_not"]


def test_the_starter_takes_no_gpu(run: Any, planned: Any) -> None:
    version = dataset(planned, "more", captioned=True)
    store.new(
        planned,
        "st",
        family="starter",
        preset="standard",
        dataset=(version.dataset, version.number, version.digest()),
        values={},
        actor="user:ann",
        now=NOW,
    )
    assert "no GPU memory" in run("train", "vram", "st", cwd=planned.root).out
    assert "costs nothing" in run("train", "cost", "st", cwd=planned.root).out


def test_a_price_without_its_gpu_is_refused(run: Any, planned: Any) -> None:
    ran = run("train", "cost", "ann", "--price", "1", "--json", cwd=planned.root)
    assert ran.envelope["error"]["code"] == "price_of_what"


def test_numbers_in_advice_stay_numbers(run: Any, planned: Any) -> None:
    words = ("--trainer", "ai-toolkit", "--memory", "5")
    out = run("train", "vram", "ann", *words, cwd=planned.root).out
    assert "caption_dropout=0.0" in out
    assert "cache_text=true" in out


def test_two_of_a_gpu_are_not_added_up(run: Any, planned: Any) -> None:
    told = run("train", "vram", "big", "--gpu", "2x RTX 3060", "--json", cwd=planned.root)
    assert (told.data["gpu"], told.data["verdict"]) == ("GeForce RTX 3060", "no")
    assert any("not added up" in one for one in told.envelope["warnings"])


@pytest.mark.parametrize("trainer", ["kohya", "ai-toolkit", "simpletuner"])
def test_a_profile_that_is_named_can_be_trained_and_fits(
    run: Any, planned: Any, trainer: str
) -> None:
    for gpu in ("3060", "RTX 4060 Ti 8GB", "4070 Ti Super"):
        words = ("train", "vram", "big", "--gpu", gpu, "--trainer", trainer)
        told = run(*words, "--json", cwd=planned.root).data
        if told["profile"] is None or told["verdict"] == "fits":
            continue
        lines = run(*words, cwd=planned.root).out.splitlines()
        line = next(one for one in lines if one.startswith("  ategnatos train plan set"))
        set_to = run(*line.split()[1:], "--dry-run", "--json", cwd=planned.root)
        assert set_to.code == 0
        assert set(set_to.data["changed"]) == set(told["profile"]["set"])
        assert trainer != "kohya" or "nf4" not in line


def test_half_the_rank_keeps_how_much_it_counts(run: Any, planned: Any) -> None:
    told = run("train", "vram", "ann", "--memory", "5.8", "--json", cwd=planned.root).data
    (half,) = [one for one in told["changes"] if one["name"] == "half the rank"]
    assert half["values"] == {"rank": 16, "alpha": 8.0}
