"""What differs between two graphs, in the words of their nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Graph = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. ``kind``: added, removed, class, value, link."""

    kind: str
    node: str
    class_type: str
    input: str = ""
    before: Any = None
    after: Any = None

    @property
    def words(self) -> str:
        """The change as one line."""
        place = f"{self.node} ({self.class_type})"
        if self.kind in ("added", "removed"):
            return f"{self.kind}: {place}"
        if self.kind == "class":
            return f"class of {self.node}: {self.before} -> {self.after}"
        return f"{place}.{self.input}: {_shown(self.before)} -> {_shown(self.after)}"


def diff(before: Graph, after: Graph) -> list[Change]:
    """Every difference between two API graphs, nodes matched by what they are, then by id.

    A node that only got another id is no difference.
    """
    names = _matched(before, after)
    taken = set(names.values())
    changes = [
        Change("removed", node, before[node]["class_type"]) for node in before if node not in names
    ]
    changes += [
        Change("added", node, after[node]["class_type"]) for node in after if node not in taken
    ]
    for node, other in names.items():
        changes += _node(node, before[node], after[other], names)
    return changes


def _matched(before: Graph, after: Graph) -> dict[str, str]:
    """Which node of ``after`` each node of ``before`` became."""
    names = {
        node: node
        for node in before
        if node in after and before[node]["class_type"] == after[node]["class_type"]
    }
    free = [node for node in after if node not in names.values()]
    for node in before:
        if node in names:
            continue
        same = [one for one in free if after[one]["class_type"] == before[node]["class_type"]]
        same.sort(key=lambda one: -_alike(before[node], after[one]))
        if same:
            names[node] = same[0]
            free.remove(same[0])
        elif node in free:
            names[node] = node
            free.remove(node)
    return names


def _alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> int:
    left, right = one.get("inputs") or {}, other.get("inputs") or {}
    return sum(
        key in right and right[key] == value
        for key, value in left.items()
        if not isinstance(value, list)
    )


def _node(
    node: str, one: Mapping[str, Any], other: Mapping[str, Any], names: Mapping[str, str]
) -> list[Change]:
    name = str(one["class_type"])
    found = []
    if one["class_type"] != other["class_type"]:
        found.append(Change("class", node, name, "", one["class_type"], other["class_type"]))
    left, right = one.get("inputs") or {}, other.get("inputs") or {}
    for key in [*left, *(key for key in right if key not in left)]:
        a, b = left.get(key), right.get(key)
        kind = "link" if isinstance(a, list) or isinstance(b, list) else "value"
        followed = [names.get(a[0], a[0]), *a[1:]] if isinstance(a, list) and a else a
        if followed != b or isinstance(followed, bool) != isinstance(b, bool):
            found.append(Change(kind, node, name, key, a, b))
    return found


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, list) and len(value) == 2:
        return f"node {value[0]} output {value[1]}"
    text = repr(value)
    return text if len(text) < 80 else f"{text[:77]}..."
