"""From a request to graphs: out of a family's template, or into a workflow of anybody's.

Nothing here asks a server. What a template or workflow has no place for is refused, never
dropped; the exact request that comes out plans to itself.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ategnatos.engines import ENGINE_CANNOT, Request
from ategnatos.engines.comfyui.binding import Binding, bind, put
from ategnatos.grimoire.errors import StudioError

if TYPE_CHECKING:
    from ategnatos.engines.comfyui.following import Graph
    from ategnatos.knowledge.families import Variant
    from ategnatos.knowledge.templates import Template

MIN_SIDE, MAX_SIDE, MAX_COUNT = 16, 16384, 64
MAX_SEED = 2**64 - 1
# Stands in a graph until the picture is uploaded and the server has said what it calls it.
INIT, MASK = "ategnatos-init.png", "ategnatos-mask.png"
_FOLDER = "ategnatos"
_OPTIONS = {"steps": "--steps", "cfg": "--cfg", "sampler": "--sampler", "strength": "--strength"}


@dataclass(slots=True)
class Prepared:
    """An exact request and the graph of each of its seeds (``graph(seed)``).

    ``min_comfyui`` is the version that the graph needs, None where nobody said. ``main_model``
    is the file that the pictures come from, empty where the workflow names none.
    """

    exact: Request
    graph: Callable[[int], Graph]
    min_comfyui: str | None = None
    main_model: str = ""
    warnings: list[str] = field(default_factory=list)

    def graphs(self) -> list[Graph]:
        """The graphs in the order of their seeds."""
        return [self.graph(self.exact.seed + index) for index in range(self.exact.count)]


def prepare(request: Request, lora_names: Callable[[str], str] = lambda name: name) -> Prepared:
    """The graphs for ``request``.

    ``lora_names`` turns a LoRA's file name into the server's name for it. Raises StudioError
    (``engine_cannot``).
    """
    _within_limits(request)
    if request.workflow is not None:
        prepared = _from_workflow(request)
    elif request.family is not None:
        prepared = _from_family(request, lora_names)
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


def _from_family(request: Request, lora_names: Callable[[str], str]) -> Prepared:
    from ategnatos.engines.comfyui.graph.templates import named, render
    from ategnatos.knowledge import families

    task = "txt2img" if request.init_image is None else "img2img"
    if request.mask is not None:
        task = "inpaint"
    try:
        variant = families.find(request.family or "")
        template = named(task, variant)
        values, notes = _values(request, variant, template, lora_names)
        rendered = render(template, variant, values)
    except StudioError as error:
        raise _cannot(error) from error
    used = rendered.parameters
    main = next((name for name, one in template.parameters.items() if one.kind == "file"), "")
    exact = replace(
        request,
        family=variant.key,
        model=str(used.get(main) or variant.key),
        width=used.get("width"),
        height=used.get("height"),
        steps=used.get("steps"),
        cfg=used.get("cfg"),
        sampler=used.get("sampler"),
        strength=used.get("denoise") if request.init_image is not None else None,
    )
    prefix = _prefix(rendered.graph)

    def graph(seed: int) -> Graph:
        changed: dict[str, Any] = {"seed": seed}
        if "prefix" in template.parameters:
            changed["prefix"] = prefix
        return render(template, variant, {**values, **changed}).graph

    return Prepared(
        exact, graph, rendered.min_comfyui, str(used.get(main) or ""), [*notes, *rendered.warnings]
    )


def _values(
    request: Request, variant: Variant, template: Template, lora_names: Callable[[str], str]
) -> tuple[dict[str, Any], list[str]]:
    """The template's parameters as the request fills them, and notes. Raises StudioError."""
    asked: dict[str, Any] = {"prompt": request.prompt, "seed": request.seed}
    notes: list[str] = []
    for name in ("width", "height", "steps", "cfg", "sampler", "scheduler"):
        if getattr(request, name) is not None:
            asked[name] = getattr(request, name)
    if request.negative:
        asked["negative"] = request.negative
    if request.strength is not None:
        asked["denoise"] = request.strength
    if request.loras:
        asked["loras"] = [
            {
                "name": lora_names(_file_name(use.path, use.name)),
                "strength": use.weight,
                **({} if use.clip_weight is None else {"strength_clip": use.clip_weight}),
            }
            for use in request.loras
        ]
    if request.init_image is not None:
        asked["image"] = INIT
        size = _fitting(request, variant.sizes.multiple)
        asked.setdefault("width", size[0])
        asked.setdefault("height", size[1])
        real = _size_of(request.init_image, "init image")
        if (asked["width"], asked["height"]) != real:
            notes.append(
                f"The init image is {real[0]}x{real[1]}; it is scaled and cut to "
                f"{asked['width']}x{asked['height']}."
            )
    if request.mask is not None:
        asked["mask"] = MASK
    files = [name for name, one in template.parameters.items() if one.kind == "file"]
    if request.model is not None and files:
        asked[files[0]] = request.model
    if "negative" in asked and "negative" not in template.parameters:
        del asked["negative"]
        notes.append(f"{variant.title} takes no negative prompt; it was left out.")
    missing = [name for name in asked if name not in template.parameters]
    if missing:
        raise StudioError(
            ENGINE_CANNOT,
            f"{variant.title} has no setting for {', '.join(missing)}; nothing was made.",
            hint="Leave it out: "
            + ", ".join(_OPTIONS.get(name, f"--{name}") for name in missing)
            + f". It has: {', '.join(template.parameters)}.",
            missing=missing,
        )
    return asked, notes


def _from_workflow(request: Request) -> Prepared:
    from ategnatos.engines.comfyui.workflow_file import as_graph

    try:
        graph = as_graph(json.loads(request.workflow or ""))
    except ValueError as error:
        raise StudioError(
            ENGINE_CANNOT,
            f"The workflow is no JSON ({error}); nothing was made.",
            hint="Export it from ComfyUI with Workflow > Export (API).",
        ) from error
    except StudioError as error:
        raise _cannot(error) from error
    slots = bind(graph)
    asked = {
        name: getattr(request, name)
        for name in ("width", "height", "steps", "cfg", "sampler", "scheduler", "strength")
        if getattr(request, name) is not None
    }
    if request.prompt and request.prompt != UNNAMED:
        asked["prompt"] = request.prompt
    if request.negative:
        asked["negative"] = request.negative
    if request.init_image is not None:
        asked["init"] = INIT
    name = _workflow_name(graph, slots)
    if request.model is not None and request.model != name:
        asked["model"] = request.model
    _held(request, asked, slots, graph)
    base = put(graph, slots, asked)
    base = put(base, slots, {"prefix": _prefix(put(base, slots, {"seed": 0, "prefix": ""}))})
    exact = replace(
        request,
        prompt=str(slots.read(base, "prompt") or request.prompt or UNNAMED),
        negative=str(slots.read(base, "negative") or ""),
        model=_workflow_name(base, slots),
        width=slots.read(base, "width"),
        height=slots.read(base, "height"),
        steps=slots.read(base, "steps"),
        cfg=slots.read(base, "cfg"),
        sampler=slots.read(base, "sampler"),
        strength=slots.read(base, "strength") if request.init_image is not None else None,
    )
    warnings = []
    if not slots.holds("seed") and request.count > 1:
        warnings.append("The workflow has no seed, so every picture of it is the same.")
    model = slots.read(base, "model")
    return Prepared(
        exact,
        lambda seed: put(base, slots, {"seed": seed}),
        main_model=str(model or ""),
        warnings=warnings,
    )


UNNAMED = "(as the workflow says)"
"""What stands for the prompt of a workflow that has none."""


def _held(request: Request, asked: dict[str, Any], slots: Binding, graph: Graph) -> None:
    """Refuse what the workflow has no place for, or more than one. Raises ``engine_cannot``."""
    problem = ""
    if request.loras:
        problem = "The workflow takes no LoRA from outside"
    elif request.mask is not None:
        problem = "The workflow takes no mask from outside"
    elif len(slots.slots.get("init", ())) > 1 and "init" in asked:
        problem = "The workflow loads several pictures, so --init does not say which one"
    else:
        for name, value in asked.items():
            if not slots.holds(name):
                problem = f"The workflow has no input for the {name}"
            elif slots.differs(graph, name) and name not in ("width", "height"):
                problem = f"Several nodes of the workflow hold a different {name}"
            elif name == "sampler" and not isinstance(value, str):
                problem = "The sampler is a name"
    if not problem:
        return
    raise StudioError(
        ENGINE_CANNOT,
        f"{problem}; nothing was made.",
        hint="Change it in the workflow file, or run it as it is with 'ategnatos studio workflow "
        "run FILE --set NODE.INPUT=VALUE'.",
        slots={key: [".".join(slot) for slot in held] for key, held in slots.slots.items()},
    )


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
        size = _size_of(request.init_image, "init image")
        mask = size if request.mask is None else _size_of(request.mask, "mask")
        if mask != size:
            problem = (
                f"The mask is {mask[0]}x{mask[1]} and the picture it belongs to "
                f"{size[0]}x{size[1]}; both must be of one size"
            )
    if problem:
        raise StudioError(
            ENGINE_CANNOT, f"{problem}; nothing was made.", hint="Ask for something within that."
        )


def _size_of(data: bytes, what: str) -> tuple[int, int]:
    from ategnatos.pictures.decode import decode_picture

    try:
        return decode_picture(data, name=f"The {what}").image.size
    except StudioError as error:
        raise _cannot(error) from error


def _fitting(request: Request, multiple: int) -> tuple[int, int]:
    """The init image's size on the family's grid, never larger than it is."""
    width, height = _size_of(request.init_image or b"", "init image")
    return tuple(max(multiple, side // multiple * multiple) for side in (width, height))  # type: ignore[return-value]


def _cannot(error: StudioError) -> StudioError:
    if error.code is ENGINE_CANNOT:
        return error
    return StudioError(
        ENGINE_CANNOT, error.message, hint=error.hint, cause=error.code.code, **error.details
    )


def _workflow_name(graph: Graph, slots: Binding) -> str:
    """The model that a workflow's pictures come from, or what it is known by."""
    model = slots.read(graph, "model")
    return str(model) if model else f"workflow@{_digest(graph)[:8]}"


def _prefix(graph: Graph) -> str:
    """A folder of its own for each graph: a folder with many files slows every save."""
    return f"{_FOLDER}/{_digest(graph)[:12]}/picture"


def _digest(graph: Graph) -> str:
    bare = {
        node: {
            "class_type": spec.get("class_type"),
            "inputs": {
                key: value
                for key, value in (spec.get("inputs") or {}).items()
                if key not in ("filename_prefix", "seed", "noise_seed")
            },
        }
        for node, spec in graph.items()
    }
    return hashlib.sha256(json.dumps(bare, sort_keys=True).encode()).hexdigest()


def _file_name(path: str, name: str) -> str:
    from pathlib import PurePath

    return PurePath(path).name if path else f"{name}.safetensors"
