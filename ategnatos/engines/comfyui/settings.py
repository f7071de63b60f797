"""Values that a person puts into a workflow from the command line: ``3.seed=42``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from ategnatos.engines.comfyui.errors import SETTING
from ategnatos.engines.comfyui.following import Graph
from ategnatos.grimoire.errors import StudioError


def apply_settings(
    graph: Graph, settings: Sequence[str]
) -> tuple[Graph, list[tuple[str, str, Path]]]:
    """``graph`` with ``NODE.INPUT=VALUE`` applied, and the files to upload for ``=@FILE``.

    A value is JSON where it reads as JSON (``42``, ``true``, ``["4", 0]`` for a link), else
    text; where the input holds text already, it stays text. The node may be named by its id or
    its title. Raises StudioError (``comfyui_setting``).
    """
    changed = deepcopy(graph)
    files: list[tuple[str, str, Path]] = []
    for setting in settings:
        place, equals, text = setting.partition("=")
        node_name, dot, name = place.rpartition(".")
        if not equals or not dot or not name:
            raise _refused(setting, "it is not of the form NODE.INPUT=VALUE", graph)
        node = _node(graph, node_name)
        if node is None:
            raise _refused(setting, f"the workflow has no node {node_name!r}", graph)
        inputs = changed[node].setdefault("inputs", {})
        if text.startswith("@"):
            path = Path(text[1:]).expanduser()
            if not path.is_file():
                raise _refused(setting, f"there is no file {path}", graph)
            files.append((node, name, path))
        else:
            inputs[name] = _value(text, inputs.get(name))
    return changed, files


def _value(text: str, before: Any) -> Any:
    if isinstance(before, str):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _node(graph: Graph, name: str) -> str | None:
    if name in graph:
        return name
    titled = [
        node for node, spec in graph.items() if (spec.get("_meta") or {}).get("title") == name
    ]
    return titled[0] if len(titled) == 1 else None


def _refused(setting: str, why: str, graph: Graph) -> StudioError:
    return StudioError(
        SETTING,
        f"--set {setting!r} was not taken: {why}. Nothing was sent.",
        hint=f"The inputs are: {', '.join(_places(graph))}",
        setting=setting,
    )


def _places(graph: Graph) -> Iterable[str]:
    """The inputs that hold values, the first few."""
    places = [
        f"{node}.{name}"
        for node, spec in graph.items()
        for name, value in (spec.get("inputs") or {}).items()
        if not isinstance(value, list)
    ]
    return places[:20] + (["..."] if len(places) > 20 else [])
