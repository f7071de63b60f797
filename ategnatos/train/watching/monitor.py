"""The monitor of one run: events and vitals in, findings out; the same in, the same out.

It has no clock and starts nothing: every time is handed in. What it knows of the losses comes from
points alone, so that :meth:`Monitor.again` has after a supervisor's death what it had before, from
the curve on the disk.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from typing import Any

from ategnatos.train.watching.curve import merged
from ategnatos.train.watching.divergence import Divergence
from ategnatos.train.watching.machine_limits import Disk, Memory
from ategnatos.train.watching.overfitting import Overfitting
from ategnatos.train.watching.pace import Pace
from ategnatos.train.watching.plateau import Plateau
from ategnatos.train.watching.said import Said, told
from ategnatos.train.watching.smoothing import Smoothed, span_of
from ategnatos.train.watching.strain import LEVEL_STEPS, Hint, Strain, StrainTracker
from ategnatos.train.watching.values import Finding, Losses, Point, Vitals
from ategnatos.trainers import events

# So many losses in a row that are no number end a run whose trainer leaves such steps out.
NAN_IN_A_ROW = 3
DONE = Hint("continue", "The training is done: compare its checkpoints, with pictures.")
_MOST_FINDINGS = 1000
_KEPT = 64


class Monitor:
    """Watches one process of a trainer; a resumed run has a new one, made by :meth:`again`.

    ``steps`` is the whole plan's; ``resumed_at`` the step that this process began at (0: from the
    start), and ``bar_counts_from_resume`` is ``Trainer.bar_counts_from_resume``. ``floor`` is the
    loss that counts as no strain (0: none is known). ``save_bytes`` is what a save will
    take, as far as that is known before the first.
    """

    def __init__(
        self,
        steps: int,
        *,
        resumed_at: int = 0,
        bar_counts_from_resume: bool = False,
        floor: float = 0.0,
        save_bytes: int = 0,
        warn_share: float | None = None,
        stop_share: float | None = None,
    ) -> None:
        self.steps = steps
        self.resumed_at = resumed_at
        self._offset = resumed_at if bar_counts_from_resume else 0
        self._smoothed = Smoothed(span_of(steps))
        self._strain = StrainTracker(floor)
        self._divergence, self._plateau = Divergence(steps), Plateau(steps)
        self._overfitting, self._pace = Overfitting(), Pace()
        self._memory = Memory(resumed_at)
        limits = {"warn": warn_share, "stop": stop_share}
        self._disk = Disk(**{key: value for key, value in limits.items() if value is not None})
        self._disk.saved(save_bytes)
        self._said = Said()
        self._counts: dict[str, int] = {}
        self._pending: Point | None = None
        self._settled: deque[Point] = deque()
        self._recent: deque[Losses] = deque(maxlen=_KEPT)
        self._step = resumed_at
        self._last: Point | None = None
        self._trained: Strain | None = None
        self._epoch: int | None = None
        self._epochs: int | None = None
        self._validation: tuple[int, float] | None = None
        # Losses since the last validation: their sum, and how many.
        self._between = (0.0, 0)
        self._bad, self._bad_at = 0, -1
        self._vitals: Vitals | None = None
        self.finished = False
        self.findings: list[Finding] = []

    @classmethod
    def again(cls, points: Iterable[Point], steps: int, **settings: Any) -> Monitor:
        """A monitor that knows a curve: after its supervisor died, or for a run that is resumed.

        ``settings`` as for a new one. Points after ``resumed_at`` are what this very process did
        already; give only those up to it where the process is a new one. What the curve shows is
        in ``findings``, and is not said again.
        """
        made = cls(steps, **settings)
        for point in points:
            made._note(made._take(point))
            made._pace.known(point.step, point.at, point.seconds)
            made._step = max(made._step, point.step)
        return made

    def feed(self, event: events.Event, at: float) -> list[Finding]:
        """What one event shows; ``at`` is Unix time."""
        found: list[Finding] = []
        match event:
            case events.Progress():
                found = self._progress(event, at)
            case events.Epoch():
                self._epoch, self._epochs = event.epoch, event.epochs or self._epochs
                self._pace.sign(at)
            case events.Validated():
                found = self._validated(event, at)
            case events.Saved():
                self._pace.sign(at, busy=True)
                self._memory.saved(self._save_step(event))
            case events.Fact(name="batches_an_epoch" | "accumulation"):
                self._pace.sign(at, busy=True)
                self._count(event)
            case events.Sampled():
                self._pace.sign(at, busy=True)
            case events.Phase():
                self._pace.sign(at, busy=True)
                self._pace.advances(at)
            case events.Finished():
                self._pace.sign(at, busy=True)
                self.finished = True
            case _:
                self._pace.sign(at)
                found = self._words(event)
        return self._note(found)

    def tick(self, vitals: Vitals, at: float) -> list[Finding]:
        """What a look at process and machine shows; ``at`` is Unix time."""
        self._vitals = vitals
        if vitals.log_grew:
            self._pace.sign(at)
        self._memory.use(vitals.vram_mib)
        if self._pending is not None and vitals.vram_mib is not None:
            most = max(self._pending.vram_mib or 0, vitals.vram_mib)
            self._pending = replace(self._pending, vram_mib=most)
        found = self._disk.look(vitals.disk_used_share, vitals.disk_free)
        if vitals.alive:
            found += self._pace.look(at)
        elif not self.finished:
            found += self._said.gone(self._step, self.steps)
        return self._note(found)

    def saved(self, size: int) -> None:
        """A save of so many bytes lies on the disk: the next will need as much."""
        self._disk.saved(size)

    def take(self) -> list[Point]:
        """Points that are settled since the last call, for :func:`curve.append`."""
        points = list(self._settled)
        self._settled.clear()
        return points

    def close(self) -> list[Finding]:
        """The log is over: the last step is settled as it stands."""
        return self._note(self._settle())

    def losses(self, step: int | None = None) -> Losses:
        """What stood at a step (None: now), for the checkpoint of that step.

        Of the last steps each is known; of an older one what is known of the nearest before it.
        """
        known = list(self._recent)
        if self._pending is not None:
            known.append(self._at(self._pending))
        if step is None:
            return known[-1] if known else Losses(self._step)
        before = [one for one in known if one.step <= step]
        return replace(before[-1], step=step) if before else Losses(step)

    def snapshot(self) -> dict[str, Any]:
        """Everything that is known now, as JSON values."""
        now = self.losses()
        hint = DONE if self.finished else self._strain.get_curriculum_hint()
        last = self._trained
        left = max(0, self.steps - self._step)
        return {
            "step": self._step,
            "steps": self.steps,
            "share": min(1.0, self._step / self.steps) if self.steps else None,
            "resumed_at": self.resumed_at,
            "loss": _json(now.loss),
            "smoothed": _json(now.smoothed),
            "smoothing": self._smoothing(),
            "loss_is": "average" if self._last and self._last.average else "step",
            "rate": now.rate,
            "epoch": self._epoch if self._epoch is not None else now.epoch,
            "epochs": self._epochs,
            "seconds_a_step": self._pace.seconds_a_step,
            "eta_seconds": 0.0 if self.finished else self._pace.eta(left),
            "validation": _json(self._validation[1]) if self._validation else None,
            "validation_step": self._validation[0] if self._validation else None,
            "gap": self._overfitting.gap,
            "gap_is": self._overfitting.stage,
            "plateau_since": self._plateau.since,
            "strain": last.strain if last else None,
            "strain_rate": last.rate if last else None,
            "zone": last.zone.value if last else None,
            "floor": self._strain.floor,
            "effort": self._strain.cumulative_effort,
            "gain": self._strain.plastic_gain,
            "efficiency": self._strain.efficiency,
            "hint": {"action": hint.action, "text": hint.text},
            "levels": [asdict(one) for one in self._strain.levels],
            "peak_mib": self._memory.peak,
            "peaks": [asdict(one) for one in self._memory.intervals],
            "alive": self._vitals.alive if self._vitals else None,
            "disk_used_share": self._vitals.disk_used_share if self._vitals else None,
            "disk_free": self._vitals.disk_free if self._vitals else None,
            "silence_limit": self._pace.limit(),
            "finished": self.finished,
            "findings": [asdict(one) for one in self.findings],
        }

    # --- inside -------------------------------------------------------------------------------

    def _progress(self, event: events.Progress, at: float) -> list[Finding]:
        step = event.step + self._offset
        if event.epoch is not None:
            self._epoch, self._epochs = event.epoch, event.epochs or self._epochs
        self._step = max(self._step, step)
        self._pace.step(step, at, event.seconds_a_step)
        if event.loss is None:
            return []
        of = step if event.loss_step is None else event.loss_step + self._offset
        average = event.loss_is == "average"
        bad = self._not_a_number(of, event.loss, average)
        point = Point(
            of, event.loss, event.rate, event.seconds_a_step, at, event.epoch or self._epoch,
            average=average,
        )  # fmt: skip
        pending = self._pending
        if pending is not None and of < pending.step:
            return bad
        if pending is not None and of == pending.step:
            self._pending = merged(pending, point)
            return bad
        found = self._settle()
        if self._last is None or of > self._last.step:
            self._pending = point
        return bad + found

    def _not_a_number(self, step: int, loss: float, average: bool) -> list[Finding]:
        if math.isfinite(loss):
            if step > self._bad_at:
                self._bad = 0
            return []
        if step <= self._bad_at:
            return []
        self._bad, self._bad_at = self._bad + 1, step
        return self._said.nan(step, self._bad, average or self._bad >= NAN_IN_A_ROW)

    def _validated(self, event: events.Validated, at: float) -> list[Finding]:
        self._pace.sign(at, busy=True)
        step = self._step if event.step is None else event.step + self._offset
        if self._validation is not None and step <= self._validation[0]:
            return []  # read from the log a second time
        self._validation = (step, event.loss)
        said = Point(step, None, at=at, validation=event.loss)
        if self._pending is not None and self._pending.step >= step:
            self._pending = merged(self._pending, replace(said, step=self._pending.step))
            return []
        if self._last is None or step > self._last.step:
            found = self._settle()
            self._pending = said
            return found
        self._settled.append(replace(said, step=self._last.step))
        return self._overfit(said)

    def _settle(self) -> list[Finding]:
        point, self._pending = self._pending, None
        if point is None:
            return []
        self._settled.append(point)
        return self._take(point)

    def _take(self, point: Point) -> list[Finding]:
        """Learn from a point: the only way that losses get in, live and from the curve alike."""
        found: list[Finding] = []
        self._last = point
        if point.epoch is not None:
            self._epoch = point.epoch
        if point.loss is not None:
            found += self._not_a_number(point.step, point.loss, point.average)
            self._smoothed.add(point.loss, average=point.average)
            if math.isfinite(point.loss):
                total, count = self._between
                self._between = (total + point.loss, count + 1)
            found += self._divergence.add(point.step, point.loss, average=point.average)
            found += self._plateau.add(point.step, point.loss, average=point.average)
            if self._smoothed.value is not None:
                self._trained = self._strain.update(self._smoothed.value, point.step)
        if point.validation is not None:
            self._validation = (point.step, point.validation)
            found += self._overfit(point)
        self._recent.append(self._at(point))
        return found

    def _overfit(self, point: Point) -> list[Finding]:
        if point.validation is None:
            return []
        (total, count), self._between = self._between, (0.0, 0)
        averaged = self._last is not None and self._last.average
        training = self._smoothed.value if averaged or not count else total / count
        return self._overfitting.add(point.step, point.validation, training)

    def _at(self, point: Point) -> Losses:
        before = self._recent[-1] if self._recent else None
        return Losses(
            point.step,
            point.epoch if point.epoch is not None else self._epoch,
            point.loss if point.loss is not None else (before.loss if before else None),
            self._smoothed.value,
            self._validation[1] if self._validation else None,
            point.rate if point.rate is not None else (before.rate if before else None),
            self._strain.cumulative_effort,
            point.step // LEVEL_STEPS,
        )

    def _count(self, event: events.Fact) -> None:
        """Steps of an epoch: a running average is one over an epoch."""
        self._counts[event.name] = event.value
        batches = self._counts.get("batches_an_epoch", 0)
        if batches:
            steps = -(-batches // max(1, self._counts.get("accumulation", 1)))
            self._divergence.epoch_steps = self._plateau.epoch_steps = steps

    def _save_step(self, event: events.Saved) -> int:
        return self._step if event.step is None else event.step + self._offset

    def _words(self, event: events.Event) -> list[Finding]:
        return told(self._said, event, self._step, self.resumed_at)

    def _smoothing(self) -> str:
        if self._last is not None and self._last.average:
            return "none: the trainer's own figure is a running average"
        return f"exponential, about {self._smoothed.span} steps"

    def _note(self, found: Sequence[Finding]) -> list[Finding]:
        self.findings += found
        del self.findings[:-_MOST_FINDINGS]
        return list(found)


def _json(value: float | None) -> float | str | None:
    if value is None or math.isfinite(value):
        return value
    return "nan" if math.isnan(value) else str(value)
