"""The denoiser: UNet2DConditionModel of diffusers, forward, for the options the model uses.

Source of the layout: diffusers, models/unets/unet_2d_condition.py and unet_2d_blocks.py. Blocks
with and without attention, any number of levels, resnets with a scale and a shift from the time
embedding, and a pooled text vector added to it (addition_embed_type "text").
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ategnatos.starter.configuration import damaged, read_json, require
from ategnatos.starter.layers import Layers
from ategnatos.starter.tensors import FloatArray

_TRANSFORMER_EPSILON = 1e-6  # of the GroupNorm at the head of a transformer, fixed in diffusers
_LONGEST_PERIOD = 10_000  # of the sines that stand for a time step, fixed in diffusers
_HAS_ATTENTION = {
    "DownBlock2D": False,
    "CrossAttnDownBlock2D": True,
    "UpBlock2D": False,
    "CrossAttnUpBlock2D": True,
}
_ONE_WAY: dict[str, Any] = {
    "act_fn": "silu",
    "addition_embed_type": "text",
    "attention_type": "default",
    "center_input_sample": False,
    "class_embed_type": None,
    "conv_in_kernel": 3,
    "conv_out_kernel": 3,
    "cross_attention_norm": None,
    "downsample_padding": 1,
    "dual_cross_attention": False,
    "encoder_hid_dim": None,
    "encoder_hid_dim_type": None,
    "flip_sin_to_cos": True,
    "mid_block_only_cross_attention": None,
    "mid_block_scale_factor": 1,
    "mid_block_type": "UNetMidBlock2DCrossAttn",
    "num_class_embeds": None,
    "only_cross_attention": False,
    "resnet_out_scale_factor": 1.0,
    "resnet_skip_time_act": False,
    "resnet_time_scale_shift": "scale_shift",
    "time_cond_proj_dim": None,
    "time_embedding_act_fn": None,
    "time_embedding_type": "positional",
    "timestep_post_act": None,
    "transformer_layers_per_block": 1,
    "use_linear_projection": True,
}


@dataclass(frozen=True, slots=True)
class TextConditioning:
    """What the denoiser needs of the prompts, computed once for all steps.

    ``pooled`` (samples, 1, time embedding) is added to the time embedding; ``keys_values`` maps
    a cross-attention's name to its key and value, each (samples, tokens, channels).
    """

    pooled: FloatArray
    keys_values: dict[str, tuple[FloatArray, FloatArray]]

    def take(self, texts: npt.NDArray[np.int64]) -> TextConditioning:
        """One row a sample, ``texts`` (samples,) saying which text it has."""
        return TextConditioning(
            self.pooled[texts],
            {name: (key[texts], value[texts]) for name, (key, value) in self.keys_values.items()},
        )


class UNet:
    """Predicts the velocity of a noisy picture, given its time step and the text.

    Built from ``unet/config.json`` of a model folder. Raises StudioError (``starter_weights``)
    when the configuration asks for an option that is not implemented.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / "unet" / "config.json"
        config = read_json(path)
        require(path, config, _ONE_WAY)
        try:
            self.side = int(config["sample_size"])
            self.channels = int(config["in_channels"])
            widths = [int(width) for width in config["block_out_channels"]]
            heads = config.get("num_attention_heads") or config["attention_head_dim"]
            self._heads = [int(heads)] * len(widths) if isinstance(heads, int) else list(heads)
            self._down = [_HAS_ATTENTION[kind] for kind in config["down_block_types"]]
            self._up = [_HAS_ATTENTION[kind] for kind in config["up_block_types"]]
            self._resnets = int(config["layers_per_block"])
            self._groups = int(config["norm_num_groups"])
            self._epsilon = float(config["norm_eps"])
            self._text_heads = int(config["addition_embed_type_num_heads"])
            self._sines = widths[0] // 2
            self._frequency_shift = float(config["freq_shift"])
        except (KeyError, TypeError, ValueError) as error:
            raise damaged(path, f"{error} is missing or not understood") from error

    # --- what is known before the first step --------------------------------------------------

    def condition(self, layers: Layers, text: FloatArray) -> TextConditioning:
        """Prepare ``text`` (samples, tokens, channels), the text encoder's last state."""
        cross_attentions = [
            name.removesuffix(".to_k")
            for name in layers.weights.modules()
            if name.endswith(".attn2.to_k")
        ]
        return TextConditioning(
            pooled=self._pool(layers, text),
            keys_values={
                name: (layers.linear(f"{name}.to_k", text), layers.linear(f"{name}.to_v", text))
                for name in cross_attentions
            },
        )

    def _pool(self, layers: Layers, text: FloatArray) -> FloatArray:
        """One vector for a whole text: the mean token attends to itself and every token."""
        x = layers.layer_norm("add_embedding.norm1", text)
        position = layers.weights.vector("add_embedding.pool.positional_embedding")
        mean = layers.add(layers.mean_of_tokens(x), position[None])
        everything = layers.concatenate(mean, x, axis=1)
        pooled = layers.attention(
            layers.linear("add_embedding.pool.q_proj", mean),
            layers.linear("add_embedding.pool.k_proj", everything),
            layers.linear("add_embedding.pool.v_proj", everything),
            self._text_heads,
        )
        x = layers.linear("add_embedding.proj", pooled)
        return layers.layer_norm("add_embedding.norm2", x)

    # --- a step -------------------------------------------------------------------------------

    def forward(
        self, layers: Layers, sample: FloatArray, timesteps: FloatArray, text: TextConditioning
    ) -> FloatArray:
        """The velocity, of the shape of ``sample`` (samples, H, W, channels).

        ``timesteps`` (samples,), 0 to 999, and ``text`` have a row a sample. H and W are
        multiples of 2 ** (levels - 1).
        """
        time = layers.linear("time_embedding.linear_1", self._sine_waves(timesteps))
        time = layers.linear("time_embedding.linear_2", layers.silu(time))
        # Every resnet applies SiLU to the embedding first, so it is done once for all.
        time = layers.silu(layers.add(time, text.pooled))

        x = layers.convolution("conv_in", sample)
        skips = [x]
        for level, attends in enumerate(self._down):
            block = f"down_blocks.{level}"
            for index in range(self._resnets):
                x = self._resnet(layers, f"{block}.resnets.{index}", x, time)
                if attends:
                    heads = self._heads[level]
                    x = self._transformer(layers, f"{block}.attentions.{index}", x, text, heads)
                skips.append(x)
            if level < len(self._down) - 1:
                x = layers.convolution(f"{block}.downsamplers.0.conv", x, stride=2)
                skips.append(x)

        x = self._resnet(layers, "mid_block.resnets.0", x, time)
        x = self._transformer(layers, "mid_block.attentions.0", x, text, self._heads[-1])
        x = self._resnet(layers, "mid_block.resnets.1", x, time)

        for level, attends in enumerate(self._up):
            block = f"up_blocks.{level}"
            for index in range(self._resnets + 1):
                x = layers.concatenate(x, skips.pop())
                x = self._resnet(layers, f"{block}.resnets.{index}", x, time)
                if attends:
                    heads = self._heads[-1 - level]
                    x = self._transformer(layers, f"{block}.attentions.{index}", x, text, heads)
            if level < len(self._up) - 1:
                x = layers.convolution(f"{block}.upsamplers.0.conv", layers.double(x))

        x = layers.group_norm_silu("conv_norm_out", x, self._groups, self._epsilon)
        return layers.convolution("conv_out", x)

    def _sine_waves(self, timesteps: FloatArray) -> FloatArray:
        """Time steps (samples,) as cosines and sines (samples, 1, channels)."""
        falling = np.arange(self._sines, dtype=np.float32) / (self._sines - self._frequency_shift)
        angles = timesteps[:, None] * np.exp(-math.log(_LONGEST_PERIOD) * falling)
        waves = np.concatenate((np.cos(angles), np.sin(angles)), axis=-1)
        return waves[:, None, :].astype(np.float32)

    def _resnet(self, layers: Layers, name: str, x: FloatArray, time: FloatArray) -> FloatArray:
        projected = layers.linear(f"{name}.time_emb_proj", time)
        scale, shift = layers.halves(layers.reshape(projected, len(time), -1))
        y = layers.group_norm_silu(f"{name}.norm1", x, self._groups, self._epsilon)
        y = layers.convolution(f"{name}.conv1", y)
        y = layers.group_norm_silu(f"{name}.norm2", y, self._groups, self._epsilon, scale, shift)
        y = layers.convolution(f"{name}.conv2", y)
        if f"{name}.conv_shortcut.weight" in layers.weights:
            x = layers.linear(f"{name}.conv_shortcut", _tokens(layers, x))
        return layers.add(y, layers.reshape(x, *y.shape))

    def _transformer(
        self, layers: Layers, name: str, image: FloatArray, text: TextConditioning, heads: int
    ) -> FloatArray:
        y = layers.group_norm(f"{name}.norm", image, self._groups, _TRANSFORMER_EPSILON)
        x = layers.linear(f"{name}.proj_in", _tokens(layers, y))
        block = f"{name}.transformer_blocks.0"

        own = layers.layer_norm(f"{block}.norm1", x)
        key = layers.linear(f"{block}.attn1.to_k", own)
        value = layers.linear(f"{block}.attn1.to_v", own)
        query = layers.linear(f"{block}.attn1.to_q", own)
        seen = layers.attention(query, key, value, heads)
        x = layers.add(x, layers.linear(f"{block}.attn1.to_out.0", seen))

        query = layers.linear(f"{block}.attn2.to_q", layers.layer_norm(f"{block}.norm2", x))
        read = layers.attention(query, *text.keys_values[f"{block}.attn2"], heads)
        x = layers.add(x, layers.linear(f"{block}.attn2.to_out.0", read))

        y = layers.linear(f"{block}.ff.net.0.proj", layers.layer_norm(f"{block}.norm3", x))
        value, gate = layers.halves(y)
        y = layers.multiply(value, layers.gelu(gate))
        x = layers.add(x, layers.linear(f"{block}.ff.net.2", y))

        x = layers.linear(f"{name}.proj_out", x)
        return layers.add(image, layers.reshape(x, *image.shape))


def _tokens(layers: Layers, x: FloatArray) -> FloatArray:
    """(samples, H, W, channels) to (samples, H * W, channels)."""
    return layers.reshape(x, len(x), -1, x.shape[-1])
