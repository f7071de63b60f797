"""A graph that makes the same pictures and is not the same to the server's cache.

The server answers a graph that it remembers with the names of the files it wrote then, whether
they are still there or not. Another file name makes the save node run again, and only that.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ategnatos.engines.comfyui.outputs import sends_over_socket

_PREFIX = "filename_prefix"


def different(
    graph: dict[str, Any], nodes: Collection[str], mark: str
) -> tuple[dict[str, Any], bool]:
    """``graph`` with other file names for ``nodes``, and whether the cache must be dropped.

    ``mark`` makes the names new. True where a node has no file name to change; then only a
    server that forgets everything runs it again.
    """
    changed = dict(graph)
    forget = False
    for node in nodes:
        spec = graph.get(node) or {}
        inputs = spec.get("inputs") or {}
        prefix = inputs.get(_PREFIX)
        if isinstance(prefix, str):
            changed[node] = {**spec, "inputs": {**inputs, _PREFIX: f"{prefix}_{mark}"}}
        elif not sends_over_socket(str(spec.get("class_type", ""))):
            forget = True
    return changed, forget
