"""The walk from an output to everything it depends on: links, slots, types, loops.

The server walks the same way and says the least about what it meets: a loop is refused without
a word, a link to a node that is not there is blamed on its neighbour.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ategnatos.engines.comfyui.graph.check_values import check_value, nearest
from ategnatos.engines.comfyui.graph.findings import Effect, Finding
from ategnatos.engines.comfyui.graph.node_classes import Catalogue, Input, types_fit


class Walk:
    """Findings of every node that outputs depend on, each node looked at once."""

    def __init__(self, graph: Mapping[str, Any], classes: Catalogue) -> None:
        self._graph = graph
        self._classes = classes
        self._own: dict[str, list[Finding]] = {}
        self._sources: dict[str, list[str]] = {}

    @property
    def reached(self) -> set[str]:
        """Every node that an output asked for so far depends on, outputs included."""
        return set(self._own)

    def findings_for(self, output: str) -> list[Finding]:
        """What is wrong with ``output`` and all it depends on."""
        found: list[Finding] = []
        state: dict[str, int] = {}  # 1: on the way, 2: done
        stack: list[tuple[str, int]] = [(output, 0)]
        path: list[str] = []
        while stack:
            node, index = stack.pop()
            if index == 0:
                if state.get(node) == 2:
                    continue
                state[node] = 1
                path.append(node)
                found += self._look_at(node)
            sources = self._sources[node]
            if index < len(sources):
                stack.append((node, index + 1))
                source = sources[index]
                if state.get(source) == 1:
                    found.append(self._loop(path[path.index(source) :]))
                elif state.get(source) is None:
                    stack.append((source, 0))
            else:
                state[node] = 2
                path.pop()
        return found

    def _look_at(self, node: str) -> list[Finding]:
        if node not in self._own:
            self._sources[node] = []
            self._own[node] = self._examine(node)
        return self._own[node]

    def _examine(self, node: str) -> list[Finding]:
        entry = self._graph[node]
        name = entry["class_type"]
        inputs = entry.get("inputs")
        if not isinstance(inputs, Mapping):
            return [
                Finding(
                    "inputs_missing",
                    Effect.REFUSED,
                    'The node has no "inputs" object.',
                    node=node,
                    class_type=name,
                    allowed='an object, which may be empty: "inputs": {}',
                    mend='Write "inputs": {} into the node.',
                )
            ]
        found: list[Finding] = []
        specs = self._classes[name].inputs
        for spec in specs.values():
            if spec.name not in inputs:
                if spec.required and not spec.kind.startswith("COMFY_"):
                    found.append(_missing(node, name, spec))
                continue
            value = inputs[spec.name]
            if isinstance(value, list):
                found += self._link(node, name, spec, value)
            else:
                found += check_value(node, name, spec, value)
        if not self._classes[name].has_dynamic_inputs:
            found += [_unknown_input(node, name, key, specs) for key in inputs if key not in specs]
        else:
            for key, value in inputs.items():
                if key not in specs and _is_link(value) and value[0] in self._graph:
                    self._sources[node].append(value[0])
        return found

    def _link(self, node: str, name: str, spec: Input, value: list[Any]) -> list[Finding]:
        where: dict[str, Any] = {
            "node": node,
            "class_type": name,
            "input": spec.name,
            "given": value,
        }
        if len(value) != 2:
            return [
                Finding(
                    "bad_link",
                    Effect.REFUSED,
                    f"{spec.name} holds a list of {len(value)}; a list is read as a link, and a"
                    " link has two members: the node's id and the number of its output.",
                    allowed='["4", 0], or {"__value__": [...]} for a list that is a value',
                    nearest=value[:2] if len(value) > 2 else None,
                    mend='Write ["id", slot], or wrap a list of values: {"__value__": [...]}.',
                    **where,
                )
            ]
        source, slot = value
        if not isinstance(source, str) or source not in self._graph:
            known = str(source) if str(source) in self._graph else nearest(source, self._graph)
            return [
                Finding(
                    "link_to_nothing",
                    Effect.REFUSED,
                    f"{spec.name} is linked to node {source!r}, which is not in the graph."
                    + ("" if isinstance(source, str) else " Node ids in links are text."),
                    allowed="the id of a node of this graph, as text",
                    nearest=known,
                    mend=f"Link {spec.name} to a node that gives {spec.kind}.",
                    **where,
                )
            ]
        giver = self._classes[self._graph[source]["class_type"]]
        giving = [f"{i} ({given})" for i, given in enumerate(giver.outputs)]
        if isinstance(slot, bool) or not isinstance(slot, int):
            good = False
        else:
            good = -len(giver.outputs) <= slot < len(giver.outputs)
        if not good:
            return [
                Finding(
                    "no_such_slot",
                    Effect.REFUSED,
                    f"{spec.name} is linked to output {slot!r} of node {source}"
                    f" ({giver.name}), which has {len(giver.outputs)}.",
                    allowed=", ".join(giving) or "none: that node gives nothing",
                    nearest=_slot_of_type(giver.outputs, spec.kind),
                    mend=f"Use the output of {giver.name} that gives {spec.kind}.",
                    **where,
                )
            ]
        given = giver.outputs[slot]
        if not types_fit(_type_of(given), spec.kind):
            return [
                Finding(
                    "types_differ",
                    Effect.REFUSED,
                    f"{spec.name} takes {spec.kind}; output {slot} of node {source}"
                    f" ({giver.name}) gives {_type_of(given)}.",
                    allowed=f"an output of type {spec.kind}; {giver.name} gives"
                    f" {', '.join(giving)}",
                    nearest=_slot_of_type(giver.outputs, spec.kind),
                    mend=f"Link {spec.name} to a node that gives {spec.kind}.",
                    **where,
                )
            ]
        self._sources[node].append(source)
        return []

    def _loop(self, path: list[str]) -> Finding:
        names = [f"{node} ({self._graph[node]['class_type']})" for node in [*path, path[0]]]
        return Finding(
            "loop",
            Effect.REFUSED,
            f"These nodes wait for one another in a circle: {' <- '.join(names)}.",
            node=path[0],
            class_type=str(self._graph[path[0]]["class_type"]),
            allowed="links that never lead back",
            mend="Take one of these links out.",
        )


def _missing(node: str, name: str, spec: Input) -> Finding:
    fill = f"a link to a {spec.kind} output" if not spec.is_widget else repr(spec.default)
    return Finding(
        "input_missing",
        Effect.REFUSED,
        f"The required input {spec.name} ({spec.kind}) is missing.",
        node=node,
        class_type=name,
        input=spec.name,
        allowed=fill,
        nearest=spec.default if spec.is_widget else None,
        mend=f"Give {spec.name}: {fill}.",
    )


def _unknown_input(node: str, name: str, key: str, specs: Mapping[str, Input]) -> Finding:
    close = nearest(key, specs)
    return Finding(
        "input_unknown",
        Effect.NOTE,
        f"{name} has no input {key}; the server ignores it."
        + (f" Did you mean {close}?" if close else ""),
        node=node,
        class_type=name,
        input=key,
        allowed=", ".join(specs),
        nearest=close,
    )


def _is_link(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str)


def _type_of(given: Any) -> Any:
    return "COMBO" if isinstance(given, list | tuple) else given


def _slot_of_type(outputs: tuple[Any, ...], kind: str) -> int | None:
    for index, given in enumerate(outputs):
        if types_fit(_type_of(given), kind):
            return index
    return None
