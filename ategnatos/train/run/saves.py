"""The checkpoints of a run as they appear: brought from the machine, looked into, written down."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.train.checkpoints import integrity, ledger
from ategnatos.trainers import saving

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ategnatos.train.checkpoints.entry import Entry
    from ategnatos.train.run.attempts import Attempt
    from ategnatos.train.watching.monitor import Monitor
    from ategnatos.trainers import Checkpoint, Trainer

# A save is looked at when nothing of it was written for so long, in seconds: weights come first,
# and what can be resumed from after them.
_QUIET = 1.0
_PICTURES = frozenset({".png", ".jpg", ".jpeg", ".webp"})


@dataclass(slots=True)
class Saves:
    """Looks for the saves of one try. ``steps_an_epoch`` counts updates of the weights, ``facts``
    say what is trained.

    ``waiting`` are those that were not whole at the last look and may become so.
    """

    folder: Path
    trainer: Trainer
    name: str
    steps_an_epoch: int
    facts: dict[str, Any] = field(default_factory=dict)
    waiting: list[Path] = field(default_factory=list)
    _known: set[tuple[str, float]] = field(default_factory=set)

    def look(
        self, attempt: Attempt, monitor: Monitor, now: datetime, *, over: bool = False
    ) -> list[Entry]:
        """Write down what is new. With ``over`` nothing is written any more, so what is not whole
        never will be.
        """
        made = []
        self.waiting = []
        reached = monitor.snapshot()["step"]
        for one in self.trainer.checkpoints(self.folder / attempt.output, self.name):
            key = _key(one)
            if key is None or key in self._known:
                continue
            step = self.step_of(one, attempt, reached)
            entry = None
            if over or not _young(one, now):
                entry = ledger.record(
                    self.folder,
                    one,
                    losses=monitor.losses(step),
                    step=step,
                    samples=self._samples(attempt, step),
                    facts=self.facts,
                    now=now,
                    over=over,
                )
            if entry is None:
                self.waiting += [path for path in (one.weights, one.state) if path is not None]
                continue
            self._known.add(key)
            monitor.saved(entry.bytes + entry.state_bytes)
            made.append(entry)
        return made

    def step_of(self, one: Checkpoint, attempt: Attempt, reached: int) -> int:
        """The step of the plan that a save belongs to; ``reached`` for the finished one."""
        if one.final:
            return max(reached, one.step or 0)
        if one.step is not None:
            again = attempt.begins if attempt.output.startswith(saving.COUNTED_ANEW) else 0
            return one.step + again
        return (one.epoch or 0) * self.steps_an_epoch

    def final(self, attempt: Attempt) -> str:
        """ "" where the finished LoRA is there and whole, else why not, as half a sentence."""
        found = self.trainer.checkpoints(self.folder / attempt.output, self.name)
        last = next((one.weights for one in found if one.final and one.weights), None)
        if last is None:
            return "no finished LoRA is there"
        why = integrity.check(last)
        return f"its LoRA {last.name} is not whole: {why}" if why else ""

    def _samples(self, attempt: Attempt, step: int) -> Sequence[str]:
        """Sample pictures that bear the step's number, relative to the run's folder."""
        # The whole number: that of 4 stands in that of 40, which has nine digits.
        number = re.compile(rf"(?<!\d)0*{step:06d}(?!\d)")
        return sorted(
            str(path.relative_to(self.folder))
            for name in ("samples", "sample", "validation_images")
            for path in (self.folder / attempt.output / name).glob("*")
            if path.suffix.lower() in _PICTURES and number.search(path.name)
        )


def _young(one: Checkpoint, now: datetime) -> bool:
    """Whether a part of it was written to a moment ago: the next part may follow."""
    # One from the future is no younger: a clock went back, or the machine's own is ahead.
    return abs(now.timestamp() - _newest(one)) < _QUIET


def _newest(one: Checkpoint) -> float:
    times = [0.0]
    for path in (one.weights, one.state):
        for file in () if path is None else (path, *path.rglob("*")):
            with suppress(OSError):
                times.append(file.stat().st_mtime)
    return max(times)


def _key(one: Checkpoint) -> tuple[str, float] | None:
    """What tells this save from one under the same name before it; None where nothing is left."""
    path = one.weights or one.state
    return None if path is None or not path.exists() else (str(path), _newest(one))
