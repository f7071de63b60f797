"""From what was asked to one canonical request: the same order is the same bytes everywhere.

The *binding* is the hash of the canonical request, the *base* that of the request without its
seed. Without ``--seed`` the seed comes from the base, so that the same words give the same
pictures; ``--again`` is the next take and moves the seed past the last.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import binding_hash, sha256_bytes

if TYPE_CHECKING:
    from ategnatos.engines import Engine, Request
    from ategnatos.grimoire.jobs.assets import Asset

SIZE = ErrorCode("size", "A size was not understood or is out of bounds.")
PROMPT = ErrorCode("prompt", "The prompt is empty or too long.")
SEED = ErrorCode("seed", "The seed is out of bounds.")

RECIPE_OF_A_PROMPT = "prompt"
# Seeds are given below 2**53, the last whole number that every JSON reader keeps exact. Derived
# ones stay below 2**32, which every engine takes and a person can still read out.
SEED_LIMIT = 2**53
DERIVED_LIMIT = 2**32
PROMPT_LIMIT = 20_000


@dataclass(frozen=True, slots=True)
class Order:
    """A planned request with its identity. ``asked`` is the prompt as a person wrote it.

    ``warnings`` are the engine's, for people. ``taste`` is what the eye added and why, for the
    record; it decides nothing, since the words are in the request. Nor do ``asset``, for which it
    is a version, and ``reason``, why it was made.
    """

    request: Request
    asked: str
    canonical: dict[str, Any]
    base: str
    take: int
    binding: str
    warnings: tuple[str, ...]
    recipe_id: str = RECIPE_OF_A_PROMPT
    taste: dict[str, Any] | None = None
    asset: Asset | None = None
    reason: str | None = None


def parse_size(text: str) -> tuple[int, int]:
    """Width and height in pixels of ``512x512`` or ``512``. Raises StudioError (``size``)."""
    parts = text.lower().replace("×", "x").split("x")
    if len(parts) == 1:
        parts = parts * 2
    if len(parts) != 2 or not all(part.isascii() and part.isdigit() for part in parts):
        raise StudioError(
            SIZE,
            f"{text!r} is no size; nothing was done.",
            hint="Write width x height in pixels, like --size 512x512.",
            given=text,
        )
    width, height = int(parts[0]), int(parts[1])
    if not (1 <= width <= 16384 and 1 <= height <= 16384):
        raise StudioError(
            SIZE,
            f"{width}x{height} is out of bounds (1 to 16384 pixels a side); nothing was done.",
            hint="Choose a smaller --size.",
            given=text,
        )
    return width, height


def plan(
    engine: Engine, request: Request, *, explicit_seed: int | None, take: int | None = None
) -> Order:
    """Fill in what was left open and give the order its identity.

    ``request.seed`` is ignored. ``take`` None is take 0. Raises StudioError (``prompt``,
    ``seed``, and what the engine refuses).
    """
    if not request.prompt.strip() and request.workflow is None:
        raise StudioError(
            PROMPT,
            "The prompt is empty; nothing was made.",
            hint="Say what to draw: ategnatos art generate 'a red potion, outlined'",
        )
    if len(request.prompt) > PROMPT_LIMIT or len(request.negative) > PROMPT_LIMIT:
        raise StudioError(
            PROMPT,
            f"The prompt is longer than {PROMPT_LIMIT} characters; nothing was made.",
            hint="Shorten it.",
        )
    if explicit_seed is not None and not 0 <= explicit_seed < SEED_LIMIT:
        raise StudioError(
            SEED,
            f"Seed {explicit_seed} is out of bounds; nothing was made.",
            hint=f"Choose 0 to {SEED_LIMIT - 1}, or leave --seed out.",
            given=explicit_seed,
        )
    check_control(engine, request)
    planned, warnings = engine.plan(replace(request, seed=0))
    unseeded = canonical(planned)
    unseeded["seed"] = explicit_seed
    base = binding_hash(identity(unseeded))
    first = int(base, 16) % DERIVED_LIMIT if explicit_seed is None else explicit_seed
    take = take or 0
    seed = (first + take * planned.count) % SEED_LIMIT
    planned = replace(planned, seed=seed)
    seeded = canonical(planned)
    return Order(
        request=planned,
        asked=request.prompt.strip() or planned.prompt,
        canonical=seeded,
        base=base,
        take=take,
        binding=binding_hash(identity(seeded)),
        warnings=tuple(warnings),
    )


def check_control(engine: Engine, request: Request) -> None:
    """Refuse a control picture that the engine has no place for, and halves of one.

    Raises StudioError (``engine_cannot``).
    """
    if (request.control_image, request.control_type, request.control_strength) == (None,) * 3:
        return
    from ategnatos.engines import ENGINE_CANNOT

    known = engine.capabilities().control
    strength = request.control_strength
    problem = ""
    hint = f"Say what the picture shows: --control-type {' or '.join(known)}"
    if not known:
        problem = f"The engine {engine.name!r} takes no control picture"
        hint = "Use --engine comfyui with a family that has a ControlNet, or start from it: --init"
    elif request.control_image is None:
        problem = "--control-type and --control-strength need a picture"
        hint = "Add --control FILE, or leave them out."
    elif request.control_type not in known:
        given = request.control_type
        problem = "--control says not what it shows" if given is None else f"{given!r} is no type"
    elif strength is not None and not 0.0 < strength <= 2.0:
        problem = f"A control strength is above 0 and at most 2, not {strength:g}"
        hint = "1 holds it whole; 0.5 to 0.8 leaves the model some freedom."
    if problem:
        raise StudioError(
            ENGINE_CANNOT, f"{problem}; nothing was made.", hint=hint, control=list(known)
        )


def canonical(request: Request) -> dict[str, Any]:
    """The request as JSON values; pictures by their SHA-256, files with their path beside.

    A field that an order did without before it existed is absent where it is not used, so that
    the orders of then keep their identity.
    """
    later = {
        "family": request.family,
        "workflow": None if request.workflow is None else sha256_bytes(request.workflow.encode()),
        "scheduler": request.scheduler,
        "control": None if request.control_image is None else sha256_bytes(request.control_image),
        "control_type": request.control_type,
        "control_strength": request.control_strength,
    }
    return {
        "prompt": request.prompt,
        "negative": request.negative,
        "model": request.model,
        "seed": request.seed,
        "count": request.count,
        "width": request.width,
        "height": request.height,
        "steps": request.steps,
        "cfg": request.cfg,
        "sampler": request.sampler,
        "init": None if request.init_image is None else sha256_bytes(request.init_image),
        "strength": request.strength,
        "mask": None if request.mask is None else sha256_bytes(request.mask),
        "loras": [
            {
                "name": lora.name,
                "sha256": lora.sha256,
                "weight": lora.weight,
                "trigger": lora.trigger,
                "path": lora.path,
                **({} if lora.clip_weight is None else {"clip_weight": lora.clip_weight}),
            }
            for lora in request.loras
        ],
        **{name: value for name, value in later.items() if value is not None},
    }


def identity(canonical_request: dict[str, Any]) -> dict[str, Any]:
    """What of a canonical request decides its pixels: where a file lies does not."""
    loras = [
        {key: value for key, value in lora.items() if key not in {"path", "name"}}
        for lora in canonical_request["loras"]
    ]
    return {**canonical_request, "loras": loras}
