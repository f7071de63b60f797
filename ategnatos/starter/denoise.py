"""The loop from noise to picture, for several pictures at once, shared out over the cores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ategnatos.starter.layers import Layers
from ategnatos.starter.limits import SOLVER_ORDERS
from ategnatos.starter.model import NetworkWeights, StarterModel
from ategnatos.starter.sampler import Sampler
from ategnatos.starter.tensors import FloatArray
from ategnatos.starter.threads import sharing, workers
from ategnatos.starter.unet import TextConditioning

# Fewer samples than this in a thread and Python's own lock costs more than the second core
# brings; more than the upper number and memory grows while speed does not.
LEAST_SAMPLES_A_WORKER = 2
MOST_SAMPLES_A_WORKER = 4


@dataclass(frozen=True, slots=True)
class Start:
    """What a pass begins with.

    ``noise`` (pictures, side, side, 4). ``picture`` (side, side, 4) in [-1, 1] is what it starts
    from, if anything, and ``mask`` (side, side, 1) is 1 where that may change.
    """

    noise: FloatArray
    picture: FloatArray | None = None
    mask: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class _Share:
    """The samples of one worker: which they are, their conditioning, and scratch memory."""

    samples: slice
    layers: Layers
    text: TextConditioning


def encode_prompts(
    model: StarterModel, weights: NetworkWeights, prompts: Sequence[str]
) -> FloatArray:
    """Prompts to text states (prompts, tokens, channels)."""
    token_ids = np.stack([model.tokenizer.encode(prompt) for prompt in prompts])
    return model.text_encoder.forward(Layers(weights.text_encoder), token_ids)


def pictures_at_once(guided: bool) -> int:
    """How many pictures a pass takes on this machine; guidance costs two samples a picture."""
    return max(1, MOST_SAMPLES_A_WORKER * workers() // (2 if guided else 1))


def denoise(
    model: StarterModel,
    weights: NetworkWeights,
    text: FloatArray,
    start: Start,
    steps: int,
    first: int,
    sampler_name: str,
    guidance: float,
    on_step: Callable[[], None],
) -> FloatArray:
    """Pictures (pictures, side, side, 4), nominally in [-1, 1].

    ``text`` (1 or 2, tokens, channels) holds the state of the prompt, preceded by that of the
    negative prompt when there is guidance: velocity = negative + guidance * (prompt - negative).
    ``on_step`` is called after each step; what it raises stops the work. The result does not
    depend on how many pictures are made at once or on the number of cores.
    """
    sampler = Sampler(model.schedule, steps, SOLVER_ORDERS[sampler_name], first)
    noise, mask = start.noise, start.mask
    count, rows = len(noise), len(text)
    source = None
    latents = noise
    if start.picture is not None:
        autoencoder = Layers(weights.autoencoder)
        source = model.autoencoder.encode(autoencoder, start.picture[None])
        # With a mask and full strength everything that may change is drawn from pure noise.
        if mask is None or first > 0:
            latents = sampler.noisy(source, noise, first)

    shares = _shares(model, weights, text, count)
    inputs = np.empty((rows * count, *noise.shape[1:]), np.float32)

    with sharing(len(shares)) as share:
        for step in range(first, steps):
            time = np.full(rows * count, sampler.timesteps[step], np.float32)
            inputs.reshape(rows, *noise.shape)[:] = latents

            def predict(part: _Share, time: FloatArray = time) -> FloatArray:
                return model.unet.forward(
                    part.layers, inputs[part.samples], time[part.samples], part.text
                )

            velocities = np.concatenate(share(predict, shares)).reshape(rows, *noise.shape)
            velocity = velocities[-1]
            if rows == 2:
                velocity = velocities[0] + np.float32(guidance) * (velocity - velocities[0])
            latents = sampler.step(step, latents, velocity)
            if mask is not None and source is not None:
                kept = source if step == steps - 1 else sampler.noisy(source, noise, step + 1)
                latents = (1 - mask) * kept + mask * latents
            on_step()
    return model.autoencoder.decode(Layers(weights.autoencoder), latents)


def _shares(
    model: StarterModel, weights: NetworkWeights, text: FloatArray, count: int
) -> list[_Share]:
    """Samples in even parts, one a worker; all pictures of the first text come first."""
    total = len(text) * count
    parts = max(1, min(workers(), total // LEAST_SAMPLES_A_WORKER))
    conditioning = model.unet.condition(Layers(weights.unet), text)
    bounds = np.linspace(0, total, parts + 1).round().astype(int)
    shares = []
    for begin, end in pairwise(bounds):
        samples = slice(int(begin), int(end))
        texts = np.arange(total)[samples] // count
        shares.append(_Share(samples, Layers(weights.unet), conditioning.take(texts)))
    return shares
