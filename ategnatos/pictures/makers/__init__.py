"""Who made a picture and how, as its file says: one module a family of programs.

A reader takes the texts of a file by keyword and returns a :class:`Making`, or None where the
texts are not its own. What a file says is somebody's claim and nothing is believed: text is text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

# Settings by our names, in the order in which a person reads them.
SETTINGS = (
    "model",
    "model_hash",
    "family",
    "vae",
    "loras",
    "seed",
    "steps",
    "cfg",
    "sampler",
    "scheduler",
    "strength",
    "width",
    "height",
    "clip_skip",
    "version",
)
# A number of more digits is no setting of anything.
_LONGEST_NUMBER = 40


@dataclass(frozen=True, slots=True)
class Making:
    """One program's account. ``tool`` is its name for people, ``keyword`` where it was read.

    ``settings`` has our names (:data:`SETTINGS`), as far as they are said: whole numbers for
    seed, steps, width and height, real ones for cfg and strength, ``loras`` a list of
    ``{"name", "weight"}``. What it says beyond that is in the texts.
    """

    tool: str
    keyword: str
    prompt: str = ""
    negative: str = ""
    settings: dict[str, Any] = field(default_factory=dict)


Texts = Mapping[str, str]
Reader = Callable[[Texts], "Making | None"]


def accounts(texts: Texts) -> list[Making]:
    """Every account in the texts of one file, the most exact first."""
    from ategnatos.pictures.makers import comfyui, fooocus, invokeai, novelai, others, webui

    readers: tuple[Reader, ...] = (
        others.ours,
        others.swarm,
        fooocus.read,
        webui.read,
        comfyui.read,
        invokeai.read,
        novelai.read,
        others.easy_diffusion,
        others.draw_things,
    )
    found = (read(texts) for read in readers)
    said = [one for one in found if one is not None]
    return [one for one in said if one.prompt or one.negative or one.settings]


def json_object(text: str | None) -> dict[str, Any] | None:
    """The object in ``text``; NaN and infinity, which ComfyUI writes, become null."""
    if text is None:
        return None
    try:
        value = json.loads(text, parse_constant=lambda _name: None)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def settings_of(**found: Any) -> dict[str, Any]:
    """``found`` by our names, with numbers as numbers; what is empty or no setting is left out."""
    kinds: dict[str, Callable[[Any], Any]] = {
        **dict.fromkeys(("seed", "steps", "width", "height", "clip_skip"), whole),
        **dict.fromkeys(("cfg", "strength"), real),
        **dict.fromkeys(
            ("model", "model_hash", "family", "vae", "sampler", "scheduler", "version"), words
        ),
        "loras": lambda value: value if isinstance(value, list) else None,
    }
    clean = {name: kinds[name](found[name]) for name in SETTINGS if name in found}
    return {name: value for name, value in clean.items() if value not in (None, "", [])}


def whole(value: Any) -> int | None:
    """A whole number, however it is written; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if abs(value) < 10**_LONGEST_NUMBER else None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and len(value) <= _LONGEST_NUMBER:
        text = value.strip()
        if text.isascii() and text.lstrip("-").isdigit():
            try:
                return int(text)
            except ValueError:
                return None
    return None


def real(value: Any) -> float | None:
    """A finite real number, however it is written; None for anything else."""
    import math

    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def words(value: Any) -> str | None:
    """A text; a number is written out. None for anything else."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)[:_LONGEST_NUMBER]
    return None


def text_of(value: Any) -> str:
    """A prompt: text, or "" for anything else."""
    return value.strip() if isinstance(value, str) else ""
