"""A training, step by step: the same for the same recipe and pictures, wherever it began.

What a step draws by chance depends on the seed and the step's number. The samples of a step are
computed in pairs, each pair by one thread, and their gradients added in order: so the numbers are
the same on one core and on many, and a training that goes on from a state ends in the very bytes
that it would have ended in.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ategnatos.starter.model import StarterModel
from ategnatos.starter.tensors import FloatArray
from ategnatos.starter.threads import sharing, workers
from ategnatos.starter.training import chance
from ategnatos.starter.training.adapters import Adapters, trained_layers
from ategnatos.starter.training.chance import Purpose
from ategnatos.starter.training.draws import Draws
from ategnatos.starter.training.examples import Example, Order
from ategnatos.starter.training.optimizer import Optimizer, Schedule, clipped
from ategnatos.starter.training.passes import Batch, Pass
from ategnatos.starter.training.recipe import Recipe
from ategnatos.starter.training.steps import Steps, kept_by_average

SAMPLES_A_SHARE = 2


class Course(Steps):
    """One training and how far it is.

    ``average`` holds the running mean of the weights where the recipe wants one.
    """

    def __init__(self, model: StarterModel, recipe: Recipe, examples: Sequence[Example]) -> None:
        super().__init__(
            Schedule(recipe.rate, recipe.steps, recipe.schedule, recipe.warmup, recipe.cycles)
        )
        self.model, self.recipe, self.examples = model, recipe, tuple(examples)
        size = recipe.convolution_rank, recipe.convolution_alpha
        layers = trained_layers(
            model.lora_targets,
            recipe.rank,
            recipe.alpha,
            size if recipe.convolution_rank else None,
            recipe.text_encoder,
        )
        self.layers = layers
        self.adapters = Adapters(model.weights, layers)
        self.adapters.begin(Draws(recipe.seed, Purpose.BEGIN))
        self.order = Order(self.examples, recipe.batch, recipe.seed)
        self.optimizer = Optimizer(
            recipe.optimizer, len(self.adapters.parameters), recipe.weight_decay
        )
        self.average = self.adapters.parameters.copy() if recipe.ema_decay else None
        self._relative_rates = self._rates_beside_the_common_one()
        self._passes: list[tuple[Pass, FloatArray]] = []
        self._tokens: dict[str, np.ndarray[tuple[int], np.dtype[np.int64]]] = {}

    def epoch(self, step: int) -> int:
        """The epoch of a step, both counted from 0."""
        return self.order.epoch(step)

    def advance(self) -> float:
        """Do one step and return its loss.

        A loss that is no number is noted and returned, and the weights stay as they were.
        """
        loss, gradient = self._gradient(self.batch(self.step), self.recipe.text_encoder)
        rate = self.rate() * self._relative_rates
        number = self.step
        self.losses.append(loss)
        if math.isfinite(loss):
            gradient = clipped(gradient, self.recipe.max_grad_norm)
            self.optimizer.move(self.adapters.parameters, gradient, rate, number)
            self.adapters.refresh()
        if self.average is not None:
            keep = kept_by_average(self.recipe.ema_decay, number)
            self.average += np.float32(1 - keep) * (self.adapters.parameters - self.average)
        return loss

    def weights(self) -> FloatArray:
        """What is to be used after the training (n,): the average where there is one."""
        return self.adapters.parameters if self.average is None else self.average

    def batch(self, step: int) -> Batch:
        """What a step sees: its pictures, captions, noise and time steps."""
        recipe = self.recipe
        chosen = [self.examples[number] for number in self.order.at(step)]
        pixels = np.stack([one.pixels for one in chosen])
        noise = Draws(recipe.seed, Purpose.NOISE, step).normal(*pixels.shape)
        draws = Draws(recipe.seed, Purpose.TIMES, step)
        if recipe.noise_offset:
            offset = draws.normal(len(chosen), 1, 1, pixels.shape[-1])
            noise += np.float32(recipe.noise_offset) * offset
        length = self.model.schedule.length
        times = chance.times(draws, len(chosen), length, recipe.timesteps)
        choices = Draws(recipe.seed, Purpose.CAPTIONS, step)
        captions = [
            chance.caption(one.caption, choices, recipe.caption_dropout, recipe.shuffle_captions)
            for one in chosen
        ]
        if recipe.flip:
            turned = choices.uniform(len(chosen)) < 0.5
            pixels[turned] = pixels[turned, :, ::-1]
        weights = np.full(len(chosen), 1 / len(chosen), np.float32)
        weights *= [recipe.prior_weight if one.prior else 1 for one in chosen]
        if recipe.min_snr_gamma:
            ratio = self.model.schedule.sigmas[times] ** -2
            weights *= (np.minimum(ratio, recipe.min_snr_gamma) / (ratio + 1)).astype(np.float32)
        return Batch(pixels, noise, times, np.stack(list(map(self.tokens, captions))), weights)

    def validation_loss(self, examples: Sequence[Example]) -> float:
        """The loss over pictures that are not trained on; the same noise each time."""
        length = self.model.schedule.length
        total = 0.0
        for number, one in enumerate(examples):
            draws = Draws(self.recipe.seed, Purpose.VALIDATION, number)
            times = chance.validation_times(length)
            pixels = np.repeat(one.pixels[None], len(times), axis=0)
            tokens = np.repeat(self.tokens(one.caption)[None], len(times), axis=0)
            weights = np.full(len(times), 1 / (len(times) * len(examples)), np.float32)
            batch = Batch(pixels, draws.normal(*pixels.shape), times, tokens, weights)
            total += self._gradient(batch, self.recipe.text_encoder)[0]
        return total

    def tokens(self, caption: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Token ids of a caption."""
        if caption not in self._tokens:
            self._tokens[caption] = self.model.tokenizer.encode(caption)
        return self._tokens[caption]

    # --- inside -------------------------------------------------------------------------------

    def _gradient(self, batch: Batch, text_encoder: bool) -> tuple[float, FloatArray]:
        """The loss of a batch and the gradient (n,) of every parameter."""
        count = len(batch.pictures)
        starts = range(0, count, SAMPLES_A_SHARE)
        shares = [batch.part(slice(start, start + SAMPLES_A_SHARE)) for start in starts]
        threads = max(1, min(workers(), len(shares)))
        while len(self._passes) < threads:
            flat = np.zeros_like(self.adapters.parameters)
            self._passes.append((Pass(self.model, self.adapters, flat, text_encoder), flat))
        total = np.zeros_like(self.adapters.parameters)
        loss = 0.0
        with sharing(threads) as share:
            for begin in range(0, len(shares), threads):
                jobs = list(zip(self._passes, shares[begin : begin + threads], strict=False))
                for (_, flat), losses in zip(self._passes, share(_run, jobs), strict=False):
                    total += flat
                    loss += float(losses.astype(np.float64).sum())
        return loss, total

    def _rates_beside_the_common_one(self) -> FloatArray:
        """The text encoder may learn at a rate of its own: a factor for each parameter."""
        if not (self.recipe.text_encoder and self.recipe.text_encoder_rate):
            return np.ones(1, np.float32)
        factors = np.ones_like(self.adapters.parameters)
        for (network, _), adapter in self.adapters.items():
            if network == "text_encoder":
                for place in adapter.places:
                    factors[place] = self.recipe.text_encoder_rate / self.recipe.rate
        return factors


def _run(job: tuple[tuple[Pass, FloatArray], Batch]) -> FloatArray:
    (one, flat), batch = job
    flat[:] = 0
    return one.run(batch)
