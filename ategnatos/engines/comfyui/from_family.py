"""From a request to graphs out of a family's template.

What the family has no setting for is refused, never dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ategnatos.engines import ENGINE_CANNOT, Request
from ategnatos.engines.comfyui.prepared import (
    CONTROL,
    INIT,
    MASK,
    Prepared,
    cannot,
    prefix,
    size_of,
)
from ategnatos.grimoire.errors import StudioError

if TYPE_CHECKING:
    from ategnatos.engines.comfyui.following import Graph
    from ategnatos.knowledge.families import Variant
    from ategnatos.knowledge.templates import Template

# Shapes (width by height) that nobody sees the difference of.
_SAME_SHAPE = 0.02
# What a parameter of a template is called where pictures are ordered.
_OPTIONS = {
    "width": "--size WxH",
    "height": "--size WxH",
    "denoise": "--strength",
    "loras": "--lora FILE",
    "ckpt_name": "--model FILE",
    "unet_name": "--model FILE",
    "unet_high": "--model FILE",
}


def from_family(request: Request, lora_names: Callable[[str], str]) -> Prepared:
    """The graphs of ``request.family`` for what is asked. Raises (``engine_cannot``)."""
    from ategnatos.engines.comfyui.graph.templates import named, render
    from ategnatos.knowledge import families

    task = "txt2img" if request.init_image is None else "img2img"
    if request.mask is not None:
        task = "inpaint"
    try:
        variant = families.find(request.family or "")
        if request.control_image is not None:
            task = _held_by(request, variant)
        template = named(task, variant)
        values, notes = _values(request, variant, template, lora_names)
        rendered = render(template, variant, values)
    except StudioError as error:
        raise _by_option(cannot(error)) from error
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
        control_strength=used.get("strength") if request.control_image is not None else None,
    )
    saved_as = prefix(rendered.graph)

    def graph(seed: int) -> Graph:
        changed: dict[str, Any] = {"seed": seed}
        if "prefix" in template.parameters:
            changed["prefix"] = saved_as
        return render(template, variant, {**values, **changed}).graph

    return Prepared(
        exact, graph, rendered.min_comfyui, str(used.get(main) or ""), [*notes, *rendered.warnings]
    )


def _by_option(error: StudioError) -> StudioError:
    """``error`` of a template, with the option that a picture is ordered with as its hint."""
    parameter = error.details.get("parameter")
    if parameter is None:
        return error
    option = _OPTIONS.get(str(parameter), f"--{parameter}")
    return StudioError(ENGINE_CANNOT, error.message, hint=f"Say it with {option}.", **error.details)


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
        real = size_of(request.init_image, "init image")
        if (asked["width"], asked["height"]) != real:
            notes.append(
                f"The init image is {real[0]}x{real[1]}; it is scaled and cut to "
                f"{asked['width']}x{asked['height']}."
            )
    if request.mask is not None:
        asked["mask"] = MASK
    if request.control_image is not None:
        asked |= {"image": CONTROL, **variant.control[request.control_type or ""]}
        if request.control_strength is not None:
            asked["strength"] = request.control_strength
        notes += _as_wide(request, variant, asked)
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
            + ", ".join(dict.fromkeys(_OPTIONS.get(name, f"--{name}") for name in missing))
            + f". It has: {', '.join(template.parameters)}.",
            missing=missing,
        )
    return asked, notes


def _held_by(request: Request, variant: Variant) -> str:
    """The task that a control picture makes of a request. Raises (``engine_cannot``)."""
    problem = ""
    if request.init_image is not None:
        problem = "A control picture and a picture to start from exclude each other here"
    elif "controlnet" not in variant.templates or not variant.control:
        problem = f"{variant.title} has no ControlNet that we know of"
    elif request.control_type not in variant.control:
        problem = f"{variant.title} has no ControlNet for {request.control_type}"
    if problem:
        known = ", ".join(variant.control) or "none"
        raise StudioError(
            ENGINE_CANNOT,
            f"{problem}; nothing was made.",
            hint=f"{variant.key} takes: {known}. 'ategnatos knowledge families' lists the others.",
            control=list(variant.control),
        )
    return "controlnet"


def _as_wide(request: Request, variant: Variant, asked: dict[str, Any]) -> list[str]:
    """Give ``asked`` the known good size that is nearest to the control picture in shape."""
    width, height = size_of(request.control_image or b"", "control picture")
    if "width" not in asked and "height" not in asked:
        sizes = variant.sizes
        known = (*sizes.buckets, (sizes.width, sizes.height))
        nearest = min(known, key=lambda size: abs(size[0] / size[1] - width / height))
        asked["width"], asked["height"] = nearest
    made = asked.get("width", variant.sizes.width), asked.get("height", variant.sizes.height)
    if abs(made[0] / made[1] - width / height) > _SAME_SHAPE:
        return [
            f"The control picture is {width}x{height}; it is scaled and cut to the shape of"
            f" {made[0]}x{made[1]}."
        ]
    return []


def _fitting(request: Request, multiple: int) -> tuple[int, int]:
    """The init image's size on the family's grid, never larger than it is."""
    width, height = size_of(request.init_image or b"", "init image")
    return tuple(max(multiple, side // multiple * multiple) for side in (width, height))  # type: ignore[return-value]


def _file_name(path: str, name: str) -> str:
    from pathlib import PurePath

    return PurePath(path).name if path else f"{name}.safetensors"
