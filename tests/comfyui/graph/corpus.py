"""The official workflow templates (PyPI ``comfyui-workflow-templates-json``, MIT) as a corpus."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

PACKAGE = "comfyui_workflow_templates_json"
MISSING = "the official templates are not installed: pip install comfyui-workflow-templates-json"

_OTHERS = frozenset({"fuse_options.json", "index.schema.json", "index_logo.json"})

# Node types that exist in the editor alone.
EDITOR_ONLY = frozenset({"MarkdownNote", "Note", "Reroute", "PrimitiveNode", "GetNode", "SetNode"})


def installed() -> bool:
    """Whether the wheel is there; it is not imported."""
    return find_spec(PACKAGE) is not None


@cache
def folder() -> Path:
    """Where the templates lie."""
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(MISSING)
    return Path(spec.submodule_search_locations[0]) / "templates"


@cache
def names() -> tuple[str, ...]:
    """Every workflow of the wheel; its indexes and settings are left out."""
    paths = sorted(folder().glob("*.json"))
    return tuple(path.stem for path in paths if path.name not in _OTHERS and _is_one(path))


def _is_one(path: Path) -> bool:
    # Parsing 31 MB only to see what is a workflow would take seconds.
    text = path.read_bytes()
    return text.lstrip().startswith(b"{") and b'"nodes"' in text and b'"links"' in text


def workflow(name: str) -> dict[str, Any]:
    """One workflow, fresh."""
    found: dict[str, Any] = json.loads((folder() / f"{name}.json").read_text("utf-8"))
    return found


def sheets(ui: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The canvas of a workflow, and those of its subgraphs."""
    yield ui
    yield from (ui.get("definitions") or {}).get("subgraphs") or ()


def classes(ui: dict[str, Any]) -> set[str]:
    """The node classes of a workflow that a server must know."""
    subgraphs = {one["id"] for one in (ui.get("definitions") or {}).get("subgraphs") or ()}
    found = {node["type"] for sheet in sheets(ui) for node in sheet["nodes"]}
    return found - subgraphs - EDITOR_ONLY


def without_names(ui: dict[str, Any]) -> dict[str, Any]:
    """A copy whose values stand in bare lists only, as older editors save them."""
    bare = copy.deepcopy(ui)
    for sheet in sheets(bare):
        for node in sheet["nodes"]:
            node.pop("widgets_values_named", None)
    return bare
