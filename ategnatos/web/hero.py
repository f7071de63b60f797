"""The runs of a studio in the role-playing words: level, experience, attack, defence, gold.

Shown only where a person switched these words on; nothing else reads them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeGuard

from ategnatos.grimoire.errors import StudioError
from ategnatos.train.checkpoints import ledger

if TYPE_CHECKING:
    from ategnatos.train.run.record import Run

LEVEL_STEPS, GOLD_A_RUN = 1000, 100


@dataclass(frozen=True, slots=True)
class Hero:
    """``experience`` is all steps trained, ``level`` a thousandth of it, ``share`` what is done of
    the next; ``attack`` and ``defence`` are one divided by the lowest smoothed and validation loss
    of any checkpoint, None where none is known.
    """

    level: int
    experience: int
    share: float
    attack: float | None
    defence: float | None
    gold: int
    best: str


def of(runs: Sequence[Run]) -> Hero:
    """What all runs together make."""
    experience = sum(one.step for one in runs)
    losses: list[tuple[float, str]] = []
    proofs: list[float] = []
    for one in runs:
        try:
            entries = ledger.read(one.folder).entries
        except StudioError:
            # A broken ledger is told of on the run's own page.
            continue
        losses += [(e.smoothed, one.id) for e in entries if _counts(e.smoothed)]
        proofs += [e.validation for e in entries if _counts(e.validation)]
    lowest = min(losses, default=None)
    return Hero(
        level=experience // LEVEL_STEPS,
        experience=experience,
        share=experience % LEVEL_STEPS / LEVEL_STEPS,
        attack=None if lowest is None else 1 / lowest[0],
        defence=1 / min(proofs) if proofs else None,
        gold=GOLD_A_RUN * sum(one.state == "finished" for one in runs),
        best="" if lowest is None else lowest[1],
    )


def _counts(loss: float | None) -> TypeGuard[float]:
    return loss is not None and math.isfinite(loss) and loss > 0
