"""The editor's format as types: nodes, links, subgraph definitions.

Two forms of a link are in use: ``[id, from, slot, to, slot, type]`` and an object. In a subgraph
the node ids -10 and -20 stand for its own inputs and outputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ategnatos.grimoire.errors import ErrorCode, StudioError

WORKFLOW_UNREADABLE = ErrorCode(
    "workflow_unreadable", "The file is no ComfyUI workflow that can be read."
)

INPUT_SIDE = -10
OUTPUT_SIDE = -20
MUTED = 2
BYPASSED = 4


@dataclass(frozen=True, slots=True)
class Socket:
    """An input or output of a node. ``widget`` is the name of the field it belongs to, or ""."""

    name: str
    type: Any
    link: int | None = None
    widget: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """From output ``slot`` of node ``source`` to input ``target_slot`` of node ``target``."""

    source: int | str
    slot: int
    target: int | str
    target_slot: int
    type: Any


@dataclass(frozen=True, slots=True)
class Node:
    """One node of the editor."""

    id: int | str
    type: str
    mode: int
    title: str
    inputs: tuple[Socket, ...]
    outputs: tuple[Socket, ...]
    values: Any  # a list in the order of the widgets, an object by name, or None
    properties: Mapping[str, Any]
    named: Mapping[str, Any] | None = None  # the values by name, as the newest editors add them

    @property
    def is_off(self) -> bool:
        """Muted or bypassed."""
        return self.mode in (MUTED, BYPASSED)


@dataclass(frozen=True, slots=True)
class Sheet:
    """One canvas: the workflow itself, or the definition of a subgraph."""

    name: str
    nodes: dict[int | str, Node]
    links: dict[int | str, Link]
    inputs: tuple[Socket, ...] = ()
    outputs: tuple[Socket, ...] = ()
    # Links that end at the sheet's own outputs, by output number.
    out_links: dict[int, Link] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Document:
    """A workflow file: its canvas, and every subgraph it defines by id."""

    root: Sheet
    subgraphs: dict[str, Sheet]


def read(ui: Mapping[str, Any]) -> Document:
    """``ui`` as types. Raises StudioError (``workflow_unreadable``)."""
    try:
        definitions = (ui.get("definitions") or {}).get("subgraphs") or []
        subgraphs = {str(one["id"]): _sheet(one, str(one.get("name") or "")) for one in definitions}
        return Document(_sheet(ui, ""), subgraphs)
    except (KeyError, TypeError, IndexError, ValueError, AttributeError, OverflowError) as error:
        raise StudioError(
            WORKFLOW_UNREADABLE,
            f"The workflow cannot be read: {type(error).__name__} {error}. Nothing was converted.",
            hint="Open it in ComfyUI and save it again, or export it with Export (API).",
        ) from error


def _sheet(raw: Mapping[str, Any], name: str) -> Sheet:
    nodes = {_id(entry["id"]): _node(entry) for entry in raw["nodes"]}
    links: dict[int | str, Link] = {}
    for entry in raw.get("links") or ():
        if entry is None:
            continue
        if isinstance(entry, list):
            number, source, slot, target, target_slot = entry[:5]
            kind = entry[5] if len(entry) > 5 else "*"
        else:
            number, source, slot = entry["id"], entry["origin_id"], entry["origin_slot"]
            target, target_slot = entry["target_id"], entry["target_slot"]
            kind = entry.get("type", "*")
        links[_id(number)] = Link(_id(source), _slot(slot), _id(target), _slot(target_slot), kind)
    outputs = tuple(_socket(one) for one in raw.get("outputs") or ())
    ends: dict[int, Link] = {}
    for link in links.values():
        if link.target == OUTPUT_SIDE:
            ends[link.target_slot] = link
    inputs = tuple(_socket(one) for one in raw.get("inputs") or ())
    return Sheet(name, nodes, links, inputs, outputs, ends)


def _node(raw: Mapping[str, Any]) -> Node:
    values = raw.get("widgets_values")
    if not isinstance(values, list | dict | None):
        raise TypeError(f"the values of node {raw['id']} are neither a list nor an object")
    named = raw.get("widgets_values_named")
    properties = raw.get("properties")
    return Node(
        _id(raw["id"]),
        str(raw["type"]),
        int(raw.get("mode") or 0),
        str(raw.get("title") or ""),
        tuple(_socket(one) for one in raw.get("inputs") or ()),
        tuple(_socket(one) for one in raw.get("outputs") or ()),
        values,
        properties if isinstance(properties, dict) else {},
        named if isinstance(named, dict) else None,
    )


def _id(value: Any) -> int | str:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError(f"an id is {value!r}, neither a number nor text")
    return value


def _slot(value: Any) -> int:
    number = int(value)
    if number < 0:
        raise ValueError(f"a slot has the number {number}")
    return number


def _socket(raw: Mapping[str, Any]) -> Socket:
    widget = raw.get("widget") or {}
    if not isinstance(widget, dict):
        raise TypeError(f"the field of socket {raw.get('name')!r} is no object")
    link = raw.get("link")
    return Socket(
        str(raw.get("name") or ""),
        raw.get("type", "*"),
        link if isinstance(link, int) else None,
        str(widget.get("name") or raw.get("name") or "") if widget else "",
    )
