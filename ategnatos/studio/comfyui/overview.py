"""What runs now: each server on record, and whatever else answers on its port."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from ategnatos.studio.comfyui import facts, instances, logs, servers
from ategnatos.studio.comfyui.stop import Queue, queue


@dataclass(frozen=True, slots=True)
class State:
    """One port. ``instance`` None: not started by this program. ``uptime`` in seconds."""

    probe: servers.Probe
    port: int
    instance: instances.Instance | None
    uptime: float
    queue: Queue | None
    trimmed: bool

    @property
    def word(self) -> str:
        """``running``, ``starting``, ``stopped``, ``dead`` (it ended by itself), or ``other``."""
        if self.probe.what is servers.What.COMFYUI:
            return "running"
        if self.instance is not None:
            return "starting" if self.instance.identity.alive else "dead"
        return "stopped" if self.probe.what is servers.What.NOTHING else "other"


def states(ports: Sequence[int] = ()) -> list[State]:
    """The servers on ``ports``; by default those on record, and 8188."""
    recorded = {one.port: one for one in instances.everything()}
    asked = list(ports) or sorted({*recorded, facts.places().ports[0].port})
    probes = servers.probe_all([f"http://127.0.0.1:{port}" for port in asked])
    return [
        _state(port, probe, recorded.get(port)) for port, probe in zip(asked, probes, strict=True)
    ]


def _state(port: int, probe: servers.Probe, instance: instances.Instance | None) -> State:
    alive = instance is not None and instance.identity.alive
    if instance is not None and not alive and probe.server is not None:
        # Ours ended, and somebody started another on its port.
        instance = None
    return State(
        probe=probe,
        port=port,
        instance=instance,
        uptime=time.time() - instance.started if instance is not None and alive else 0.0,
        queue=queue(probe.url) if probe.server is not None else None,
        trimmed=logs.trim(instances.log_path(port)),
    )
