"""What a measurement says of itself (:mod:`ategnatos.grimoire.measurement`), from its plan."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ategnatos.trainers.plan import Plan


def about(
    plan: Plan, *, run: str, machine: str, gpu: str, trainer: str, now: datetime
) -> dict[str, str]:
    """The fields that all measurements of that run have, by name."""
    return {
        "run": run,
        "machine": machine,
        "gpu": gpu,
        "at": now.astimezone(UTC).isoformat(timespec="seconds"),
        "plan": plan.name,
        "digest": plan.digest(),
        "family": plan.family,
        "trainer": trainer,
    }
