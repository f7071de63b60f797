"""The gradients of a LoRA are those that torch and peft find."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ategnatos.starter.model import StarterModel, load_model
from ategnatos.starter.tensors import FloatArray
from ategnatos.starter.training.adapters import Adapters, trained_layers
from ategnatos.starter.training.draws import Draws
from ategnatos.starter.training.passes import Batch, Pass

pytestmark = pytest.mark.torch

RANK, ALPHA, CONV_RANK, CONV_ALPHA = 8, 4.0, 3, 6.0
CAPTIONS = ("a blue ategnatos owl", "a red potion")


@pytest.fixture(scope="module")
def model() -> StarterModel:
    return load_model()


def adapters_with_anything_in_them(model: StarterModel) -> Adapters:
    layers = trained_layers(
        model.lora_targets, RANK, ALPHA, (CONV_RANK, CONV_ALPHA), text_encoder=True
    )
    adapters = Adapters(model.weights, layers)
    adapters.begin(Draws(1))
    adapters.parameters += Draws(2).normal(len(adapters.parameters)) * np.float32(0.02)
    adapters.refresh()
    return adapters


def a_batch(model: StarterModel) -> Batch:
    return Batch(
        pictures=np.tanh(Draws(3).normal(2, 32, 32, 4)),
        noise=Draws(4).normal(2, 32, 32, 4),
        timesteps=np.array([120, 800]),
        tokens=np.stack([model.tokenizer.encode(caption) for caption in CAPTIONS]),
        weights=np.array([1, 0.5], np.float32),
    )


def ours(model: StarterModel, adapters: Adapters) -> tuple[FloatArray, float]:
    flat = np.zeros_like(adapters.parameters)
    losses = Pass(model, adapters, flat, text_encoder=True).run(a_batch(model))
    return flat, float(losses.sum())


def theirs(model: StarterModel, adapters: Adapters) -> tuple[Any, float]:
    """Gradients by (network, layer) from peft's layers around the stock networks."""
    import torch
    from diffusers import DDPMScheduler, UNet2DConditionModel
    from peft import LoraConfig, inject_adapter_in_model
    from transformers import CLIPTextModel

    torch.set_num_threads(1)  # threads that spin on shared cores cost a factor of five
    folder = model.description.folder
    networks = {
        "unet": UNet2DConditionModel.from_pretrained(folder / "unet", torch_dtype=torch.float32),
        "text_encoder": CLIPTextModel.from_pretrained(folder / "text_encoder", dtype=torch.float32),
    }
    modules = {}
    for name, network in networks.items():
        network.requires_grad_(False)
        pairs = {layer: pair for (home, layer), pair in adapters.items() if home == name}
        if not pairs:
            continue
        ranks = {layer: pair.up.shape[0] for layer, pair in pairs.items()}
        alphas = {layer: pair.scale * pair.up.shape[0] for layer, pair in pairs.items()}
        config = LoraConfig(
            r=RANK,
            lora_alpha=ALPHA,
            rank_pattern={f"^{layer}": rank for layer, rank in ranks.items()},
            alpha_pattern={f"^{layer}": alpha for layer, alpha in alphas.items()},
            target_modules=list(pairs),
        )
        inject_adapter_in_model(config, network)
        found = dict(network.named_modules())
        for layer, pair in pairs.items():
            module = found[layer]
            down, up = pair.pair(adapters.parameters)
            with torch.no_grad():
                module.lora_A["default"].weight.copy_(torch.from_numpy(down))
                module.lora_B["default"].weight.copy_(torch.from_numpy(up))
            modules[name, layer] = module
    batch = a_batch(model)
    scheduler = DDPMScheduler.from_pretrained(folder / "scheduler", prediction_type="v_prediction")

    def planes(pixels: FloatArray) -> Any:
        return torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)))

    times = torch.from_numpy(batch.timesteps)
    noisy = scheduler.add_noise(planes(batch.pictures), planes(batch.noise), times)
    target = scheduler.get_velocity(planes(batch.pictures), planes(batch.noise), times)
    text = networks["text_encoder"](torch.from_numpy(batch.tokens)).last_hidden_state
    velocity = networks["unet"](noisy, times, text).sample
    losses = ((velocity - target) ** 2).mean(dim=(1, 2, 3)) * torch.from_numpy(batch.weights)
    loss = losses.sum()
    loss.backward()
    return modules, loss.item()


def test_gradients_are_those_of_torch_and_peft(model: StarterModel) -> None:
    needed = "the parity tests need torch, diffusers, transformers and peft"
    for package in ("torch", "diffusers", "transformers", "peft"):
        pytest.importorskip(package, reason=needed)
    adapters = adapters_with_anything_in_them(model)
    flat, loss = ours(model, adapters)
    modules, their_loss = theirs(model, adapters)
    assert loss == pytest.approx(their_loss, rel=1e-5)
    kinds = set()
    wrong, whole = 0.0, 0.0
    for target, pair in adapters.items():
        module = modules[target]
        for found, layer in zip(pair.pair(flat), (module.lora_A, module.lora_B), strict=True):
            wanted = layer["default"].weight.grad.numpy()
            size, off = np.linalg.norm(wanted), np.linalg.norm(found - wanted)
            assert size > 0, target
            # Where little of a large sum is left, torch's own float32 is 5e-5 from its float64.
            assert off / size < 2e-4, target
            wrong, whole = wrong + off**2, whole + size**2
        kinds.add((target[0], len(pair.shape), pair.shape[2:]))
    assert (wrong / whole) ** 0.5 < 2e-5
    assert len(kinds) == 4, "linear, 1x1 and 3x3, and the text encoder"
