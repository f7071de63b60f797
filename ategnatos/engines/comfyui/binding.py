"""Where a workflow of anybody's holds what a request says: prompt, seed, steps, size, model.

Found by what ComfyUI's own nodes call their inputs, and by following links from the sampler to
the texts. What a workflow does not hold cannot be asked of it, and is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ategnatos.engines.comfyui.following import Graph


Slot = tuple[str, str]
"""A node's id and the name of its input."""

_SEEDS = ("seed", "noise_seed")
_TEXTS = ("text", "prompt", "text_g", "clip_l", "t5xxl")
_MODELS = ("ckpt_name", "unet_name", "model_name", "diffusion_name")
_PLAIN = {
    "steps": "steps",
    "cfg": "cfg",
    "sampler": "sampler_name",
    "strength": "denoise",
    "scheduler": "scheduler",
}


@dataclass(slots=True)
class Binding:
    """The slots of one workflow. A field of a request may stand in several nodes."""

    slots: dict[str, list[Slot]] = field(default_factory=dict)

    def holds(self, name: str) -> bool:
        """Whether the workflow has an input for ``name``."""
        return bool(self.slots.get(name))

    def read(self, graph: Graph, name: str) -> Any:
        """The value that stands in the workflow, None where there is no slot."""
        found = self.slots.get(name)
        return None if not found else graph[found[0][0]]["inputs"][found[0][1]]

    def differs(self, graph: Graph, name: str) -> bool:
        """Whether several nodes hold ``name`` with different values."""
        values = [graph[node]["inputs"][key] for node, key in self.slots.get(name, ())]
        return any(value != values[0] for value in values)


def bind(graph: Graph) -> Binding:
    """Find the slots of ``graph``."""
    found = Binding()
    for node, spec in graph.items():
        inputs = spec.get("inputs") or {}
        class_type = str(spec.get("class_type", ""))
        for name, key in _PLAIN.items():
            if _literal(inputs, key) and (key != "denoise" or "Sampl" in class_type + "Scheduler"):
                found.slots.setdefault(name, []).append((node, key))
        for key in _SEEDS:
            if isinstance(inputs.get(key), int) and not isinstance(inputs.get(key), bool):
                found.slots.setdefault("seed", []).append((node, key))
        for key in _MODELS:
            if isinstance(inputs.get(key), str) and "Upscale" not in class_type:
                found.slots.setdefault("model", []).append((node, key))
        sized = isinstance(inputs.get("width"), int) and isinstance(inputs.get("height"), int)
        if sized and class_type.startswith("Empty"):
            found.slots.setdefault("width", []).append((node, "width"))
            found.slots.setdefault("height", []).append((node, "height"))
        if class_type == "LoadImage" and isinstance(inputs.get("image"), str):
            found.slots.setdefault("init", []).append((node, "image"))
        if isinstance(inputs.get("filename_prefix"), str):
            found.slots.setdefault("prefix", []).append((node, "filename_prefix"))
    for name, side in (("prompt", "positive"), ("negative", "negative")):
        slot = _text_behind(graph, side)
        if slot is not None:
            found.slots[name] = [slot]
    if found.slots.get("negative") == found.slots.get("prompt"):
        found.slots.pop("negative", None)
    if not found.holds("prompt"):
        texts = list(_encoders(graph))
        if len(texts) == 1:
            found.slots["prompt"] = texts
    return found


def put(graph: Graph, binding: Binding, values: dict[str, Any]) -> Graph:
    """A copy of ``graph`` with ``values`` in their slots."""
    changed = deepcopy(graph)
    for name, value in values.items():
        for node, key in binding.slots.get(name, ()):
            changed[node]["inputs"][key] = value
    return changed


def _literal(inputs: dict[str, Any], key: str) -> bool:
    return isinstance(inputs.get(key), int | float | str) and not isinstance(inputs[key], bool)


def _text_behind(graph: Graph, side: str) -> Slot | None:
    """The text that a sampler's ``positive`` or ``negative`` comes from."""
    for spec in graph.values():
        inputs = spec.get("inputs") or {}
        link = inputs.get(side)
        if link is None and side == "positive" and "Guider" in str(spec.get("class_type", "")):
            link = inputs.get("conditioning")
        if isinstance(link, list) and len(link) == 2:
            slot = _upstream_text(graph, str(link[0]), side)
            if slot is not None:
                return slot
    return None


def _upstream_text(graph: Graph, start: str, side: str) -> Slot | None:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        node = waiting.pop(0)
        if node in seen or node not in graph:
            continue
        seen.add(node)
        inputs = graph[node].get("inputs") or {}
        for key in _TEXTS:
            if isinstance(inputs.get(key), str):
                return node, key
        if graph[node].get("class_type") == "ConditioningZeroOut":
            # What is zeroed out is no text of this side.
            continue
        links = {key: value for key, value in inputs.items() if isinstance(value, list)}
        # A node with both sides (ControlNet) hands each of them on under its own name.
        chosen = [links[side]] if side in links else list(links.values())
        waiting += [str(link[0]) for link in chosen if len(link) == 2]
    return None


def _encoders(graph: Graph) -> Iterator[Slot]:
    for node, spec in graph.items():
        inputs = spec.get("inputs") or {}
        if "TextEncode" in str(spec.get("class_type", "")) and isinstance(inputs.get("text"), str):
            yield node, "text"
