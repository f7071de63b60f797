"""Where an engine works: what the command line says, on top of what the studio's record knows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ategnatos.engines import Place
    from ategnatos.grimoire.project import Project


def place_of(
    project: Project,
    *,
    server: str | None = None,
    allow_remote: bool = False,
    timeout: float | None = None,
    preview: Path | None = None,
) -> Place:
    """The place for an engine of this studio."""
    from ategnatos.engines import Place

    return Place(
        server=server,
        allow_remote=allow_remote,
        record=recorded_server(project),
        timeout=timeout,
        preview=preview,
        folder=project.outputs / "by-hand",
        inventory=project.state / "models.json",
    )


def recorded_server(project: Project) -> dict[str, Any]:
    """Host and port of ComfyUI in the studio document, nothing where there is none.

    Read without the document's schema: every call needs this, few need its parser.
    """
    import json

    try:
        document = json.loads((project.state / "studio.json").read_bytes())
        found = document["environment"]["comfyui"]
        return {key: found[key] for key in ("host", "port") if key in found}
    except (OSError, ValueError, KeyError, TypeError):
        # A missing or broken document is the doctor's business; the default address holds.
        return {}
