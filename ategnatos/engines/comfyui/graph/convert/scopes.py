"""Subgraphs unfolded: one scope for each instance, with the values that its instance carries.

A node inside gets the id ``outer:inner``. An instance keeps its own values for the fields that
the subgraph offers, in the order of the subgraph's inputs; the values inside are stale defaults.
Older files name the fields offered in ``properties.proxyWidgets`` and keep the values inside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ategnatos.engines.comfyui.graph.convert.document import (
    INPUT_SIDE,
    Document,
    Node,
    Sheet,
)
from ategnatos.grimoire.errors import ErrorCode, StudioError

SUBGRAPH_LOOP = ErrorCode("workflow_subgraph_loop", "A subgraph contains itself.")

_DEEPEST = 32


@dataclass(slots=True)
class Scope:
    """One sheet in use. ``given`` holds the instance's value of each field it offers."""

    sheet: Sheet
    path: tuple[str, ...] = ()
    parent: Scope | None = None
    instance: Node | None = None
    given: dict[int, Any] = field(default_factory=dict)
    # What a field inside says where the instance says nothing, by number; filled when asked.
    inside: Callable[[Scope, int], Any] | None = None
    inner: dict[int | str, Scope] = field(default_factory=dict)

    def id_of(self, node: Node) -> str:
        """The id of ``node`` in the graph that is sent."""
        return ":".join((*self.path, str(node.id)))

    def walk(self) -> Iterator[tuple[Scope, Node]]:
        """Every node that runs, subgraphs entered in place; muted and bypassed ones left out."""
        for node in self.sheet.nodes.values():
            if node.is_off:
                continue
            if node.id in self.inner:
                yield from self.inner[node.id].walk()
            else:
                yield self, node


def unfold(document: Document, inside: Callable[[Scope, int], Any]) -> Scope:
    """The scope of the whole workflow. ``inside`` tells what a field in a subgraph says itself.

    Raises StudioError (``workflow_subgraph_loop``).
    """
    return _unfold(document, Scope(document.root, inside=inside), ())


def _unfold(document: Document, scope: Scope, entered: tuple[str, ...]) -> Scope:
    for node in scope.sheet.nodes.values():
        sheet = document.subgraphs.get(node.type)
        if sheet is None:
            continue
        if node.type in entered or len(entered) > _DEEPEST:
            raise StudioError(
                SUBGRAPH_LOOP,
                f"The subgraph {sheet.name!r} contains itself. Nothing was converted.",
                hint="Open the workflow in ComfyUI and take that node out of its own subgraph.",
                subgraph=sheet.name,
            )
        path = (*scope.path, str(node.id))
        unfolded = Scope(sheet, path, scope, node, _given(node, sheet), scope.inside)
        scope.inner[node.id] = _unfold(document, unfolded, (*entered, node.type))
    return scope


def _given(node: Node, sheet: Sheet) -> dict[int, Any]:
    """The instance's own values by number of the subgraph input."""
    values = node.values
    if not isinstance(values, list) or not values:
        return {}
    offered = [number for number in range(len(sheet.inputs)) if field_of(sheet, number)]
    return dict(zip(offered, values, strict=False))


def field_of(sheet: Sheet, number: int) -> tuple[Node, str] | None:
    """The first field that subgraph input ``number`` stands for: its node and its name."""
    for link in sheet.links.values():
        target = sheet.nodes.get(link.target)
        if link.source != INPUT_SIDE or link.slot != number or target is None:
            continue
        if link.target_slot < len(target.inputs) and target.inputs[link.target_slot].widget:
            return target, target.inputs[link.target_slot].widget
    return None
