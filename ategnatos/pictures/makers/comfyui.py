"""ComfyUI: what its graph says of the picture, from the graph that ran or the editor's own file.

Read from the picture backwards: the nearest node that says a seed, a size or a model is the one
that counts, so of a base and a refiner the refiner's steps are read. A graph is anybody's: names of
inputs are looked at, not node types, where these do not decide.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

from ategnatos.pictures.makers import Making, Texts, json_object, real, settings_of

_TOOL = "ComfyUI"
# Our name of a setting, and the inputs of nodes that hold it, the first found counts.
_INPUTS = {
    "seed": ("seed", "noise_seed"),
    "steps": ("steps",),
    "cfg": ("cfg", "cfg_scale"),
    "sampler": ("sampler_name",),
    "scheduler": ("scheduler",),
    "strength": ("denoise",),
    "model": ("ckpt_name", "unet_name", "diffusion_name"),
    "vae": ("vae_name",),
}
_TEXTS = ("text", "text_g", "t5xxl", "clip_l", "prompt", "value", "string", "text_l")
_VALUES = ("value", "int", "float", "seed", "noise_seed", "string", "text", "number")
# What the editor does to a seed after a run: a value that no input has.
_AFTERWARDS = ("fixed", "randomize", "increment", "decrement")
_MOST_NODES = 5000
_MOST_LORAS = 100
# Stands for the type of a node that holds a graph of its own.
_SUBGRAPH = "(subgraph)"
_DEEPEST = 200

Graph = dict[str, dict[str, Any]]


def read(texts: Texts) -> Making | None:
    """The account in ``prompt`` (the graph that ran), else in ``workflow`` (the editor's file)."""
    held = json_object(texts.get("parameters")) or {}
    for keyword, value in (
        ("prompt", json_object(texts.get("prompt"))),
        ("prompt", held.get("prompt")),
        ("workflow", json_object(texts.get("workflow"))),
        ("workflow", held.get("workflow")),
    ):
        graph = as_graph(value) if isinstance(value, dict) else {}
        if graph:
            return _account(graph, keyword)
    return None


def as_graph(value: dict[str, Any]) -> Graph:
    """Nodes by id, each with ``class_type`` and ``inputs``; empty for what is no graph."""
    if isinstance(value.get("nodes"), list):
        return _from_editor(value)
    found: Graph = {}
    for name, node in list(value.items())[:_MOST_NODES]:
        if isinstance(node, dict) and isinstance(node.get("inputs"), dict):
            found[str(name)] = {
                "class_type": str(node.get("class_type", "")),
                "inputs": node["inputs"],
            }
    return found


def _account(graph: Graph, keyword: str) -> Making:
    found: dict[str, Any] = {}
    loras: list[dict[str, Any]] = []
    for node in _backwards(graph):
        inputs, class_type = graph[node]["inputs"], graph[node]["class_type"]
        for name, keys in _INPUTS.items():
            value = next((_value(graph, inputs[key]) for key in keys if key in inputs), None)
            if value is not None:
                found.setdefault(name, value)
        if class_type == "FluxGuidance" and "guidance" in inputs:
            # Such a model is asked at CFG 1; what a person sets is this.
            found["cfg"] = _value(graph, inputs["guidance"])
        sized = "Latent" in class_type or class_type == _SUBGRAPH
        if sized and "width" in inputs and "height" in inputs:
            found.setdefault("width", _value(graph, inputs["width"]))
            found.setdefault("height", _value(graph, inputs["height"]))
        lora = inputs.get("lora_name")
        if isinstance(lora, str) and len(loras) < _MOST_LORAS:
            weight = inputs.get("strength_model", inputs.get("strength"))
            loras.append({"name": lora, "weight": real(_value(graph, weight))})
    prompt, negative = _prompts(graph)
    prompt = _asked_outside(graph) or prompt
    return Making(_TOOL, keyword, prompt, negative, settings_of(**found, loras=loras[::-1]))


def _backwards(graph: Graph) -> Iterator[str]:
    """The nodes from those that keep pictures upstream, then whatever they do not reach."""
    savers = [name for name, node in graph.items() if "Save" in node["class_type"]]
    used = {link for node in graph.values() for link in _links(node["inputs"])}
    ends = savers or [name for name in graph if name not in used] or list(graph)
    seen: set[str] = set()
    waiting = deque([*ends, *graph])
    # Breadth first; what the ends do not reach comes after everything that they do.
    reached = deque(ends)
    while reached or waiting:
        node = reached.popleft() if reached else waiting.popleft()
        if node in seen or node not in graph:
            continue
        seen.add(node)
        yield node
        reached.extend(_links(graph[node]["inputs"]))


def _links(inputs: dict[str, Any]) -> list[str]:
    return [str(value[0]) for value in inputs.values() if _is_link(value)]


def _is_link(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and isinstance(value[0], str | int)
        and isinstance(value[1], int)
    )


def _value(graph: Graph, value: Any) -> Any:
    """A value, followed through the nodes that only hold one."""
    for _ in range(_DEEPEST):
        if not _is_link(value):
            return None if isinstance(value, list | dict) else value
        inputs = graph.get(str(value[0]), {"inputs": {}})["inputs"]
        value = next((inputs[key] for key in _VALUES if key in inputs), None)
    return None


def _prompts(graph: Graph) -> tuple[str, str]:
    """The texts behind the sampler nearest to the picture."""
    for node in _backwards(graph):
        inputs = graph[node]["inputs"]
        if _is_link(inputs.get("positive")):
            positive = _text_behind(graph, inputs["positive"], "positive")
            negative = _text_behind(graph, inputs.get("negative"), "negative")
            if positive or negative:
                return positive, negative
        if "Guider" in graph[node]["class_type"] and _is_link(inputs.get("conditioning")):
            text = _text_behind(graph, inputs["conditioning"], "positive")
            if text:
                return text, ""
    encoders = [
        _value(graph, node["inputs"].get("text"))
        for node in graph.values()
        if "TextEncode" in node["class_type"]
    ]
    texts = [text for text in encoders if isinstance(text, str) and text.strip()]
    # Of several texts nobody can tell which one asks and which one forbids.
    return (texts[0].strip(), "") if len(texts) == 1 else ("", "")


def _asked_outside(graph: Graph) -> str:
    """The text of a subgraph as it is set from outside, which counts before the one inside."""
    for node in _backwards(graph):
        if graph[node]["class_type"] == _SUBGRAPH:
            for key in ("text", "prompt", "value"):
                text = _value(graph, graph[node]["inputs"].get(key))
                if isinstance(text, str) and text.strip():
                    return text.strip()
    return ""


def _text_behind(graph: Graph, link: Any, side: str) -> str:
    """The nearest text upstream of ``link``."""
    waiting = deque([str(link[0])] if _is_link(link) else [])
    seen: set[str] = set()
    while waiting:
        name = waiting.popleft()
        if name in seen or name not in graph:
            continue
        seen.add(name)
        node = graph[name]
        inputs = node["inputs"]
        if node["class_type"] == "ConditioningZeroOut":
            # What is zeroed out is no text of this side.
            continue
        for key in _TEXTS:
            text = _value(graph, inputs.get(key))
            if isinstance(text, str) and text.strip():
                return text.strip()
        # A node with both sides (ControlNet) hands each of them on under its own name.
        chosen = [str(inputs[side][0])] if _is_link(inputs.get(side)) else _links(inputs)
        waiting.extend(chosen)
    return ""


def _from_editor(document: dict[str, Any]) -> Graph:
    """The editor's file as a graph, as far as it says which value belongs to which input.

    Nodes inside of subgraphs stand beside the others; what leads into them is not followed.
    """
    graph: Graph = {}
    definitions = document.get("definitions")
    held = definitions.get("subgraphs") if isinstance(definitions, dict) else None
    subgraphs = held if isinstance(held, list) else []
    named = [one for one in subgraphs if isinstance(one, dict)]
    _add_nodes(graph, document, "", {str(one.get("id")) for one in named})
    for index, one in enumerate(named):
        _add_nodes(graph, one, f"{index}:", set())
    return graph


def _add_nodes(graph: Graph, document: dict[str, Any], mark: str, subgraphs: set[str]) -> None:
    sources = _sources(document.get("links"), mark)
    held = document.get("nodes")
    nodes = (held if isinstance(held, list) else [])[:_MOST_NODES]
    here = {f"{mark}{node.get('id')}" for node in nodes if isinstance(node, dict)}
    for node in nodes:
        if not isinstance(node, dict) or node.get("mode") in (2, 4):
            continue  # muted or bypassed: it took no part
        inputs = _widgets(node)
        declared = node.get("inputs")
        for one in declared if isinstance(declared, list) else ():
            if isinstance(one, dict) and isinstance(one.get("name"), str):
                link = one.get("link")
                source = sources.get(link) if isinstance(link, str | int) else None
                # What comes from outside of a subgraph is no node here; the value inside is kept.
                if source in here:
                    inputs[one["name"]] = [source, 0]
        name = f"{mark}{node.get('id')}"
        kind = str(node.get("type", ""))
        graph[name] = {"class_type": _SUBGRAPH if kind in subgraphs else kind, "inputs": inputs}


def _sources(links: Any, mark: str) -> dict[Any, str]:
    """The node that each link comes from; links are lists in a file and objects in a subgraph."""
    found: dict[Any, str] = {}
    for link in (links if isinstance(links, list) else ())[: 4 * _MOST_NODES]:
        if isinstance(link, list) and len(link) >= 2 and isinstance(link[0], str | int):
            found[link[0]] = f"{mark}{link[1]}"
        elif isinstance(link, dict) and isinstance(link.get("id"), str | int):
            found[link["id"]] = f"{mark}{link.get('origin_id')}"
    return found


def _widgets(node: dict[str, Any]) -> dict[str, Any]:
    """The values of a node by the names of its inputs."""
    values = node.get("widgets_values")
    if isinstance(values, dict):
        return {str(key): value for key, value in values.items() if not isinstance(value, list)}
    if not isinstance(values, list):
        return {}
    order = _order(node, values)
    if order is None:
        # A node of one value that holds a text or number for others.
        return {"value": values[0]} if len(values) == 1 else {}
    return {
        name: value
        for name, value in zip(order, values, strict=False)
        if name and isinstance(value, str | int | float)
    }


def _order(node: dict[str, Any], values: list[Any]) -> list[str] | None:
    """The names of the inputs that ``values`` belong to; "" where a value belongs to none."""
    from ategnatos.knowledge import loader

    known = loader.read("comfyui_widgets").content["widgets"].get(str(node.get("type")))
    if known is not None:
        return list(known)
    # Newer editors write beside each input whether it is a widget, in the order of the values.
    declared = node.get("inputs")
    held = [
        one["widget"].get("name")
        for one in (declared if isinstance(declared, list) else ())
        if isinstance(one, dict) and isinstance(one.get("widget"), dict)
    ]
    order: list[str] = []
    for name in held:
        order.append(str(name))
        after = values[len(order)] if len(order) < len(values) else None
        if name in ("seed", "noise_seed") and after in _AFTERWARDS:
            order.append("")
    return order or None
