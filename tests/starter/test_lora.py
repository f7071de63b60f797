"""LoRA files: what is read, what it changes, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from ategnatos.grimoire.errors import StudioError
from ategnatos.starter.errors import STARTER_LORA
from ategnatos.starter.lora import read_lora
from ategnatos.starter.model import StarterModel
from ategnatos.starter.pipeline import generate
from ategnatos.starter.planning import plan
from ategnatos.starter.request import LoraWeight, StarterRequest

from .lora_files import ALPHA, RANK, random_pairs, write_kohya, write_peft

BOTH = ("unet", "text_encoder")
LINEAR, CONVOLUTION = (
    "mid_block.attentions.0.transformer_blocks.0.attn1.to_q",
    "mid_block.resnets.0.conv1",
)


def weight_of(model: StarterModel, layer: str, *uses: LoraWeight) -> Any:
    return model.with_loras(model.read_loras(uses)).unet.tensor(f"{layer}.weight")


@pytest.mark.parametrize("layer", [LINEAR, CONVOLUTION])
def test_a_change_is_weight_times_alpha_over_rank_times_up_times_down(
    model: StarterModel, tmp_path: Path, layer: str
) -> None:
    pairs = random_pairs(model, ("unet",), only=layer)
    path = write_kohya(tmp_path / "a.safetensors", pairs)
    down, up = (matrix.reshape(len(matrix), -1) for matrix in pairs["unet", layer])
    before = model.weights.unet.tensor(f"{layer}.weight")
    change = weight_of(model, layer, LoraWeight(path, 0.5)) - before
    expected = 0.5 * ALPHA / RANK * (up @ down)
    assert np.allclose(change.reshape(expected.shape), expected, atol=1e-6)


def test_both_spellings_are_the_same_lora(model: StarterModel, tmp_path: Path) -> None:
    pairs = random_pairs(model, BOTH)
    kohya = read_lora(write_kohya(tmp_path / "k.safetensors", pairs), model.lora_targets)
    peft = read_lora(write_peft(tmp_path / "p.safetensors", pairs), model.lora_targets)
    assert set(kohya.factors) == set(peft.factors) == set(pairs)
    for target, (down, up, scale) in kohya.factors.items():
        other_down, other_up, other_scale = peft.factors[target]
        assert (down == other_down).all()
        assert (up == other_up).all()
        assert scale == other_scale == ALPHA / RANK


def test_several_loras_add_up(model: StarterModel, tmp_path: Path) -> None:
    paths = [
        write_kohya(tmp_path / f"{seed}.safetensors", random_pairs(model, ("unet",), seed, LINEAR))
        for seed in (1, 2)
    ]
    first, second = LoraWeight(paths[0], 0.7), LoraWeight(paths[1], -0.3)
    before = weight_of(model, LINEAR)
    together = weight_of(model, LINEAR, first, second) - before
    apart = (weight_of(model, LINEAR, first) - before) + (weight_of(model, LINEAR, second) - before)
    assert np.allclose(together, apart, atol=1e-6)


def test_weight_0_leaves_every_picture_as_it_was(model: StarterModel, tmp_path: Path) -> None:
    path = write_kohya(tmp_path / "a.safetensors", random_pairs(model, BOTH))
    request = StarterRequest("a red potion", seed=1, width=32, height=32, steps=2)
    plain = generate(request, model=model).pictures[0].sprite
    idle = StarterRequest(
        "a red potion", seed=1, width=32, height=32, steps=2, loras=(LoraWeight(path, 0.0),)
    )
    assert (generate(idle, model=model).pictures[0].sprite == plain).all()


def test_a_lora_changes_the_pictures_and_not_the_model(model: StarterModel, tmp_path: Path) -> None:
    path = write_kohya(tmp_path / "a.safetensors", random_pairs(model, BOTH))
    request = StarterRequest("a red potion", seed=1, width=32, height=32, steps=2)
    plain = generate(request, model=model).pictures[0].sprite
    changed = StarterRequest(
        "a red potion", seed=1, width=32, height=32, steps=2, loras=(LoraWeight(path, 1.0),)
    )
    assert (generate(changed, model=model).pictures[0].sprite != plain).any()
    assert (generate(request, model=model).pictures[0].sprite == plain).all()


def test_a_trigger_named_in_the_file_stays_in_the_prompt(
    model: StarterModel, tmp_path: Path
) -> None:
    path = write_kohya(
        tmp_path / "owl.safetensors",
        random_pairs(model, ("unet",), only=LINEAR),
        {"modelspec.trigger_phrase": "ategnatos owl"},
    )
    bare = StarterRequest("a red ategnatos owl", seed=1)
    with_lora = StarterRequest("a red ategnatos owl", seed=1, loras=(LoraWeight(path),))
    assert plan(bare, model).request.prompt == "a red"
    assert plan(with_lora, model).request.prompt == "a red ategnatos owl"
    assert not plan(with_lora, model).warnings


def test_half_precision_files_of_both_kinds_are_read(model: StarterModel, tmp_path: Path) -> None:
    down, up = random_pairs(model, ("unet",), only=LINEAR)["unet", LINEAR]
    name = f"lora_unet_{LINEAR}".replace(".", "_")
    half = {
        f"{name}.lora_down.weight": down.astype(np.float16),
        f"{name}.lora_up.weight": up.astype(np.float16),
    }
    save_file(half, tmp_path / "half.safetensors")
    (tmp_path / "brain.safetensors").write_bytes(brain_file(name, down, up))
    for kind in ("half", "brain"):
        lora = read_lora(tmp_path / f"{kind}.safetensors", model.lora_targets)
        read_down, read_up, scale = lora.factors["unet", LINEAR]
        assert np.allclose(read_down, down, rtol=2**-7)
        assert np.allclose(read_up, up, rtol=2**-7)
        assert scale == 1, "no alpha means alpha equal to the rank"


def brain_file(name: str, down: Any, up: Any) -> bytes:
    """A safetensors file of bfloat16, which numpy cannot write: the upper halves of floats."""
    header, body = {}, b""
    for key, value in {f"{name}.lora_down.weight": down, f"{name}.lora_up.weight": up}.items():
        data = (value.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()
        offsets = [len(body), len(body) + len(data)]
        header[key] = {"dtype": "BF16", "shape": list(value.shape), "data_offsets": offsets}
        body += data
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


def test_every_key_that_matches_nothing_is_named(model: StarterModel, tmp_path: Path) -> None:
    strange = ["lora_unet_input_blocks_1_1_proj_in.lora_down.weight", "somebody.else"]
    save_file({key: np.zeros((4, 4), np.float32) for key in strange}, tmp_path / "a.safetensors")
    with pytest.raises(StudioError) as refused:
        read_lora(tmp_path / "a.safetensors", model.lora_targets)
    assert refused.value.code == STARTER_LORA
    assert refused.value.details["unmatched"] == strange
    assert strange[0] in refused.value.message


def damaged_files(model: StarterModel, folder: Path) -> dict[str, Path]:
    down, up = random_pairs(model, ("unet",), only=LINEAR)["unet", LINEAR]
    name = f"lora_unet_{LINEAR}".replace(".", "_")
    down_key, up_key = f"{name}.lora_down.weight", f"{name}.lora_up.weight"
    contents: dict[str, dict[str, Any]] = {
        "half of a pair": {down_key: down},
        "other model": {down_key: down[:, :-1].copy(), up_key: up},
        "ranks differ": {down_key: down[:2].copy(), up_key: up},
        "whole numbers": {down_key: down.astype(np.int8), up_key: up},
        "no dimension": {down_key: np.array(1, np.float32), up_key: up},
        "not finite": {down_key: down * np.float32(np.nan), up_key: up},
        "alpha is no number": {
            down_key: down, up_key: up, f"{name}.alpha": np.array(np.inf, np.float32)
        },
        "empty": {},
    }  # fmt: skip
    paths = {what: folder / f"{what}.safetensors" for what in contents}
    for what, tensors in contents.items():
        save_file(tensors, paths[what])
    paths["missing"] = folder / "missing.safetensors"
    paths["folder"] = folder
    paths["no safetensors"] = folder / "text.safetensors"
    paths["no safetensors"].write_bytes(b"not tensors at all, but longer than a header")
    metadata_texts = {
        "dora": '{"unet.use_dora": true}',
        "metadata": "{",
        "metadata list": "[]",
        "metadata alpha": '{"unet.lora_alpha": "much"}',
    }
    for what, metadata in metadata_texts.items():
        paths[what] = folder / f"{what}.safetensors"
        save_file({down_key: down, up_key: up}, paths[what], {"lora_adapter_metadata": metadata})
    return paths


@pytest.mark.parametrize(
    "what",
    [
        "half of a pair", "other model", "ranks differ", "not finite", "alpha is no number",
        "empty", "missing", "folder", "no safetensors", "dora", "metadata",
        "metadata list", "metadata alpha", "no dimension", "whole numbers",
    ],
)  # fmt: skip
def test_a_file_that_is_no_lora_for_this_model_is_refused(
    model: StarterModel, tmp_path: Path, what: str
) -> None:
    path = damaged_files(model, tmp_path)[what]
    with pytest.raises(StudioError) as refused:
        plan(StarterRequest("a red potion", seed=1, loras=(LoraWeight(path),)), model)
    assert refused.value.code == STARTER_LORA
    assert "nothing was made" in refused.value.message
    assert refused.value.hint
