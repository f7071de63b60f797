"""The text encoder: CLIPTextModel of transformers, forward, last hidden state.

Source of the layout: transformers, models/clip/modeling_clip.py. No padding mask is used: the
stock Stable Diffusion pipeline gives none.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from ategnatos.starter.configuration import damaged, read_json, require
from ategnatos.starter.layers import Layers
from ategnatos.starter.tensors import FloatArray


class TextEncoder:
    """Turns token ids into one vector a token.

    Built from ``text_encoder/config.json`` of a model folder. Raises StudioError
    (``starter_weights``) when the configuration asks for an option that is not implemented.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / "text_encoder" / "config.json"
        config = read_json(path)
        require(path, config, {"use_attention_mask": False, "model_type": "clip_text_model"})
        try:
            self._blocks = int(config["num_hidden_layers"])
            self._heads = int(config["num_attention_heads"])
            self._epsilon = float(config["layer_norm_eps"])
            self._quick = {"quick_gelu": True, "gelu": False}[config["hidden_act"]]
        except (KeyError, TypeError, ValueError) as error:
            raise damaged(path, f"{error} is missing or not understood") from error

    def forward(self, layers: Layers, token_ids: npt.NDArray[np.int64]) -> FloatArray:
        """``token_ids`` (texts, tokens) to the states (texts, tokens, channels)."""
        # Files written before transformers 5 have one more level in their names.
        root = "text_model." if "text_model.final_layer_norm.weight" in layers.weights else ""
        embeddings = f"{root}embeddings"
        words = layers.weights.vector(f"{embeddings}.token_embedding.weight")
        places = layers.weights.vector(f"{embeddings}.position_embedding.weight")
        x = layers.add(words[token_ids], places[None, : token_ids.shape[1]])
        for index in range(self._blocks):
            x = self._block(layers, f"{root}encoder.layers.{index}", x)
        return layers.layer_norm(f"{root}final_layer_norm", x, self._epsilon)

    def _block(self, layers: Layers, name: str, x: FloatArray) -> FloatArray:
        y = layers.layer_norm(f"{name}.layer_norm1", x, self._epsilon)
        seen = layers.attention(
            layers.linear(f"{name}.self_attn.q_proj", y),
            layers.linear(f"{name}.self_attn.k_proj", y),
            layers.linear(f"{name}.self_attn.v_proj", y),
            self._heads,
            causal=True,
        )
        x = layers.add(x, layers.linear(f"{name}.self_attn.out_proj", seen))
        y = layers.layer_norm(f"{name}.layer_norm2", x, self._epsilon)
        y = layers.linear(f"{name}.mlp.fc1", y)
        y = layers.quick_gelu(y) if self._quick else layers.gelu(y)
        return layers.add(x, layers.linear(f"{name}.mlp.fc2", y))
