"""The conversion: every node that runs, with its values and links."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ategnatos.engines.comfyui.graph.convert.document import Node, read
from ategnatos.engines.comfyui.graph.convert.links import (
    VIRTUAL,
    origin_of_input,
)
from ategnatos.engines.comfyui.graph.convert.scopes import Scope, field_of, unfold
from ategnatos.engines.comfyui.graph.convert.widgets import nameless, values_of
from ategnatos.engines.comfyui.graph.node_classes import Catalogue, catalogue
from ategnatos.engines.comfyui.graph.shape import is_ui_workflow, unwrap
from ategnatos.grimoire.errors import StudioError
from ategnatos.knowledge.families import ModelFile


@dataclass(slots=True)
class Conversion:
    """An API graph, what a person should know about it, and the model files it names.

    ``incomplete`` lists nodes with values that nothing gives a name to: the graph lacks them.
    """

    graph: dict[str, dict[str, Any]]
    incomplete: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    models: dict[str, ModelFile] = field(default_factory=dict)


def to_api(ui: Any, object_info: Mapping[str, Any]) -> Conversion:
    """The graph that the editor would send for ``ui``.

    ``object_info`` is the server's answer; classes it lacks are read from the workflow itself,
    which newer files allow. A graph that is in the server's format already is handed back.
    Raises StudioError: ``workflow_unreadable``, ``workflow_widgets_unclear``,
    ``workflow_subgraph_loop``, ``workflow_link_circle``.
    """
    if not is_ui_workflow(ui):
        graph = unwrap(ui)
        return Conversion({key: dict(entry) for key, entry in _entries(graph).items()})
    classes = catalogue(object_info)
    done = Conversion({})
    top = unfold(read(ui), lambda scope, number: _inside(scope, number, classes))
    unknown: set[str] = set()
    for scope, node in top.walk():
        if node.type in VIRTUAL or _is_editor_only(node):
            continue
        if node.type not in classes:
            unknown.add(node.type)
            if nameless(node, None):
                done.incomplete.append(f"{scope.id_of(node)} ({node.type})")
        done.graph[scope.id_of(node)] = _entry(scope, node, classes)
        done.models |= _models(node)
    _drop_dangling(done.graph)
    if unknown:
        done.notes.append(
            "The server's node list lacks " + ", ".join(sorted(unknown)) + "; their fields were"
            " read from the workflow itself."
        )
    return done


def _entry(scope: Scope, node: Node, classes: Catalogue) -> dict[str, Any]:
    known = classes.get(node.type)
    inputs: dict[str, Any] = {
        name: _wrapped(value) for name, value in values_of(node, known).items()
    }
    for number, socket in enumerate(node.inputs):
        origin = origin_of_input(scope, node, number)
        if origin is None:
            continue
        name = socket.widget or socket.name
        inputs[name] = [origin.id, origin.slot] if origin.id else _wrapped(origin.value)
    title = node.title or (known.title if known else node.type)
    return {"class_type": node.type, "inputs": inputs, "_meta": {"title": title}}


def _inside(scope: Scope, number: int, classes: Catalogue) -> Any:
    """What the first field behind subgraph input ``number`` says; all behind it get that."""
    found = field_of(scope.sheet, number)
    if found is None:
        return None
    node, name = found
    if node.id in scope.inner:
        inner = scope.inner[node.id]
        place = next((i for i, one in enumerate(inner.sheet.inputs) if one.name == name), None)
        if place is None:
            return None
        return inner.given[place] if place in inner.given else _inside(inner, place, classes)
    return values_of(node, classes.get(node.type)).get(name)


def _wrapped(value: Any) -> Any:
    """A bare list is a link; a list that is a value is wrapped."""
    return {"__value__": value} if isinstance(value, list) else value


def _drop_dangling(graph: dict[str, dict[str, Any]]) -> None:
    """Links to nodes that are not part of the graph are taken out, as the editor does."""
    for entry in graph.values():
        inputs = entry["inputs"]
        for name in [
            name
            for name, value in inputs.items()
            if isinstance(value, list) and value[0] not in graph
        ]:
            del inputs[name]


def _is_editor_only(node: Node) -> bool:
    from ategnatos.knowledge.node_packages import editor_only

    return node.type in editor_only()


def _models(node: Node) -> dict[str, ModelFile]:
    """The files that the workflow's author says where to find (``properties.models``)."""
    found = {}
    told = node.properties.get("models")
    for one in told if isinstance(told, list) else ():
        if isinstance(one, Mapping) and one.get("name") and one.get("url"):
            name = str(one["name"])
            found[name] = ModelFile(name, str(one.get("directory") or ""), str(one["url"]))
    return found


def _entries(graph: Any) -> dict[str, Any]:
    from ategnatos.engines.comfyui.graph.convert.document import WORKFLOW_UNREADABLE

    if isinstance(graph, Mapping) and all(
        isinstance(entry, Mapping) and "class_type" in entry for entry in graph.values()
    ):
        return dict(graph)
    raise StudioError(
        WORKFLOW_UNREADABLE,
        "This is neither a workflow of the ComfyUI editor nor a graph in its API format. Nothing"
        " was converted.",
        hint="Save the workflow in ComfyUI again (Save, or Export (API)).",
    )
