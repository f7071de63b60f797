"""LoRAs under the names of a family's authors and of diffusers, without a number changed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from ategnatos.grimoire.errors import StudioError
from ategnatos.train.lora import crossing, fusing, spelling
from ategnatos.train.lora.converting import LORA_SPELLING, convert
from ategnatos.train.lora.file import LoraFile
from ategnatos.train.lora.fusing import Matrices
from ategnatos.train.lora.merging import Part, merge
from tests.conftest import Run

FAMILIES = ("sdxl", "sd15", "flux1", "flux2", "sd35", "z-image", "lumina2")
Shape = tuple[int, ...]


def _file(
    path: Path,
    layers: dict[str, Shape],
    rank: int = 4,
    alpha: float = 3.0,
    dtype: str = "f2",
) -> Path:
    """Random matrices for layers of (rows, columns[, h, w]); each with a ``down`` of its own."""
    random = np.random.default_rng(7)
    tensors = {}
    for name, (rows, columns, *kernel) in layers.items():
        flat = "." not in name
        down, up = (".lora_down", ".lora_up") if flat else (".lora_A", ".lora_B")
        pair = (
            random.standard_normal((rank, columns, *kernel)),
            random.standard_normal((rows, rank, *(1 for _ in kernel))),
        )
        tensors[f"{name}{down}.weight"] = pair[0].astype(dtype)
        tensors[f"{name}{up}.weight"] = pair[1].astype(dtype)
        if flat:
            tensors[f"{name}.alpha"] = np.array(alpha, "f4")
    save_file(tensors, path)
    return path


def _changes(path: Path) -> dict[str, np.ndarray]:
    file = LoraFile(path)
    return {name: file.change(layer) for name, layer in file.layers.items()}


def _same_bytes(one: Path, other: Path) -> None:
    ours, theirs = load_file(one), load_file(other)
    assert ours.keys() == theirs.keys()
    for name, values in ours.items():
        assert values.tobytes() == theirs[name].tobytes(), name


# What each layer is called, written down from the two programs that write it.
NAMES = [
    ("sdxl/base", "lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q",
     "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"),
    ("sdxl/base", "lora_unet_input_blocks_8_1_transformer_blocks_9_ff_net_0_proj",
     "unet.down_blocks.2.attentions.1.transformer_blocks.9.ff.net.0.proj"),
    ("pony", "lora_unet_middle_block_1_proj_in", "unet.mid_block.attentions.0.proj_in"),
    ("sdxl", "lora_unet_output_blocks_2_1_transformer_blocks_3_attn2_to_out_0",
     "unet.up_blocks.0.attentions.2.transformer_blocks.3.attn2.to_out.0"),
    ("sdxl", "lora_unet_output_blocks_2_2_conv", "unet.up_blocks.0.upsamplers.0.conv"),
    ("sdxl", "lora_unet_input_blocks_3_0_op", "unet.down_blocks.0.downsamplers.0.conv"),
    ("sdxl", "lora_unet_input_blocks_7_0_skip_connection",
     "unet.down_blocks.2.resnets.0.conv_shortcut"),
    ("illustrious", "lora_unet_output_blocks_8_0_emb_layers_1",
     "unet.up_blocks.2.resnets.2.time_emb_proj"),
    ("noobai", "lora_unet_label_emb_0_2", "unet.add_embedding.linear_2"),
    ("sdxl", "lora_unet_out_2", "unet.conv_out"),
    ("sdxl", "lora_te1_text_model_encoder_layers_3_self_attn_q_proj",
     "text_encoder.text_model.encoder.layers.3.self_attn.q_proj"),
    ("sdxl", "lora_te2_text_model_encoder_layers_31_mlp_fc2",
     "text_encoder_2.text_model.encoder.layers.31.mlp.fc2"),
    # SD 1.5: sd-scripts write diffusers' names.
    ("sd15", "lora_unet_up_blocks_1_attentions_2_transformer_blocks_0_attn2_to_k",
     "unet.up_blocks.1.attentions.2.transformer_blocks.0.attn2.to_k"),
    ("sd15", "lora_te_text_model_encoder_layers_3_self_attn_q_proj",
     "text_encoder.text_model.encoder.layers.3.self_attn.q_proj"),
    ("flux1/dev", "lora_unet_double_blocks_7_img_mlp_0",
     "transformer.transformer_blocks.7.ff.net.0.proj"),
    ("flux1", "lora_unet_double_blocks_7_txt_attn_proj",
     "transformer.transformer_blocks.7.attn.to_add_out"),
    ("flux1", "lora_unet_single_blocks_37_modulation_lin",
     "transformer.single_transformer_blocks.37.norm.linear"),
    ("chroma", "lora_unet_single_blocks_37_linear2",
     "transformer.single_transformer_blocks.37.proj_out"),
    ("flux1", "lora_te3_encoder_block_2_layer_1_DenseReluDense_wi_0",
     "text_encoder_2.encoder.block.2.layer.1.DenseReluDense.wi_0"),
    ("flux2/dev", "lora_unet_single_blocks_3_linear1",
     "transformer.single_transformer_blocks.3.attn.to_qkv_mlp_proj"),
    ("flux2", "lora_unet_double_stream_modulation_img_lin",
     "transformer.double_stream_modulation_img.linear"),
    ("sd35/large", "lora_unet_joint_blocks_12_x_block_mlp_fc1",
     "transformer.transformer_blocks.12.ff.net.0.proj"),
    ("sd35", "lora_unet_joint_blocks_12_context_block_adaLN_modulation_1",
     "transformer.transformer_blocks.12.norm1_context.linear"),
    ("sd35", "lora_te3_encoder_block_2_layer_0_SelfAttention_q",
     "text_encoder_3.encoder.block.2.layer.0.SelfAttention.q"),
    ("z-image", "lora_unet_noise_refiner_1_attention_out",
     "transformer.noise_refiner.1.attention.to_out.0"),
    ("z-image", "lora_unet_final_layer_adaLN_modulation_1",
     "transformer.all_final_layer.2-1.adaLN_modulation.1"),
    ("lumina2", "lora_unet_layers_3_feed_forward_w2",
     "transformer.layers.3.feed_forward.linear_2"),
]  # fmt: skip


@pytest.mark.parametrize(("family", "kohya", "diffusers"), NAMES)
def test_a_layer_has_the_name_that_each_program_gives_it(
    tmp_path: Path, family: str, kohya: str, diffusers: str
) -> None:
    source = _file(tmp_path / "k.safetensors", {kohya: (6, 5)})
    there, back = tmp_path / "d.safetensors", tmp_path / "back.safetensors"
    convert(source, there, "diffusers", family)
    assert list(LoraFile(there).layers) == [diffusers]
    convert(there, back, "kohya", family)
    _same_bytes(source, back)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_name_of_a_table_is_one_layer_and_finds_its_dots_again(family: str) -> None:
    table = crossing.table_of(family)
    assert table is not None
    pairs = {pair.ours: pair for pair in table.exact.values()}
    pairs |= {pair.ours: pair for _, pair in table.patterns}
    assert len(pairs) > 10
    seen: dict[str, str] = {}
    for pair in pairs.values():
        for name in {pair.ours, *pair.theirs}:
            full = name.replace("{n}", "3").replace(".*", ".proj_in")
            assert seen.setdefault(full, pair.ours) == pair.ours
            place = table.find(full)
            assert place is not None
            assert place.pair.ours == pair.ours.replace("{n}", "3").replace(".*", ".proj_in")
            assert spelling.dotted(full.replace(".", "_")) == full


@pytest.mark.parametrize("family", ["sdxl", "sd15"])
def test_comfyui_names_a_unet_as_its_authors_do(tmp_path: Path, family: str) -> None:
    layers = {
        "unet.down_blocks.1.resnets.0.conv1": (6, 4, 3, 3),
        "unet.up_blocks.0.upsamplers.0.conv": (6, 4, 3, 3),
        "text_encoder.text_model.encoder.layers.0.mlp.fc1": (6, 4),
    }
    source = _file(tmp_path / "a.safetensors", layers)
    convert(source, tmp_path / "b.safetensors", "comfyui", family)
    up = {"sdxl": "2.2", "sd15": "2.1"}[family]  # SD 1.5 has no attention in that block
    assert set(LoraFile(tmp_path / "b.safetensors").layers) == {
        "diffusion_model.input_blocks.4.0.in_layers.2",
        f"diffusion_model.output_blocks.{up}.conv",
        "text_encoder.text_model.encoder.layers.0.mlp.fc1",
    }
    convert(tmp_path / "b.safetensors", tmp_path / "c.safetensors", "diffusers", family)
    ours, theirs = _changes(source), _changes(tmp_path / "c.safetensors")
    assert ours.keys() == theirs.keys()
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)


# Rows of each part of a fused layer, one after another.
FUSED = [
    ("flux1", "double_blocks.2.img_attn.qkv", "transformer_blocks.2.attn.",
     {"to_q": 8, "to_k": 8, "to_v": 8}),
    ("flux1", "double_blocks.2.txt_attn.qkv", "transformer_blocks.2.attn.",
     {"add_q_proj": 8, "add_k_proj": 8, "add_v_proj": 8}),
    ("flux1", "single_blocks.0.linear1", "single_transformer_blocks.0.",
     {"attn.to_q": 8, "attn.to_k": 8, "attn.to_v": 8, "proj_mlp": 32}),
    ("flux2", "double_blocks.2.img_attn.qkv", "transformer_blocks.2.attn.",
     {"to_q": 8, "to_k": 8, "to_v": 8}),
    ("sd35", "joint_blocks.2.x_block.attn2.qkv", "transformer_blocks.2.attn2.",
     {"to_q": 8, "to_k": 8, "to_v": 8}),
    ("z-image", "layers.2.attention.qkv", "layers.2.attention.",
     {"to_q": 8, "to_k": 8, "to_v": 8}),
    ("lumina2", "layers.2.attention.qkv", "layers.2.attn.",
     {"to_q": 24, "to_k": 8, "to_v": 8}),
]  # fmt: skip


@pytest.mark.parametrize(("family", "whole", "stem", "parts"), FUSED)
@pytest.mark.parametrize("dtype", ["f2", "f4"])
def test_a_fused_layer_is_taken_apart_by_rows_and_put_together_bit_by_bit(
    tmp_path: Path, family: str, whole: str, stem: str, parts: dict[str, int], dtype: str
) -> None:
    kohya = f"lora_unet_{whole.replace('.', '_')}"
    source = _file(tmp_path / "k.safetensors", {kohya: (sum(parts.values()), 8)}, dtype=dtype)
    there, back = tmp_path / "d.safetensors", tmp_path / "back.safetensors"
    made = convert(source, there, "diffusers", family)
    found, begin = _changes(there), 0
    (change,) = _changes(source).values()
    assert set(found) == {f"transformer.{stem}{part}" for part in parts}
    for part, rows in parts.items():
        name = f"transformer.{stem}{part}"
        assert np.array_equal(found[name], change[begin : begin + rows])
        assert LoraFile(there).layers[name].rank == 4
        begin += rows
    assert (made.layers, made.raised) == (len(parts), ())
    assert convert(there, back, "kohya", family).raised == ()
    _same_bytes(source, back)
    assert np.array_equal(_changes(back)[kohya], change)
    convert(source, tmp_path / "c.safetensors", "comfyui", family)
    assert list(LoraFile(tmp_path / "c.safetensors").layers) == [f"diffusion_model.{whole}"]


SPLIT = {
    "transformer.single_transformer_blocks.0.attn.to_q": (8, 8),
    "transformer.single_transformer_blocks.0.attn.to_k": (8, 8),
    "transformer.single_transformer_blocks.0.attn.to_v": (8, 8),
    "transformer.single_transformer_blocks.0.proj_mlp": (32, 8),
}


def test_parts_that_differ_are_one_layer_only_at_a_higher_rank_and_come_back_as_they_were(
    run: Run, tmp_path: Path
) -> None:
    source = _file(tmp_path / "d.safetensors", SPLIT)
    order = ("train", "lora", "convert", "d.safetensors", "--to", "kohya", "--family", "flux1")
    words = (*order, "--out", "k.safetensors", "--json")
    failed = run(*words, cwd=tmp_path).envelope["error"]
    assert failed["code"] == LORA_SPELLING.code
    assert "16 instead of 4" in failed["message"]
    assert "--higher-rank" in failed["hint"]
    dry = run(*words, "--higher-rank", "--dry-run", cwd=tmp_path).data
    assert not (tmp_path / "k.safetensors").exists()
    data = run(*words, "--higher-rank", cwd=tmp_path).data
    assert data["raised"] == dry["raised"] == {"lora_unet_single_blocks_0_linear1": [4, 16]}
    (change,) = _changes(tmp_path / "k.safetensors").values()
    apart = _changes(source)
    assert np.array_equal(change, np.concatenate([apart[name] for name in SPLIT]))
    convert(tmp_path / "k.safetensors", tmp_path / "back.safetensors", "diffusers", "flux1")
    _same_bytes(source, tmp_path / "back.safetensors")


def test_a_part_that_was_not_trained_changes_nothing_there(tmp_path: Path) -> None:
    kept = {name: shape for name, shape in SPLIT.items() if name.endswith(("to_q", "to_v"))}
    source = _file(tmp_path / "d.safetensors", kept)
    target = tmp_path / "k.safetensors"
    convert(source, target, "kohya", "flux1", higher_rank=True)
    (change,) = _changes(target).values()
    apart = list(_changes(source).values())
    assert change.shape == (56, 8)
    assert np.array_equal(change[:8], apart[0])
    assert np.array_equal(change[16:24], apart[1])
    assert not change[8:16].any()
    assert not change[24:].any()


@pytest.mark.parametrize(
    ("family", "whole", "split", "rows", "swaps"),
    [
        ("flux1", "final_layer_adaLN_modulation_1", "norm_out.linear", 16, True),
        ("sd35", "joint_blocks_23_context_block_adaLN_modulation_1",
         "transformer_blocks.23.norm1_context.linear", 16, True),
        ("sd35", "joint_blocks_3_context_block_adaLN_modulation_1",
         "transformer_blocks.3.norm1_context.linear", 48, False),
    ],
)  # fmt: skip
def test_scale_and_shift_of_the_last_norm_change_places(
    tmp_path: Path, family: str, whole: str, split: str, rows: int, swaps: bool
) -> None:
    source = _file(tmp_path / "k.safetensors", {f"lora_unet_{whole}": (rows, 8)})
    convert(source, tmp_path / "d.safetensors", "diffusers", family)
    (before,) = _changes(source).values()
    after = _changes(tmp_path / "d.safetensors")[f"transformer.{split}"]
    half = rows // 2
    wanted = np.concatenate([before[half:], before[:half]]) if swaps else before
    assert np.array_equal(after, wanted)
    convert(tmp_path / "d.safetensors", tmp_path / "back.safetensors", "kohya", family)
    _same_bytes(source, tmp_path / "back.safetensors")


def test_peft_is_told_the_rank_and_alpha_of_each_layer_though_one_name_ends_another(
    tmp_path: Path,
) -> None:
    """``proj_out`` is the last layer, and the end of every single block's name."""
    parts = [
        _file(tmp_path / "1.safetensors", {"lora_unet_img_in": (6, 5)}, rank=2, alpha=1.0),
        _file(tmp_path / "2.safetensors", {"lora_unet_final_layer_linear": (6, 5)}, rank=4),
        _file(tmp_path / "3.safetensors", {"lora_unet_single_blocks_0_linear2": (6, 5)}, 2, 1.0),
        _file(tmp_path / "4.safetensors", {"lora_unet_single_blocks_1_linear2": (6, 5)}, rank=3),
    ]
    save_file(
        {name: values for part in parts for name, values in load_file(part).items()},
        tmp_path / "k.safetensors",
    )
    convert(tmp_path / "k.safetensors", tmp_path / "d.safetensors", "diffusers", "flux1")
    file = LoraFile(tmp_path / "d.safetensors")
    said = json.loads(file.metadata["lora_adapter_metadata"])
    found = {}
    for name in said["transformer.target_modules"]:
        for one, many in (("r", "rank"), ("lora_alpha", "alpha")):
            told = said.get(f"transformer.{many}_pattern", {})
            # As peft reads it: the first pattern that the name ends with.
            first = next((key for key in told if re.match(rf"(.*\.)?({key})$", name)), None)
            found[name, one] = told[first] if first else said[f"transformer.{one}"]
    assert found == {
        ("x_embedder", "r"): 2,
        ("x_embedder", "lora_alpha"): 1,
        ("proj_out", "r"): 4,
        ("proj_out", "lora_alpha"): 3,
        ("single_transformer_blocks.0.proj_out", "r"): 2,
        ("single_transformer_blocks.0.proj_out", "lora_alpha"): 1,
        ("single_transformer_blocks.1.proj_out", "r"): 3,
        ("single_transformer_blocks.1.proj_out", "lora_alpha"): 3,
    }
    for name, layer in file.layers.items():
        inner = name.removeprefix("transformer.")
        assert file.scale(layer) == found[inner, "lora_alpha"] / found[inner, "r"]


@pytest.mark.parametrize(
    ("layers", "to", "family", "why"),
    [
        ({"lora_unet_double_blocks_0_img_attn_qkv": (8, 8)}, "diffusers", "flux1", "rows"),
        ({"lora_unet_double_blocks_0_img_attn_qkv": (9, 8)}, "diffusers", "", "family"),
        ({"lora_unet_input_blocks_9_1_proj_in": (8, 8)}, "diffusers", "sdxl", "no layer of"),
        ({**SPLIT, "diffusion_model.single_blocks.0.linear1": (56, 8)}, "kohya", "flux1", "two of"),
        ({"transformer.transformer_blocks.0.attn.to_q": (8, 8),
          "transformer.transformer_blocks.0.attn.to_k": (8, 9)}, "kohya", "flux1", "do not fit"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_and_nothing_is_written(
    tmp_path: Path, layers: dict[str, Shape], to: str, family: str, why: str
) -> None:
    source = _file(tmp_path / "a.safetensors", layers)
    with pytest.raises(StudioError, match=why) as refused:
        convert(source, tmp_path / "b.safetensors", to, family, higher_rank=True)
    assert refused.value.code is LORA_SPELLING
    assert [one.name for one in tmp_path.iterdir()] == ["a.safetensors"]


def test_loras_whose_layers_have_other_names_are_not_laid_together(tmp_path: Path) -> None:
    """Each layer would be in the sum twice, under names of which every program reads one."""
    clip = "lora_te1_text_model_encoder_layers_0_mlp_fc1"
    one = _file(
        tmp_path / "a.safetensors", {"lora_unet_input_blocks_4_1_proj_in": (6, 5), clip: (6, 5)}
    )
    other = _file(
        tmp_path / "b.safetensors",
        {"unet.down_blocks.1.attentions.0.proj_in": (6, 5),
         "text_encoder.text_model.encoder.layers.0.mlp.fc1": (6, 5)},
    )  # fmt: skip
    parts = [Part(path, 0.5, "sdxl/base") for path in (one, other)]
    with pytest.raises(StudioError, match="authors") as refused:
        merge(parts, tmp_path / "c.safetensors")
    assert f"convert {other} --to comfyui" in (refused.value.hint or "")
    convert(other, tmp_path / "d.safetensors", "comfyui", "sdxl")
    made = merge(
        [parts[0], Part(tmp_path / "d.safetensors", 0.5, "sdxl")], tmp_path / "c.safetensors"
    )
    assert set(made.ranks.values()) == {8}
    wanted = list(_changes(one).values()), list(_changes(other).values())
    for found, first, second in zip(
        _changes(tmp_path / "c.safetensors").values(), *wanted, strict=True
    ):
        np.testing.assert_allclose(found, (first + second) / 2, atol=1e-2)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.integers(1, 3), min_size=2, max_size=4),
    st.lists(st.integers(1, 4), min_size=4, max_size=4),
    st.sets(st.integers(0, 3)),
    st.booleans(),
    st.integers(0, 999),
)
def test_laid_together_the_parts_do_what_each_did(
    shares: list[int], ranks: list[int], missing: set[int], same: bool, seed: int
) -> None:
    random = np.random.default_rng(seed)
    shared = random.integers(1, 99, (ranks[0], 5)).astype("<u2")
    parts: list[Matrices | None] = []
    for number, share in enumerate(shares):
        rank = ranks[0] if same else ranks[number]
        down = shared if same else random.integers(1, 99, (rank, 5)).astype("<u2")
        up = random.integers(1, 99, (2 * share, rank)).astype("<u2")
        parts.append(None if number in missing else Matrices(down, up, "F16", 0.5))
    if not any(parts):
        return
    whole = fusing.laid_together(parts, shares)
    assert whole is not None
    wanted = [
        np.zeros((2 * share, 5), int) if one is None else one.up.astype(int) @ one.down
        for one, share in zip(parts, shares, strict=True)
    ]
    assert np.array_equal(whole.up.astype(int) @ whole.down, np.concatenate(wanted))
    again = fusing.taken_apart(whole, shares)
    assert again is not None
    for one, change in zip(again, wanted, strict=True):
        assert np.array_equal(one.up.astype(int) @ one.down, change)
