"""JSON from outside, with limits on its size and depth. Its texts are data: never run.

``medieval; eval $(x)`` is a fine prompt: nothing here looks for words.
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.guard.values.paths import read_file

JSON_INVALID = ErrorCode("json_invalid", "The text is not the JSON that was expected.")

LARGEST_BYTES = 16 * 1024 * 1024
DEEPEST = 100
# A whole string, or one bracket: what decides depth. A string that never ends goes to the end of
# the text, so that no character is looked at twice.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)


def read_json(
    path: str | Path,
    *,
    expect: type = dict,
    largest: int = LARGEST_BYTES,
    deepest: int = DEEPEST,
    field: str = "The file",
) -> Any:
    """The JSON value in a file; ``expect`` is the type of its outermost value (dict, list...).

    Raises StudioError: ``file_unusable`` (missing, a device, too large), ``json_invalid``.
    """
    data = read_file(path, largest=largest, field=field)
    return parse_json(data, expect=expect, deepest=deepest, field=f"{field} {path}")


def parse_json(
    data: bytes, *, expect: type = dict, deepest: int = DEEPEST, field: str = "The text"
) -> Any:
    """The JSON value in ``data`` (UTF-8, at most ``deepest`` levels).

    Refused besides what is no JSON: NaN and infinities, also as 1e999; one key twice in an
    object, which two readers would understand in two ways. Raises StudioError (``json_invalid``).
    """
    if _depth(data) > deepest:
        raise _invalid(field, f"it is nested deeper than {deepest} levels")
    try:
        value = json.loads(
            data.decode("utf-8-sig"),
            parse_constant=_no_constant,
            parse_float=_finite,
            object_pairs_hook=_unique,
        )
    except (ValueError, RecursionError) as error:
        raise _invalid(field, str(error)) from error
    if not isinstance(value, expect):
        raise _invalid(field, f"it is {_name(type(value))}, not {_name(expect)}")
    return value


def _depth(data: bytes) -> int:
    deepest = depth = 0
    for token in _TOKEN.finditer(data):
        match token.group():
            case b"[" | b"{":
                depth += 1
                deepest = max(deepest, depth)
            case b"]" | b"}":
                depth -= 1
    return deepest


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON value")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:20]} is too large")
    return number


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for place, key in enumerate(keys) if key in keys[:place])
        raise ValueError(f"the key {twice[:40]!r} stands twice in one object")
    return found


def _name(kind: type) -> str:
    names = {dict: "an object", list: "a list", str: "a text", type(None): "null"}
    return names.get(kind, "true or false" if kind is bool else "a number")


def _invalid(field: str, why: str) -> StudioError:
    return StudioError(
        JSON_INVALID,
        f"{field} is not the JSON that was expected: {why}. Nothing was done.",
        hint="Mend it, or save it again from the program it comes from.",
    )
