"""Levers and their values: checked, hashed, enumerated.

The binding hash is that of the levers alone: ``{"hair": "red", "mood": "stoic"}`` is
``a22d2e3975203893`` in every recipe, on every machine.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from itertools import product
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import binding_hash

if TYPE_CHECKING:
    from ategnatos.art.recipes.model import Recipe

LEVER = ErrorCode("lever", "A lever is unknown, missing, or has no such value.")

__all__ = ["LEVER", "check", "every", "lever_hash", "output_identity"]


def lever_hash(levers: Mapping[str, str]) -> str:
    """The 16 hex digits that name a binding."""
    return binding_hash(dict(levers))


def output_identity(recipe_id: str, levers: Mapping[str, str], engine_key: str, child: int) -> str:
    """The identity of one output, 16 hex digits: what the job store knows its job by."""
    return binding_hash(
        {"recipe": recipe_id, "levers": dict(levers), "engine_key": engine_key, "child": child}
    )


def every(
    recipe: Recipe, fixed: Mapping[str, str] | None = None, sweep: tuple[str, ...] | None = None
) -> Iterator[dict[str, str]]:
    """Bindings in the order of the levers and their values.

    ``fixed`` levers keep their value. ``sweep`` None runs through all others. Raises StudioError
    (``lever``) as :func:`check`.
    """
    fixed = fixed or {}
    swept = tuple(name for name in recipe.levers if name not in fixed) if sweep is None else sweep
    for name in swept:
        _known(recipe, name)
        if name in fixed:
            raise StudioError(
                LEVER,
                f"The lever {name!r} is both swept and set to {fixed[name]!r}; nothing was made.",
                hint=f"Leave out --sweep {name}, or --{name}.",
                lever=name,
            )
    check(recipe, {**fixed, **{name: recipe.levers[name][0] for name in swept}})
    rows = [recipe.levers[name] if name in swept else (fixed[name],) for name in recipe.levers]
    for values in product(*rows):
        yield dict(zip(recipe.levers, values, strict=True))


def check(recipe: Recipe, levers: Mapping[str, str]) -> None:
    """Refuse what the recipe does not offer. Raises StudioError (``lever``)."""
    for name, value in levers.items():
        _known(recipe, name)
        values = recipe.levers[name]
        if value not in values:
            near = difflib.get_close_matches(value, values, n=1)
            raise StudioError(
                LEVER,
                f"The lever {name!r} of {recipe.id} has no value {value!r}; nothing was made. It"
                f" has: {', '.join(values)}.",
                hint=f"Choose one: --{name} {near[0] if near else values[0]}",
                lever=name,
                given=value,
                known=list(values),
            )
    missing = [name for name in recipe.levers if name not in levers]
    if missing:
        name = missing[0]
        raise StudioError(
            LEVER,
            f"{recipe.id} needs a value for {' and '.join(map(repr, missing))}; nothing was made."
            f" {name!r} has: {', '.join(recipe.levers[name])}.",
            hint=f"Say one, like --{name} {recipe.levers[name][0]}, or take them all: --sweep"
            f" {name}",
            missing=missing,
            known={one: list(recipe.levers[one]) for one in missing},
        )


def _known(recipe: Recipe, name: str) -> None:
    if name not in recipe.levers:
        known = ", ".join(recipe.levers) or "none"
        raise StudioError(
            LEVER,
            f"{recipe.id} has no lever {name!r}; nothing was made. Its levers: {known}.",
            hint=f"See them with their values: ategnatos art recipe show {recipe.id}",
            lever=name,
            known=list(recipe.levers),
        )
