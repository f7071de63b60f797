"""What a machine's own runs teach the estimate.

Every run adds its peak (:func:`record_peak`). The next estimate on that machine starts from the
shipped calibration and moves to the readings, the more the more there are; a plan that ran there
as it is now is answered by what it took.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire import documents, journal
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.knowledge.vram import knowledge
from ategnatos.train.measuring import about
from ategnatos.train.vram import fit
from ategnatos.train.vram.estimate import Calibration, Estimate, estimate, shipped
from ategnatos.train.vram.workload import Workload, of_plan

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from ategnatos.grimoire.project import Project
    from ategnatos.grimoire.schemas.vram import PeakRow
    from ategnatos.trainers.plan import Plan

PEAK_ODD = ErrorCode("peak_odd", "A measured peak of memory cannot be right.")

PEAK_EVENT = "vram.peak"

# The newest readings of a machine count; drivers and trainers change.
_NEWEST = 40
# How many readings weigh as much as what was known before.
_PRIOR = 2
# Two runs of one plan differ by about this share (buckets, the allocator's luck).
_REPEAT = 0.03


def record_peak(
    project: Project,
    *,
    run: str,
    machine: str,
    plan: Plan,
    trainer: str,
    gb: float,
    gpu: str = "",
    now: datetime,
) -> None:
    """Keep what a run took at its peak, in GiB. The same run again replaces its reading.

    ``machine`` names the computer with its GPU (a host name, ``runpod/RTX 4090``). Raises
    StudioError: ``peak_odd`` for a peak that no GPU has; ``vram_family``, ``trainer_habits``.
    """
    from ategnatos.grimoire.schemas.vram import PeakRow

    if not 0 < gb <= 4096:
        raise StudioError(
            PEAK_ODD,
            f"A peak of {gb} GiB cannot be right; it was not recorded.",
            hint="The unit is GiB: a reading in MiB is divided by 1024.",
            run=run,
        )
    work = of_plan(plan, trainer)
    expected = calibration(project, machine)
    row = PeakRow(
        **about(plan, run=run, machine=machine, gpu=gpu, trainer=trainer, now=now),
        gb=round(gb, 3),
        estimated=round(estimate(work, expected).likely, 3),
        work=_facts(work),
    )
    with documents.edit(project, "vram", now=now) as document:
        document.peaks = row.instead(document.peaks)
    journal.append(
        project,
        PEAK_EVENT,
        actor="ategnatos",
        now=now,
        references={"run": run, "plan": plan.name},
        data={"machine": machine, "gb": row.gb, "estimated": row.estimated},
    )


def calibration(project: Project, machine: str) -> Calibration:
    """The calibration of a machine: the shipped one, moved by the machine's own readings."""
    readings = [_reading(one) for one in _rows(project, machine)]
    return learn([one for one in readings if one is not None], machine)


def learn(readings: Sequence[fit.Reading], machine: str) -> Calibration:
    """The shipped calibration moved by these readings; every one counts as a source of its own."""
    before = shipped()
    own = [replace(one, source=str(number)) for number, one in enumerate(readings)]
    if not own:
        return replace(before, machine=machine, readings=0, sources=0)
    moved = fit.fit(own, before)
    wrong = [one.gb / estimate(one.work, moved).likely - 1 for one in own]
    weight = len(own) / (len(own) + _PRIOR)
    return replace(
        moved,
        below=_bar(before.below, max(0.0, -min(wrong)), weight),
        above=_bar(before.above, max(0.0, max(wrong)), weight),
        machine=machine,
        sources=0,
    )


def for_plan(project: Project, plan: Plan, trainer: str, machine: str) -> Estimate:
    """What the plan will take on that machine, by all that is known.

    Raises StudioError (``vram_family``, ``trainer_habits``).
    """
    work = of_plan(plan, trainer)
    made = estimate(work, calibration(project, machine))
    digest = plan.digest()
    took = [
        one.gb for one in _rows(project, machine) if one.digest == digest and one.trainer == trainer
    ]
    if not took:
        return made
    scale = took[-1] / made.likely
    return Estimate(
        likely=took[-1],
        low=min(took) * (1 - _REPEAT),
        high=max(took) * (1 + _REPEAT),
        parts={name: size * scale for name, size in made.parts.items()},
        calibration=made.calibration,
    )


def _bar(before: float, own: float, weight: float) -> float:
    return round(max(_REPEAT, before * (1 - weight) + own * weight), 3)


def _rows(project: Project, machine: str) -> list[PeakRow]:
    peaks: list[PeakRow] = documents.read(project, "vram").peaks
    return [one for one in peaks if one.machine == machine][-_NEWEST:]


def _facts(work: Workload) -> dict[str, Any]:
    return {**asdict(work), "network": work.network.name}


def _reading(row: PeakRow) -> fit.Reading | None:
    """The reading of a row; None where the network is no longer known."""
    network = knowledge().networks.get(str(row.work.get("network", "")))
    if network is None:
        return None
    return fit.Reading(Workload(**{**row.work, "network": network}), row.gb, row.run)
