"""Memory that trainings of this studio really took, by machine: what the estimate learns from."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from ategnatos.grimoire.markdown import table
from ategnatos.grimoire.measurement import Measurement
from ategnatos.grimoire.schemas.base import Document


class PeakRow(Measurement):
    """One run's peak. ``gb`` is GiB; ``estimated`` what was expected before it. ``work`` are the
    numbers that an estimate is made from (``ategnatos/train/vram/workload.py``).
    """

    gb: Annotated[float, Field(gt=0, le=4096)]
    estimated: float = 0.0
    work: dict[str, Any]


class VramDocument(Document):
    """Measured peaks."""

    name = "vram"
    title = "Memory of trainings"
    modify_with = "ategnatos train launch"
    by_hand = False

    peaks: list[PeakRow] = Field(default_factory=list)

    def body(self) -> str:
        """One table of peaks."""
        return f"# Memory of trainings\n\n{table(_COLUMNS, self.peaks)}"


_COLUMNS = {
    "Run": "run",
    "Machine": "machine",
    "GPU": "gpu",
    "Plan": "plan",
    "Family": "family",
    "Trainer": "trainer",
    "Peak GiB": "gb",
    "Estimated": "estimated",
    "At": "at",
}

DOCUMENT = VramDocument
