"""Find ComfyUI: what answers on the usual ports, and what is installed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ategnatos.studio.comfyui import facts, installs, servers

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Found:
    """``running``: every port that was asked, in order; ``installed``: the likeliest first."""

    running: tuple[servers.Probe, ...]
    installed: tuple[installs.Installation, ...]

    @property
    def server(self) -> servers.Probe | None:
        """The first port where ComfyUI answers."""
        return next((p for p in self.running if p.what is servers.What.COMFYUI), None)


def detect(
    *,
    ports: Sequence[int] = (),
    remembered: str = "",
    beside: Path | None = None,
    patience: float = servers.PATIENCE_SECONDS,
) -> Found:
    """Look on this machine. ``ports`` are asked instead of the usual ones.

    Takes at most ``patience`` seconds: all ports are asked at once.
    """
    installed = installs.find(remembered=remembered, beside=beside)
    asked = list(ports) or [one.port for one in facts.places().ports]
    if not ports and any(one.kind == "desktop" for one in installed):
        asked.append(facts.places().desktop_port)
    urls = [f"http://{HOST}:{port}" for port in asked]
    return Found(tuple(servers.probe_all(urls, patience=patience)), tuple(installed))


def remembered(project: Project | None) -> str:
    """The ComfyUI folder that the studio has on record; "" where there is none."""
    if project is None:
        return ""
    from ategnatos.grimoire import documents

    comfyui = documents.read(project, "studio").environment.comfyui
    folder = getattr(comfyui, "folder", "")
    return folder if isinstance(folder, str) else ""


def remember(project: Project, *, port: int | None, status: str, folder: Path | None) -> None:
    """Write down where ComfyUI is; None leaves what stands. Nothing new writes nothing.

    Raises StudioError as :func:`ategnatos.grimoire.documents.edit`.
    """
    from ategnatos.grimoire import documents

    with documents.edit(project, "studio") as studio:
        comfyui = studio.environment.comfyui
        comfyui.status = status
        if port is not None:
            comfyui.host, comfyui.port = HOST, port
        if folder is not None:
            comfyui.folder = str(folder)
