"""The places of a graph that a person may want to fill: values, pictures, models, seeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ategnatos.engines.comfyui.graph.check_values import spelled
from ategnatos.engines.comfyui.graph.node_classes import Catalogue, Input, catalogue


@dataclass(frozen=True, slots=True)
class Slot:
    """One value of a graph. ``path`` is ``node.input``, as ``--set`` takes it.

    ``kind`` is the input's type, or "" where no class tells; ``allowed`` says in words what may
    stand there.
    """

    path: str
    class_type: str
    title: str
    kind: str
    value: Any
    allowed: str = ""
    role: str = ""

    def as_json(self) -> dict[str, Any]:
        """The slot as JSON values."""
        return asdict(self)


def slots(graph: Mapping[str, Any], object_info: Mapping[str, Any] | None = None) -> list[Slot]:
    """Every value of ``graph`` that is no link, in the order of its nodes."""
    return list(_slots(graph, catalogue(object_info or {})))


def _slots(graph: Mapping[str, Any], classes: Catalogue) -> Iterator[Slot]:
    for node, entry in graph.items():
        name = str(entry.get("class_type") or "")
        specs = classes[name].inputs if name in classes else {}
        title = str((entry.get("_meta") or {}).get("title") or name)
        for key, value in (entry.get("inputs") or {}).items():
            if isinstance(value, list):
                continue
            spec = specs.get(key)
            yield Slot(
                f"{node}.{key}",
                name,
                title,
                spec.kind if spec else "",
                value,
                _allowed(spec),
                _role(key, spec),
            )


def _allowed(spec: Input | None) -> str:
    if spec is None:
        return ""
    if spec.options is not None:
        return spelled(spec.options)
    low, high = spec.settings.get("min"), spec.settings.get("max")
    return f"{low} to {high}" if low is not None and high is not None else ""


def _role(key: str, spec: Input | None) -> str:
    """What the value is for, where the name or the class tells: seed, model, picture, words."""
    if key in {"seed", "noise_seed"}:
        return "seed"
    if spec is not None and spec.is_upload:
        return "picture"
    if spec is not None and spec.is_model:
        return "model"
    return "words" if key in {"text", "prompt"} else ""
