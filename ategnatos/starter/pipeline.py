"""The way in: a request becomes pictures.

``plan`` checks a request and says what would be made of it; ``generate`` makes it. Text to
image, image to image and inpaint, with LoRAs, any number of pictures, progress after each step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ategnatos.starter.canvas import (
    ByteArray,
    enlarge,
    mask_to_model,
    on_backdrop,
    to_model,
    to_sprite,
)
from ategnatos.starter.denoise import Start, denoise, encode_prompts, pictures_at_once
from ategnatos.starter.layout import OPAQUE_FROM, Layout, layout
from ategnatos.starter.model import StarterModel, load_model
from ategnatos.starter.noise import noise
from ategnatos.starter.planning import Plan, plan
from ategnatos.starter.request import StarterRequest

StepCallback = Callable[[int, int], None]
"""Called with the steps done and the steps in all, over all pictures."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One finished picture.

    ``sprite`` (32, 32, 4) is what the model drew, RGBA bytes with hard alpha, empty pixels all
    zero. ``pixels`` enlarges it; it is not kept, because it can be a thousand times larger.
    """

    seed: int
    sprite: ByteArray
    where: Layout
    original: ByteArray | None = None
    mask: ByteArray | None = None

    def pixels(self, backdrop: tuple[int, int, int] | None = None) -> ByteArray:
        """The picture (height, width, 4) at the asked-for size.

        After an inpaint every pixel that the mask does not mark is that of the original.
        ``backdrop`` is a colour (red, green, blue) to lay it over; without one it stays
        transparent where nothing was drawn.
        """
        canvas = enlarge(self.sprite, self.where)
        if self.original is not None and self.mask is not None:
            may_change = self.mask[..., None] >= OPAQUE_FROM
            canvas = np.where(may_change, canvas, self.original)
        return canvas if backdrop is None else on_backdrop(canvas, backdrop)


@dataclass(frozen=True, slots=True)
class Pictures:
    """What ``generate`` made: the plan it followed, the model's hash, pictures by rising seed."""

    plan: Plan
    model_sha256: str
    pictures: tuple[Picture, ...]


def generate(
    request: StarterRequest,
    on_step: StepCallback | None = None,
    model: StarterModel | None = None,
) -> Pictures:
    """Plan a request and make its pictures.

    Raises StudioError as ``plan`` does, before any work; otherwise see ``carry_out``.
    """
    return carry_out(plan(request, model), on_step, model)


def carry_out(
    order: Plan, on_step: StepCallback | None = None, model: StarterModel | None = None
) -> Pictures:
    """Make the pictures of a plan, with the model that it was made for.

    Picture ``i`` is the one that a request for a single picture with ``seed + i`` makes, to the
    bit. What ``on_step`` raises (a cancel) stops the work between two steps and passes through.
    """
    model = model or load_model()
    request, settings = order.request, order.settings
    guided = settings.guidance != 1
    weights = model.with_loras(order.loras)
    prompts = [request.negative] * guided + [request.prompt]
    text = encode_prompts(model, weights, prompts)

    side, where = model.unet.side, layout(settings.width, settings.height, model.unet.side)
    init_image, mask = request.init_image, request.mask
    picture = None if init_image is None else to_model(init_image, where)
    may_change = None if mask is None else mask_to_model(mask, where)

    total = request.count * (settings.steps - settings.first)
    done = 0
    sprites: list[ByteArray] = []
    seeds = range(request.seed, request.seed + request.count)
    at_once = pictures_at_once(guided)
    for begin in range(0, request.count, at_once):
        batch = seeds[begin : begin + at_once]

        def count_step(pictures: int = len(batch)) -> None:
            nonlocal done
            done += pictures
            if on_step is not None:
                on_step(done, total)

        pixels = denoise(
            model,
            weights,
            text,
            Start(np.stack([noise(seed, side, 4) for seed in batch]), picture, may_change),
            settings.steps,
            settings.first,
            settings.sampler,
            settings.guidance,
            count_step,
        )
        sprites.extend(to_sprite(pixels))
    return Pictures(
        order,
        model.sha256,
        tuple(
            Picture(seed, sprite, where, init_image if mask is not None else None, mask)
            for seed, sprite in zip(seeds, sprites, strict=True)
        ),
    )
