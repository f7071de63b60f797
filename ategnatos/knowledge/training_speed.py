"""Reported seconds a step. Data: ``data/training_speed.json``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from ategnatos.knowledge import loader


@dataclass(frozen=True, slots=True)
class SpeedReport:
    """What one step took, in ``seconds``; ``accumulation`` batches of ``batch`` pictures in it."""

    trainer: str
    family: str
    gpu: str
    batch: int
    width: int
    height: int
    weights: str
    checkpointing: bool
    seconds: float
    source: str
    accumulation: int = 1


@cache
def speed_reports() -> tuple[SpeedReport, ...]:
    """Every report. Raises StudioError (``knowledge_broken``)."""
    return tuple(SpeedReport(**raw) for raw in loader.read("training_speed").content["reports"])
