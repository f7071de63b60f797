"""A workflow from a file: the graph that the server runs, whatever it is wrapped in."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

from ategnatos.engines.comfyui.errors import WORKFLOW_FORM
from ategnatos.engines.comfyui.following import Graph
from ategnatos.grimoire.errors import StudioError

MAX_BYTES = 64 * 1024 * 1024
PNG = b"\x89PNG\r\n\x1a\n"


def read_workflow(path: Path) -> Graph:
    """The API graph in ``path``: a graph, ``{"prompt": graph}``, or a PNG that ComfyUI wrote.

    Raises StudioError (``comfyui_workflow_form``).
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise _refused(path, f"it is larger than {MAX_BYTES // 2**20} MB")
        data = path.read_bytes()
    except OSError as error:
        raise _refused(path, f"it cannot be read ({error.strerror})") from error
    if data.startswith(PNG):
        from ategnatos.pictures.metadata import read_raw_texts

        texts, _ = read_raw_texts(data)
        if "prompt" not in texts:
            raise _refused(path, "no workflow is written into that picture")
        data = texts["prompt"].encode()
    try:
        given = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _refused(path, f"it is no JSON ({error})") from error
    return as_graph(given, shlex.quote(str(path)))


def as_graph(given: Any, name: str = "FILE") -> Graph:
    """``given`` as an API graph. Raises StudioError (``comfyui_workflow_form``)."""
    if isinstance(given, dict) and isinstance(given.get("nodes"), list):
        raise StudioError(
            WORKFLOW_FORM,
            "This is a workflow as ComfyUI's editor saves it, not the graph that the server runs; "
            "nothing was sent.",
            hint=f"Convert it: ategnatos studio workflow convert {name}",
            path=name,
        )
    if (
        isinstance(given, dict)
        and isinstance(given.get("prompt"), dict)
        and "class_type" not in given
    ):
        given = given["prompt"]
    good = (
        isinstance(given, dict)
        and given
        and all(
            isinstance(node, dict) and isinstance(node.get("inputs", {}), dict)
            for node in given.values()
        )
    )
    if not good:
        raise StudioError(
            WORKFLOW_FORM,
            "There is no ComfyUI workflow in this file; nothing was sent.",
            hint="In ComfyUI, use Workflow > Export (API). The file is an object of nodes with "
            "class_type and inputs.",
            path=name,
        )
    graph: Graph = {str(node): spec for node, spec in given.items()}
    return graph


def _refused(path: Path, why: str) -> StudioError:
    return StudioError(
        WORKFLOW_FORM,
        f"{path} was not taken as a workflow: {why}. Nothing was sent.",
        hint="Name a file that ComfyUI exported with Workflow > Export (API), or a PNG it made.",
        path=str(path),
    )
