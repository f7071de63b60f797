"""What goes into the monitor and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Weight = Literal["note", "warn", "stop"]


@dataclass(frozen=True, slots=True)
class Vitals:
    """How process and machine are at one look.

    ``alive``: the trainer's process runs. ``log_grew``: there are new bytes of its log since the
    look before. ``disk_used_share`` 0 to 1 and ``disk_free`` in bytes are of the disk that holds
    the output; ``vram_mib`` is what the run has in use. None where nobody could say.
    """

    alive: bool
    log_grew: bool
    disk_used_share: float | None = None
    disk_free: int | None = None
    vram_mib: int | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that the monitor noticed, once.

    ``weight``: a ``note`` is for the record, a ``warn`` is for a person, a ``stop`` says that
    every further step is worthless or does harm. ``text`` is for people and names its evidence;
    ``evidence`` has the same as JSON values.
    """

    code: str
    weight: Weight
    text: str
    evidence: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Point:
    """One step of the curve. ``at`` is Unix time; ``seconds`` what the trainer said a step takes.

    ``loss`` is None where the step was drawn without one and NaN where it was no number.
    ``average`` tells that the loss is a running average over the steps before.
    """

    step: int
    loss: float | None
    rate: float | None = None
    seconds: float | None = None
    at: float = 0.0
    epoch: int | None = None
    validation: float | None = None
    vram_mib: int | None = None
    average: bool = False


@dataclass(frozen=True, slots=True)
class Losses:
    """What is known of a training at a step, to be written beside its checkpoint.

    ``mean`` is over the steps since the save before. ``effort`` is the strain added up so far,
    ``level`` how many thousands of steps are done.
    """

    step: int
    epoch: int | None = None
    loss: float | None = None
    smoothed: float | None = None
    validation: float | None = None
    rate: float | None = None
    effort: float | None = None
    level: int | None = None
    mean: float | None = None
