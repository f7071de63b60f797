"""What is changed when GPU memory ran out: one step of a ladder at a time.

First the batch is halved and accumulation grows by as much, so that an update of the weights has
seen as many pictures as before; at most three times. Then the other moves, the least harmful
first (``knowledge/data/memory_moves.json``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ategnatos.trainers.plan import Plan

MOST_HALVINGS = 3
MOST_TRIES = 8
SMALLER_BATCH = "smaller batch"

# What the optimizer remembers no longer fits when these change: the run begins anew.
_ANEW = frozenset({"optimizer", "rank", "alpha", "conv_rank", "network", "ema", "text_encoder"})


@dataclass(frozen=True, slots=True)
class Change:
    """One step of the ladder: its name, what it sets, and the plan after it.

    ``anew``: no checkpoint from before can be gone on from. ``said`` is for people.
    """

    name: str
    values: dict[str, Any]
    plan: Plan
    anew: bool
    said: str

    def facts(self) -> dict[str, Any]:
        """As JSON has it, without the whole plan."""
        return {"name": self.name, "values": self.values, "anew": self.anew, "said": self.said}


def next_change(plan: Plan, trainer: str, done: Sequence[str]) -> Change | None:
    """What to change in ``plan``, where the moves called ``done`` were made already; None where
    nothing is left that would help.
    """
    if len(done) >= MOST_TRIES:
        return None
    if done.count(SMALLER_BATCH) < MOST_HALVINGS and plan.batch > 1:
        return _halved(plan)
    from ategnatos.train.vram import advice
    from ategnatos.train.vram.estimate import shipped

    for move, changed in advice.gentler(plan, trainer, shipped()):
        if move.name in done and not move.swap:
            continue
        before, after = plan.facts(), changed.facts()
        values = {name: after[name] for name in after if after[name] != before[name]}
        told = ", ".join(f"{name} from {before[name]} to {after[name]}" for name in sorted(values))
        return Change(
            move.name,
            values,
            changed,
            bool(_ANEW & set(values)),
            f"GPU memory ran out. Next try with {told} ({move.name}). It costs: {move.costs}.",
        )
    return None


def _halved(plan: Plan) -> Change:
    whole = plan.effective_batch
    batch = next(size for size in range(plan.batch // 2, 0, -1) if whole % size == 0)
    values = {"batch": batch, "accumulation": whole // batch}
    said = (
        f"GPU memory ran out. Next try with a batch of {batch} instead of {plan.batch} and"
        f" accumulation over {whole // batch} instead of {plan.accumulation}: an update still sees"
        f" {whole} pictures. It costs: a slower step."
    )
    return Change(SMALLER_BATCH, values, plan.change(**values), False, said)
