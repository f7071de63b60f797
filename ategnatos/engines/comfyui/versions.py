"""Which programs made a picture: the server, what computes under it, and the node packages used.

ComfyUI tells no version of a node package. What it does tell is how each node is declared; a hash
of that (names and types, not the lists of files that happen to be there) shows that a package was
changed, though not every change.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ategnatos.engines.comfyui.web import NoAnswer
from ategnatos.grimoire.files import canonical_json, sha256_bytes

if TYPE_CHECKING:
    from ategnatos.engines.comfyui.client import Client
    from ategnatos.engines.comfyui.following import Graph

_CUSTOM = "custom_nodes."
_SHORT = 12


async def versions(client: Client, graph: Graph) -> dict[str, str]:
    """Program to version; what the server does not say is absent."""
    try:
        told = await client.system()
        known = await client.classes.of({str(one.get("class_type")) for one in graph.values()})
    except NoAnswer:
        return {}
    system = told.get("system") or {}
    devices = told.get("devices") or [{}]
    found = {
        "comfyui": system.get("comfyui_version"),
        "pytorch": system.get("pytorch_version"),
        "device": devices[0].get("name"),
        **packages(known),
    }
    return {name: str(value) for name, value in found.items() if value}


def packages(known: Mapping[str, Any]) -> dict[str, str]:
    """The custom node packages of these declarations, each with the hash of what it declares."""
    declared: dict[str, dict[str, Any]] = {}
    for name, one in known.items():
        module = str(one.get("python_module", "")) if isinstance(one, dict) else ""
        if module.startswith(_CUSTOM):
            package = f"node package {module.removeprefix(_CUSTOM)}"
            declared.setdefault(package, {})[name] = _shape(one)
    return {
        package: f"declared {sha256_bytes(canonical_json(classes))[:_SHORT]}"
        for package, classes in sorted(declared.items())
    }


def _shape(one: Mapping[str, Any]) -> dict[str, Any]:
    """Names and types of a node's inputs and outputs; a choice counts as one, whatever it holds."""
    inputs = one.get("input")
    shape: dict[str, Any] = {"output": one.get("output")}
    for section, entries in (inputs if isinstance(inputs, dict) else {}).items():
        if isinstance(entries, dict):
            kinds = {name: value[0] if value else None for name, value in entries.items()}
            shape[section] = {
                name: "COMBO" if isinstance(kind, list) else kind for name, kind in kinds.items()
            }
    return shape
