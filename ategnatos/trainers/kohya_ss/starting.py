"""How both are started, and the files that both must be told before."""

from __future__ import annotations

import json
from collections.abc import Container, Iterable
from pathlib import PurePath
from typing import TYPE_CHECKING

from ategnatos.trainers.losing import cannot

if TYPE_CHECKING:
    from ategnatos.trainers import Trainer
    from ategnatos.trainers.losing import Losses
    from ategnatos.trainers.plan import Plan


def command(script: str, precision: str, file: PurePath) -> tuple[str, ...]:
    """``accelerate launch SCRIPT --config_file FILE`` on one GPU; ``{python}`` is filled in later.

    ``precision`` is accelerate's word for what is computed in: ``bf16``, ``fp16``, ``no``.
    """
    return (
        "{python}",
        "-m",
        "accelerate.commands.launch",
        "--num_cpu_threads_per_process",
        "1",
        "--num_processes",
        "1",
        "--num_machines",
        "1",
        "--dynamo_backend",
        "no",
        "--mixed_precision",
        precision,
        script,
        "--config_file",
        str(file),
    )


def require_model(trainer: Trainer, plan: Plan, what: str) -> None:
    """Refuse a plan without a file of weights; ``what`` says what the program loads from one.

    Raises StudioError (``trainer_cannot``).
    """
    if not plan.model:
        raise cannot(
            trainer,
            plan,
            f"it names no file of weights, and {what} from a file",
            f"ategnatos train plan set {plan.name} model=/models/FILE.safetensors",
        )


def require_parts(trainer: Trainer, plan: Plan, program: str, parts: Iterable[str]) -> None:
    """Refuse a plan that lacks one of the further files ``parts``.

    Raises StudioError (``trainer_cannot``).
    """
    missing = [part for part in parts if not (plan.parts.get(part) or (part == "vae" and plan.vae))]
    if missing:
        raise cannot(
            trainer,
            plan,
            f"{program} needs further files of {plan.base_family}: {', '.join(missing)}",
            f"ategnatos train plan set {plan.name} 'parts="
            + json.dumps({part: f"/models/{part}.safetensors" for part in missing})
            + "'",
        )


def drop_parts(plan: Plan, losses: Losses, program: str, known: Container[str]) -> None:
    """Say which further files of the plan the program has no use for."""
    for part in plan.parts:
        if part not in known:
            losses.dropped("parts", f"{program} has no place for {part} in {plan.base_family}")
