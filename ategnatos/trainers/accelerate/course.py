"""A training in torch, step by step: what a step draws by chance is what the starter trainer draws.

It draws by the names of ``ategnatos.starter.training.chance`` and in the same order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ategnatos.starter.training import chance
from ategnatos.starter.training.chance import Purpose
from ategnatos.starter.training.draws import Draws
from ategnatos.starter.training.optimizer import Schedule
from ategnatos.starter.training.steps import Steps, kept_by_average
from ategnatos.trainers.accelerate.model import Model
from ategnatos.trainers.accelerate.optimizers import made as optimizer_of
from ategnatos.trainers.accelerate.order import Epochs, Recipe, Shown
from ategnatos.trainers.accelerate.pairs import Pairs


class Course(Steps):
    """One training and how far it is."""

    def __init__(
        self, model: Model, recipe: Recipe, examples: Sequence[Shown], accelerator: Any
    ) -> None:
        super().__init__(
            Schedule(recipe.rate, recipe.steps, recipe.schedule, recipe.warmup, recipe.cycles)
        )
        self.model, self.recipe, self.examples = model, recipe, tuple(examples)
        self.accelerator = accelerator
        self.pairs = Pairs(model, recipe)
        if recipe.gradient_checkpointing:
            model.unet.enable_gradient_checkpointing()
        # Checkpointing and the pairs' dropout need this mode; the networks drop nothing.
        model.unet.train()
        self.epochs = Epochs(self.examples, recipe.batch, recipe.accumulation, recipe.seed)
        self.optimizer = optimizer_of(recipe, self.pairs.groups(recipe))
        self.unet = accelerator.prepare_model(model.unet)
        self.stepper = accelerator.prepare_optimizer(self.optimizer)
        self.average = (
            [part.detach().clone() for part in self.pairs.parameters] if recipe.ema_decay else None
        )
        self._latents: dict[tuple[Shown, bool], Any] = {}

    def epoch(self, step: int) -> int:
        """The epoch of a step, both counted from 0."""
        return self.epochs.epoch(step)

    def advance(self) -> float:
        """Do one step and return its loss.

        A loss that is no number is noted and returned, and the weights stay as they were.
        """
        number, rate = self.step, self.rate()
        loss = self.backward(number)
        self.losses.append(loss)
        if math.isfinite(loss):
            if self.recipe.max_grad_norm:
                self.accelerator.clip_grad_norm_(self.pairs.parameters, self.recipe.max_grad_norm)
            for group in self.optimizer.param_groups:
                group["lr"] = rate * group["share"]
            self.stepper.step()
        self.stepper.zero_grad(set_to_none=True)
        if self.average is not None:
            keep = kept_by_average(self.recipe.ema_decay, number)
            for mean, part in zip(self.average, self.pairs.parameters, strict=True):
                mean.lerp_(part.detach(), 1 - keep)
        return loss

    def backward(self, step: int) -> float:
        """Add the gradients of a step to the pairs'; its loss."""
        import torch

        loss = 0.0
        if self.recipe.dropout:
            # What the pairs leave out depends on the step alone, too.
            torch.manual_seed(
                int(Draws(self.recipe.seed, Purpose.DROPOUT, step).whole(1, 2**31)[0])
            )
        for shown, noisy, times, target, words, weights in self._seen(step):
            found = self.model.predict(self.unet, noisy, times, words, shown)
            part = (((found - target) ** 2).mean(dim=(1, 2, 3)) * weights).sum()
            loss += float(part.detach())
            if not math.isfinite(loss):
                return loss
            self.accelerator.backward(part)
        return loss

    def weights(self) -> list[Any]:
        """What is to be used after the training: the average where there is one."""
        return self.pairs.parameters if self.average is None else self.average

    def validation_loss(self, examples: Sequence[Shown]) -> float:
        """The loss over pictures that are not trained on; the same noise each time."""
        import torch

        length, total = self.model.length, 0.0
        self.unet.eval()
        with torch.no_grad():
            for number, one in enumerate(examples):
                latents = self._latent(one, flipped=False)[None].repeat(3, 1, 1, 1)
                noise = self._normal(
                    Draws(self.recipe.seed, Purpose.VALIDATION, number), latents.shape
                )
                times = chance.validation_times(length)
                noisy, target, _ = self._noised(latents, noise, times)
                words = self.model.words([one.caption] * 3, trained=self.recipe.text_encoder)
                at = torch.from_numpy(times).to(self.model.device)
                found = self.model.predict(self.unet, noisy, at, words, [one] * 3)
                total += float(((found - target) ** 2).mean())
        self.unet.train()
        return total / max(1, len(examples))

    def encode(self) -> None:
        """Make the latents of every picture now, and free what made them."""
        for one in self.examples:
            for flipped in (False, True) if self.recipe.flip else (False,):
                self._latent(one, flipped)

    # --- inside -------------------------------------------------------------------------------

    def _seen(self, step: int) -> Any:
        """What each batch of a step sees, on the device."""
        import torch

        recipe, batches = self.recipe, self.epochs.at(step)
        count = sum(map(len, batches))
        noises = Draws(recipe.seed, Purpose.NOISE, step)
        draws = Draws(recipe.seed, Purpose.TIMES, step)
        choices = Draws(recipe.seed, Purpose.CAPTIONS, step)
        for numbers in batches:
            shown = [self.examples[number] for number in numbers]
            captions = [
                chance.caption(
                    one.caption, choices, recipe.caption_dropout, recipe.shuffle_captions
                )
                for one in shown
            ]
            flipped = choices.uniform(len(shown)) < 0.5 if recipe.flip else [False] * len(shown)
            latents = torch.stack(
                [self._latent(one, bool(turn)) for one, turn in zip(shown, flipped, strict=True)]
            )
            noise = self._normal(noises, latents.shape)
            if recipe.noise_offset:
                offset = draws.normal(len(shown), 1, 1, latents.shape[1])
                noise += recipe.noise_offset * torch.from_numpy(offset.transpose(0, 3, 1, 2))
            times = chance.times(draws, len(shown), self.model.length, recipe.timesteps)
            noisy, target, signal = self._noised(latents, noise, times)
            weights = torch.full((len(shown),), 1 / count)
            weights *= torch.tensor([recipe.prior_weight if one.prior else 1 for one in shown])
            weights = weights.to(self.model.device)
            if recipe.min_snr_gamma:
                weights = weights * self._snr_weight(signal)
            words = self.model.words(captions, trained=recipe.text_encoder)
            at = torch.from_numpy(times).to(self.model.device)
            yield shown, noisy, at, target, words, weights

    def _noised(self, latents: Any, noise: Any, times: Any) -> tuple[Any, Any, Any]:
        """Noisy latents, what is to be said of them, and the share of signal at each time."""
        import torch

        device = self.model.device
        latents, noise = latents.to(device), noise.to(device)
        signal = self.model.signals[torch.from_numpy(times).to(device)][:, None, None, None]
        clear, loud = signal.sqrt(), (1 - signal).sqrt()
        noisy = clear * latents + loud * noise
        if self.model.prediction == "v_prediction":
            target = clear * noise - loud * latents
        elif self.model.prediction == "sample":
            target = latents
        else:
            target = noise
        return noisy, target, signal.flatten()

    def _snr_weight(self, signal: Any) -> Any:
        """Hang and others, arXiv 2303.09556: min(snr, gamma) by what the target makes of it."""
        ratio = signal / (1 - signal)
        capped = ratio.clamp(max=self.recipe.min_snr_gamma)
        if self.model.prediction == "v_prediction":
            return capped / (ratio + 1)
        return capped if self.model.prediction == "sample" else capped / ratio

    def _normal(self, draws: Draws, shape: Sequence[int]) -> Any:
        """Noise (samples, channels, height, width), drawn with the channels last."""
        import torch

        samples, channels, height, width = shape
        drawn = draws.normal(samples, height, width, channels).transpose(0, 3, 1, 2)
        return torch.from_numpy(np.ascontiguousarray(drawn))

    def _latent(self, one: Shown, flipped: bool) -> Any:
        if (one, flipped) not in self._latents:
            self._latents[one, flipped] = self.model.latents(one, flipped)
        return self._latents[one, flipped]
