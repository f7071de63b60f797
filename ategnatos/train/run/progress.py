"""``grimoire/training/<plan>/progress.md``: how the runs of a plan went, for people."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from ategnatos.grimoire.files import write_atomic
from ategnatos.train.run import attempts, record, state

if TYPE_CHECKING:
    from pathlib import Path

    from ategnatos.grimoire.project import Project
    from ategnatos.train.run.record import Run

NAME = "progress.md"


def write(project: Project, run: Run, now: datetime) -> Path:
    """Write the page anew. Raises StudioError (``disk_full``, ``write_failed``)."""
    path = project.root / "grimoire" / "training" / run.plan / NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        f"# Progress of {run.plan}",
        "",
        f"Written {record.iso(now)} by the run itself; 'ategnatos train status {run.plan}' says"
        " how it is now.",
    ]
    for one in record.every(project, run.plan):
        lines += ["", f"## {one.id}", "", *_about(project, one)]
    write_atomic(path, ("\n".join(lines) + "\n").encode())
    return path


def _about(project: Project, run: Run) -> list[str]:
    seen = state.live(run.folder).get("monitor", {})
    loss = seen.get("smoothed")
    lines = [
        f"- It {run.says}." + (f" {run.why}" if run.why else ""),
        f"- {run.trainer} on {run.machine}, plan version {run.number},"
        f" dataset {run.dataset} version {run.dataset_version}",
        f"- step {run.step} of {run.steps}" + (f", loss about {loss:.4f}" if _number(loss) else ""),
        f"- newest whole checkpoint: {run.latest or 'none yet'}",
        f"- folder: `{run.folder.relative_to(project.root)}`",
    ]
    lines += [f"- {one}" for one in run.changes]
    for one in attempts.every(run.folder):
        went = f"from step {one.begins}" if one.begins else "from the start"
        end = one.end or "goes on"
        lines.append(f"- try {one.number}, {went}: {end}" + (f" ({one.code})" if one.code else ""))
    return lines


def _number(value: object) -> bool:
    return isinstance(value, float | int)
