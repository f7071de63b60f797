"""From a request to graphs: out of a family's template, or into a workflow of anybody's.

Nothing here asks a server. What a template or workflow has no place for is refused, never
dropped; the exact request that comes out plans to itself.
"""

from __future__ import annotations

from collections.abc import Callable

from ategnatos.engines import ENGINE_CANNOT, Request
from ategnatos.engines.comfyui.prepared import Prepared, size_of
from ategnatos.grimoire.errors import StudioError

MIN_SIDE, MAX_SIDE, MAX_COUNT = 16, 16384, 64
MAX_SEED = 2**64 - 1


def prepare(request: Request, lora_names: Callable[[str], str] = lambda name: name) -> Prepared:
    """The graphs for ``request``.

    ``lora_names`` turns a LoRA's file name into the server's name for it. Raises StudioError
    (``engine_cannot``).
    """
    _within_limits(request)
    if request.workflow is not None:
        from ategnatos.engines.comfyui.from_workflow import from_workflow

        prepared = from_workflow(request)
    elif request.family is not None:
        from ategnatos.engines.comfyui.from_family import from_family

        prepared = from_family(request, lora_names)
    else:
        raise StudioError(
            ENGINE_CANNOT,
            "ComfyUI runs many models, and the request names none; nothing was made.",
            hint="Say which: --family z-image/turbo (see 'ategnatos studio workflow list'), or "
            "give a workflow of your own with --workflow FILE.",
        )
    exact = prepared.exact
    said = any("negative" in warning.lower() for warning in prepared.warnings)
    if exact.negative and exact.cfg is not None and exact.cfg <= 1.0 and not said:
        prepared.warnings.append("At CFG 1 the negative prompt has no effect.")
    return prepared


def _within_limits(request: Request) -> None:
    """What no graph can honour. Raises StudioError (``engine_cannot``)."""
    problem = ""
    if not 1 <= request.count <= MAX_COUNT:
        problem = f"It makes 1 to {MAX_COUNT} pictures at once, not {request.count}"
    elif not 0 <= request.seed <= MAX_SEED - request.count:
        problem = f"A seed is a whole number from 0 to {MAX_SEED - MAX_COUNT}, not {request.seed}"
    elif request.steps is not None and not 1 <= request.steps <= 10_000:
        problem = f"It takes 1 to 10000 steps, not {request.steps}"
    elif request.strength is not None and request.init_image is None:
        problem = "A strength needs a picture to start from (--init)"
    elif request.strength is not None and not 0.0 < request.strength <= 1.0:
        problem = f"The strength is above 0 and at most 1, not {request.strength:g}"
    elif request.mask is not None and request.init_image is None:
        problem = "A mask needs a picture to paint into (--init)"
    else:
        for side in (request.width, request.height):
            if side is not None and not MIN_SIDE <= side <= MAX_SIDE:
                problem = f"A side has {MIN_SIDE} to {MAX_SIDE} pixels, not {side}"
    if not problem and request.init_image is not None:
        size = size_of(request.init_image, "init image")
        mask = size if request.mask is None else size_of(request.mask, "mask")
        if mask != size:
            problem = (
                f"The mask is {mask[0]}x{mask[1]} and the picture it belongs to "
                f"{size[0]}x{size[1]}; both must be of one size"
            )
    if problem:
        raise StudioError(
            ENGINE_CANNOT, f"{problem}; nothing was made.", hint="Ask for something within that."
        )
