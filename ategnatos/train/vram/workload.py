"""What a training asks of a GPU, said in one way for a plan and for somebody's report.

Where neither says something, the trainer's habit stands for it (``vram_habits.json``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ategnatos.knowledge.vram import Knowledge, Network, Report, knowledge

if TYPE_CHECKING:
    from ategnatos.trainers.plan import Plan

# A video's latent has one frame for every eight after the first (Wan, LTX).
_FRAMES_A_LATENT = 8
_HALF = 2.0
_FULL = 4.0


@dataclass(frozen=True, slots=True)
class Workload:
    """One training as memory sees it. ``weight_bytes`` and the other ``_bytes`` are per value.

    ``trained`` counts trained values of the network, ``trained_bytes`` what one takes;
    ``state_bytes`` is the optimizer's state of one, ``ema`` a further copy. ``cast`` is whether
    autocast keeps a 16-bit copy of 32-bit weights. ``decoded`` are pixels that the VAE turns
    into a picture or out of one at a time, 0 where it never runs during the training.
    """

    network: Network
    trainer: str
    batch: int
    pixels: float
    weight_bytes: float
    trained: float
    trained_bytes: float
    state_bytes: float
    full: bool = False
    cast: bool = False
    ema: bool = False
    checkpointing: bool = True
    compiled: bool = False
    block_swap: int = 0
    streamed: bool = False
    text_bytes: float = 0.0
    vae_on_gpu: bool = False
    decoded: float = 0.0


def of_plan(plan: Plan, trainer: str, known: Knowledge | None = None) -> Workload:
    """The plan as the trainer of that name would run it.

    Raises StudioError (``vram_family``, ``trainer_habits``).
    """
    known = known or knowledge()
    network, habits = known.network(plan.family), known.habits(trainer)
    kept_as = plan.precision if plan.quantisation == "none" else plan.quantisation
    optimizer = known.optimizers[plan.optimizer]
    # DoRA keeps a norm for each row and works on merged weights; LoKr is far smaller than a LoRA.
    size = {"dora": 1.05, "lokr": 0.15, "loha": 2.0}.get(plan.network, 1.0)
    trained = size * (
        network.lora_per_rank * plan.rank * habits.share
        + network.conv_per_rank * (plan.conv_rank if plan.network != "lora" else 0)
    )
    text_bytes = 0.0
    if not plan.cache_text and (habits.text_on_gpu or plan.text_encoder):
        as_kept = plan.text_encoder_quantisation
        text_bytes = _HALF if as_kept == "none" else known.weights[as_kept]
    return Workload(
        network=network,
        trainer=trainer,
        batch=plan.batch,
        pixels=float(plan.resolution**2),
        weight_bytes=known.weights[kept_as],
        trained=trained,
        trained_bytes=float(habits.lora_bytes),
        state_bytes=_state(optimizer.state, optimizer.follows, habits.lora_bytes),
        ema=plan.ema,
        checkpointing=plan.gradient_checkpointing,
        block_swap=plan.block_swap,
        text_bytes=text_bytes,
        vae_on_gpu=habits.vae_on_gpu or plan.cache_latents == "none",
        decoded=_decoded(plan),
    )


def of_report(report: Report, known: Knowledge | None = None) -> Workload:
    """A report as far as it says; batch 1 at 1024 pixels where it does not say that either."""
    known = known or knowledge()
    network, habits = known.network(report.family), known.habits(report.trainer)
    full = report.method == "full"
    mixed = report.weights == "mixed"
    wide = full and mixed
    optimizer = known.optimizers[report.optimizer or habits.optimizer]
    trained_bytes = _FULL if wide else float(habits.lora_bytes)
    if full and not wide:
        trained_bytes = _HALF
    if (report.weights or "").startswith("full_"):
        trained_bytes = _HALF
    rank, conv = _ranks(report.rank, habits.rank)
    pixels = (report.width or 1024) * (report.height or 1024) * report.pictures
    text = not report.cached_text if report.cached_text is not None else habits.text_on_gpu
    eight_bit_text = report.weights == "qfloat8" or "T5 in 8 bit" in report.said
    checkpointing = report.checkpointing
    return Workload(
        network=network,
        trainer=report.trainer,
        batch=report.batch or 1,
        pixels=float(pixels * (1 + (report.frames - 1) // _FRAMES_A_LATENT)),
        weight_bytes=_FULL if wide else known.weights[report.weights or "bf16"],
        trained=float(network.params)
        if full
        else network.lora_per_rank * rank * habits.share + network.conv_per_rank * conv,
        trained_bytes=trained_bytes,
        state_bytes=_state(optimizer.state, optimizer.follows, trained_bytes),
        full=full,
        cast=wide,
        checkpointing=habits.checkpointing if checkpointing is None else checkpointing,
        compiled=report.compiled,
        block_swap=report.block_swap,
        streamed=report.streamed,
        text_bytes=(1.0 if eight_bit_text else _HALF) if text else 0.0,
        vae_on_gpu=habits.vae_on_gpu,
    )


def _state(state: float, follows: bool, trained_bytes: float) -> float:
    return state * trained_bytes / _FULL if follows else state


def _ranks(said: str | None, usual: int) -> tuple[int, int]:
    """Ranks of linear layers and of convolutions from "32", "64+32" or "4-8"."""
    if said is None:
        return usual, 0
    linear, _, conv = said.partition("+")
    return int(linear.rpartition("-")[2]), int(conv or 0)


def _decoded(plan: Plan) -> float:
    sizes = [
        (one.width or plan.resolution) * (one.height or plan.resolution) for one in plan.samples
    ]
    if plan.cache_latents == "none":
        sizes.append(plan.resolution**2 * plan.batch)
    return float(max(sizes, default=0))
