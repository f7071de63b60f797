"""What a model keeps for its backward pass, counted on the model itself: no weights, no GPU.

    python tools/vram_activations.py > activations.json        (needs diffusers and torch)

Each network is built on torch's ``meta`` device (shapes without memory) and run forward once;
every tensor that autograd keeps is counted, once each, parameters left out. ``kept`` is that sum;
with gradient checkpointing only what goes into each block stays (``inputs``), plus what is kept
outside the blocks (``outside``) and one block at a time (``block``). All are bytes at 16 bit for
a batch of one, at 512 and 1024 pixels. ``ategnatos/knowledge/data/vram_families.json`` holds the
outcome as ``a + b * pixels``, and beside it the parameters, the sum over all linear layers of
inputs and outputs, which is what one rank of a LoRA has, and the operations of a forward pass as
``a + b * pixels + c * pixels**2`` (attention is what grows with the square).
"""

from __future__ import annotations

import contextlib
import json
import sys
import types
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.utils import flop_counter

BF16 = torch.bfloat16


class _Attention(torch.autograd.Function):
    """What flash attention keeps: queries, keys, values, its output, one number a row."""

    @staticmethod
    def forward(context: Any, query: Any, key: Any, value: Any, repeat: bool) -> Any:
        out = query.new_empty(*query.shape[:-1], value.shape[-1])
        rows = query.new_empty(query.shape[:-1], dtype=torch.float32)
        context.save_for_backward(query, key, value, out, rows)
        return out

    @staticmethod
    def backward(context: Any, *gradients: Any) -> Any:
        raise NotImplementedError


ATTENDED = [0]


def _attention(query: Any, key: Any, value: Any, *_: Any, **options: Any) -> Any:
    # Two products of (queries x keys x width), two operations each; no mode sees them here.
    ATTENDED[0] += (
        2 * query.numel() * key.shape[-2]
        + 2 * value.shape[-1] * (query.numel() // query.shape[-1]) * key.shape[-2]
    )
    return _Attention.apply(query, key, value, False)


def autocast() -> None:
    """Norms in 32 bit, layers with weights in 16: what ``accelerate`` does with mixed precision.

    torch has no autocast for ``meta``; the U-Nets need it, as their norms are half of what they
    keep and are written without a cast of their own.
    """
    for name in ("group_norm", "layer_norm"):
        real = getattr(functional, name)
        setattr(functional, name, _upcast(real))
    for name in ("linear", "conv2d"):
        real = getattr(functional, name)
        setattr(functional, name, _downcast(real))
    nn.Conv2d._conv_forward = lambda self, x, weight, bias: functional.conv2d(
        x, weight, bias, self.stride, self.padding, self.dilation, self.groups
    )


def _upcast(real: Any) -> Any:
    def norm(x: Any, shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
        wide = [None if one is None else one.float() for one in (weight, bias)]
        return real(x.float(), shape, *wide, eps)

    return norm


def _downcast(real: Any) -> Any:
    return lambda x, weight, *rest: real(x.to(weight.dtype), weight, *rest)


class Count:
    """Sums what autograd keeps, by the block that it happened in."""

    def __init__(self, model: nn.Module, blocks: Callable[[str, nn.Module], bool]) -> None:
        self.parameters = {p.untyped_storage()._cdata for p in model.parameters()}
        self.parameters |= {b.untyped_storage()._cdata for b in model.buffers()}
        self.alive: list[Any] = []
        self.seen: dict[int, tuple[int, int]] = {}
        self.inputs: dict[int, int] = {}
        self.inside: list[int] = []
        self.blocks = 0
        for name, module in model.named_modules():
            if blocks(name, module):
                module.register_forward_pre_hook(self._enter, with_kwargs=True)
                module.register_forward_hook(self._leave)

    def _enter(self, _: nn.Module, arguments: Any, named: Any) -> None:
        self.blocks += 1
        self.inside.append(self.blocks)
        for one in (*arguments, *named.values()):
            for tensor in one if isinstance(one, tuple | list) else (one,):
                if isinstance(tensor, torch.Tensor) and tensor.requires_grad:
                    self.alive.append(tensor)
                    store = tensor.untyped_storage()
                    self.inputs[store._cdata] = store.nbytes()

    def _leave(self, *_: Any) -> None:
        self.inside.pop()

    def keep(self, tensor: torch.Tensor) -> torch.Tensor:
        store = tensor.untyped_storage()
        if store._cdata not in self.parameters and store._cdata not in self.seen:
            self.alive.append(tensor)
            self.seen[store._cdata] = (store.nbytes(), self.inside[-1] if self.inside else 0)
        return tensor

    def outcome(self) -> dict[str, int]:
        within: dict[int, int] = {}
        for size, block in self.seen.values():
            within[block] = within.get(block, 0) + size
        outside = within.pop(0, 0)
        return {
            "kept": sum(size for size, _ in self.seen.values()),
            "inputs": sum(self.inputs.values()),
            "outside": outside,
            "block": max(within.values(), default=0),
        }


def tensor(*shape: int, kind: torch.dtype = BF16) -> torch.Tensor:
    return torch.empty(*shape, dtype=kind, device="meta")


def in_lists(*names: str) -> Callable[[str, nn.Module], bool]:
    return lambda name, _: name.rpartition(".")[0] in names


def of_classes(*names: str) -> Callable[[str, nn.Module], bool]:
    return lambda _, module: type(module).__name__ in names


def measure(
    build: Callable[[], nn.Module],
    arguments: Callable[[int], dict[str, Any]],
    blocks: Callable[[str, nn.Module], bool],
) -> dict[str, Any]:
    with torch.device("meta"):
        model = build().to(BF16)
    linear = [module for module in model.modules() if isinstance(module, nn.Linear)]
    convolutions = [module for module in model.modules() if isinstance(module, nn.Conv2d)]
    found: dict[str, Any] = {
        "conv_per_rank": sum(
            one.in_channels * one.kernel_size[0] * one.kernel_size[1] + one.out_channels
            for one in convolutions
        ),
        "params": sum(p.numel() for p in model.parameters()),
        "lora_per_rank": sum(one.in_features + one.out_features for one in linear),
    }
    model.requires_grad_(False)
    for one in linear:
        # A LoRA keeps the input of the layer that it sits on, and so does a trained weight.
        one.weight.requires_grad_(True)
    model.train()
    found["flops"] = {str(side): flops(model, arguments, side) for side in (512, 768, 1024)}
    for side in (512, 1024):
        count = Count(model, blocks)
        with (
            torch.device("meta"),
            torch.autograd.graph.saved_tensors_hooks(count.keep, lambda kept: kept),
        ):
            model(**arguments(side), return_dict=False)
        found[str(side)] = count.outcome()
        for module in model.modules():
            module._forward_hooks.clear()
            module._forward_pre_hooks.clear()
            module._forward_pre_hooks_with_kwargs.clear()
    return found


def flops(model: nn.Module, arguments: Callable[[int], dict[str, Any]], side: int) -> int:
    """Operations of one forward pass."""
    ATTENDED[0] = 0
    with (
        torch.device("meta"),
        torch.no_grad(),
        flop_counter.FlopCounterMode(display=False) as mode,
    ):
        model(**arguments(side), return_dict=False)
    return mode.get_total_flops() + ATTENDED[0]


def unet(cross: int, sdxl: bool) -> Callable[[int], dict[str, Any]]:
    def arguments(side: int) -> dict[str, Any]:
        given: dict[str, Any] = {
            "sample": tensor(1, 4, side // 8, side // 8),
            "timestep": tensor(1, kind=torch.float32),
            "encoder_hidden_states": tensor(1, 77, cross),
        }
        if sdxl:
            given["added_cond_kwargs"] = {
                "text_embeds": tensor(1, 1280),
                "time_ids": tensor(1, 6),
            }
        return given

    return arguments


def packed(side: int, scale: int = 16) -> int:
    return (side // scale) ** 2


def flux(
    channels: int = 64,
    wide: int = 4096,
    axes: int = 3,
    *,
    pooled: bool = True,
    guidance: bool = False,
) -> Callable[[int], dict[str, Any]]:
    text = 512

    def arguments(side: int) -> dict[str, Any]:
        tokens = packed(side)
        given: dict[str, Any] = {
            "hidden_states": tensor(1, tokens, channels),
            "encoder_hidden_states": tensor(1, text, wide),
            "timestep": tensor(1),
            "img_ids": tensor(tokens, axes),
            "txt_ids": tensor(text, axes),
        }
        if pooled:
            given["pooled_projections"] = tensor(1, 768)
        if guidance:
            given["guidance"] = tensor(1)
        return given

    return arguments


def sd3(side: int) -> dict[str, Any]:
    return {
        "hidden_states": tensor(1, 16, side // 8, side // 8),
        "encoder_hidden_states": tensor(1, 154, 4096),
        "pooled_projections": tensor(1, 2048),
        "timestep": tensor(1),
    }


def qwen(side: int) -> dict[str, Any]:
    return {
        "hidden_states": tensor(1, packed(side), 64),
        "encoder_hidden_states": tensor(1, 512, 3584),
        "encoder_hidden_states_mask": None,
        "timestep": tensor(1),
        "img_shapes": [(1, side // 16, side // 16)],
    }


def krea2(side: int) -> dict[str, Any]:
    return {
        "hidden_states": tensor(1, packed(side), 64),
        "encoder_hidden_states": tensor(1, 512, 12, 2560),
        "timestep": tensor(1),
        "position_ids": tensor(512 + packed(side), 3, kind=torch.float32),
    }


def ideogram(side: int) -> dict[str, Any]:
    tokens = packed(side) + 512
    return {
        "hidden_states": tensor(1, tokens, 128),
        "encoder_hidden_states": tensor(1, tokens, 53248),
        "timestep": tensor(1),
        "position_ids": tensor(1, tokens, 3, kind=torch.long),
        "segment_ids": tensor(1, tokens, kind=torch.long),
        "indicator": tensor(1, tokens, kind=torch.long),
    }


def lumina(side: int) -> dict[str, Any]:
    return {
        "hidden_states": tensor(1, 16, side // 8, side // 8),
        "timestep": tensor(1),
        "encoder_hidden_states": tensor(1, 256, 2304),
        "encoder_attention_mask": torch.ones(1, 256, dtype=torch.bool),
    }


def wan(side: int) -> dict[str, Any]:
    return {
        "hidden_states": tensor(1, 16, 1, side // 8, side // 8),
        "timestep": tensor(1, kind=torch.long),
        "encoder_hidden_states": tensor(1, 512, 4096),
    }


def ltx2(side: int) -> dict[str, Any]:
    across = side // 32
    return {
        "hidden_states": tensor(1, across * across, 128),
        "audio_hidden_states": tensor(1, 16, 128),
        "encoder_hidden_states": tensor(1, 256, 3840),
        "audio_encoder_hidden_states": tensor(1, 256, 3840),
        "timestep": tensor(1, across * across),
        "audio_timestep": tensor(1, 16),
        "num_frames": 1,
        "height": across,
        "width": across,
        "audio_num_frames": 16,
    }


def ernie(side: int) -> dict[str, Any]:
    return {
        "hidden_states": tensor(1, 128, side // 16, side // 16),
        "timestep": tensor(1),
        "text_bth": tensor(1, 256, 2560),
        "text_lens": tensor(1, kind=torch.long),
    }


def zimage(side: int) -> dict[str, Any]:
    return {
        "x": [tensor(16, 1, side // 8, side // 8)],
        "t": tensor(1),
        "cap_feats": [tensor(512, 2560)],
    }


def hidream(side: int) -> dict[str, Any]:
    return {
        "hidden_states": tensor(1, 16, side // 8, side // 8),
        "timesteps": tensor(1),
        "encoder_hidden_states_t5": tensor(1, 128, 4096),
        "encoder_hidden_states_llama3": tensor(32, 1, 128, 4096),
        "pooled_embeds": tensor(1, 2048),
    }


def anima(side: int) -> dict[str, Any]:
    return {
        "hidden_states": tensor(1, 16, 1, side // 8, side // 8),
        "timestep": tensor(1),
        "encoder_hidden_states": tensor(1, 512, 1024),
        "padding_mask": tensor(1, 1, side, side),
    }


def hunyuan(side: int) -> dict[str, Any]:
    return {
        "hidden_states": tensor(1, 64, side // 32, side // 32),
        "timestep": tensor(1),
        "encoder_hidden_states": tensor(1, 512, 3584),
        "encoder_attention_mask": torch.ones(1, 512, dtype=torch.bool),
    }


def auraflow(side: int) -> dict[str, Any]:
    return {
        "hidden_states": tensor(1, 4, side // 8, side // 8),
        "encoder_hidden_states": tensor(1, 256, 2048),
        "timestep": tensor(1),
    }


def cases() -> dict[str, tuple[Any, Any, Any]]:
    import diffusers as d

    both = in_lists("transformer_blocks", "single_transformer_blocks")
    pieces = of_classes("BasicTransformerBlock", "ResnetBlock2D")
    xl: dict[str, Any] = {
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        "block_out_channels": (320, 640, 1280),
        "transformer_layers_per_block": (1, 2, 10),
        "attention_head_dim": (5, 10, 20),
        "cross_attention_dim": 2048,
        "use_linear_projection": True,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 256,
        "projection_class_embeddings_input_dim": 2816,
    }
    return {
        "sd15": (lambda: d.UNet2DConditionModel(cross_attention_dim=768), unet(768, False), pieces),
        "sdxl": (lambda: d.UNet2DConditionModel(**xl), unet(2048, True), pieces),
        "sd35": (
            lambda: d.SD3Transformer2DModel(
                num_layers=38,
                num_attention_heads=38,
                caption_projection_dim=2432,
                pos_embed_max_size=192,
                qk_norm="rms_norm",
            ),
            sd3,
            both,
        ),
        "flux1": (
            lambda: d.FluxTransformer2DModel(guidance_embeds=True),
            flux(guidance=True),
            both,
        ),
        "chroma": (d.ChromaTransformer2DModel, flux(pooled=False), both),
        "flux2-dev": (
            d.Flux2Transformer2DModel,
            flux(channels=128, pooled=False, wide=15360, axes=4, guidance=True),
            both,
        ),
        "flux2-klein-9b": (
            lambda: d.Flux2Transformer2DModel(
                num_layers=8,
                num_single_layers=24,
                num_attention_heads=32,
                joint_attention_dim=12288,
                guidance_embeds=False,
            ),
            flux(channels=128, pooled=False, wide=12288, axes=4),
            both,
        ),
        "flux2-klein-4b": (
            lambda: d.Flux2Transformer2DModel(
                num_layers=5,
                num_single_layers=20,
                num_attention_heads=24,
                joint_attention_dim=7680,
                guidance_embeds=False,
            ),
            flux(channels=128, pooled=False, wide=7680, axes=4),
            both,
        ),
        "qwen-image": (d.QwenImageTransformer2DModel, qwen, both),
        "krea2": (d.Krea2Transformer2DModel, krea2, both),
        "ideogram4": (d.Ideogram4Transformer2DModel, ideogram, in_lists("layers")),
        "lumina2": (
            lambda: d.Lumina2Transformer2DModel(cap_feat_dim=2304),
            lumina,
            in_lists("layers", "noise_refiner", "context_refiner"),
        ),
        "z-image": (
            d.ZImageTransformer2DModel,
            zimage,
            in_lists("layers", "noise_refiner", "context_refiner"),
        ),
        "hidream": (
            lambda: d.HiDreamImageTransformer2DModel(
                patch_size=2,
                in_channels=16,
                out_channels=16,
                caption_channels=[4096, 4096],
                llama_layers=[*range(32), *[31] * 16],
                axes_dims_rope=(64, 32, 32),
            ),
            hidream,
            in_lists("double_stream_blocks", "single_stream_blocks"),
        ),
        "wan22-a14b": (d.WanTransformer3DModel, wan, in_lists("blocks")),
        "ltx2": (d.LTX2VideoTransformer3DModel, ltx2, both),
        "ernie-image": (
            lambda: d.ErnieImageTransformer2DModel(
                hidden_size=4096,
                num_attention_heads=32,
                num_layers=36,
                ffn_hidden_size=12288,
                text_in_dim=3072,
            ),
            lambda side: ernie(side) | {"text_bth": tensor(1, 256, 3072)},
            in_lists("layers"),
        ),
        "anima": (
            lambda: d.CosmosTransformer3DModel(num_attention_heads=16, extra_pos_embed_type=None),
            anima,
            both,
        ),
        "hunyuan-image": (d.HunyuanImageTransformer2DModel, hunyuan, both),
        "auraflow": (
            d.AuraFlowTransformer2DModel,
            auraflow,
            in_lists("joint_transformer_blocks", "single_transformer_blocks"),
        ),
    }


def prepare() -> None:
    """What the networks ask of a device that ``meta`` does not have, answered by shapes alone."""
    from diffusers.models.transformers import (
        transformer_cosmos,
        transformer_hidream_image,
    )

    functional.scaled_dot_product_attention = _attention
    torch.autocast = lambda *_, **__: contextlib.nullcontext()

    def resized(image: Any, size: Any, **_: Any) -> Any:
        return image.new_empty(*image.shape[:-2], *size)

    transformer_cosmos.transforms = types.SimpleNamespace(
        functional=types.SimpleNamespace(resize=resized),
        InterpolationMode=types.SimpleNamespace(NEAREST=0),
    )

    def mixture(self: Any, x: Any) -> Any:
        # Which expert a token goes to is data; how many it goes to is not.
        total = self.shared_experts(x)
        for expert in list(self.experts)[: self.num_activated_experts]:
            total = total + expert(x)
        return total

    transformer_hidream_image.MOEFeedForwardSwiGLU.forward = mixture
    real = torch.Tensor.tolist
    torch.Tensor.tolist = lambda self: (
        [256] * self.shape[0] if self.device.type == "meta" else real(self)
    )


def main() -> int:
    warnings.filterwarnings("ignore")
    prepare()
    if "--autocast" in sys.argv:
        autocast()
    found = {}
    wanted = {one for one in sys.argv[1:] if not one.startswith("--")}
    for name, (build, arguments, blocks) in cases().items():
        if wanted and name not in wanted:
            continue
        found[name] = measure(build, arguments, blocks)
    print(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
