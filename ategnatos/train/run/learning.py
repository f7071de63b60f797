"""What a run teaches for the next plan on that machine: seconds a step, the most GPU memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import StudioError
from ategnatos.train.run import preparing, state

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.train.run.record import Run
    from ategnatos.train.watching.monitor import Monitor

# Fewer steps say little: kernels are chosen and memory is taken in the first.
_FEWEST = 5


def keep(
    project: Project, run: Run, monitor: Monitor, now: datetime, say: Callable[[str], None]
) -> None:
    """Keep what a try that was no failure needed. Raises StudioError (``disk_full``, ...)."""
    from ategnatos.train.pace.measured import record_pace
    from ategnatos.train.vram.measured import record_peak

    seen = monitor.snapshot()
    plan = preparing.plan_of(run.folder)
    card = str(state.read(run.folder).get("install", {}).get("gpu", ""))
    label = str(_environment(run).get("label") or run.machine)
    steps = int(seen["step"]) - int(seen["resumed_at"])
    if seen["seconds_a_step"] and steps >= _FEWEST:
        record_pace(
            project,
            run=run.id,
            machine=label,
            gpu=card,
            plan=plan,
            trainer=run.trainer,
            basis="run",
            steps=steps,
            seconds=float(seen["seconds_a_step"]),
            now=now,
        )
    if seen["peak_mib"] and card and steps >= _FEWEST:
        try:
            record_peak(
                project,
                run=run.id,
                machine=label,
                plan=plan,
                trainer=run.trainer,
                gb=seen["peak_mib"] / 1024,
                gpu=card,
                now=now,
            )
        except StudioError as error:
            # A family that the estimate does not know has no place in it; the run is none the
            # worse.
            say(f"The peak of memory was not added to the estimate: {error.message}")


def _environment(run: Run) -> dict[str, object]:
    try:
        found = json.loads((run.folder / preparing.ENVIRONMENT).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
