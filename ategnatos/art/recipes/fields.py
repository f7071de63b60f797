"""The fields of a recipe that a caller may not move, and the checks of their values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

SEED_LIMIT = 2**53

# What is about the asset and not about its making: no engine is told.
DESCRIPTIVE = frozenset({"composition_mode", "anchor_offsets", "variant_sprites", "palette"})
# A locked field, and the field of a request that it decides.
REQUEST_FIELDS = {
    "checkpoint": "model",
    "family": "family",
    "loras": "loras",
    "cfg_scale": "cfg",
    "sampler": "sampler",
    "scheduler": "scheduler",
    "steps": "steps",
    "canvas_width": "width",
    "canvas_height": "height",
    "negative_prompt": "negative",
}
# A lever's place in a text of a template.
PLACE = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where in the file, what it is, and what would be right."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def locked_problems(locked: Any, where: str, *, whole: bool) -> Iterator[Problem]:
    """What is wrong with locked fields; ``whole`` False for those of one engine key, which may
    set a shared one to null.
    """
    if not isinstance(locked, dict):
        yield Problem(where, "it is an object of fields")
        return
    checks = {**_NUMBERS, **dict.fromkeys(("checkpoint", "family", "sampler", "scheduler"), _text)}
    for name, value in locked.items():
        at = f"{where}.{name}"
        if name == "seed_production" and whole:
            if not _is_whole(value, 0, SEED_LIMIT - 1):
                yield Problem(at, f"{value!r} is no seed: a whole number from 0 to 2**53 - 1")
        elif name in DESCRIPTIVE and whole:
            yield from _descriptive(at, name, value)
        elif name not in REQUEST_FIELDS:
            known = sorted({*REQUEST_FIELDS, *(("seed_production", *DESCRIPTIVE) if whole else ())})
            yield Problem(at, f"nothing would honour it; locked fields are: {', '.join(known)}")
        elif value is None and not whole:
            continue
        elif name == "loras":
            yield from _loras(at, value)
        elif name == "negative_prompt":
            if not isinstance(value, str):
                yield Problem(at, "it is a text")
        elif not checks[name](value):
            yield Problem(at, f"{value!r} is out of bounds or of another kind")
    if whole and "seed_production" not in locked:
        yield Problem(f"{where}.seed_production", "it is missing: the seed of the first output")


def _descriptive(where: str, name: str, value: Any) -> Iterator[Problem]:
    if name == "composition_mode" and not is_text(value, 64):
        yield Problem(where, 'it is a word, like "standalone"')
    if name == "palette" and not (
        isinstance(value, list)
        and 2 <= len(value) <= 256
        and all(isinstance(one, str) and _COLOUR.fullmatch(one) for one in value)
    ):
        yield Problem(where, "it is a list of 2 to 256 colours like #1a2b3c")
    if name == "variant_sprites" and not isinstance(value, dict | list):
        yield Problem(where, "it is a table or a list of sprites")
    if name == "anchor_offsets":
        good = isinstance(value, dict) and all(
            isinstance(sides, dict) and all(_is_offset(one) for one in sides.values())
            for sides in value.values()
        )
        if not good:
            yield Problem(where, 'it maps an anchor to sides to offsets: {"feet": {"n": [0, 0]}}')


def _loras(where: str, value: Any) -> Iterator[Problem]:
    if not isinstance(value, list):
        yield Problem(where, "it is a list")
        return
    for number, one in enumerate(value):
        at = f"{where}[{number}]"
        if not isinstance(one, dict) or not _text(one.get("name")):
            yield Problem(at, "a LoRA has a name: its file")
            continue
        for key, given in one.items():
            if key in ("strength_model", "strength_clip"):
                if not _is_number(given, -4, 4):
                    yield Problem(f"{at}.{key}", f"{given!r} is no weight from -4 to 4")
            elif key not in ("name", "sha256"):
                yield Problem(
                    f"{at}.{key}", "a LoRA has name, strength_model, strength_clip, sha256"
                )


def is_text(value: Any, longest: int) -> bool:
    """Whether ``value`` is a text of 1 to ``longest`` printable characters."""
    return isinstance(value, str) and 0 < len(value) <= longest and value.isprintable()


def _text(value: Any) -> bool:
    return is_text(value, 300)


def _is_number(value: Any, low: float, high: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def _is_whole(value: Any, low: int, high: int) -> bool:
    return isinstance(value, int) and _is_number(value, low, high)


def _is_offset(value: Any) -> bool:
    return (
        isinstance(value, list) and len(value) == 2 and all(_is_number(v, -1e5, 1e5) for v in value)
    )


_NUMBERS: dict[str, Callable[[Any], bool]] = {
    "cfg_scale": lambda value: _is_number(value, 0, 1000),
    "steps": lambda value: _is_whole(value, 1, 10_000),
    "canvas_width": lambda value: _is_whole(value, 1, 16384),
    "canvas_height": lambda value: _is_whole(value, 1, 16384),
}
