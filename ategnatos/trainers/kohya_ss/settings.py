"""The settings that sd-scripts and musubi-tuner, programs of one author, have in common.

Their names are the same arguments in both. Source: library/train_util.py, sd-scripts 0.10.1;
training/parser_common.py, musubi-tuner 0.3.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ategnatos.trainers import Dataset
    from ategnatos.trainers.losing import Losses
    from ategnatos.trainers.plan import Plan

SCHEDULES = {
    "constant": "constant",
    "constant-with-warmup": "constant_with_warmup",
    "linear": "linear",
    "cosine": "cosine",
    "cosine-with-restarts": "cosine_with_restarts",
    "polynomial": "polynomial",
}
MIXED = {"bf16": "bf16", "fp16": "fp16", "fp32": "no"}
SAVED = {"bf16": "bf16", "fp16": "fp16", "fp32": "float"}


def learning(
    plan: Plan, dataset: Dataset, optimizers: Mapping[str, str], losses: Losses
) -> dict[str, Any]:
    """Optimizer, rate and schedule; ``optimizers`` is what the program calls ours."""
    made: dict[str, Any] = {
        "optimizer_type": optimizers[plan.optimizer],
        "optimizer_args": _optimizer(plan),
        "learning_rate": float(plan.learning_rate),
        "lr_scheduler": SCHEDULES[plan.schedule],
        "lr_warmup_steps": round(plan.warmup * dataset.steps),
        "max_grad_norm": float(plan.max_grad_norm),
    }
    if plan.schedule == "cosine-with-restarts":
        made["lr_scheduler_num_cycles"] = plan.cycles
    if plan.optimizer == "schedule-free-adamw":
        made |= {"lr_scheduler": "constant", "lr_warmup_steps": 0}
        if plan.schedule != "constant":
            losses.fixed("schedule", "none", "a schedule-free optimizer has none")
            if plan.warmup:
                losses.dropped("warmup", "a schedule-free optimizer has no schedule")
    return made


def _optimizer(plan: Plan) -> list[str]:
    decay = f"weight_decay={plan.weight_decay!r}"
    if plan.optimizer == "prodigy":
        return [
            "decouple=True",
            decay,
            "d_coef=1.0",
            "use_bias_correction=True",
            f"safeguard_warmup={bool(plan.warmup)}",
        ]
    if plan.optimizer == "adafactor":
        return ["scale_parameter=False", "relative_step=False", "warmup_init=False", decay]
    return [decay]


def prompts(plan: Plan, guidance: str) -> list[dict[str, Any]]:
    """The prompts as its JSON has them: there no word of a prompt is taken for an option.

    ``guidance`` is what it calls a prompt's guidance here ("": it has none).
    """
    made = []
    for one in plan.samples:
        entry: dict[str, Any] = {
            "prompt": " ".join(one.prompt.split()),
            "width": one.width or plan.resolution,
            "height": one.height or plan.resolution,
            "seed": one.seed,
        }
        if one.negative:
            entry["negative_prompt"] = " ".join(one.negative.split())
        if one.steps:
            entry["sample_steps"] = one.steps
        if one.cfg is not None and guidance:
            entry[guidance] = float(one.cfg)
        made.append(entry)
    return made
