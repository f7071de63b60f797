"""How much disk a run takes: saves, states to resume from, caches, sample pictures. Pure.

Upper bounds: a run that ends at a full disk has lost its last save, and a few GiB cost nothing.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import StudioError

if TYPE_CHECKING:
    from ategnatos.train.gates.configuration import Configuration

_MIB = 1 << 20
# Weights in 32 bits and two values of the optimizer for each, as a state holds them.
_STATE_BYTES = 12
# Sixteen channels in 32 bits at an eighth of each side: the largest latent of any family.
_LATENT_BYTES_A_PIXEL = 1.0
# 512 tokens of 4096 numbers in 32 bits: what T5 says of a caption.
_TEXT_BYTES = 8 * _MIB
_SAMPLE_BYTES = 2 * _MIB
# The starter's rank-32 LoRA with its state, measured, and a log.
_STARTER_SAVE = 8 * _MIB
_SPARE = 512 * _MIB
# Trainers that write pictures and captions encoded to the disk, whatever the plan says.
_ALWAYS_ENCODES = ("simpletuner", "musubi")


def needed(made: Configuration) -> dict[str, int]:
    """Bytes of each part."""
    from ategnatos.train.plan.presets import STARTER
    from ategnatos.train.vram.workload import of_plan

    plan, dataset, steps = made.kept.plan, made.dataset, max(1, made.translation.steps)
    every = plan.save_every_steps or plan.save_every_epochs * max(1, dataset.steps_an_epoch)
    saves = ceil(steps / max(1, every))
    # One more than is kept: the next is written before the oldest goes.
    saves = min(saves, plan.keep + 1) if plan.keep else saves
    if plan.base_family == STARTER:
        return {"saves": saves * _STARTER_SAVE, "spare": 64 * _MIB}
    try:
        values = of_plan(plan, made.trainer).trained
    except StudioError:
        # A family or trainer without a table: as much as rank 64 on a large one.
        values = 200e6
    one = values * (4 if plan.save_precision == "fp32" else 2)
    found = {"saves": int(saves * one), "states": int(saves * values * _STATE_BYTES)}
    if plan.cache_latents == "disk" or made.trainer in _ALWAYS_ENCODES:
        found["pictures' cache"] = int(
            dataset.pictures * plan.resolution**2 * _LATENT_BYTES_A_PIXEL * 2
        )
    if plan.cache_text or made.trainer in _ALWAYS_ENCODES:
        found["captions' cache"] = dataset.pictures * _TEXT_BYTES
    rounds = plan.sample_every_steps or plan.sample_every_epochs * max(1, dataset.steps_an_epoch)
    if plan.samples and rounds:
        found["samples"] = ceil(steps / rounds) * len(plan.samples) * _SAMPLE_BYTES
    found["spare"] = _SPARE
    return found
