"""What a plan asks of a GPU, told to whoever has it trained on the processor. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ategnatos.train.gates.configuration import Configuration

Level = Literal["ok", "note", "stop"]

# Trainers that ask for a GPU as they are imported, where Triton lies beside a PyTorch for GPUs.
ASKING = frozenset({"ai-toolkit"})
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


def build(trainer: str, torch: Mapping[str, str], python: str) -> tuple[str, str]:
    """What the trainer does with that build of PyTorch on a machine without a GPU, and the mend;
    two empty texts where it does well. ``python`` is one word for a shell.
    """
    if trainer not in ASKING or not (torch.get("cuda") or torch.get("hip")):
        return "", ""
    said = f"{torch.get('version')} is a build for GPUs; with Triton beside it {trainer} ends as it"
    said += " starts ('Found no NVIDIA driver'). The dry run decides"
    plain = torch.get("version", "").partition("+")[0]
    wanted = f"'torch=={plain}' torchvision"
    return said, (
        f"{python} -m pip uninstall -y triton; {python} -m pip install {wanted}"
        " --index-url https://download.pytorch.org/whl/cpu"
    )
