"""What is known to be right of a workflow's conversion without asking the editor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ategnatos.engines.comfyui.graph.convert.document import Node
from ategnatos.engines.comfyui.graph.convert.widgets import values_of
from ategnatos.engines.comfyui.graph.node_classes import Catalogue
from ategnatos.grimoire.errors import StudioError
from tests.comfyui.graph import corpus

_NOT_SENT = ("control_after_generate", "upload", "audioUI", "videopreview")


def named_values(name: str, classes: Catalogue) -> Iterator[tuple[str, bool]]:
    """For each value that workflow ``name`` names: ``Class.input``, and whether we read the same.

    Only nodes of known classes, and only fields that the class has: a field that came later has
    no place in the list of an older class. Names whose values are not those of the list at all
    were left behind when the file was edited; they are no truth.
    """
    for sheet in corpus.sheets(corpus.workflow(name)):
        for raw in sheet["nodes"]:
            named = raw.get("widgets_values_named")
            if not isinstance(named, dict) or raw["type"] not in classes:
                continue
            known = classes[raw["type"]]
            told = {key: value for key, value in named.items() if key not in _NOT_SENT}
            if known.has_dynamic_inputs or not set(told) <= set(known.inputs):
                continue
            if sorted(map(repr, named.values())) != sorted(map(repr, raw["widgets_values"])):
                continue
            node = Node(raw["id"], raw["type"], 0, "", (), (), raw["widgets_values"], {})
            try:
                read = values_of(node, known)
            except StudioError:
                read = {}
            for key, value in told.items():
                yield f"{raw['type']}.{key}", read.get(key) == value


def nameless_offer(ui: dict[str, Any], classes: Catalogue) -> str:
    """A class without a definition whose field a subgraph offers outside, or an empty text.

    The editor then lays the instance's values over the other fields, one too far.
    """
    inner = {one["id"] for one in (ui.get("definitions") or {}).get("subgraphs") or ()}
    for sheet in (ui.get("definitions") or {}).get("subgraphs") or ():
        kinds = {node["id"]: node["type"] for node in sheet["nodes"]}
        for link in sheet["links"]:
            kind = kinds.get(link["target_id"])
            if link["origin_id"] == -10 and kind and kind not in inner and kind not in classes:
                return str(kind)
    return ""


def older_definition(ui: dict[str, Any], classes: Catalogue) -> str:
    """A class whose definition lacks a field that the workflow writes to, or an empty text.

    The editor cannot place the values of such a workflow, whatever it is.
    """
    for sheet in corpus.sheets(ui):
        for node in sheet["nodes"]:
            if node["type"] not in classes or classes[node["type"]].has_dynamic_inputs:
                continue
            fields = {
                socket["widget"]["name"]
                for socket in node.get("inputs") or ()
                if socket.get("widget")
            }
            fields |= set(node.get("widgets_values_named") or ()) - set(_NOT_SENT)
            if not fields <= set(classes[node["type"]].inputs):
                return str(node["type"])
    return ""
