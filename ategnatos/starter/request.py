"""What to draw: the request, checked, with every default filled in. No numpy is loaded here."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import StudioError
from ategnatos.starter.errors import STARTER_REQUEST
from ategnatos.starter.layout import OPAQUE_FROM, layout
from ategnatos.starter.limits import (
    DEFAULT_GUIDANCE,
    DEFAULT_IMAGE_STRENGTH,
    DEFAULT_INPAINT_STRENGTH,
    DEFAULT_SIDE,
    DEFAULT_STEPS,
    MAX_COUNT,
    MAX_GUIDANCE,
    MAX_LORA_WEIGHT,
    MAX_SIDE,
    MAX_STEPS,
    SOLVER_ORDERS,
)

if TYPE_CHECKING:
    from ategnatos.starter.canvas import ByteArray


@dataclass(frozen=True, slots=True)
class LoraWeight:
    """A LoRA file and how strongly to apply it; 0 changes nothing."""

    path: Path
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class StarterRequest:
    """What to draw. ``None`` means the default.

    Image ``i`` has seed ``seed + i``. ``width`` and ``height`` are pixels of the finished
    picture. ``init_image`` (height, width, 4) RGBA bytes starts from a picture; ``strength``
    (0 to 1) is how much of it may change. ``mask`` (height, width) bytes marks with 128 and
    more what may change; the rest of ``init_image`` is kept to the bit. ``triggers`` are
    phrases of the LoRAs that stay in the prompt though the model itself does not know them.
    """

    prompt: str
    seed: int
    count: int = 1
    negative: str = ""
    width: int | None = None
    height: int | None = None
    steps: int | None = None
    guidance: float | None = None
    sampler: str | None = None
    init_image: ByteArray | None = None
    strength: float | None = None
    mask: ByteArray | None = None
    loras: tuple[LoraWeight, ...] = ()
    triggers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Settings:
    """The numbers of a request after its defaults: nothing left open.

    ``first`` is the step to start at, ``steps`` the number of steps from noise to picture.
    ``strength`` is None without an init image.
    """

    width: int
    height: int
    steps: int
    first: int
    guidance: float
    sampler: str
    strength: float | None


def settle(request: StarterRequest, side: int, default_sampler: str) -> Settings:
    """Check a request and fill in its defaults; ``side`` is the model's own picture size.

    Raises StudioError (``starter_request``) naming the field, for anything that cannot be
    honoured exactly.
    """
    _whole("seed", request.seed, 0, None)
    _whole("count", request.count, 1, MAX_COUNT)
    steps = _whole("steps", _or(request.steps, DEFAULT_STEPS), 1, MAX_STEPS)
    guidance = _number("cfg", _or(request.guidance, DEFAULT_GUIDANCE), 1.0, MAX_GUIDANCE)
    sampler = _or(request.sampler, default_sampler)
    if sampler not in SOLVER_ORDERS:
        known = " or ".join(SOLVER_ORDERS)
        raise refusal("sampler", f"there is no sampler {sampler!r}", f"Use {known}.")
    for use in request.loras:
        _number(f"weight of {use.path.name}", use.weight, -MAX_LORA_WEIGHT, MAX_LORA_WEIGHT)

    width, height = _size(request, side)
    strength = _strength(request, steps)
    _check_mask(request, side)
    first = 0 if strength is None else first_step(steps, strength)
    return Settings(width, height, steps, first, guidance, sampler, strength)


def first_step(steps: int, strength: float) -> int:
    """The step to start at so that ``strength`` (0 to 1) of the way is taken, as diffusers counts.

    Equal to ``steps`` when the strength is too small for a single step.
    """
    return steps - min(int(steps * strength), steps)


def refusal(field: str, reason: str, hint: str, **details: Any) -> StudioError:
    """The refusal of a request because of one of its fields."""
    return StudioError(
        STARTER_REQUEST,
        f"The starter model cannot honour {field}: {reason}. Nothing was made.",
        hint=hint,
        field=field,
        **details,
    )


def _size(request: StarterRequest, side: int) -> tuple[int, int]:
    image = request.init_image
    if image is None:
        default_width = default_height = DEFAULT_SIDE
    else:
        if image.ndim != 3 or image.shape[2] != 4 or image.dtype != "uint8":
            raise refusal("init image", "it is no RGBA picture", "Give it as RGBA bytes.")
        default_height, default_width = image.shape[:2]
    width = _whole("width", _or(request.width, default_width), side, MAX_SIDE)
    height = _whole("height", _or(request.height, default_height), side, MAX_SIDE)
    if image is not None and (width, height) != (default_width, default_height):
        raise refusal(
            "size",
            f"the init image is {default_width}x{default_height}, not {width}x{height}",
            "Leave the size out, or resize the init image first.",
        )
    return width, height


def _strength(request: StarterRequest, steps: int) -> float | None:
    if request.init_image is None:
        if request.strength is not None:
            raise refusal("strength", "there is no init image", "Give one, or leave strength out.")
        return None
    usual = DEFAULT_IMAGE_STRENGTH if request.mask is None else DEFAULT_INPAINT_STRENGTH
    strength = _number("strength", _or(request.strength, usual), 0.0, 1.0)
    if first_step(steps, strength) == steps:
        least = math.ceil(100 / steps) / 100
        raise refusal(
            "strength",
            f"{strength:g} of {steps} steps is less than one step",
            f"Use a strength of {least:g} or more, or more steps.",
        )
    return strength


def _check_mask(request: StarterRequest, side: int) -> None:
    mask, image = request.mask, request.init_image
    if mask is None:
        return
    if image is None:
        raise refusal("mask", "there is no init image", "Give the picture that the mask is for.")
    if mask.shape != image.shape[:2] or mask.dtype != "uint8":
        raise refusal(
            "mask",
            f"its shape {mask.shape} is not that of the init image, {image.shape[:2]}",
            "Make the mask as large as the init image.",
        )
    where = layout(image.shape[1], image.shape[0], side)
    may_change = mask >= OPAQUE_FROM
    inside = int(may_change[where.square()].sum())
    if not may_change.any():
        raise refusal("mask", "it marks nothing", "Paint white over what may change.")
    if inside < may_change.sum():
        extent = where.factor * side
        raise refusal(
            "mask",
            f"it marks pixels outside of the {extent}x{extent} square in the middle, "
            "where the model draws",
            f"Crop the picture to a square of a multiple of {side} pixels.",
        )


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value


def _whole(field: str, value: int, least: int, most: int | None) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise refusal(field, f"{value!r} is no whole number", "Give a whole number.")
    if value < least or (most is not None and value > most):
        limits = f"at least {least}" if most is None else f"{least} to {most}"
        raise refusal(field, f"{value} is out of range", f"Use {limits}.")
    return value


def _number(field: str, value: float, least: float, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise refusal(field, f"{value!r} is no number", "Give a number.")
    if not least <= value <= most:
        raise refusal(field, f"{value:g} is out of range", f"Use {least:g} to {most:g}.")
    return float(value)
