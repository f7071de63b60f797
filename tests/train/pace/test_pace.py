"""Seconds a step and dollars: from a table, a dry run, the run; on any offer."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import pytest

from ategnatos.knowledge.gpus import find, gpus
from ategnatos.knowledge.training_speed import speed_reports
from ategnatos.knowledge.vram import knowledge
from ategnatos.providers.values import Offer
from ategnatos.train.pace.price import quotes
from ategnatos.train.pace.speed import after_dry_run, after_steps, expected
from tests.trainers.plans import large as plan


def test_every_report_lies_within_the_bars_of_its_family() -> None:
    for one in speed_reports():
        side = round((one.width * one.height) ** 0.5 / 64) * 64
        given = plan(
            family=knowledge().network(one.family).serves[0],
            resolution=side,
            batch=one.batch,
            accumulation=one.accumulation,
            gradient_checkpointing=one.checkpointing,
            quantisation="none" if one.weights == "bf16" else one.weights,
        )
        made = expected(given, find(one.gpu))
        assert made.low * 0.9 <= one.seconds <= made.high * 1.1, one


def test_a_faster_gpu_is_never_slower_and_more_work_never_faster() -> None:
    cards = sorted(gpus(), key=lambda one: one.bf16_tflops)
    paces = [expected(plan(), one).seconds for one in cards]
    assert paces == sorted(paces, reverse=True)
    card = find("RTX 4090")
    base = expected(plan(), card).seconds
    assert expected(plan(batch=2), card).seconds == pytest.approx(2 * base)
    assert expected(plan(resolution=768), card).seconds < base
    assert expected(plan(gradient_checkpointing=False), card).seconds < base
    assert expected(plan(quantisation="fp8"), card).seconds > base
    assert expected(plan(block_swap=10), card).seconds > base


def test_a_family_that_nobody_reported_has_wider_bars_and_says_so() -> None:
    card = find("RTX 4090")
    seen, unseen = expected(plan(), card), expected(plan(family="z-image/base"), card)
    assert unseen.high / unseen.seconds > seen.high / seen.seconds
    assert "none of them" in unseen.because


def test_a_dry_run_replaces_the_table_without_its_first_step() -> None:
    made = after_dry_run([30.0, 1.5, 1.4, 1.6])
    assert made is not None
    assert made.seconds == 1.5
    assert made.basis == "dry run"
    assert after_dry_run([30.0]) is None


def test_the_run_goes_by_its_newest_steps() -> None:
    assert after_steps([9.0, 1.0, 1.0]) is None
    made = after_steps([9.0, *[3.0] * 60, *[1.0] * 50])
    assert made is not None
    assert made.seconds == 1.0
    assert made.basis == "run"
    assert made.hours(3600)[0] == pytest.approx(1.0)


@dataclass(frozen=True)
class Barter:
    """A stranger's offer: no class of ours."""

    provider: str
    id: str
    gpu: str
    gpu_count: int
    vram_gb: float
    hourly: Decimal

    def cost(
        self, hours: Decimal, *, disk_gb: float = 0, down_gb: float = 0, up_gb: float = 0
    ) -> Decimal:
        return self.hourly * hours + Decimal(str(disk_gb)) / 1000


def test_offers_are_priced_the_cheapest_that_fits_first() -> None:
    offers = [
        Offer("runpod", "a", "NVIDIA GeForce RTX 4090", 1, 24, Decimal("0.69")),
        Offer("runpod", "b", "NVIDIA H100 80GB HBM3", 1, 80, Decimal("2.99")),
        Offer("vastai", "c", "RTX 3060", 1, 6, Decimal("0.05")),
        Offer("vastai", "d", "Voodoo 2", 1, 1, Decimal("0.01")),
        Barter("friend", "e", "RTX 4090", 1, 24, Decimal("0.10")),
        Offer("local", "f", "no GPU", 0, 0, Decimal(0)),
    ]
    found = quotes(plan(), "kohya", 15_000, offers)
    assert [one.id for one in found[:2]] == ["e", "a"]
    refused = {one.id: one.why_not for one in found if one.why_not}
    assert "GiB" in refused["c"]
    assert "table" in refused["d"]
    assert refused["f"] == "it has no GPU"
    for one in found[:3]:
        likely, low, high = one.usd
        assert low < likely < high
        assert likely == likely.quantize(Decimal("0.01"))


def test_a_measured_pace_makes_the_price_surer() -> None:
    offer = Offer("own", "", "RTX 4090", 1, 24, Decimal("1"))
    table = quotes(plan(), "kohya", 3600, [offer])[0]
    sure = quotes(plan(), "kohya", 3600, [offer], pace=after_dry_run([9, 1.0, 1.0]))[0]
    assert sure.hours[0] == pytest.approx(1.35)
    assert sure.usd[0] == Decimal("1.35")
    assert sure.usd[2] / sure.usd[1] < table.usd[2] / table.usd[1]
    assert sure.basis == "dry run"
