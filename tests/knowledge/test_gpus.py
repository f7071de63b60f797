"""GPUs by any spelling, and which PyTorch runs on them."""

from __future__ import annotations

import pytest

from ategnatos.grimoire.errors import StudioError
from ategnatos.knowledge import cuda, gpus


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("RTX 4090", "GeForce RTX 4090"),
        ("NVIDIA GeForce RTX 4090", "GeForce RTX 4090"),
        ("rtx4090", "GeForce RTX 4090"),
        ("NVIDIA GeForce RTX 4070 Ti SUPER", "GeForce RTX 4070 Ti Super"),
        ("NVIDIA H100 80GB HBM3", "H100 SXM"),
        ("NVIDIA A100-SXM4-80GB", "A100 80GB"),
        ("NVIDIA A100-SXM4-40GB", "A100 40GB"),
        ("NVIDIA RTX 6000 Ada Generation", "RTX 6000 Ada"),
        ("NVIDIA RTX A6000", "RTX A6000"),
        ("Tesla T4", "T4"),
        ("Apple M3 Max", "Apple M3 Max"),
    ],
)
def test_a_gpu_is_found_as_drivers_and_shops_write_it(said: str, name: str) -> None:
    assert gpus.find(said).name == name


@pytest.mark.parametrize(
    ("said", "number", "name", "memory"),
    [
        ("RTX 3060 12GB", 1, "GeForce RTX 3060", 12),
        ("RTX 4060 Ti 8GB", 1, "GeForce RTX 4060 Ti 8GB", 8),
        ("GeForce RTX 3080 12 GB", 1, "GeForce RTX 3080 12GB", 12),
        ("1x A100 (40 GB SXM4)", 1, "A100 40GB", 40),
        ("8x A100 (80 GB SXM4)", 8, "A100 80GB", 80),
        ("2x RTX 3090", 2, "GeForce RTX 3090", 24),
        ("M2 Max", 1, "Apple M2 Max", 32),
    ],
)
def test_a_number_of_them_and_a_size_in_the_name_are_understood(
    said: str, number: int, name: str, memory: float
) -> None:
    found = gpus.find(said)
    assert (found.name, found.memory_gb) == (name, memory)
    assert found.usable_gb < found.memory_gb
    assert gpus.count(said) == number


def test_a_size_that_the_card_was_never_sold_with_is_refused() -> None:
    with pytest.raises(StudioError):
        gpus.find("RTX 3060 80GB")


def test_no_two_gpus_answer_to_one_name() -> None:
    for one in gpus.gpus():
        for name in (one.name, *one.aliases):
            assert gpus.find(name) is one, name
    assert len(gpus.gpus()) >= 60


def test_every_kind_is_there_and_its_facts_hang_together() -> None:
    assert {one.kind for one in gpus.gpus()} == set(gpus.KINDS)
    for one in gpus.gpus():
        assert 4 < one.usable_gb < one.memory_gb <= 512, one.name
        assert one.bandwidth_gbs > 50
        assert bool(one.compute) == (one.kind != "apple")


def test_bf16_and_fp8_follow_the_compute_capability() -> None:
    assert not gpus.find("2080 Ti").bf16
    assert gpus.find("3090").bf16
    assert not gpus.find("A100").fp8
    assert gpus.find("4090").fp8
    assert gpus.find("5090").fp8


def test_an_unknown_gpu_is_refused_with_the_nearest() -> None:
    with pytest.raises(StudioError) as refused:
        gpus.find("RTX 4091")
    assert "4090" in (refused.value.hint or "")


def test_rtx_50_gets_cu128_or_newer_and_never_an_older_build() -> None:
    card = gpus.find("RTX 5090")
    builds = cuda.matrix().fitting(card)
    assert builds
    assert all(cuda.version(one.cuda) >= (12, 8) for one in builds)
    old = next(one for one in cuda.matrix().builds if one.cuda == "12.6")
    assert "no kernel image" in cuda.matrix().refuses(old, card, "580.65.06")


def test_the_driver_decides_between_cuda_12_and_13() -> None:
    card = gpus.find("RTX 4090")
    assert cuda.choose(card, "535.104.05").cuda.startswith("12")
    assert cuda.choose(card, "580.95.05").cuda.startswith("13")
    assert cuda.choose(gpus.find("RTX 5090"), "570.86.10").tag == "cu128"


def test_a_gpu_that_new_builds_forgot_gets_the_one_that_still_has_it() -> None:
    assert cuda.choose(gpus.find("1080 Ti"), "580.65.06").tag == "cu126"


@pytest.mark.parametrize(
    ("card", "driver"), [("RTX 5090", "565.57.01"), ("RTX 4090", "470.1"), ("Apple M4", "")]
)
def test_where_nothing_runs_it_says_what_to_renew(card: str, driver: str) -> None:
    with pytest.raises(StudioError) as refused:
        cuda.choose(gpus.find(card), driver)
    assert refused.value.code is cuda.NO_BUILD
    assert refused.value.hint


def test_driver_minima_per_cuda_major() -> None:
    table = cuda.matrix()
    assert table.driver_for("12.8") == "525.60.13"
    assert table.driver_for("13.0") == "580.65.06"
    assert table.driver_for("13.2", windows=True).startswith("580")
    assert table.driver_for("9.0") == ""


def test_every_default_build_can_be_installed_by_its_command() -> None:
    for one in cuda.matrix().builds:
        assert cuda.matrix().command(one).endswith(f"/whl/{one.tag}")
    torches = {one.torch for one in cuda.matrix().builds}
    for torch in torches:
        defaults = [one for one in cuda.matrix().builds if one.torch == torch and one.default]
        assert len(defaults) == 1, torch
