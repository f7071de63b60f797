"""What a plan asks of a GPU, told to whoever has it trained on the processor. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ategnatos.train.gates.configuration import Configuration

Level = Literal["ok", "note", "stop"]

# Kernels of bitsandbytes.
EIGHT_BIT = frozenset({"adamw8bit", "paged-adamw8bit", "lion8bit"})


def told(made: Configuration) -> Iterator[tuple[str, Level, str, str]]:
    """What, how grave, what was found and what mends it: for a person who said ``--gpu cpu``."""
    plan, name = made.kept.plan, made.kept.name
    yield (
        "GPU",
        "note",
        f"none, as was said (--gpu cpu): {made.trainer} trains on the processor. A step takes tens"
        " to hundreds of times as long as on a GPU; this is to try it out",
        "",
    )
    if plan.precision == "fp16":
        yield (
            "precision",
            "stop",
            "a processor does not train in fp16",
            f"ategnatos train plan set {name} precision=fp32",
        )
    if plan.optimizer in EIGHT_BIT:
        yield (
            "optimizer",
            "note",
            f"{plan.optimizer} is written for GPUs; the dry run decides",
            f"ategnatos train plan set {name} optimizer=adamw",
        )
    if plan.quantisation != "none":
        yield (
            "quantisation",
            "note",
            f"{plan.quantisation} is written for GPUs; the dry run decides",
            f"ategnatos train plan set {name} quantisation=none",
        )
