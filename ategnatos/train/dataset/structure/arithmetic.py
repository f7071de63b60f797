"""Repeats, epochs and steps: what a number of pictures comes to, exactly.

A trainer cuts each bucket into batches of its own, so ten pictures in seven buckets are seven
batches, not three: steps are counted over the buckets, as the trainers count them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil

from ategnatos.grimoire.errors import ErrorCode, StudioError

STRUCTURE_OPTION = ErrorCode("structure_option", "A dataset cannot be laid out in that way.")

TARGET_STEPS = 1500
EPOCHS = 15
_MOST_REPEATS = 10_000


@dataclass(frozen=True, slots=True)
class Steps:
    """What a run over the laid-out pictures takes.

    ``batches`` an epoch is what the trainer's bar counts without accumulation; ``steps`` is the
    number of updates of the weights over all epochs; ``seen`` how often a picture is looked at.
    """

    epochs: int
    batches: int
    steps_an_epoch: int
    steps: int
    seen: int


@dataclass(frozen=True, slots=True)
class Advice:
    """The steps that were wanted, what they come to, and what would be nearer."""

    target: int
    steps: int
    share: float
    epochs_for_target: int
    says: str


def automatic_repeats(pictures: int, *, target: int = TARGET_STEPS, epochs: int = EPOCHS) -> int:
    """``ceil(target / (pictures x epochs))``, at least 1.

    >>> automatic_repeats(20), automatic_repeats(200)
    (5, 1)
    """
    if pictures < 1:
        return 1
    return max(1, ceil(target / (pictures * epochs)))


def count(buckets: Iterable[int], *, epochs: int, batch: int = 1, accumulation: int = 1) -> Steps:
    """The steps of buckets that hold so many pictures each, repeats counted in."""
    sizes = list(buckets)
    batches = sum(ceil(size / batch) for size in sizes)
    per_epoch = ceil(batches / accumulation)
    return Steps(epochs, batches, per_epoch, per_epoch * epochs, epochs)


def advise(steps: Steps, target: int) -> Advice:
    """Whether the steps are what was wanted, in words."""
    share = steps.steps / target if target else 0.0
    nearer = max(1, round(target / steps.steps_an_epoch)) if steps.steps_an_epoch else 1
    if 0.8 <= share <= 1.25:
        says = f"{steps.steps:,} steps, as good as the {target:,} wanted."
    else:
        # Fewer epochs than one cannot be: then --repeats is the only other handle.
        reach = nearer * steps.steps_an_epoch
        far = "far too many" if share > 1 else "too few"
        says = (
            f"{steps.steps:,} steps, {share:.1f} times the {target:,} wanted: {far}."
            f" {nearer} epochs instead of {steps.epochs} come to {reach:,}."
        )
    return Advice(target, steps.steps, share, nearer, says)


def parse_repeats(text: str) -> int | None:
    """A number of repeats; None for ``auto``. Raises StudioError (``structure_option``)."""
    said = text.strip().lower()
    if said == "auto":
        return None
    if said.isascii() and said.isdigit() and 1 <= int(said) <= _MOST_REPEATS:
        return int(said)
    raise StudioError(
        STRUCTURE_OPTION,
        f"{text[:40]!r} is no number of repeats; nothing was laid out.",
        hint=f"Say 'auto', or a whole number from 1 to {_MOST_REPEATS:,}.",
        given=text[:40],
    )


def positive(number: int, what: str) -> int:
    """``number`` where it is at least 1. Raises StudioError (``structure_option``)."""
    if number < 1:
        raise StudioError(
            STRUCTURE_OPTION,
            f"{number} cannot be the {what}; nothing was laid out.",
            hint=f"The {what} is a whole number from 1.",
            given=number,
        )
    return number
