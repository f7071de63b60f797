"""LoRA files worked with, held to what they do to the starter model's weights and pictures."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from ategnatos.grimoire.errors import StudioError
from ategnatos.starter.lora import read_lora
from ategnatos.starter.model import StarterModel, load_model
from ategnatos.starter.pipeline import generate
from ategnatos.starter.request import LoraWeight, StarterRequest
from ategnatos.starter.threads import one_core_a_product
from ategnatos.train.lora import spelling
from ategnatos.train.lora.converting import LORA_SPELLING, convert
from ategnatos.train.lora.file import LORA_FILE, LoraFile
from ategnatos.train.lora.merging import LORA_MERGE, Part, merge
from ategnatos.train.lora.resizing import LORA_RESIZE, Resized, resize, truncated
from ategnatos.train.lora.showing import show
from ategnatos.train.lora.tagging import LORA_TAG, parse, tag
from ategnatos.train.lora.writing import LORA_EXISTS, encoded
from tests.starter.lora_files import random_pairs, write_kohya, write_peft

BOTH = ("unet", "text_encoder")
# Some layers of each kind in both networks, and some of those.
WHERE, FEWER = "s.1.", "down_blocks.1."


@pytest.fixture(scope="module")
def model() -> StarterModel:
    return load_model()


@pytest.fixture(scope="module")
def first(model: StarterModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("loras") / "first.safetensors"
    facts = {"ss_base_model_version": "ategnatos_starter", "modelspec.trigger_phrase": "zrvk owl"}
    return write_kohya(path, random_pairs(model, BOTH, seed=1, only=WHERE), facts)


@pytest.fixture(scope="module")
def second(model: StarterModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In another spelling, for fewer layers, and with its alpha in the metadata."""
    path = tmp_path_factory.mktemp("loras") / "second.safetensors"
    return write_peft(path, random_pairs(model, ("unet",), seed=2, only=FEWER))


def _change(model: StarterModel, *uses: tuple[Path, float]) -> dict[object, np.ndarray]:
    """What LoRAs add to each weight of the model."""
    total: dict[object, np.ndarray] = {}
    for path, weight in uses:
        lora = read_lora(path, model.lora_targets)
        for target in lora.factors:
            part = weight * lora.change(target, model.lora_targets[target])
            total[target] = total.get(target, 0) + part
    return total


def _same(one: dict[object, np.ndarray], other: dict[object, np.ndarray], within: float) -> None:
    assert one.keys() == other.keys()
    for target, change in one.items():
        largest = np.abs(change).max()
        np.testing.assert_allclose(other[target], change, rtol=0, atol=within * largest)


def _drawn(*uses: tuple[Path, float]) -> np.ndarray:
    request = StarterRequest(
        "a red potion", 3, width=32, height=32, steps=4,
        loras=tuple(LoraWeight(path, weight) for path, weight in uses),
    )  # fmt: skip
    return generate(request).pictures[0].pixels((150, 203, 240)).astype(int)


def test_a_merged_lora_does_what_the_two_did_together(
    model: StarterModel, first: Path, second: Path, tmp_path: Path
) -> None:
    target = tmp_path / "both.safetensors"
    made = merge([Part(first, 0.7), Part(second, -0.4)], target)
    _same(_change(model, (first, 0.7), (second, -0.4)), _change(model, (target, 1.0)), 1e-6)
    assert set(made.ranks.values()) == {4, 8}
    assert made.error == 0
    apart, together = _drawn((first, 0.7), (second, -0.4)), _drawn((target, 1.0))
    assert np.abs(apart - together).max() <= 1
    assert np.abs(apart - _drawn()).max() > 20
    said = LoraFile(target).metadata
    assert said["ss_network_dim"] == "Dynamic"
    assert [one["weight"] for one in json.loads(said["ategnatos.merged_from"])] == [0.7, -0.4]


def test_merging_in_half_precision_says_what_it_rounded(
    model: StarterModel, first: Path, second: Path, tmp_path: Path
) -> None:
    target = tmp_path / "half.safetensors"
    made = merge([Part(first, 0.7), Part(second, 0.4)], target, precision="F16")
    assert 0 < made.error < 2**-11
    _same(_change(model, (first, 0.7), (second, 0.4)), _change(model, (target, 1.0)), 2e-3)


@pytest.mark.parametrize("families", [("sdxl/base", "sd15"), ("sdxl", "flux1/dev")])
def test_loras_of_different_families_are_not_merged(
    first: Path, second: Path, tmp_path: Path, families: tuple[str, str]
) -> None:
    parts = [
        Part(path, 1.0, family) for path, family in zip((first, second), families, strict=True)
    ]
    with pytest.raises(StudioError) as refused:
        merge(parts, tmp_path / "out.safetensors")
    assert refused.value.code is LORA_MERGE
    assert "different families" in refused.value.message
    assert list(tmp_path.iterdir()) == []


def test_a_number_too_large_for_half_precision_leaves_no_file(
    model: StarterModel, first: Path, second: Path, tmp_path: Path
) -> None:
    with pytest.raises(StudioError) as refused:
        merge([Part(first, 4e6), Part(second, 1.0)], tmp_path / "out.safetensors", "F16")
    assert "fp32" in (refused.value.hint or "")
    assert list(tmp_path.iterdir()) == []


def test_a_smaller_lora_whose_numbers_do_not_fit_leaves_no_file(tmp_path: Path) -> None:
    source, target = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    large = np.full((1, 4), 1e30, np.float32)
    save_file({"x.lora_down.weight": large, "x.lora_up.weight": large.T.copy()}, source)
    with pytest.raises(StudioError) as refused:
        resize(source, target, rank=1, precision="F16")
    assert refused.value.code is LORA_RESIZE
    assert [one.name for one in tmp_path.iterdir()] == ["a.safetensors"]
    assert np.isfinite(resize(source, target, rank=1).error)


def test_a_hash_of_the_tensors_as_they_lay_is_not_carried_over(
    model: StarterModel, tmp_path: Path
) -> None:
    facts = {"sshs_model_hash": "0" * 64, "modelspec.hash_sha256": "0x0", "modelspec.title": "x"}
    pairs = random_pairs(model, ("unet",), seed=2, only=FEWER)
    source = write_kohya(tmp_path / "a.safetensors", pairs, facts)
    convert(source, tmp_path / "b.safetensors", "diffusers")
    said = LoraFile(tmp_path / "b.safetensors").metadata
    assert said["modelspec.title"] == "x"
    assert not {"sshs_model_hash", "modelspec.hash_sha256"} & set(said)


def test_resizing_to_the_rank_it_needs_changes_nothing(
    model: StarterModel, first: Path, tmp_path: Path
) -> None:
    target = tmp_path / "same.safetensors"
    made = resize(first, target, rank=16)
    _same(_change(model, (first, 1.0)), _change(model, (target, 1.0)), 1e-5)
    assert {one.after for one in made.cuts} == {4}
    assert made.least.kept == pytest.approx(1)
    assert np.abs(_drawn((first, 0.8)) - _drawn((target, 0.8))).max() <= 1


def test_a_merged_and_resized_lora_is_the_best_of_its_rank(
    model: StarterModel, first: Path, second: Path, tmp_path: Path
) -> None:
    merged, small = tmp_path / "merged.safetensors", tmp_path / "small.safetensors"
    merge([Part(first, 1.0), Part(second, 1.0)], merged)
    made = resize(merged, small, rank=2)
    with one_core_a_product():
        _is_the_best(model, merged, small, made)


def _is_the_best(model: StarterModel, merged: Path, small: Path, made: Resized) -> None:
    whole, cut = _change(model, (merged, 1.0)), _change(model, (small, 1.0))
    kept = {
        spelling.matched(one.layer)[1].removeprefix("text_model_"): one.kept for one in made.cuts
    }
    for target, change in whole.items():
        flat = change.reshape(len(change), -1).astype(np.float64)
        values = np.linalg.svd(flat, compute_uv=False)
        best = float((values[:2] ** 2).sum() / (values**2).sum())
        assert kept[str(target[1]).replace(".", "_")] == pytest.approx(best, abs=1e-6)  # type: ignore[index]
        left = cut[target].reshape(len(change), -1) - flat
        lost = (left**2).sum() / (flat**2).sum()
        assert lost == pytest.approx(1 - best, abs=1e-5)


@settings(deadline=None, max_examples=40)
@given(
    st.integers(1, 6), st.integers(1, 9), st.integers(1, 9), st.floats(0.05, 1), st.integers(0, 99)
)
def test_the_share_asked_for_is_kept_with_no_rank_to_spare(
    rank: int, rows: int, columns: int, keep: float, seed: int
) -> None:
    random = np.random.default_rng(seed)
    down = random.standard_normal((rank, columns)).astype(np.float32)
    up = random.standard_normal((rows, rank)).astype(np.float32)
    small_down, small_up, kept = truncated(down, up, 0.5, 0, keep)
    assert kept >= keep - 1e-9
    values = np.linalg.svd(0.5 * up.astype(np.float64) @ down, compute_uv=False)
    if len(small_down) > 1:
        fewer = (values[: len(small_down) - 1] ** 2).sum() / (values**2).sum()
        assert fewer < keep + 1e-9
    lost = 1 - ((small_up @ small_down) ** 2).sum() / (values**2).sum()
    assert lost == pytest.approx(1 - kept, abs=1e-4)


@pytest.mark.parametrize(("rank", "keep"), [(0, 0.0), (-1, 0.0), (0, 1.2), (0, -0.1)])
def test_a_size_that_cannot_be_is_refused(
    first: Path, tmp_path: Path, rank: int, keep: float
) -> None:
    with pytest.raises(StudioError) as refused:
        resize(first, tmp_path / "out.safetensors", rank=rank, keep=keep)
    assert refused.value.code is LORA_RESIZE


def test_tags_change_the_header_and_not_a_byte_of_the_tensors(
    model: StarterModel, first: Path, tmp_path: Path
) -> None:
    target = tmp_path / "tagged.safetensors"
    values = parse(["trigger=brvk", "licence=CC0-1.0", "ss_base_model_version=", "my.own=ä=b"])
    changed = tag(first, target, values)
    assert changed["modelspec.trigger_phrase"] == ("zrvk owl", "brvk")
    before, after = LoraFile(first), LoraFile(target)
    assert "ss_base_model_version" not in after.metadata
    assert after.metadata["my.own"] == "ä=b"
    assert _body(first) == _body(target)
    assert after.header.tensors == before.header.tensors
    assert load_file(target).keys() == load_file(first).keys()


def _body(path: Path) -> str:
    raw = path.read_bytes()
    return hashlib.sha256(raw[8 + int.from_bytes(raw[:8], "little") :]).hexdigest()


@pytest.mark.parametrize("text", ["trigger", "=x", "a b=c", "format=pt", "x" * 101 + "=1"])
def test_a_tag_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(StudioError) as refused:
        parse([text])
    assert refused.value.code is LORA_TAG


def test_kohya_to_diffusers_and_back_is_the_same_file(
    model: StarterModel, first: Path, tmp_path: Path
) -> None:
    there, back = tmp_path / "there.safetensors", tmp_path / "back.safetensors"
    assert convert(first, there, "diffusers").before == "kohya"
    _same(_change(model, (first, 1.0)), _change(model, (there, 1.0)), 1e-7)
    assert all(name.startswith(("unet.", "text_encoder.")) for name in load_file(there))
    convert(there, back, "kohya")
    ours, theirs = load_file(first), load_file(back)
    assert ours.keys() == theirs.keys()
    for name, values in ours.items():
        assert np.array_equal(values, theirs[name]), name


def test_peft_to_kohya_carries_the_alpha_over(
    model: StarterModel, second: Path, tmp_path: Path
) -> None:
    target = tmp_path / "kohya.safetensors"
    convert(second, target, "kohya")
    _same(_change(model, (second, 1.0)), _change(model, (target, 1.0)), 1e-7)
    assert {float(v) for n, v in load_file(target).items() if n.endswith(".alpha")} == {6.0}


@pytest.mark.parametrize(
    ("name", "to"),
    [
        ("lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q", "diffusers"),
        ("lora_unet_double_blocks_0_img_attn_qkv", "diffusers"),
        ("lora_unet_down_blocks_0_attentions_0_proj_in", "comfyui"),
        ("lora_unet_something_nobody_knows", "diffusers"),
        ("transformer.transformer_blocks.0.attn.to_q", "kohya"),
        ("lora_unet_down_blocks_0_attentions_0_proj_in", "elvish"),
    ],
)
def test_what_more_than_the_spelling_would_change_is_refused(
    tmp_path: Path, name: str, to: str
) -> None:
    source = _one_layer(tmp_path / "in.safetensors", name)
    with pytest.raises(StudioError) as refused:
        convert(source, tmp_path / "out.safetensors", to)
    assert refused.value.code is LORA_SPELLING
    assert not (tmp_path / "out.safetensors").exists()


@pytest.mark.parametrize(
    ("name", "to", "family", "after"),
    [
        ("lora_unet_double_blocks_0_img_attn_qkv", "comfyui", "",
         "diffusion_model.double_blocks.0.img_attn.qkv"),
        ("diffusion_model.layers.0.attention.qkv", "kohya", "", "lora_unet_layers_0_attention_qkv"),
        ("transformer.transformer_blocks.0.attn.to_q", "comfyui", "qwen-image/2512",
         "diffusion_model.transformer_blocks.0.attn.to_q"),
        ("text_encoder_2.text_model.encoder.layers.3.mlp.fc1", "kohya", "",
         "lora_te2_text_model_encoder_layers_3_mlp_fc1"),
    ],
)  # fmt: skip
def test_names_of_other_families_are_spelled_as_their_programs_do(
    tmp_path: Path, name: str, to: str, family: str, after: str
) -> None:
    source = _one_layer(tmp_path / "in.safetensors", name)
    convert(source, tmp_path / "out.safetensors", to, family)
    assert list(LoraFile(tmp_path / "out.safetensors").layers) == [after]


def _one_layer(path: Path, name: str) -> Path:
    flat = "." not in name
    ends = (
        (".lora_down.weight", ".lora_up.weight") if flat else (".lora_A.weight", ".lora_B.weight")
    )
    save_file({name + ends[0]: np.ones((2, 4), "f2"), name + ends[1]: np.ones((3, 2), "f2")}, path)
    return path


def test_every_layer_of_the_starter_model_gets_its_dots_back(model: StarterModel) -> None:
    for network, layer in model.lora_targets:
        if network == "unet" and ".pool." not in layer:
            assert spelling.dotted(layer.replace(".", "_")) == layer
    assert spelling.dotted("text_model_encoder_layers_0_self_attn_q_proj") == (
        "text_model.encoder.layers.0.self_attn.q_proj"
    )
    assert spelling.dotted("to_q_or_not_to_q") is None


def test_showing_tells_ranks_norms_and_what_the_file_says(model: StarterModel, first: Path) -> None:
    facts = show(first)
    assert facts["kind"] == "LoRA"
    assert facts["ranks"] == {"4": len(facts["layers"])}
    assert facts["metadata"]["modelspec.trigger_phrase"] == "zrvk owl"
    file = LoraFile(first)
    for row in facts["layers"][:6]:
        change = file.change(file.layers[row["layer"]])
        assert row["norm"] == pytest.approx(float(np.linalg.norm(change)), rel=1e-4)
        assert row["scale"] == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("tensors", "why"),
    [
        ({"lora_unet_a.lora_down.weight": (2, 4)}, "one half"),
        ({"model.weight": (2, 4)}, "no known kind"),
        ({"lora_unet_a.hada_w1_a": (2, 4)}, "LoHa"),
        ({"lora_unet_a.dora_scale": (2, 4)}, "DoRA"),
        ({"x.lora_down.weight": (2, 4), "x.lora_up.weight": (3, 5)}, "no product"),
        ({"x.lora_down.weight": (2, 4, 1, 1), "x.lora_up.weight": (3, 2, 3, 3)}, "1x1"),
    ],
)
def test_what_is_no_pair_of_matrices_is_named(
    tmp_path: Path, tensors: dict[str, tuple[int, ...]], why: str
) -> None:
    path = tmp_path / "odd.safetensors"
    save_file({name: np.ones(shape, np.float32) for name, shape in tensors.items()}, path)
    with pytest.raises(StudioError) as refused:
        resize(path, tmp_path / "out.safetensors", rank=1)
    assert refused.value.code is LORA_FILE
    assert why in refused.value.message
    assert [one.name for one in tmp_path.iterdir()] == ["odd.safetensors"]


def test_numbers_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "nan.safetensors"
    pair = {"x.lora_down.weight": np.ones((1, 4), "f4"), "x.lora_up.weight": np.ones((3, 1), "f4")}
    pair["x.lora_up.weight"][1] = np.nan
    save_file(pair, path)
    with pytest.raises(StudioError, match="not finite"):
        resize(path, tmp_path / "out.safetensors", rank=1)
    assert not (tmp_path / "out.safetensors").exists()


def test_nothing_is_overwritten_and_a_failed_write_leaves_nothing(
    first: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tmp_path / "there.safetensors"
    there.write_bytes(b"somebody's")
    with pytest.raises(StudioError) as refused:
        resize(first, there, rank=2)
    assert refused.value.code is LORA_EXISTS
    assert there.read_bytes() == b"somebody's"

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "link", full)
    with pytest.raises(StudioError) as refused:
        resize(first, tmp_path / "new.safetensors", rank=2)
    assert refused.value.code.code == "disk_full"
    assert [one.name for one in tmp_path.iterdir()] == ["there.safetensors"]


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.floats(-(2.0**99), 2.0**99, width=32, allow_subnormal=False), min_size=1, max_size=20
    )
)
def test_brain_floats_are_rounded_to_the_nearest(values: list[float]) -> None:
    exact = np.array(values, np.float32)
    raw, error = encoded(exact, "BF16")
    back = (np.frombuffer(raw, "<u2").astype(np.uint32) << 16).view(np.float32)
    assert (np.abs(back - exact) <= np.abs(exact) * 2**-8).all()
    assert error <= 2**-8
