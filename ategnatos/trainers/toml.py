"""TOML written: the few kinds of values that trainers' files hold.

Own code: the standard library reads TOML and does not write it, and two levels of tables are all
that is needed here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def document(values: Mapping[str, Any], comment: str = "") -> bytes:
    """A flat TOML document; a key whose value is None is left out."""
    lines = [f"# {line}" for line in comment.splitlines()]
    lines += [f"{key} = {value(one)}" for key, one in values.items() if one is not None]
    return ("\n".join(lines) + "\n").encode()


def datasets(config: Mapping[str, Any], comment: str = "") -> bytes:
    """The dataset file of kohya and musubi: ``general``, ``datasets``, ``subsets`` of each."""
    lines = [f"# {line}" for line in comment.splitlines()]
    lines += ["[general]", *_table(config["general"])]
    for one in config["datasets"]:
        lines += ["", "[[datasets]]", *_table(one)]
        for subset in one.get("subsets", ()):
            lines += ["", "  [[datasets.subsets]]", *(f"  {line}" for line in _table(subset))]
    return ("\n".join(lines) + "\n").encode()


def value(one: Any) -> str:
    """One value as TOML writes it. TypeError for what has no form here."""
    if isinstance(one, bool):
        return "true" if one else "false"
    if isinstance(one, int):
        return str(one)
    if isinstance(one, float):
        text = repr(one)
        # TOML wants a digit on both sides of a point, and knows 1e-05 as it is.
        return text if any(mark in text for mark in ".en") else f"{text}.0"
    if isinstance(one, str):
        # A JSON string is a TOML basic string, but for DEL.
        return json.dumps(one, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(one, list | tuple):
        return "[" + ", ".join(value(part) for part in one) + "]"
    raise TypeError(f"{type(one).__name__} has no place in a trainer's file")


def _table(values: Mapping[str, Any]) -> list[str]:
    return [
        f"{key} = {value(one)}"
        for key, one in values.items()
        if not isinstance(one, dict) and key != "subsets"
    ]
