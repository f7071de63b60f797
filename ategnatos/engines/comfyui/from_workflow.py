"""From a request to graphs out of a workflow of anybody's.

What the workflow has no place for, or several different ones, is refused, never dropped.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ategnatos.engines import ENGINE_CANNOT, Request
from ategnatos.engines.comfyui.binding import Binding, bind, put
from ategnatos.engines.comfyui.prepared import INIT, Prepared, cannot, digest, prefix
from ategnatos.grimoire.errors import StudioError

if TYPE_CHECKING:
    from ategnatos.engines.comfyui.following import Graph

UNNAMED = "(as the workflow says)"
"""What stands for the prompt of a workflow that has none."""


def from_workflow(request: Request) -> Prepared:
    """``request.workflow`` with what is asked in its places. Raises (``engine_cannot``)."""
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
        raise cannot(error) from error
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
    base = put(base, slots, {"prefix": prefix(put(base, slots, {"seed": 0, "prefix": ""}))})
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


def _held(request: Request, asked: dict[str, Any], slots: Binding, graph: Graph) -> None:
    """Refuse what the workflow has no place for, or more than one. Raises ``engine_cannot``."""
    problem = ""
    if request.loras:
        problem = "The workflow takes no LoRA from outside"
    elif request.control_image is not None:
        problem = "The workflow takes no control picture from outside"
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


def _workflow_name(graph: Graph, slots: Binding) -> str:
    """The model that a workflow's pictures come from, or what it is known by."""
    model = slots.read(graph, "model")
    return str(model) if model else f"workflow@{digest(graph)[:8]}"
