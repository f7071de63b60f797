"""The same order has the same identity everywhere, and another order another."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ategnatos.art import order
from ategnatos.engines import LoraUse, Request
from tests.engines.painter import Painter

PAINTER = Painter()


def plan(request: Request, seed: int | None = None, take: int = 0) -> order.Order:
    return order.plan(PAINTER, request, explicit_seed=seed, take=take)


@given(some.text(min_size=1).filter(str.strip), some.integers(1, 64))
def test_planning_twice_gives_the_same_identity(prompt: str, count: int) -> None:
    try:
        prompt.encode()
    except UnicodeEncodeError:
        return
    first, second = (plan(Request(prompt, seed, count=count)) for seed in (1, 2))
    assert first == second
    assert len(first.binding) == 16
    assert 0 <= first.request.seed < order.SEED_LIMIT
    json.dumps(first.canonical)


@given(some.integers(0, order.SEED_LIMIT - 1), some.integers(0, 50))
def test_takes_never_share_a_seed(seed: int, take: int) -> None:
    request = Request("a square", 0, count=4)
    here, there = plan(request, seed, take), plan(request, seed, take + 1)
    assert (there.request.seed - here.request.seed) % order.SEED_LIMIT == 4
    assert here.base == there.base
    assert here.binding != there.binding


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": "a circle"},
        {"negative": "blue"},
        {"count": 3},
        {"width": 8},
        {"height": 8},
        {"steps": 2},
        {"cfg": 2.0},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_decides_pixels_decides_the_binding(change: dict[str, object]) -> None:
    request = Request("a square", 0, count=4)
    assert plan(request).binding != plan(replace(request, **change)).binding


def test_where_a_lora_lies_does_not_decide_the_binding() -> None:
    here = LoraUse("owl", "/here/owl.safetensors", 0.8, "a" * 64)
    there = replace(here, path="/there/owl.safetensors", name="night-owl")
    heavier = replace(here, weight=0.9)

    def identity(lora: LoraUse) -> dict[str, object]:
        return order.identity(order.canonical(Request("an owl", 1, loras=(lora,))))

    assert identity(here) == identity(there)
    assert identity(here) != identity(heavier)


@pytest.mark.parametrize(
    ("text", "size"), [("512x512", (512, 512)), ("64", (64, 64)), ("16X8", (16, 8))]
)
def test_sizes_are_read(text: str, size: tuple[int, int]) -> None:
    assert order.parse_size(text) == size
