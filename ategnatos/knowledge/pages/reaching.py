"""Reaching into a data file: what lies at a path, and how it is said. Without pydantic: a search
runs through here, and the import alone would take longer than the search.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

MARKS = re.compile(
    r"<!-- table (?P<name>[a-z0-9-]+) -->\n(?P<body>.*?)<!-- end table -->", re.DOTALL
)


def rows(content: Any, path: str) -> list[tuple[str, Any]]:
    """The members of what lies at ``path`` ("" for all of it), each with its key or its number."""
    found: list[tuple[str, Any]] = []
    for part in values(content, path) if path else [content]:
        if isinstance(part, dict):
            found += list(part.items())
        elif isinstance(part, list):
            found += [(str(number), one) for number, one in enumerate(part, 1)]
    return found


def contents(file: str, place: Traversable | None) -> Any:
    """A data file, or a folder of them as one object by name (``families``)."""
    import json
    from importlib.resources import files

    from ategnatos.knowledge import loader

    folder = (place or files("ategnatos.knowledge").joinpath("data")).joinpath(*file.split("/"))
    if folder.is_dir():
        return {
            one.name.removesuffix(".json"): json.loads(one.read_bytes())
            for one in sorted(folder.iterdir(), key=lambda one: one.name)
            if one.name.endswith(".json")
        }
    return loader.read(file, place).content


def values(value: Any, path: str) -> list[Any]:
    """What lies at ``path`` in ``value``: one thing, several where the path has ``*``, or none."""
    found = [value]
    for step in path.split("."):
        following: list[Any] = []
        for one in found:
            if step == "*" and isinstance(one, dict | list):
                following += one.values() if isinstance(one, dict) else one
            elif isinstance(one, dict) and step in one:
                following.append(one[step])
            elif isinstance(one, list) and step.isdigit() and int(step) < len(one):
                following.append(one[int(step)])
        found = following
    return found


def said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(said(one) for one in value if one is not None)
    if isinstance(value, dict):
        return ", ".join(f"{key}: {said(one)}" for key, one in value.items())
    return str(value)
