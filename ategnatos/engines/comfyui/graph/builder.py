"""Build a graph node by node, so that a wrong one cannot be built.

A node is added by its class and its inputs; what comes back are its outputs, each knowing its
type. A link of the wrong type, a value out of range or list, a missing or unknown input and a
class that the server lacks are refused at that line, not when the graph is sent. A loop cannot
be built: an output exists only after its node.

    build = Builder(object_info)
    model, clip, vae = build.node("CheckpointLoaderSimple", ckpt_name="sd_xl_base_1.0.safetensors")
    words = build.node("CLIPTextEncode", clip=clip, text="a lighthouse").only
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ategnatos.engines.comfyui.graph.check_values import check_value, nearest
from ategnatos.engines.comfyui.graph.findings import Effect, Finding
from ategnatos.engines.comfyui.graph.node_classes import (
    Catalogue,
    Input,
    NodeClass,
    catalogue,
    types_fit,
)
from ategnatos.grimoire.errors import ErrorCode, StudioError

CANNOT_BUILD = ErrorCode("graph_cannot_build", "A node cannot be built as it was asked for.")


@dataclass(frozen=True, slots=True)
class Out:
    """One output of a built node. ``type`` is what it gives, such as ``MODEL``."""

    node: str
    slot: int
    type: str
    builder: Builder = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Built:
    """A built node: its outputs in order, by unpacking or by name."""

    id: str
    outputs: tuple[Out, ...]
    names: tuple[str, ...]

    def __iter__(self) -> Iterator[Out]:
        return iter(self.outputs)

    def __getitem__(self, slot: int) -> Out:
        return self.outputs[slot]

    @property
    def only(self) -> Out:
        """The single output. Raises StudioError (``graph_cannot_build``) where there are others."""
        if len(self.outputs) != 1:
            raise _refused(f"Node {self.id} has {len(self.outputs)} outputs, not one.", "", self.id)
        return self.outputs[0]

    def named(self, name: str) -> Out:
        """The output called ``name``. Raises StudioError (``graph_cannot_build``)."""
        if name not in self.names:
            known = ", ".join(self.names) or "none"
            raise _refused(f"Node {self.id} has no output {name!r}; it has: {known}.", "", self.id)
        return self.outputs[self.names.index(name)]


class Builder:
    """A graph in the making. ``object_info`` is the server's answer or a catalogue."""

    def __init__(self, object_info: Mapping[str, Any]) -> None:
        self._classes: Catalogue = catalogue(object_info)
        self._graph: dict[str, dict[str, Any]] = {}
        self._has_output = False

    def node(
        self, class_type: str, *, id: str | None = None, title: str = "", **inputs: Any
    ) -> Built:
        """Add a node. An input is an :class:`Out` or a value; those with a default may be left out.

        Raises StudioError (``graph_cannot_build``) and adds nothing.
        """
        if class_type not in self._classes:
            close = nearest(class_type, self._classes)
            raise _refused(
                f"The server has no node class {class_type!r}."
                + (f" Did you mean {close!r}?" if close else ""),
                class_type,
            )
        known = self._classes[class_type]
        name = id or str(len(self._graph) + 1)
        if name in self._graph:
            raise _refused(f"There is a node {name!r} already.", class_type, name)
        made = {key: self._input(known, name, key, value) for key, value in inputs.items()}
        for spec in known.inputs.values():
            if spec.name in made or not spec.required:
                continue
            if not spec.is_widget or spec.default is None:
                wanted = f"a link to a {spec.kind} output" if not spec.is_widget else "a value"
                raise _refused(f"{class_type} needs {spec.name}: {wanted}.", class_type, name)
            made[spec.name] = spec.default
        self._graph[name] = {
            "class_type": class_type,
            "inputs": made,
            "_meta": {"title": title or known.title},
        }
        self._has_output = self._has_output or known.is_output
        outputs = tuple(
            Out(name, slot, given if isinstance(given, str) else "COMBO", self)
            for slot, given in enumerate(known.outputs)
        )
        return Built(name, outputs, known.output_names)

    def graph(self) -> dict[str, dict[str, Any]]:
        """The graph. Raises StudioError (``graph_cannot_build``) where nothing is saved."""
        if not self._has_output:
            raise _refused("No node of this graph saves or shows anything.", "")
        return self._graph

    def _input(self, known: NodeClass, node: str, key: str, value: Any) -> Any:
        spec = known.inputs.get(key)
        if spec is None:
            if known.has_dynamic_inputs:
                return [value.node, value.slot] if isinstance(value, Out) else value
            close = nearest(key, known.inputs)
            raise _refused(
                f"{known.name} has no input {key!r}."
                + (
                    f" Did you mean {close!r}?" if close else f" It has: {', '.join(known.inputs)}."
                ),
                known.name,
                node,
            )
        if isinstance(value, Out):
            return self._link(spec, known.name, node, value)
        if isinstance(value, list):
            value = {"__value__": value}
        wrong = next(
            (one for one in check_value(node, known.name, spec, value) if _stops(one)), None
        )
        if wrong is not None:
            raise _refused(f"{known.name}: {wrong.message}", known.name, node, wrong.allowed)
        return value

    def _link(self, spec: Input, class_type: str, node: str, value: Out) -> list[Any]:
        if value.builder is not self:
            raise _refused(
                f"{class_type}.{spec.name} is given an output of another graph.", class_type, node
            )
        if not types_fit(value.type, spec.kind):
            raise _refused(
                f"{class_type}.{spec.name} takes {spec.kind}; output {value.slot} of node"
                f" {value.node} gives {value.type}.",
                class_type,
                node,
                f"an output of type {spec.kind}",
            )
        return [value.node, value.slot]


def _stops(one: Finding) -> bool:
    # What the server would silently take for something else is a mistake here, too.
    return one.blocks or one.effect is Effect.CHANGED


def _refused(message: str, class_type: str, node: str = "", allowed: str = "") -> StudioError:
    return StudioError(
        CANNOT_BUILD,
        f"{message} The node was not added.",
        hint=f"Allowed: {allowed}."
        if allowed
        else "See what the class takes: ategnatos studio"
        " workflow slots FILE, or the node in ComfyUI.",
        class_type=class_type,
        node=node,
    )
