"""Workflows of a studio: the built-in templates, read-only, and your own files beside them.

Your own lie in ``grimoire/workflows/<name>.json``, in either of ComfyUI's formats, as they came:
what the editor saved stays what the editor can open. A name is a name, never a path.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ategnatos.engines.comfyui.graph.shape import is_ui_workflow, unwrap
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import read_bytes, write_atomic
from ategnatos.grimoire.project import Project
from ategnatos.grimoire.zones import Zone, resolve
from ategnatos.knowledge import templates

WORKFLOW_NAME = ErrorCode("workflow_name_invalid", "The text cannot be a workflow's name.")
WORKFLOW_UNKNOWN = ErrorCode("workflow_unknown", "There is no workflow of that name or file.")
WORKFLOW_EXISTS = ErrorCode("workflow_exists", "A workflow of that name is there already.")
WORKFLOW_BUILT_IN = ErrorCode("workflow_built_in", "A built-in workflow is read-only.")
WORKFLOW_NOT_ONE = ErrorCode("workflow_not_one", "The file holds no ComfyUI workflow.")

MAX_BYTES = 64 * 1024 * 1024
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, slots=True)
class Stored:
    """A workflow as it was read. ``ui`` is the editor's format, ``api`` the server's.

    A picture may carry both; a file has one of them.
    """

    name: str
    ui: dict[str, Any] | None
    api: dict[str, Any] | None

    @property
    def best(self) -> dict[str, Any]:
        """What to keep: the editor's format where there is one, for it holds more."""
        return self.ui if self.ui is not None else (self.api or {})

    @property
    def form(self) -> str:
        """``ui`` or ``api``: the format of :attr:`best`."""
        return "ui" if self.ui is not None else "api"


def checked_name(name: str) -> str:
    """``name``, fit to be a file's name. Raises StudioError (``workflow_name_invalid``)."""
    bare = name.removesuffix(".json")
    if not _NAME.fullmatch(bare) or bare.endswith("."):
        raise StudioError(
            WORKFLOW_NAME,
            f"{name!r} cannot be a workflow's name: letters, digits, '.', '-' and '_', at most"
            " 100, beginning with a letter or digit. Nothing was read or written.",
            hint="Choose a name such as portrait-v2.",
        )
    return bare


def own_names(project: Project) -> list[str]:
    """The names of your own workflows, sorted."""
    folder = resolve(project, Zone.STATE, "workflows")
    if not folder.is_dir():
        return []
    return sorted(path.stem for path in folder.glob("*.json") if _NAME.fullmatch(path.stem))


def save(project: Project, name: str, content: Mapping[str, Any], *, replace: bool) -> Path:
    """Keep ``content`` under ``name``.

    Raises StudioError (``workflow_name_invalid``, ``workflow_built_in``, ``workflow_exists``).
    """
    path = _own(project, name)
    if path.stem in templates.names():
        raise _built_in(path.stem, "saved over")
    if path.exists() and not replace:
        raise StudioError(
            WORKFLOW_EXISTS,
            f"There is a workflow {path.stem!r} already; nothing was written.",
            hint="Choose another name, or add --replace.",
            name=path.stem,
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())
    return path


def delete(project: Project, name: str, *, dry_run: bool = False) -> Path:
    """Take your own workflow away. Raises StudioError as :func:`save`, ``workflow_unknown``."""
    path = _own(project, name)
    if not path.is_file():
        if path.stem in templates.names():
            raise _built_in(path.stem, "deleted")
        raise unknown(project, name)
    if not dry_run:
        path.unlink()
    return path


def read(project: Project | None, given: str) -> Stored:
    """Your own workflow of that name, or the file ``given`` names: JSON, or a picture.

    Raises StudioError (``workflow_unknown``, ``workflow_not_one``, ``picture_*``).
    """
    if project is not None and _NAME.fullmatch(given.removesuffix(".json")):
        path = _own(project, given)
        if path.is_file():
            return from_bytes(read_bytes(path), path.stem)
    path = Path(given).expanduser()
    if not path.is_file():
        raise unknown(project, given)
    if path.stat().st_size > MAX_BYTES:
        raise _not_one(given, f"it is larger than {MAX_BYTES // 2**20} MB")
    return from_bytes(read_bytes(path), path.name)


def from_bytes(data: bytes, name: str) -> Stored:
    """A workflow from a file's bytes. Raises StudioError (``workflow_not_one``, ``picture_*``)."""
    if data.startswith(_PNG):
        return _from_picture(data, name)
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _not_one(name, f"it is no JSON ({error})") from error
    return _from_content(content, name)


def unknown(project: Project | None, name: str) -> StudioError:
    """The refusal for a name that is neither a workflow nor a file."""
    known = [*templates.names(), *(own_names(project) if project else ())]
    return StudioError(
        WORKFLOW_UNKNOWN,
        f"There is no workflow and no file {name!r}; nothing was done.",
        hint="See 'ategnatos studio workflow list'.",
        known=known,
    )


def _from_content(content: Any, name: str) -> Stored:
    if is_ui_workflow(content):
        return Stored(name, content, None)
    graph = unwrap(content)
    nodes = graph.values() if isinstance(graph, dict) else ()
    if nodes and all(isinstance(node, dict) and "class_type" in node for node in nodes):
        # Only the graph: a wrapped prompt may carry the account key of paid nodes.
        return Stored(name, None, graph)
    raise _not_one(name, "it has neither nodes of the editor nor nodes of the API format")


def _from_picture(data: bytes, name: str) -> Stored:
    from ategnatos.pictures.metadata import read_raw_texts

    texts, _ = read_raw_texts(data)
    found: dict[str, dict[str, Any]] = {}
    for keyword in ("workflow", "prompt"):
        try:
            stored = _from_content(json.loads(texts[keyword]), name)
        except (KeyError, ValueError, RecursionError, StudioError):
            continue  # the picture has none under that word, or something else
        found["ui" if stored.ui is not None else "api"] = stored.best
    if not found:
        raise _not_one(name, "no workflow is written into that picture")
    return Stored(name, found.get("ui"), found.get("api"))


def _own(project: Project, name: str) -> Path:
    return resolve(project, Zone.STATE, f"workflows/{checked_name(name)}.json", for_writing=True)


def _built_in(name: str, what: str) -> StudioError:
    return StudioError(
        WORKFLOW_BUILT_IN,
        f"{name!r} is built in and cannot be {what}; nothing was changed.",
        hint=f"Save your own under another name: ategnatos studio workflow save my-{name} FILE",
        name=name,
    )


def _not_one(name: str, why: str) -> StudioError:
    return StudioError(
        WORKFLOW_NOT_ONE,
        f"{name} holds no ComfyUI workflow: {why}. Nothing was read or written.",
        hint="Give a workflow saved by ComfyUI (Save, or Export (API)), or a picture it made.",
        name=name,
    )
