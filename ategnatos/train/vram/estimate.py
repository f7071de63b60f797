"""Memory of a training, added up part by part, with error bars.

Nearly all of it is arithmetic: weights, trained values with their gradients and states, and what
autograd keeps, counted on the network itself. Two numbers are fitted (:class:`Calibration`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ategnatos.knowledge import loader
from ategnatos.knowledge.vram import GIB
from ategnatos.train.vram.workload import Workload

# 256 channels at full size, in 16 bit, five tensors at once: the last stage of a KL autoencoder.
_DECODED_BYTES_A_PIXEL = 2600
# Two blocks are on the GPU while others wait: one works, one is on its way.
_BLOCKS_PRESENT = 2


@dataclass(frozen=True, slots=True)
class Calibration:
    """What is fitted, and nothing else.

    ``base`` is GiB for the CUDA context, kernels and workspaces, the same for every training.
    ``slack`` is how much more than what is kept the working part takes, because the allocator
    rounds, fragments and holds what it freed. ``below`` and ``above`` are the shares that a
    reading lay beneath and over the estimate when its source was left out (80 of 100 within).
    ``readings`` of ``sources`` made it; ``machine`` names the one that it was learned on, or "".
    """

    base: float
    slack: float
    below: float
    above: float
    readings: int = 0
    sources: int = 0
    machine: str = ""


@dataclass(frozen=True, slots=True)
class Estimate:
    """GiB at the peak: the likely value and the bars, and the parts that add up to ``likely``."""

    likely: float
    low: float
    high: float
    parts: Mapping[str, float]
    calibration: Calibration


PARTS = {
    "weights": "the base model",
    "cast": "its 16-bit copy for mixed precision",
    "trained": "what is trained",
    "gradients": "its gradients",
    "optimizer": "the optimizer's memory",
    "average": "the running average of it",
    "text": "text encoders",
    "vae": "the VAE",
    "working": "pictures on their way through",
    "framework": "CUDA and PyTorch themselves",
}


def shipped() -> Calibration:
    """The calibration made on every report; ``benchmarks/vram.py`` makes and scores it."""
    return Calibration(**loader.read("vram_calibration").content["calibration"])


def parts(work: Workload, calibration: Calibration) -> dict[str, float]:
    """GiB of each part, in the order of :data:`PARTS`, parts of nothing left out."""
    network = work.network
    weights = network.params * work.weight_bytes
    if work.streamed:
        weights *= min(1.0, _BLOCKS_PRESENT / network.blocks)
    elif work.block_swap:
        weights *= max(_BLOCKS_PRESENT, network.swap - work.block_swap) / network.swap
    # A compiled step fuses what the slack is made of.
    slack = 1.0 if work.compiled else calibration.slack
    found = {
        "weights": weights,
        "cast": network.params * 2.0 if work.cast else 0.0,
        # A whole model that is trained is its weights; only a LoRA comes on top.
        "trained": 0.0 if work.full else work.trained * work.trained_bytes,
        "gradients": work.trained * work.trained_bytes,
        "optimizer": work.trained * work.state_bytes,
        "average": work.trained * 4.0 if work.ema else 0.0,
        "text": sum(network.text_encoders.values()) * work.text_bytes,
        "vae": network.vae * 2.0 if work.vae_on_gpu or work.decoded else 0.0,
        "working": max(slack * _kept(work), _DECODED_BYTES_A_PIXEL * work.decoded),
        "framework": calibration.base * GIB,
    }
    return {name: size / GIB for name, size in found.items() if size}


def estimate(work: Workload, calibration: Calibration | None = None) -> Estimate:
    """The peak with its bars; ``calibration`` None: the shipped one."""
    calibration = calibration or shipped()
    found = parts(work, calibration)
    likely = sum(found.values())
    return Estimate(
        likely=likely,
        low=likely * (1 - calibration.below),
        high=likely * (1 + calibration.above),
        parts=found,
        calibration=calibration,
    )


def largest_batch(work: Workload, memory: float, calibration: Calibration) -> int:
    """The most pictures at a time whose upper bar stays within ``memory`` GiB; 0: not even one."""
    if estimate(replace(work, batch=1), calibration).high > memory:
        return 0
    low, high = 1, 2
    while high <= 1024 and estimate(replace(work, batch=high), calibration).high <= memory:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        fits = estimate(replace(work, batch=middle), calibration).high <= memory
        low, high = (middle, high) if fits else (low, middle)
    return low


def _kept(work: Workload) -> float:
    network = work.network
    if work.checkpointing and not work.compiled:
        one = sum(k.of(work.pixels) for k in (network.inputs, network.outside, network.block))
    else:
        one = network.kept.of(work.pixels)
    return one * work.batch
