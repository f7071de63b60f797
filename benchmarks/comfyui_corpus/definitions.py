"""Node definitions (``/object_info``) for the corpus: recorded where they were, else derived.

The recorded ones are in ``tests/comfyui/graph/recorded_classes.py``. ``derived`` are classes that
are newer: their inputs are read from the corpus itself, from the sockets of their nodes and from
the values that newer files save by name. A class whose fields cannot be told apart that way gets
no definition.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from ategnatos.engines.comfyui.graph.convert.document import Node
from ategnatos.engines.comfyui.graph.convert.widgets import values_of
from ategnatos.engines.comfyui.graph.node_classes import NodeClass
from ategnatos.grimoire.errors import StudioError
from tests.comfyui.graph import corpus
from tests.comfyui.graph.recorded_classes import written_entry, written_input

_DRAWN = {"BOUNDING_BOX", "COLOR", "CURVE", "RANGE"}
_CONTROL = "control_after_generate"
_NEVER_SENT = {_CONTROL, "upload", "audioUI", "videopreview"}


def derived(names: Iterable[str], known: dict[str, Any]) -> dict[str, Any]:
    """Definitions of the classes in the workflows ``names`` that ``known`` lacks."""
    nodes: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for name in names:
        ui = corpus.workflow(name)
        wanted = corpus.classes(ui)
        for sheet in corpus.sheets(ui):
            for node in sheet["nodes"]:
                if node["type"] in wanted and node["type"] not in known:
                    nodes[node["type"]].append(node)
    made = {name: _from_nodes(name, found) for name, found in nodes.items()}
    return {name: entry for name, entry in made.items() if entry is not None}


def _from_nodes(name: str, nodes: list[dict[str, Any]]) -> dict[str, Any] | None:
    """A definition that every node of the class in the corpus fits, or None."""
    sockets: dict[str, Any] = {}
    kinds: dict[str, str] = {}
    for node in nodes:
        for socket in node.get("inputs") or ():
            if "." in socket["name"]:
                return None  # comes and goes with other values: only the class itself can tell
            if socket.get("widget"):
                kinds[socket["widget"]["name"]] = str(socket["type"])
            else:
                sockets[socket["name"]] = socket["type"]
    order = _order(nodes)
    if order is None or any("." in key for key in order) or set(order) & set(sockets):
        return None
    # These are sockets in every file, whatever the editor would draw for their kind.
    inputs: dict[str, Any] = {
        key: [kind, {"forceInput": True} if kind in _DRAWN else {}] for key, kind in sockets.items()
    }
    for place, key in enumerate(order):
        if key in _NEVER_SENT:
            continue
        entry = written_input(kinds.get(key) or _kind_of(key, order, nodes))
        if place + 1 < len(order) and order[place + 1] == _CONTROL:
            entry[1][_CONTROL] = True
        inputs[key] = entry
    outputs = max((node.get("outputs") or [] for node in nodes), key=len)
    no_output_linked = not any(
        socket.get("links") for node in nodes for socket in node.get("outputs") or ()
    )
    entry = written_entry(
        name,
        {"required": inputs, "optional": {}},
        [socket["type"] for socket in outputs],
        output_node=no_output_linked,
    )
    return entry if all(_fits(node, NodeClass(name, entry)) for node in nodes) else None


def _fits(raw: dict[str, Any], known: NodeClass) -> bool:
    """Whether a node's saved values lie on the fields of ``known``, those it names above all."""
    named = {
        k: v for k, v in (raw.get("widgets_values_named") or {}).items() if k not in _NEVER_SENT
    }
    node = Node(raw["id"], raw["type"], 0, "", (), (), raw.get("widgets_values"), {})
    try:
        read = values_of(node, known)
    except StudioError:
        return False
    return all(read.get(key) == value for key, value in named.items())


def _order(nodes: list[dict[str, Any]]) -> list[str] | None:
    """The fields of the class in the order of its values; None where nothing tells."""
    lists = [node["widgets_values"] for node in nodes if node.get("widgets_values")]
    named = [list(n["widgets_values_named"]) for n in nodes if n.get("widgets_values_named")]
    longest = max(named, key=len, default=None)
    if longest is not None:
        same = all(one == longest[: len(one)] for one in named)
        fits = all(len(values) <= len(longest) for values in lists)
        return longest if same and fits else None
    by_socket = max(
        (
            [s["widget"]["name"] for s in node.get("inputs") or () if s.get("widget")]
            for node in nodes
        ),
        key=len,
    )
    return by_socket if all(len(values) == len(by_socket) for values in lists) else None


def _kind_of(key: str, order: list[str], nodes: list[dict[str, Any]]) -> str:
    """The kind of a field that no socket tells, from the values saved in it."""
    place = order.index(key)
    values = [
        node["widgets_values"][place]
        for node in nodes
        if isinstance(node.get("widgets_values"), list) and len(node["widgets_values"]) > place
    ]
    if values and all(isinstance(value, bool) for value in values):
        return "BOOLEAN"
    if values and all(isinstance(value, int | float) for value in values):
        return "FLOAT"
    return "STRING"
