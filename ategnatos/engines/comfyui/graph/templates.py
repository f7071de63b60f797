"""From a template, a family and parameters to the graph that is sent. Pure.

A node of a template is a node of the graph, with these marks:

- ``{"$": "steps"}`` stands for a parameter, ``{"$": "each.name"}`` for a member of a list.
- ``"if"``: a parameter that must hold something, or ``{"parameter": "value"}``. A node left out
  hands its inputs on as ``"through": {"0": "model"}`` says, or ``"else"`` stands in its place.
- ``"chain": "loras"``: one node for each member of that list, each linked behind the last.
- ``"copies": "strengths"``: one node for each member, side by side with its fellow copies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ategnatos.engines.comfyui.graph.preflight import version_number
from ategnatos.engines.comfyui.graph.template_values import filled
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.knowledge import families
from ategnatos.knowledge import templates as data

TASK_UNKNOWN = ErrorCode("family_task_unknown", "The family has no template for that task.")

Graph = dict[str, dict[str, Any]]


@dataclass(slots=True)
class Rendered:
    """A graph ready to be checked and sent, and the exact parameters it was made from.

    ``min_comfyui`` is the newer of what the template's nodes and the model need.
    """

    graph: Graph
    template: data.Template
    variant: families.Variant | None
    parameters: dict[str, Any]
    min_comfyui: str
    warnings: list[str] = field(default_factory=list)


def render(
    template: str | data.Template,
    family: str | families.Variant | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> Rendered:
    """The graph of ``template`` for ``family`` with ``parameters``.

    ``template`` is a template's name, or a task (``txt2img``) that the family has a template
    for. Raises StudioError: ``template_unknown``, ``family_unknown``, ``family_task_unknown``,
    ``template_parameter_unknown``, ``template_parameter_missing``, ``template_parameter_wrong``.
    """
    variant = families.find(family) if isinstance(family, str) else family
    found = template if isinstance(template, data.Template) else named(template, variant)
    values, warnings = filled(found, variant, parameters or {})
    graph = _Rendering(found, values).graph()
    needed = [found.min_comfyui, *([variant.min_comfyui] if variant else [])]
    return Rendered(graph, found, variant, values, max(needed, key=version_number), warnings)


def named(name: str, variant: families.Variant | None = None) -> data.Template:
    """The template called ``name``, or the one that ``variant`` uses for the task ``name``.

    Raises StudioError (``template_unknown``, ``family_task_unknown``).
    """
    if variant is not None and name in variant.templates:
        return data.template(variant.templates[name])
    if name in data.names():
        return data.template(name)
    tasks = {data.template(one).task for one in data.names()}
    if variant is not None and name in tasks:
        raise StudioError(
            TASK_UNKNOWN,
            f"{variant.title} has no template for {name!r}; nothing was made.",
            hint=f"It has: {', '.join(variant.templates) or 'none'}. See 'ategnatos studio workflow"
            " list' for the others.",
            family=variant.key,
            tasks=list(variant.templates),
        )
    return data.template(name)


class _Rendering:
    """One rendering: which nodes there are, and what their links mean then."""

    def __init__(self, template: data.Template, values: Mapping[str, Any]) -> None:
        self._values = values
        self._specs: dict[str, Mapping[str, Any]] = {}
        self._left_out: dict[str, Mapping[str, Any]] = {}
        for name, spec in template.nodes.items():
            if self._holds(spec.get("if")):
                self._specs[name] = spec
            elif "else" in spec:
                self._specs[name] = spec["else"]
            else:
                self._left_out[name] = spec

    def graph(self) -> Graph:
        made: Graph = {}
        for name, spec in self._specs.items():
            members = self._members(spec)
            if members is None:
                made[name] = self._node(spec, None, 0, "")
            elif "chain" in spec:
                for number, member in enumerate(members):
                    made[f"{name}_{number + 1}"] = self._node(spec, member, number, name)
            else:
                for number, member in enumerate(members):
                    made[f"{name}_{number + 1}"] = self._node(spec, member, number, "")
        return made

    def _members(self, spec: Mapping[str, Any]) -> Sequence[Any] | None:
        listed = spec.get("chain") or spec.get("copies")
        return None if listed is None else list(self._values[listed] or ())

    def _holds(self, condition: Any) -> bool:
        if condition is None:
            return True
        if isinstance(condition, str):
            return self._values.get(condition) not in (None, "", False, [], ())
        return all(self._values.get(name) == wanted for name, wanted in condition.items())

    def _node(
        self, spec: Mapping[str, Any], member: Any, number: int, chain: str
    ) -> dict[str, Any]:
        inputs = {}
        for name, value in spec["inputs"].items():
            if chain and number and name in spec["through"].values():
                slot = next(int(s) for s, other in spec["through"].items() if other == name)
                inputs[name] = [f"{chain}_{number}", slot]
                continue
            made = self._value(value, member, number, spec.get("copies"))
            if made is not None:
                inputs[name] = made
        kind = self._value(spec["class_type"], member, number, None)
        return {"class_type": kind, "inputs": inputs, "_meta": {"title": spec.get("title", kind)}}

    def _value(self, value: Any, member: Any, number: int, copies: str | None) -> Any:
        if isinstance(value, Mapping) and "$" in value:
            name = str(value["$"])
            if name == "each":
                return member
            if name.startswith("each."):
                return member.get(name.removeprefix("each."))
            return self._values[name]
        if isinstance(value, list) and len(value) == 2 and isinstance(value[0], str):
            return self._link(value[0], int(value[1]), number, copies)
        return value

    def _link(self, node: str, slot: int, number: int, copies: str | None) -> list[Any] | None:
        """Where a link to ``node`` leads now that some nodes are left out or are many."""
        if node in self._left_out:
            return self._through(self._left_out[node], slot, number, copies)
        spec = self._specs[node]
        members = self._members(spec)
        if members is None:
            return [node, slot]
        if spec.get("copies") and spec["copies"] == copies:
            return [f"{node}_{number + 1}", slot]
        if not members:
            return self._through(spec, slot, number, copies)
        return [f"{node}_{len(members)}", slot]

    def _through(
        self, spec: Mapping[str, Any], slot: int, number: int, copies: str | None
    ) -> list[Any] | None:
        inside = (spec.get("through") or {}).get(str(slot))
        if inside is None:
            return None
        link = spec["inputs"][inside]
        return self._link(link[0], int(link[1]), number, copies)
