"""The autoencoder: AutoencoderTiny of diffusers without residual blocks and without levels.

Source of the layout: diffusers, models/autoencoders/vae.py (EncoderTiny, DecoderTiny). The
starter model's one has weights set by hand so that it changes nothing: the model draws pixels,
and this is what lets the stock pipelines, which want an autoencoder, run it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ategnatos.starter.configuration import damaged, read_json, require
from ategnatos.starter.layers import Layers
from ategnatos.starter.tensors import FloatArray

_ONE_WAY = {
    "act_fn": "relu",
    "num_encoder_blocks": [0],
    "num_decoder_blocks": [0],
    "shift_factor": 0.0,
}


class Autoencoder:
    """Latents to pixels and back; both (samples, H, W, channels), pixels in [-1, 1].

    Built from ``vae/config.json`` of a model folder. Raises StudioError (``starter_weights``)
    when the configuration asks for an option that is not implemented.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / "vae" / "config.json"
        config = read_json(path)
        require(path, config, _ONE_WAY)
        try:
            self._scale = np.float32(config["scaling_factor"])
        except (KeyError, TypeError, ValueError) as error:
            raise damaged(path, f"{error} is missing or not understood") from error

    def encode(self, layers: Layers, pixels: FloatArray) -> FloatArray:
        """Pixels in [-1, 1] to the latents that the denoiser works on."""
        x = layers.convolution("encoder.layers.0", (pixels + np.float32(1)) / np.float32(2))
        return layers.convolution("encoder.layers.1", x) * self._scale

    def decode(self, layers: Layers, latents: FloatArray) -> FloatArray:
        """Latents of the denoiser to pixels, nominally in [-1, 1]; not clipped."""
        limited: FloatArray = np.tanh(latents / (self._scale * 3)) * np.float32(3)
        x = np.maximum(layers.convolution("decoder.layers.0", limited), 0)
        return layers.convolution("decoder.layers.2", x) * 2 - 1
