"""The 478 node classes of a real ComfyUI 0.3.64: complete for 141 of them, for the rest names and
types without defaults and choices.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from tests.comfyui import recordings

_HUGE = 2**63


@cache
def recorded() -> dict[str, Any]:
    """Every class of the recorded server; do not change what it returns."""
    known = dict(recordings.object_info())
    for name, entry in recordings.packed("object_info_index")["nodes"].items():
        if name not in known:
            groups = {
                group: {key: written_input(kind) for key, kind in entry[group].items()}
                for group in ("required", "optional")
            }
            known[name] = written_entry(
                name, groups, entry["output"], output_node=entry["output_node"]
            )
    return known


def written_input(kind: str) -> list[Any]:
    """An input of ``kind`` as /object_info writes one, without limits and choices."""
    if kind.startswith("COMBO["):
        return [[], {}]
    return {
        "COMBO": ["COMBO", {"options": []}],
        "INT": ["INT", {"default": 0, "min": -_HUGE, "max": 2 * _HUGE}],
        "FLOAT": ["FLOAT", {"default": 0.0, "min": -1e18, "max": 1e18, "step": 1e-6}],
    }.get(kind, [kind, {}])


def written_entry(
    name: str, groups: dict[str, dict[str, Any]], outputs: list[Any], *, output_node: bool
) -> dict[str, Any]:
    """A class as /object_info writes one."""
    return {
        "input": groups,
        "input_order": {group: list(inputs) for group, inputs in groups.items()},
        "output": outputs,
        "output_is_list": [False] * len(outputs),
        "output_name": [str(one) for one in outputs],
        "name": name,
        "display_name": name,
        "description": "",
        "python_module": "nodes",
        "category": "recorded",
        "output_node": output_node,
    }
