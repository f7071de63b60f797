"""Where a link really comes from: through reroutes, bypassed nodes, subgraphs, Set and Get.

Follows the editor's own rules. The answer is a node's output, a value (a field that a subgraph
instance or a primitive carries), or nothing at all (the source is muted or not linked).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ategnatos.engines.comfyui.graph.convert.document import (
    BYPASSED,
    INPUT_SIDE,
    MUTED,
    Link,
    Node,
)
from ategnatos.engines.comfyui.graph.convert.scopes import Scope
from ategnatos.engines.comfyui.graph.node_classes import types_fit
from ategnatos.grimoire.errors import ErrorCode, StudioError

LINK_CIRCLE = ErrorCode("workflow_link_circle", "Reroutes or Set and Get nodes lead in a circle.")

PRIMITIVE = "PrimitiveNode"
REROUTE = "Reroute"
GET = "GetNode"
SET = "SetNode"
# Nodes of the editor alone; the server has no class for them.
NOTES = frozenset({"Note", "MarkdownNote"})
VIRTUAL = frozenset({PRIMITIVE, REROUTE, GET, SET}) | NOTES

_FARTHEST = 150


@dataclass(frozen=True, slots=True)
class Origin:
    """What a link gives: output ``slot`` of the node ``id``, or, where ``id`` is "", a value."""

    id: str = ""
    slot: int = 0
    value: Any = None


def origin_of_input(scope: Scope, node: Node, number: int, steps: int = 0) -> Origin | None:
    """What input ``number`` of ``node`` is linked to; None where nothing arrives."""
    socket = node.inputs[number]
    if socket.link is None:
        return None
    link = scope.sheet.links.get(socket.link)
    return None if link is None else _origin(scope, link, socket.type, steps)


def _origin(scope: Scope, link: Link, kind: Any, steps: int) -> Origin | None:
    if steps > _FARTHEST:
        raise StudioError(
            LINK_CIRCLE,
            "Reroutes, Set and Get nodes or bypassed nodes of this workflow lead in a circle."
            " Nothing was converted.",
            hint="Open the workflow in ComfyUI and cut the circle.",
        )
    if link.source == INPUT_SIDE:
        return _from_outside(scope, link.slot, steps)
    node = scope.sheet.nodes.get(link.source)
    return None if node is None else _output(scope, node, link.slot, kind, steps + 1)


def _from_outside(scope: Scope, number: int, steps: int) -> Origin | None:
    """What arrives at input ``number`` of the subgraph that ``scope`` is an instance of."""
    if scope.parent is None or scope.instance is None:
        return None
    if number >= len(scope.sheet.inputs):
        return None
    name = scope.sheet.inputs[number].name
    outer = next(
        (place for place, one in enumerate(scope.instance.inputs) if one.name == name), None
    )
    if outer is not None and scope.instance.inputs[outer].link is not None:
        return origin_of_input(scope.parent, scope.instance, outer, steps + 1)
    if number in scope.given:
        return Origin(value=scope.given[number])
    value = scope.inside(scope, number) if scope.inside is not None else None
    return None if value is None else Origin(value=value)


def _output(scope: Scope, node: Node, slot: int, kind: Any, steps: int) -> Origin | None:
    if node.mode == MUTED:
        return None
    if node.mode == BYPASSED:
        through = _bypass(node, slot, kind)
        return None if through is None else origin_of_input(scope, node, through, steps)
    if node.id in scope.inner:
        inside = scope.inner[node.id]
        link = inside.sheet.out_links.get(slot)
        return None if link is None else _origin(inside, link, kind, steps + 1)
    if node.type == REROUTE:
        return origin_of_input(scope, node, 0, steps) if node.inputs else None
    if node.type == GET:
        setter = _setter(scope, node)
        return None if setter is None else origin_of_input(setter[0], setter[1], 0, steps)
    if node.type == SET:
        return origin_of_input(scope, node, 0, steps) if node.inputs else None
    if node.type == PRIMITIVE:
        values = node.values
        if isinstance(values, list) and values:
            return Origin(value=values[0])
        return None
    return Origin(scope.id_of(node), slot)


def _bypass(node: Node, slot: int, kind: Any) -> int | None:
    """The input that a bypassed node hands through to output ``slot``."""
    if kind == "*":
        return slot if slot < len(node.inputs) else (0 if node.inputs else None)
    given = node.outputs[slot].type if slot < len(node.outputs) else kind
    if slot < len(node.inputs):
        same = node.inputs[slot]
        if types_fit(same.type, given) and types_fit(same.type, kind):
            return slot
    for exact in (True, False):
        for number, socket in enumerate(node.inputs):
            if exact:
                fits = socket.type == kind
            else:
                fits = types_fit(socket.type, given) and types_fit(socket.type, kind)
            if fits:
                return number
    return None


def _setter(scope: Scope, getter: Node) -> tuple[Scope, Node] | None:
    """The SetNode of the same name, here or in a sheet around this one."""
    name = getter.values[0] if isinstance(getter.values, list) and getter.values else None
    place: Scope | None = scope
    while place is not None:
        for node in place.sheet.nodes.values():
            if node.type == SET and isinstance(node.values, list) and node.values[:1] == [name]:
                return place, node
        place = place.parent
    return None
