"""What there is to say of a run now: for ``train status``, ``train watch`` and the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ategnatos.train.run import state

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.train.run.record import Run


def snapshot(project: Project, run: Run) -> dict[str, Any]:
    """The run as JSON values: its row, what the last look saw, its checkpoints and tries.

    Reads files alone; for a run on another machine ``seen_at`` says how old that is.
    """
    seen = state.live(run.folder)
    watched = seen.get("monitor", {})
    steps = run.steps or int(watched.get("steps") or 0)
    step = max(run.step, int(watched.get("step") or 0))
    return {
        **run.facts(),
        "says": run.says,
        "step": step,
        "steps": steps,
        "share": step / steps if steps else 0.0,
        **{
            name: watched.get(name)
            for name in ("loss", "smoothed", "rate", "seconds_a_step", "eta_seconds", "epoch")
        },
        **{name: watched.get(name) for name in ("zone", "strain", "effort", "hint")},
        "vram_mib": seen.get("vram_mib"),
        "peak_mib": watched.get("peak_mib"),
        "disk": {"used_share": seen.get("disk_used_share"), "free": seen.get("disk_free")},
        "alive": seen.get("alive"),
        "findings": seen.get("findings", []),
        "attempts": state.read(run.folder).get("attempts", []),
        "seen_at": seen.get("at", ""),
    }
