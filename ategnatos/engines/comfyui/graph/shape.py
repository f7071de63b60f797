"""What kind of thing was given: a graph, a wrapped graph, the editor's own format, or none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ategnatos.engines.comfyui.graph.findings import Effect, Finding

# Comfy's editor writes node lists; the server takes an object of nodes by id.
_CONVERT = "ategnatos studio workflow convert FILE"


def is_ui_workflow(given: Any) -> bool:
    """Whether it is the format that the editor saves (nodes and links in lists)."""
    return isinstance(given, Mapping) and isinstance(given.get("nodes"), list)


def unwrap(given: Any) -> Any:
    """The graph inside ``{"prompt": graph}``; anything else as it is."""
    if isinstance(given, Mapping) and isinstance(given.get("prompt"), Mapping):
        inner = given["prompt"]
        if all(isinstance(entry, Mapping) for entry in inner.values()):
            return inner
    return given


def shape_findings(graph: Any) -> list[Finding]:
    """Why ``graph`` is no API graph; empty where it has the shape of one."""
    if is_ui_workflow(graph):
        return [
            _finding(
                "ui_format",
                "This is a workflow as the editor saves it, not the graph that the server runs.",
                mend=_CONVERT,
            )
        ]
    if not isinstance(graph, Mapping):
        words = {list: "a list", str: "text", type(None): "nothing"}.get(type(graph), "no object")
        return [_finding("not_a_graph", f"This is {words}, not a graph.")]
    if isinstance(graph.get("prompt"), Mapping):
        return [
            _finding(
                "wrapped",
                'The graph is wrapped: it stands below "prompt".',
                mend='Give what stands below "prompt".',
            )
        ]
    if not graph:
        return [_finding("no_outputs", "The graph is empty; there is nothing to run.")]
    return [
        Finding(
            "not_a_node",
            Effect.REFUSED,
            "This entry is not a node.",
            node=str(node),
            given=type(entry).__name__,
            allowed='{"class_type": "...", "inputs": {...}}',
            mend="Write a node, or take the entry out.",
        )
        for node, entry in graph.items()
        if not isinstance(entry, Mapping)
    ]


def _finding(code: str, message: str, mend: str = "") -> Finding:
    return Finding(
        code,
        Effect.REFUSED,
        message,
        allowed='{"1": {"class_type": "...", "inputs": {...}}, ...}',
        mend=mend or "Save the workflow with Export (API), or convert it: " + _CONVERT,
    )
