"""Training on the processor by a person's word: to try a trainer out where no GPU is.

A step takes tens to hundreds of times as long as on a GPU, so it is never taken by itself: who
wants it says ``train environment PLAN --gpu cpu``, and gates 3 and 4 and the run hold for that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ategnatos.grimoire.errors import ErrorCode, StudioError

GPU_CHOICE = ErrorCode("gpu_choice", "It is not said which GPU.")

# What stands for it where a GPU's number does.
PROCESSOR = "cpu"
_LAUNCHER = "accelerate.commands.launch"
_THREADS = "--num_cpu_threads_per_process"


def chosen(text: str) -> int | None:
    """A GPU by its number, or None for the processor. Raises StudioError (``gpu_choice``)."""
    said = text.strip().lower()
    if said == PROCESSOR:
        return None
    if said.isascii() and said.isdigit() and int(said) < 64:
        return int(said)
    raise StudioError(
        GPU_CHOICE,
        f"{text[:40]!r} names no GPU; nothing was looked at.",
        hint="Write its number as nvidia-smi counts them (the first is 0), or cpu for a try"
        " on the processor.",
        gpu=text[:40],
    )


def named(text: str) -> str:
    """The same in its one spelling. Raises StudioError (``gpu_choice``)."""
    card = chosen(text)
    return PROCESSOR if card is None else str(card)


def of_gates(environment: Mapping[str, Any]) -> str:
    """What gates 3 and 4 hold for: the number of a GPU, or ``cpu``."""
    if environment.get("processor"):
        return PROCESSOR
    return str(environment.get("gpu_index") or 0)


def without_gpu(environment: Mapping[str, Any]) -> dict[str, str]:
    """The environment in which a program sees no GPU, and uses every core."""
    made = {
        "CUDA_VISIBLE_DEVICES": "",
        "HIP_VISIBLE_DEVICES": "",
        "ACCELERATE_USE_CPU": "true",
    }
    if cores := int(environment.get("cores") or 0):
        made["OMP_NUM_THREADS"] = str(cores)
    return made


def launched(command: Sequence[str], environment: Mapping[str, Any]) -> tuple[str, ...]:
    """A trainer's command line for the processor. ``accelerate launch`` passes what it is told on
    to the trainer, whatever the environment says, so it is told; others are left as they are.
    """
    words = list(command)
    if _LAUNCHER not in words:
        return tuple(words)
    at = words.index(_LAUNCHER) + 1
    cores = str(int(environment.get("cores") or 0) or 1)
    if _THREADS in words:
        words[words.index(_THREADS) + 1] = cores
        return (*words[:at], "--cpu", *words[at:])
    return (*words[:at], "--cpu", _THREADS, cores, *words[at:])
