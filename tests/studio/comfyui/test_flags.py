"""Launch flags by the memory of the GPU, each with its reason."""

from __future__ import annotations

import pytest

from ategnatos.grimoire.errors import StudioError
from ategnatos.studio.comfyui import facts, flags
from ategnatos.studio.gpu import Found, Gpu


def words(mib: int | None, *, apple: bool = False, **options: list[str]) -> list[str]:
    gpus = () if mib is None else (Gpu("a GPU", mib),)
    return flags.plan(Found(gpus), port=8188, apple=apple, **options).words


SAVING = {"--novram", "--use-split-cross-attention", "--cpu-vae"}


@pytest.mark.parametrize(
    ("mib", "expected"),
    [
        (4096, SAVING),
        (6144, SAVING),
        (8188, {"--use-split-cross-attention", "--cpu-vae"}),
        (10240, {"--use-split-cross-attention", "--cpu-vae"}),
        (12282, set()),
        (24564, set()),
    ],
)
def test_the_flags_follow_the_memory(mib: int, expected: set[str]) -> None:
    assert SAVING & set(words(mib)) == expected


def test_every_start_is_for_this_machine_alone() -> None:
    for mib in (None, 4096, 24564):
        found = words(mib)
        assert found[:4] == ["--listen", "127.0.0.1", "--port", "8188"]
    assert "--cpu" in words(None)
    assert SAVING & set(words(16384, apple=True)) == set()


def test_every_flag_has_a_reason() -> None:
    known = facts.launch()
    for one in [*known.always, *known.apple, *(f for tier in known.tiers for f in tier.flags)]:
        assert len(one.why) > 20
        assert one.group in known.groups


def test_a_flag_of_the_users_own_replaces_ours_of_its_group() -> None:
    found = words(4096, extra=["--lowvram", "--preview-method=auto", "--fast"])
    assert "--novram" not in found
    assert "--lowvram" in found
    assert found[found.index("--preview-method") + 1] == "auto"
    assert found.count("--preview-method") == 1


def test_flags_can_be_left_out() -> None:
    assert "--cpu-vae" not in words(8188, without=["--cpu-vae"])


@pytest.mark.parametrize(
    "flag", ["--listen", "--listen=0.0.0.0", "--lis=0.0.0.0", "--port=1", "--enable-cors-header",
             "--enable-cors=*", "--multi-user", "fast", "-x", "--"],
)  # fmt: skip
def test_flags_that_open_the_server_are_refused(flag: str) -> None:
    with pytest.raises(StudioError) as raised:
        words(4096, extra=[flag])
    assert raised.value.code is flags.FLAG_REFUSED


def test_the_address_cannot_be_left_out() -> None:
    for flag in ("--listen", "--port", "--never-heard"):
        with pytest.raises(StudioError):
            words(4096, without=[flag])
