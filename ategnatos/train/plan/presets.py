"""Presets: which values a plan starts with, by family, and why. All of it is data.

Values come in four layers, the later one counts: the preset, the group of the family (``eps`` or
``flow``), the family, the family's own form of the preset.
"""

from __future__ import annotations

import difflib
from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ategnatos.grimoire.errors import ErrorCode, StudioError

PRESET_UNKNOWN = ErrorCode("preset_unknown", "There is no preset of that name or for that family.")

STARTER = "starter"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    says: str
    values: dict[str, Any]


class Preset(_Part):
    """One preset: its title, one sentence on what it is for, its values."""

    title: str


class Group(_Part):
    """What families of one way of training have in common."""


class Family(_Part):
    """What is particular to a family."""

    group: str
    presets: dict[str, dict[str, Any]] = Field(default_factory=dict)


class Presets(BaseModel):
    """The whole of ``training_presets.json``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    presets: dict[str, Preset]
    groups: dict[str, Group]
    families: dict[str, Family]


@cache
def known() -> Presets:
    """Everything known. Raises StudioError as :func:`ategnatos.knowledge.loader.load`."""
    from ategnatos.knowledge import loader

    return loader.load("training_presets", Presets)


def values(family: str, preset: str) -> dict[str, Any]:
    """The values of ``preset`` (quick, standard, thorough) for a family's key.

    Raises StudioError (``preset_unknown``).
    """
    return {name: value for name, (value, _) in origins(family, preset).items()}


def origins(family: str, preset: str) -> dict[str, tuple[Any, str]]:
    """Each value with where it comes from, in words. Raises StudioError (``preset_unknown``)."""
    table = known()
    base = family.partition("/")[0]
    if preset not in table.presets:
        raise _unknown(preset, list(table.presets), "preset")
    if base not in table.families:
        raise _unknown(base, list(table.families), "family that can be trained")
    chosen, own = table.presets[preset], table.families[base]
    group = table.groups[own.group]
    layers = (
        (chosen.values, f"preset {preset}: {chosen.says}"),
        (group.values, f"{base} is of the kind {own.group}: {group.says}"),
        (own.values, f"{base}: {own.says}" if own.says else f"usual for {base}"),
        (own.presets.get(preset, {}), f"{preset} for {base}"),
    )
    found: dict[str, tuple[Any, str]] = {}
    for layer, why in layers:
        found |= {name: (value, why) for name, value in layer.items()}
    if found.get("steps", (0, ""))[0]:
        found["epochs"] = (0, found["steps"][1])
    return found


def is_flow(family: str) -> bool:
    """Whether a family is trained by flow matching. Raises StudioError (``preset_unknown``)."""
    base = family.partition("/")[0]
    table = known().families
    if base not in table:
        raise _unknown(base, list(table), "family that can be trained")
    return table[base].group == "flow"


def _unknown(name: str, names: list[str], what: str) -> StudioError:
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return StudioError(
        PRESET_UNKNOWN,
        f"There is no {what} called {name[:60]!r}; nothing was done."
        + (f" Did you mean {close[0]!r}?" if close else ""),
        hint=f"Known are: {', '.join(names)}.",
        known=names,
    )
