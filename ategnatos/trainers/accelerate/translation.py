"""A plan as an order for the torch program, and what it cannot say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any

from ategnatos.trainers import Dataset, Loss, Translation, known
from ategnatos.trainers.own import losses
from ategnatos.trainers.own import translation as own
from ategnatos.trainers.own.translation import STARTER, STARTER_RATE, STARTER_SIDE
from ategnatos.trainers.plan import Optimizer, Plan

# What a rate of 1, which Prodigy is given, means for AdamW on a large model.
_USUAL_RATE = 1e-4
_METHODS: Mapping[Optimizer, str] = {
    "lion": "lion",
    "lion8bit": "lion",
    "adafactor": "adafactor",
}
_EXACT: tuple[Optimizer, ...] = ("adamw", "lion", "adafactor")


def translate(
    plan: Plan,
    dataset: Dataset,
    folder: PurePath,
    dry_steps: int = 0,
    resume: PurePath | None = None,
) -> Translation:
    """The order for a run in ``folder``; with ``dry_steps`` a short one of its own."""
    pipeline = pipeline_of(plan)
    large = pipeline != STARTER
    order = {
        "pipeline": pipeline,
        "model": _model(plan),
        "recipe": _recipe(plan, dry_steps or dataset.steps),
        "buckets": {
            str(dataset.root / name): list(size)
            for name, size in (dataset.config or {}).get("buckets", {}).items()
        },
        "save_precision": plan.save_precision,
        "metadata": _metadata(plan, dataset, pipeline),
    }
    return own.translation(
        "accelerate", plan, dataset, folder, dry_steps, resume, order,
        losses=_losses(plan, dataset, pipeline),
        notes=("Without a GPU it computes in fp32, whatever precision the plan says.",)
        if large
        else (),
        # Buckets of many sizes leave gaps in a GPU's memory otherwise.
        environment={"PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True"} if large else {},
    )  # fmt: skip


def pipeline_of(plan: Plan) -> str:
    """Which networks the program loads: ``starter``, ``sd`` or ``sdxl``."""
    if plan.base_family == STARTER:
        return STARTER
    return known.trainer("accelerate").family_of(plan).pipeline


def _model(plan: Plan) -> str:
    if plan.model or plan.base_family == STARTER:
        return plan.model
    from ategnatos.grimoire.errors import StudioError
    from ategnatos.trainers import TRAINER_CANNOT

    repository = known.trainer("accelerate").family_of(plan).repository
    if repository:
        return repository
    raise StudioError(
        TRAINER_CANNOT,
        f"accelerate cannot train the plan {plan.name!r}: it names no model, and {plan.family}"
        " has no common one. Nothing was written.",
        hint=f"ategnatos train plan set {plan.name} model=FOLDER (in diffusers' layout)",
        trainer="accelerate",
        plan=plan.name,
    )


def _recipe(plan: Plan, steps: int) -> dict[str, Any]:
    """The values of :class:`ategnatos.trainers.accelerate.order.Recipe`."""
    small = plan.base_family == STARTER
    return {
        **own.recipe(plan, steps, _METHODS, _usual_rate(plan)),
        "accumulation": plan.accumulation,
        "dropout": plan.network_dropout,
        "precision": "fp32" if small else plan.precision,
        "gradient_checkpointing": plan.gradient_checkpointing and not small,
    }


def _usual_rate(plan: Plan) -> float:
    return STARTER_RATE if plan.base_family == STARTER else _USUAL_RATE


# By pipeline: ModelSpec's architecture and sd-scripts' name of the base.
_SPEC = {
    STARTER: ("ategnatos-starter/lora", "ategnatos_starter"),
    "sd": ("stable-diffusion-v1/lora", "sd_v1"),
    "sdxl": ("stable-diffusion-xl-v1-base/lora", "sdxl_base_v1-0"),
}


def _metadata(plan: Plan, dataset: Dataset, pipeline: str) -> dict[str, str]:
    architecture, base = _SPEC[pipeline]
    side = STARTER_SIDE if pipeline == STARTER else plan.resolution
    return own.metadata(plan, dataset, architecture, side) | {
        "ss_base_model_version": base,
        "ss_resolution": f"({side}, {side})",
        "ss_sd_model_name": PurePath(plan.model).name if plan.model else base,
        "ss_v2": "False",
    }


def _losses(plan: Plan, dataset: Dataset, pipeline: str) -> Iterable[Loss]:
    """What the plan asks for and this program does in another way, or not."""
    small = pipeline == STARTER
    if small:
        yield Loss(
            "resolution", "fixed", str(plan.resolution), "32",
            "the starter model draws 32x32; larger pictures are made smaller",
        )  # fmt: skip
        yield from losses.square(plan)
    if not small and not plan.buckets:
        yield Loss(
            "buckets", "fixed", "off", "on", "pictures keep their shape as near as buckets go"
        )
    if small and plan.precision != "fp32":
        yield Loss(
            "precision", "fixed", plan.precision, "fp32", "so that it does what starter does"
        )
    if plan.optimizer not in _EXACT:
        yield losses.optimizer(
            plan,
            _METHODS.get(plan.optimizer, "adamw"),
            own.rate(plan, _usual_rate(plan)),
            prodigy="it finds its rate by itself; here it is the usual one of such models",
            other="AdamW, Lion and Adafactor are here, at the plan's rate",
        )
    yield from losses.shift(plan, _MODELS)
    yield from losses.convolutions(plan)
    if not small and plan.cache_latents != "memory":
        yield Loss(
            "cache_latents", "approximated", plan.cache_latents, "memory",
            "every picture is encoded once and kept in main memory",
        )  # fmt: skip
    yield from losses.unused(plan, _WHY | (_WHY_OF_STARTER if small else {}))
    yield from losses.validation(plan, dataset)
    yield from losses.masks(dataset)


_MODELS = "these are not"
_WHY = {
    "quantisation": "the frozen weights stay in the plan's precision",
    "text_encoder_quantisation": "the frozen weights stay in the plan's precision",
    "block_swap": "every block stays where it is; take gradient_checkpointing or a smaller batch",
    "timestep_shift": f"{losses.SHIFT}; {_MODELS}",
    "vae": "the model's own folder vae/ is used",
    "parts": "the model is one folder and needs no other file",
}
_WHY_OF_STARTER = {
    "gradient_checkpointing": "it saves memory, and this model needs less than 1 GB",
}
