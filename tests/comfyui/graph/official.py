"""A rendered template beside ComfyUI's own: same nodes, links and values, walked from the output.

What the official graphs add for comfort is folded away first: switches by their state, primitive
values, previews of a value. Not compared are words, seeds, file names, and sizes that the
official graph works out in nodes of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from ategnatos.engines.comfyui.graph.convert import to_api
from ategnatos.knowledge.families import Variant
from tests.comfyui import recordings
from tests.comfyui.graph import corpus
from tests.comfyui.graph.same_graph import is_link

Graph = dict[str, dict[str, Any]]

_FREE = frozenset(
    {
        "seed",
        "noise_seed",
        "text",
        "prompt",
        "negative_prompt",
        "filename_prefix",
        "image",
        "upload",
        "file",
    }
)
_SIZES = frozenset({"width", "height", "length", "batch_size", "fps", "values.a"})
_SAVES = ("SaveImage", "SaveImageAdvanced", "SaveVideo", "PreviewImage")
_SAME_CLASS = {"SaveImageAdvanced": "SaveImage", "PreviewImage": "SaveImage"}


def official(name: str, variant: Variant) -> Graph:
    """The official graph ``name`` as it runs for ``variant``, folded.

    A variant with a LoRA of its own (Lightning, Turbo) is what the graph's switches are for:
    they are turned on for it.
    """
    graph = to_api(corpus.workflow(name), recordings.object_info()).graph
    on = any(key.startswith("speed_lora") for key in variant.files)
    return {key: entry for key, entry in _folded(graph, on).items() if entry is not None}


def unnamed_values(name: str) -> dict[str, list[Any]]:
    """Every saved value of the workflow by node class, named or not."""
    found: dict[str, list[Any]] = {}
    for sheet in corpus.sheets(corpus.workflow(name)):
        for node in sheet["nodes"]:
            values = node.get("widgets_values")
            found.setdefault(node["type"], []).extend(values if isinstance(values, list) else [])
    return found


def differences(ours: Graph, theirs: Graph, values: Mapping[str, list[Any]]) -> list[str]:
    """What differs between two graphs, from their outputs on."""
    mine, other = _save(ours), _save(theirs)
    return list(dict.fromkeys(_walk(ours, mine, theirs, other, values, mine)))


def _save(graph: Graph) -> str:
    """The node that saves what the graph makes; one beside it may save a comparison with that."""
    taken = {
        value[0] for entry in graph.values() for value in entry["inputs"].values() if is_link(value)
    }
    for kind in _SAVES:
        saves = [
            node
            for node, entry in graph.items()
            if entry["class_type"] == kind and any(map(is_link, entry["inputs"].values()))
        ]
        if saves:
            return next((node for node in saves if node in taken), saves[0])
    raise AssertionError("the graph saves nothing")


def _walk(
    ours: Graph, mine: str, theirs: Graph, other: str, values: Mapping[str, list[Any]], path: str
) -> Iterator[str]:
    a, b = ours[mine], theirs[other]
    names = [_SAME_CLASS.get(one["class_type"], one["class_type"]) for one in (a, b)]
    if names[0] != names[1]:
        yield f"{path}: {names[0]}, official {names[1]}"
        return
    left, right = a["inputs"], b["inputs"]
    for key in sorted(set(left) | set(right)):
        if key in _FREE or key.startswith("format"):
            continue
        yield from _input(ours, left, theirs, right, key, values, f"{names[0]}.{key}")


def _input(
    ours: Graph,
    left: Mapping[str, Any],
    theirs: Graph,
    right: Mapping[str, Any],
    key: str,
    values: Mapping[str, list[Any]],
    path: str,
) -> Iterator[str]:
    one, two = left.get(key), right.get(key)
    if is_link(one) and is_link(two):
        assert one is not None
        assert two is not None
        if one[1] != two[1]:
            yield f"{path}: output {one[1]}, official {two[1]}"
        yield from _walk(ours, one[0], theirs, two[0], values, path)
    elif key in _SIZES and (is_link(two) or two is None):
        return
    elif key not in right:
        # The file saves the value without its name: it must at least be among the values there.
        if is_link(one) or not any(_equal(one, said) for said in values[path.split(".")[0]]):
            yield f"{path}: {one!r}, official has none"
    elif not _equal(one, two):
        yield f"{path}: {one!r}, official {two!r}"


def _equal(one: Any, two: Any) -> bool:
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in (one, two))
    return math.isclose(one, two, rel_tol=1e-9) if numbers else bool(one == two)


def _folded(graph: Graph, on: bool) -> dict[str, Any]:
    """``graph`` with links led past switches, primitives and previews."""

    def value_of(value: Any) -> Any:
        seen = 0
        while is_link(value) and value[0] in graph and seen < 50:
            seen += 1
            entry = graph[value[0]]
            kind, inputs = entry["class_type"], entry["inputs"]
            if kind == "ComfySwitchNode":
                state = True if on else value_of(inputs.get("switch", False))
                value = inputs.get("on_true" if state else "on_false")
            elif kind.startswith("Primitive") and "value" in inputs:
                value = inputs["value"]
            elif kind == "PreviewAny" and "source" in inputs:
                value = inputs["source"]
            else:
                break
        return value

    folded = {}
    for node, entry in graph.items():
        inputs = {key: value_of(value) for key, value in entry["inputs"].items()}
        inputs = {key: value for key, value in inputs.items() if value is not None}
        folded[node] = {**entry, "inputs": inputs}
    return folded
