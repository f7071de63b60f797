"""The values of a node's fields, by name.

The editor saves values as a bare list in the order of its fields. That order is the order of the
class's inputs, with two kinds of slot in between that no input stands for: "control after
generate" behind a seed, and the button behind an upload. A list that cannot be laid over the
fields is refused: a silent shift by one makes a picture nobody asked for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ategnatos.engines.comfyui.graph.convert.document import Node
from ategnatos.engines.comfyui.graph.node_classes import Input, NodeClass
from ategnatos.grimoire.errors import ErrorCode, StudioError

WIDGETS_UNCLEAR = ErrorCode(
    "workflow_widgets_unclear", "The saved values of a node do not fit the fields of its class."
)

CONTROL = "control_after_generate"
# Slots that the editor saves for a kind of input it draws itself, a button's slot holding its name.
_DRAWN = {"LOAD_3D": ("upload3dmodel", "uploadExtraResources", "clear", "image")}
_NAMED_BUTTONS = frozenset({"upload3dmodel", "uploadExtraResources", "clear"})
# Fields of the editor that the server never gets, and what their slots hold.
_NEVER_SENT = frozenset({CONTROL, "upload", "audioUI", "videopreview"})
_BUTTONS = ("image", "", "fixed", "randomize", "increment", "decrement")
_END = object()
_CONTROL_WORDS = frozenset({"fixed", "increment", "decrement", "randomize", "increment-wrap"})


@dataclass(frozen=True, slots=True)
class Field:
    """One slot in a node's list of values. ``sent`` is false for what the server never gets."""

    name: str
    spec: Input | None
    sent: bool = True


def values_of(node: Node, known: NodeClass | None) -> dict[str, Any]:
    """The field values of ``node`` by input name.

    ``known`` is its class; without it the node's own sockets tell the names. Raises StudioError
    (``workflow_widgets_unclear``).
    """
    if isinstance(node.values, Mapping):
        found = _by_name(node.values, known)
    elif node.named is not None and (known is None or known.has_dynamic_inputs):
        # The list counts, as in the editor; the names beside it may be those of older values.
        values = list(node.values or ())
        same = len(values) == len(node.named)
        found = _by_name(dict(zip(node.named, values, strict=True)) if same else node.named, known)
    else:
        values = list(node.values or ())
        if known is not None:
            values = _without_forced(values, known)
        laid = _lay(node, _fields(node, known), values)
        found = {field.name: value for field, value in laid if field.sent}
    if known is not None:
        for name, spec in known.inputs.items():
            if name not in found and spec.is_widget and spec.default is not None:
                found[name] = spec.default
    return found


def nameless(node: Node, known: NodeClass | None) -> int:
    """How many saved values nothing gives a name to: neither the class nor the file."""
    if known is not None or node.named is not None or not isinstance(node.values, list):
        return 0
    laid = _lay(node, _fields(node, None), node.values)
    rest = node.values[len(laid) :]
    return sum(value is not None and value not in _BUTTONS for value in rest)


def _by_name(named: Mapping[str, Any], known: NodeClass | None) -> dict[str, Any]:
    if known is None or known.has_dynamic_inputs:
        return {key: value for key, value in named.items() if key not in _NEVER_SENT}
    return {key: value for key, value in named.items() if key in known.inputs}


def _fields(node: Node, known: NodeClass | None) -> list[Field]:
    if known is None:
        fields = []
        for socket in node.inputs:
            if not socket.widget:
                continue
            fields.append(Field(socket.widget, None))
            if socket.type == "INT" and socket.widget in {"seed", "noise_seed"}:
                fields.append(Field(CONTROL, None, sent=False))
        return fields
    return _fields_of(known.inputs.values())


def _fields_of(inputs: Iterable[Input]) -> list[Field]:
    fields = []
    for spec in inputs:
        if not spec.is_widget:
            fields += [Field(name, None, sent=False) for name in _DRAWN.get(spec.kind, ())]
            continue
        fields.append(Field(spec.name, spec))
        if spec.is_seed:
            fields.append(Field(CONTROL, None, sent=False))
        if spec.is_upload:
            fields.append(Field("upload", None, sent=False))
    return fields


def _without_forced(values: list[Any], known: NodeClass) -> list[Any]:
    """Older editors saved a value for inputs that are sockets only (``forceInput``)."""
    slots: list[bool] = []
    for spec in known.inputs.values():
        forced = bool(spec.settings.get("forceInput"))
        if forced or spec.is_widget:
            slots += [forced, False] if spec.is_seed and not forced else [forced]
    if any(slots) and len(slots) == len(values):
        return [value for value, forced in zip(values, slots, strict=True) if not forced]
    return values


def _lay(node: Node, fields: list[Field], values: list[Any]) -> list[tuple[Field, Any]]:
    """Put values to fields, in order; a list that fits nowhere is refused.

    Files from before "control after generate" have no slot for it, so that field is passed over
    where its value cannot be one. Values beyond the last field are left: the class lost inputs.
    """
    pairs: list[tuple[Field, Any]] = []
    rest = iter(values)
    value = next(rest, _END)
    waiting = deque(fields)
    while waiting and value is not _END:
        field = waiting.popleft()
        if field.spec is None and not field.sent and not _fits(field, value):
            continue
        if not _fits(field, value):
            raise _unclear(node, field.name, len(values))
        pairs.append((field, value))
        if field.spec is not None:
            # A choice that brings fields of its own has them right behind it.
            waiting.extendleft(reversed(_fields_of(field.spec.inside(value).values())))
        value = next(rest, _END)
    return pairs


def _unclear(node: Node, name: str, count: int) -> StudioError:
    return StudioError(
        WIDGETS_UNCLEAR,
        f"Node {node.id} ({node.type}) was saved with {count} values, which do not fit the"
        f" fields of its class (first at {name}). It was not converted: a value in the wrong"
        " field would make another picture.",
        hint="Open the workflow in the ComfyUI it is for and save it again.",
        node=str(node.id),
        class_type=node.type,
        input=name,
    )


def _fits(field: Field, value: Any) -> bool:
    if field.name == CONTROL and field.spec is None:
        return isinstance(value, bool) or value is None or value in _CONTROL_WORDS
    if field.name in _NAMED_BUTTONS and not field.sent:
        return bool(value == field.name)
    if field.spec is None or value is None:
        return True
    kind = field.spec.kind
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind in ("INT", "FLOAT"):
        return number or (isinstance(value, str) and _reads_as_number(value))
    if kind == "BOOLEAN":
        return isinstance(value, bool) or value in (0, 1, "true", "false", "enable", "disable")
    if kind == "STRING":
        return isinstance(value, str) or number
    return not isinstance(value, bool) or bool(field.spec.options and value in field.spec.options)


def _reads_as_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
