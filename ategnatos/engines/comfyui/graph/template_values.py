"""The values that fill a template: what was asked for, else the family's, else the template's."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from typing import Any

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.knowledge.families import Variant
from ategnatos.knowledge.templates import Parameter, Template

PARAMETER_UNKNOWN = ErrorCode("template_parameter_unknown", "The template has no such parameter.")
PARAMETER_MISSING = ErrorCode("template_parameter_missing", "A parameter has no value.")
PARAMETER_WRONG = ErrorCode("template_parameter_wrong", "A parameter has a value it cannot have.")

# What ComfyUI takes as a seed (KSampler.seed in /object_info).
SEED_MOST = 2**64 - 1


def filled(
    template: Template, variant: Variant | None, asked: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """A value for every parameter of ``template``, and what a person should know.

    Raises StudioError: ``template_parameter_unknown``, ``_missing``, ``_wrong``.
    """
    for name in asked:
        if name not in template.parameters:
            raise _unknown(template, name)
    values: dict[str, Any] = {}
    for name, parameter in template.parameters.items():
        value = asked[name] if name in asked else _default(parameter, variant)
        if value is None:
            if parameter.optional:
                values[name] = None
                continue
            raise _missing(template, parameter, variant)
        values[name] = _checked(parameter, value, variant)
    return values, _warnings(variant, asked)


def _default(parameter: Parameter, variant: Variant | None) -> Any:
    if variant is not None:
        if parameter.name in variant.parameters:
            return variant.parameters[parameter.name]
        if parameter.kind == "file" and parameter.name in variant.files:
            return variant.files[parameter.name].name
        if parameter.origin:
            found: Any = variant
            for step in parameter.origin.split("."):
                found = getattr(found, step)
            if found is not None:
                return found
    return parameter.default


def _checked(parameter: Parameter, value: Any, variant: Variant | None) -> Any:
    kind = parameter.kind
    if kind in ("int", "seed"):
        return _whole(parameter, value, variant)
    if kind == "float":
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not math.isfinite(value)
        ):
            raise _wrong(parameter, value, "a number")
        _within(parameter, value)
        return float(value)
    if kind == "bool" and not isinstance(value, bool):
        raise _wrong(parameter, value, "true or false")
    if kind in ("list", "loras"):
        return _members(parameter, value, variant)
    if kind in ("text", "file", "image", "choice") and not isinstance(value, str):
        raise _wrong(parameter, value, "text")
    if kind == "choice" and parameter.options and value not in parameter.options:
        raise _wrong(parameter, value, f"one of {', '.join(parameter.options)}")
    return value


def _members(parameter: Parameter, value: Any, variant: Variant | None) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise _wrong(parameter, value, "a list")
    if parameter.kind == "list":
        return [{**parameter.member, **one} if isinstance(one, Mapping) else one for one in value]
    usual = variant.lora.strength if variant and variant.lora else 1.0
    completed = []
    for one in value:
        if not isinstance(one, Mapping) or not isinstance(one.get("name"), str):
            raise _wrong(parameter, one, 'a list of {"name": "file", "strength": 0.8}')
        strength = one.get("strength", parameter.member.get("strength", usual))
        clip = one.get("strength_clip", parameter.member.get("strength_clip", strength))
        if not all(isinstance(number, int | float) for number in (strength, clip)):
            raise _wrong(parameter, one, "a strength that is a number")
        completed.append({"name": one["name"], "strength": strength, "strength_clip": clip})
    return completed


def _whole(parameter: Parameter, value: Any, variant: Variant | None) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong(parameter, value, "a whole number")
    if parameter.kind == "seed" and not 0 <= value <= SEED_MOST:
        raise _wrong(parameter, value, f"a whole number from 0 to {SEED_MOST}, never -1")
    _within(parameter, value)
    grid = parameter.multiple
    if grid == "family":
        grid = variant.sizes.multiple if variant else 8
    if isinstance(grid, int) and value % grid:
        near = max(grid, round(value / grid) * grid)
        raise _wrong(parameter, value, f"a multiple of {grid}, such as {near}")
    return value


def _within(parameter: Parameter, value: float) -> None:
    least, most = parameter.least, parameter.most
    if least is not None and value < least:
        raise _wrong(parameter, value, f"at least {least:g}")
    if most is not None and value > most:
        raise _wrong(parameter, value, f"at most {most:g}")


def _warnings(variant: Variant | None, asked: Mapping[str, Any]) -> list[str]:
    if variant is None or not asked.get("negative") or variant.negative == "useful":
        return []
    if variant.negative == "none":
        return [f"{variant.title} has no place for a negative prompt; it was left out."]
    return [
        f"{variant.title} runs at guidance {variant.cfg:g}, where a negative prompt has no effect."
    ]


def _unknown(template: Template, name: str) -> StudioError:
    close = difflib.get_close_matches(name, template.parameters, n=1, cutoff=0.5)
    return StudioError(
        PARAMETER_UNKNOWN,
        f"The template {template.name!r} has no parameter {name!r}; no graph was made."
        + (f" Did you mean {close[0]!r}?" if close else ""),
        hint=f"It takes: {', '.join(template.parameters)}.",
        template=template.name,
        parameter=name,
    )


def _missing(template: Template, parameter: Parameter, variant: Variant | None) -> StudioError:
    what = "of this family " if variant else ""
    return StudioError(
        PARAMETER_MISSING,
        f"The template {template.name!r} {what}needs {parameter.name!r} ({parameter.about}), and"
        " nothing says it; no graph was made.",
        hint=f"Give it: --set {parameter.name}=..."
        + ("" if variant else ", or name a --family that does."),
        template=template.name,
        parameter=parameter.name,
    )


def _wrong(parameter: Parameter, value: Any, wanted: str) -> StudioError:
    return StudioError(
        PARAMETER_WRONG,
        f"{parameter.name} is {value!r}; it must be {wanted}. No graph was made.",
        hint=f"Give it again: --set {parameter.name}=...",
        parameter=parameter.name,
    )
