"""The monitor of one run: events and vitals in, findings out; the same in, the same out.

It has no clock and starts nothing: every time is handed in. What it knows of the losses comes from
points alone, so that :meth:`Monitor.again` has after a supervisor's death what it had before, from
the curve on the disk.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from typing import Any

from ategnatos.train.watching.curve import merged
from ategnatos.train.watching.learning import Learning, json_number
from ategnatos.train.watching.machine_limits import Disk, Memory
from ategnatos.train.watching.pace import Pace
from ategnatos.train.watching.said import Said, told
from ategnatos.train.watching.strain import Hint
from ategnatos.train.watching.values import Finding, Losses, Point, Vitals
from ategnatos.train.watching.worth import by_checks, checks_of
from ategnatos.trainers import events

DONE = Hint("continue", "The training is done: compare its checkpoints, with pictures.")
_MOST_FINDINGS = 1000
_MOST_SAVES = 1024


class Monitor:
    """Watches one process of a trainer; a resumed run has a new one, made by :meth:`again`.

    ``steps`` is the whole plan's; ``resumed_at`` the step that this process began at (0: from the
    start), and ``bar_counts_from_resume`` is ``Trainer.bar_counts_from_resume``. ``floor`` is the
    loss that counts as no strain (0: none is known). ``save_bytes`` is what a save will take, and
    ``epoch_steps`` how many steps an epoch has, as far as that is known before. ``priors``: the
    plan has regularisation pictures, so a trainer that sees none says something.
    """

    def __init__(
        self,
        steps: int,
        *,
        resumed_at: int = 0,
        bar_counts_from_resume: bool = False,
        floor: float = 0.0,
        save_bytes: int = 0,
        epoch_steps: int = 0,
        priors: bool = False,
        warn_share: float | None = None,
        stop_share: float | None = None,
    ) -> None:
        self.steps = steps
        self.resumed_at = resumed_at
        self._offset = resumed_at if bar_counts_from_resume else 0
        self._said = Said(priors)
        self._learned = Learning(steps, floor, self._said, resumed_at)
        if epoch_steps > 0:
            self._learned.epochs_of(epoch_steps)
        self._pace = Pace()
        self._memory = Memory(resumed_at)
        limits = {"warn": warn_share, "stop": stop_share}
        self._disk = Disk(**{key: value for key, value in limits.items() if value is not None})
        self._disk.saved(save_bytes)
        self._counts: dict[str, int] = {}
        self._saves: dict[int, Losses] = {}
        self._pending: Point | None = None
        self._settled: deque[Point] = deque()
        self._step = resumed_at
        self._epochs: int | None = None
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
        own = False
        for point in points:
            if point.step > made.resumed_at and not own:
                own = True
                made._pace.pause()
            made._note(made._learned.take(point))
            made._pace.known(point.step, point.at, point.seconds)
            made._step = max(made._step, point.step)
        if not own:
            made._pace.pause()
        return made

    def feed(self, event: events.Event, at: float) -> list[Finding]:
        """What one event shows; ``at`` is Unix time."""
        found: list[Finding] = []
        match event:
            case events.Progress():
                found = self._progress(event, at)
            case events.Epoch():
                self._learned.epoch, self._epochs = event.epoch, event.epochs or self._epochs
                self._pace.sign(at)
            case events.Validated():
                found = self._validated(event, at)
            case events.Saved():
                self._pace.sign(at, busy=True)
                self._saved(self._step if event.step is None else event.step + self._offset)
                # Some say no more than this.
                self.finished = self.finished or (event.final and event.kind == "weights")
            case events.Fact(name="batches_an_epoch" | "accumulation"):
                self._pace.sign(at, busy=True)
                self._count(event)
            case events.Sampled():
                self._pace.sign(at, busy=True)
            case events.Phase():
                if event.name == "training":
                    self._memory.restart()
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

        Known are the last steps, and those at which a save was announced.
        """
        known = list(self._learned.recent)
        if self._pending is not None:
            known.append(self._learned.at(self._pending))
        if step is None:
            return known[-1] if known else Losses(self._step)
        if step in self._saves:
            return self._saves[step]
        before = [one for one in known if one.step <= step]
        return replace(before[-1], step=step) if before else Losses(step)

    def snapshot(self) -> dict[str, Any]:
        """Everything that is known now, as JSON values."""
        now = self.losses()
        strain = self._learned.strain
        hint = DONE if self.finished else strain.get_curriculum_hint()
        left = max(0, self.steps - self._step)
        return {
            "step": self._step,
            "steps": self.steps,
            "share": min(1.0, self._step / self.steps) if self.steps else None,
            "resumed_at": self.resumed_at,
            "loss": json_number(now.loss),
            "smoothed": json_number(now.smoothed),
            "rate": now.rate,
            "epoch": self._learned.epoch if self._learned.epoch is not None else now.epoch,
            "epochs": self._epochs,
            "seconds_a_step": self._pace.seconds_a_step,
            "eta_seconds": 0.0 if self.finished else self._pace.eta(left),
            **self._learned.shown(),
            "hint": asdict(hint),
            "worth": asdict(by_checks(strain.cumulative_effort, checks_of(self.findings))),
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
            self._learned.epoch, self._epochs = event.epoch, event.epochs or self._epochs
        self._step = max(self._step, step)
        self._pace.step(step, at, event.seconds_a_step)
        if event.loss is None:
            return []
        of = step if event.loss_step is None else event.loss_step + self._offset
        pending = self._pending
        if pending is not None and (of, event.loss) == (pending.step, pending.loss):
            return []  # the same, drawn again
        average = event.loss_is == "average"
        bad = self._learned.not_a_number(of, event.loss, average)
        epoch = event.epoch or self._learned.epoch
        each = event.seconds_a_step
        point = Point(of, event.loss, event.rate, each, at, epoch, average=average)
        if pending is not None and of < pending.step:
            return bad
        if pending is not None and of == pending.step:
            self._pending = merged(pending, point)
            return bad
        found = self._settle()
        if self._learned.last is None or of > self._learned.last.step:
            self._pending = point
        return bad + found

    def _validated(self, event: events.Validated, at: float) -> list[Finding]:
        self._pace.sign(at, busy=True)
        step = self._step if event.step is None else event.step + self._offset
        if self._learned.validation is not None and step <= self._learned.validation[0]:
            return []  # read from the log a second time
        self._learned.validation = (step, event.loss)
        said = Point(step, None, at=at, validation=event.loss)
        if self._pending is not None and self._pending.step >= step:
            self._pending = merged(self._pending, replace(said, step=self._pending.step))
            return []
        if self._learned.last is None or step > self._learned.last.step:
            found = self._settle()
            self._pending = said
            return found
        self._settled.append(replace(said, step=self._learned.last.step))
        return self._learned.validated(said.step, event.loss)

    def _settle(self) -> list[Finding]:
        point, self._pending = self._pending, None
        if point is None:
            return []
        self._settled.append(point)
        return self._learned.take(point)

    def _count(self, event: events.Fact) -> None:
        """Steps of an epoch: a running average is one over an epoch."""
        self._counts[event.name] = event.value
        batches = self._counts.get("batches_an_epoch", 0)
        if batches:
            steps = -(-batches // max(1, self._counts.get("accumulation", 1)))
            self._learned.epochs_of(steps)

    def _saved(self, step: int) -> None:
        self._memory.saved(step)
        # Who looks for the file may come a thousand steps later, or read the log again.
        if step not in self._saves:
            self._saves[step] = replace(self.losses(step), mean=self._learned.saved())
        while len(self._saves) > _MOST_SAVES:
            del self._saves[next(iter(self._saves))]

    def _words(self, event: events.Event) -> list[Finding]:
        return told(self._said, event, self._step, self.resumed_at)

    def _note(self, found: Sequence[Finding]) -> list[Finding]:
        self.findings += found
        del self.findings[:-_MOST_FINDINGS]
        return list(found)
