"""Would the server run this graph, all of it, as written? Answered before it is sent.

:func:`check` follows the server's own validation (ComfyUI 0.3.64) and goes further where the
server is silent: an output it would drop, a loop it refuses without naming it, a value it takes
for another. Every finding names the node, the input, what is allowed and what mends it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ategnatos.engines.comfyui.graph.check_links import Walk
from ategnatos.engines.comfyui.graph.findings import BLOCKING, Effect, Finding
from ategnatos.engines.comfyui.graph.node_classes import Catalogue, catalogue
from ategnatos.engines.comfyui.graph.shape import shape_findings
from ategnatos.engines.comfyui.graph.sources import say_where_from
from ategnatos.knowledge.families import ModelFile

Graph = Mapping[str, Any]


def check(
    graph: Any,
    object_info: Mapping[str, Any],
    *,
    outputs: Sequence[str] | None = None,
    min_version: str | None = None,
    version: str | None = None,
    models: Mapping[str, ModelFile] | None = None,
) -> list[Finding]:
    """Findings about an API graph, those that stop a run first.

    ``graph`` is ``{id: {class_type, inputs}}``; anything else (the editor's own format, a wrapped
    prompt) is said to be so. ``object_info`` is the server's answer or a
    :class:`~.node_classes.Catalogue`. ``outputs`` are the ids of the outputs to run, all by
    default. ``version`` and ``min_version`` add a finding where the server is too old.
    ``models`` are files that a workflow itself says the origin of, by name.
    """
    classes = catalogue(object_info)
    found = shape_findings(graph)
    if found:
        return found
    found = [] if min_version is None else _version(version, min_version)
    unknown = _classes(graph, classes)
    if unknown:
        # The server stops at the first of these; nothing else it would say counts until then.
        return say_where_from([*found, *unknown], models)
    wanted = [
        node
        for node, entry in graph.items()
        if classes[entry["class_type"]].is_output and (outputs is None or node in outputs)
    ]
    if not wanted:
        return [*found, _no_outputs(outputs)]
    found += _outputs(graph, classes, wanted)
    return say_where_from(_sorted(found), models)


def _outputs(graph: Graph, classes: Catalogue, wanted: Iterable[str]) -> list[Finding]:
    walk = Walk(graph, classes)
    per_output = {node: walk.findings_for(node) for node in wanted}
    bad = {
        node
        for node, found in per_output.items()
        if any(one.effect is Effect.REFUSED for one in found)
    }
    some_run = len(bad) < len(per_output)
    merged: dict[tuple[str, str, str, str], Finding] = {}
    for node, found in per_output.items():
        for one in found:
            if some_run and node in bad and one.effect is Effect.REFUSED:
                one = _dropped(one, node)
            merged.setdefault((one.code, one.node, one.input, one.message), one)
    reached = walk.reached
    for node, entry in graph.items():
        if node not in reached and not classes[entry["class_type"]].is_output:
            merged["unused", node, "", ""] = _unused(node, entry)
    return list(merged.values())


def _dropped(one: Finding, output: str) -> Finding:
    return replace(
        one,
        effect=Effect.DROPPED,
        message=f"{one.message} The server would run the other outputs and leave out node"
        f" {output} without an error.",
    )


def _classes(graph: Graph, classes: Catalogue) -> list[Finding]:
    from ategnatos.engines.comfyui.graph.check_values import nearest

    found = []
    for node, entry in graph.items():
        name = entry.get("class_type")
        if isinstance(name, str) and name in classes:
            continue
        close = nearest(name, classes) if isinstance(name, str) else None
        found.append(
            Finding(
                "class_missing" if isinstance(name, str) else "class_not_said",
                Effect.REFUSED,
                f"The server has no node class {name!r}."
                if isinstance(name, str)
                else "The node says no class_type.",
                node=node,
                class_type=str(name or ""),
                given=name,
                nearest=close,
                allowed="one of the server's node classes",
                mend="" if isinstance(name, str) else "Write the node's class_type.",
            )
        )
    return found


def _no_outputs(outputs: Sequence[str] | None) -> Finding:
    if outputs is None:
        message = "No node of this graph saves or shows anything, so there is nothing to run."
    else:
        message = f"None of the outputs asked for ({', '.join(outputs) or 'none'}) is in the graph."
    return Finding(
        "no_outputs",
        Effect.REFUSED,
        message,
        allowed="at least one output node, such as SaveImage",
        nearest="SaveImage",
        mend="Add a SaveImage node and link its images to the last picture.",
    )


def _unused(node: str, entry: Mapping[str, Any]) -> Finding:
    return Finding(
        "unused",
        Effect.NOTE,
        "Nothing that is saved depends on this node; the server does not run or check it.",
        node=node,
        class_type=str(entry["class_type"]),
    )


def _version(version: str | None, least: str) -> list[Finding]:
    if version is None or version_number(version) >= version_number(least):
        return []
    return [
        Finding(
            "server_too_old",
            Effect.REFUSED,
            f"The graph needs ComfyUI {least} or newer; this server is {version}.",
            given=version,
            allowed=f"{least} or newer",
            nearest=least,
            mend="ategnatos studio comfyui update",
        )
    ]


def version_number(text: str) -> tuple[int, ...]:
    """``"0.3.64"`` as ``(0, 3, 64)``; anything behind the numbers is left out."""
    numbers = []
    for part in text.strip().lstrip("v").split("."):
        digits = "".join(character for character in part if character.isdigit())
        if not digits:
            break
        numbers.append(int(digits))
        if digits != part:
            break
    return tuple(numbers)


def _sorted(found: list[Finding]) -> list[Finding]:
    order = list(Effect)
    return sorted(found, key=lambda one: (one.effect not in BLOCKING, order.index(one.effect)))
