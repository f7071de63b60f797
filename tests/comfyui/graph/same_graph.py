"""Whether two graphs are the same to a server: same outputs, made of the same nodes and values.

Ids do not count (the editor renumbers nodes whose ids collide), nor do nodes that no output
depends on (a server does not run them), nor inputs that a class does not have (it ignores them).
Of a class that nobody defines only the links count: its fields have no names.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from ategnatos.engines.comfyui.graph.node_classes import Catalogue

Graph = Mapping[str, Mapping[str, Any]]


def outputs(graph: Graph, classes: Catalogue) -> list[str]:
    """The nodes a server would run for: those of an output class, and, where a class is not
    known, those that no other node depends on.
    """
    used = {
        value[0] for entry in graph.values() for value in entry["inputs"].values() if is_link(value)
    }
    return [
        node
        for node, entry in graph.items()
        if (
            classes[entry["class_type"]].is_output
            if entry["class_type"] in classes
            else node not in used
        )
    ]


def reached(graph: Graph, classes: Catalogue) -> set[str]:
    """The nodes that outputs depend on, outputs included."""
    todo = outputs(graph, classes)
    found: set[str] = set()
    while todo:
        node = todo.pop()
        if node in found or node not in graph:
            continue
        found.add(node)
        todo += [value[0] for value in graph[node]["inputs"].values() if is_link(value)]
    return found


def is_link(value: Any) -> bool:
    """Whether an input's value is a link."""
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str)


def differences(ours: Graph, theirs: Graph, classes: Catalogue) -> list[str]:
    """What differs, in words; empty where the graphs are the same to a server."""
    left, right = _signatures(ours, classes), _signatures(theirs, classes)
    if left == right:
        return []
    return [
        *(f"only ours: {_short(one)}" for one in (left - right)),
        *(f"only theirs: {_short(one)}" for one in (right - left)),
    ]


def first_inputs(ours: Graph, theirs: Graph, classes: Catalogue) -> list[str]:
    """The inputs that differ in nodes of the same id: where to look first."""
    found = []
    for node in sorted(set(ours) & set(theirs) & reached(theirs, classes)):
        mine, other = ours[node], theirs[node]
        name = mine["class_type"]
        for key in sorted(set(mine["inputs"]) | set(other["inputs"])):
            a, b = mine["inputs"].get(key, "-"), other["inputs"].get(key, "-")
            if name not in classes and not (is_link(a) or is_link(b)):
                continue
            if _declared(name, key, classes) and _plain(a) != _plain(b):
                found.append(f"{name}.{key}: ours {str(a)[:40]!r}, theirs {str(b)[:40]!r}")
    return found


def _signatures(graph: Graph, classes: Catalogue) -> Counter[str]:
    """One text for each output node that holds everything it is made of."""
    made: dict[str, str] = {}
    return Counter(_signature(node, graph, classes, made, ()) for node in outputs(graph, classes))


def _signature(
    node: str, graph: Graph, classes: Catalogue, made: dict[str, str], way: tuple[str, ...]
) -> str:
    if node in made:
        return made[node]
    if node not in graph or node in way:
        return f"<{'loop' if node in way else 'nothing'}>"
    entry = graph[node]
    inputs = {}
    for key, value in sorted(entry["inputs"].items()):
        if not _declared(entry["class_type"], key, classes):
            continue
        if entry["class_type"] not in classes and not is_link(value):
            continue
        if is_link(value):
            inputs[key] = [_signature(value[0], graph, classes, made, (*way, node)), value[1]]
        else:
            inputs[key] = _plain(value)
    # A hash keeps shared parts from being spelled out again and again.
    # The editor does not say the class of a node that it has no definition of.
    name = entry["class_type"] if entry["class_type"] in classes else "?"
    text = json.dumps([name, inputs], sort_keys=True, default=str)
    made[node] = f"{name}:{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    return made[node]


def _declared(name: str, key: str, classes: Catalogue) -> bool:
    if name not in classes or classes[name].has_dynamic_inputs:
        return True
    return key in classes[name].inputs


def _plain(value: Any) -> Any:
    """Numbers by value: 1 and 1.0 are one value in a graph."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return float(value) if abs(value) < 2**53 else value


def _short(signature: str) -> str:
    return signature.partition(":")[0]
