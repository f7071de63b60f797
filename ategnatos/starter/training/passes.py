"""One pass: noisy pictures through the networks, a loss, and the gradients of the pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ategnatos.starter.layers import Layers
from ategnatos.starter.model import StarterModel
from ategnatos.starter.tensors import FloatArray
from ategnatos.starter.training.adapters import Adapters
from ategnatos.starter.training.notes import Notes
from ategnatos.starter.training.tape import Tape


@dataclass(frozen=True, slots=True)
class Batch:
    """What one pass sees.

    ``pictures`` and ``noise`` (samples, side, side, 4); ``timesteps`` (samples,) of the schedule;
    ``tokens`` (samples, tokens) ids of the captions; ``weights`` (samples,) of each one's loss in
    the sum.
    """

    pictures: FloatArray
    noise: FloatArray
    timesteps: npt.NDArray[np.int64]
    tokens: npt.NDArray[np.int64]
    weights: FloatArray

    def part(self, samples: slice) -> Batch:
        """Some of the samples."""
        return Batch(
            self.pictures[samples],
            self.noise[samples],
            self.timesteps[samples],
            self.tokens[samples],
            self.weights[samples],
        )


class Pass:
    """Passes of one thread: they add to ``flat`` (n,), the gradients of all pairs."""

    def __init__(
        self, model: StarterModel, adapters: Adapters, flat: FloatArray, text_encoder: bool
    ) -> None:
        self._model, self._text_encoder = model, text_encoder
        self._notes = Notes()
        weights = model.weights
        self._unet = Tape(weights.unet, adapters.of("unet"), flat, self._notes)
        self._text = (
            Tape(weights.text_encoder, adapters.of("text_encoder"), flat, self._notes)
            if text_encoder
            else Layers(weights.text_encoder)
        )

    def run(self, batch: Batch) -> FloatArray:
        """Weighted losses (samples,), each the mean squared error of the predicted velocity."""
        alpha, sigma = signal_and_noise(self._model, batch.timesteps)
        noisy = alpha * batch.pictures + sigma * batch.noise
        velocity = alpha * batch.noise - sigma * batch.pictures
        text = self._model.text_encoder.forward(self._text, batch.tokens)
        found = self._model.unet.forward(
            self._unet,
            noisy,
            batch.timesteps.astype(np.float32),
            self._model.unet.condition(self._unet, text),
        )
        error = found - velocity
        size = np.float32(error[0].size)
        losses: FloatArray = np.einsum("nhwc,nhwc->n", error, error) / size * batch.weights
        slope = error * (np.float32(2) / size * batch.weights)[:, None, None, None]
        self._notes.backward(found, slope)
        return losses


def signal_and_noise(
    model: StarterModel, timesteps: npt.NDArray[np.int64]
) -> tuple[FloatArray, FloatArray]:
    """How much picture and how much noise there is at time steps, each (samples, 1, 1, 1)."""
    ratio = model.schedule.sigmas[timesteps][:, None, None, None]
    alpha = 1 / np.sqrt(ratio * ratio + 1)
    return alpha.astype(np.float32), (ratio * alpha).astype(np.float32)
