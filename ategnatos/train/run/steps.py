"""The step function of the saga ``training``: a run from its GPU's lock to its end.

It can be taken up at any moment. What was begun stands in the run's folder; a try whose trainer
lives is followed, one that is over is judged, and only then another is laid out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.jobs import saga
from ategnatos.grimoire.jobs.run import Done, StoppedError
from ategnatos.guard import locks
from ategnatos.machines import MACHINE_TIMEOUT, MACHINE_UNREACHABLE
from ategnatos.train.machine import machine_of
from ategnatos.train.run import (
    attempts,
    due,
    holding,
    ladder,
    learning,
    memory,
    outcome,
    place,
    preparing,
    progress,
    record,
    state,
    stopping,
)
from ategnatos.train.run.following import Followed, Following
from ategnatos.train.run.keeper import Keeper
from ategnatos.train.run.lines import RUN_LOST, Rhythm
from ategnatos.train.run.saves import Saves

if TYPE_CHECKING:
    from typing import Any

    from ategnatos.grimoire.jobs.records import Job
    from ategnatos.grimoire.jobs.run import Run as JobRun
    from ategnatos.grimoire.jobs.worker import Step
    from ategnatos.grimoire.project import Project
    from ategnatos.machines import Machine
    from ategnatos.train.run.attempts import Attempt
    from ategnatos.train.run.outcome import Outcome
    from ategnatos.train.run.place import Place
    from ategnatos.train.run.preparing import Laid
    from ategnatos.train.run.record import Run
    from ategnatos.trainers import Trainer

RUN_FAILED = ErrorCode("run_failed", "A training ended otherwise than with a finished LoRA.")

SAGA = "training"
SAGAS: Mapping[str, saga.Saga] = {SAGA: saga.load(SAGA)}


@dataclass(slots=True)
class Steps:
    """Carries training jobs out. ``machine`` gives a machine by its name."""

    project: Project
    clock: Callable[[], datetime]
    machine: Callable[[Project, str], Machine] = machine_of
    rhythm: Rhythm = Rhythm()  # noqa: RUF009 - it is frozen
    say: Callable[[str], None] = lambda text: None

    def table(self) -> dict[str, Step]:
        """Step functions by the names that the saga uses."""
        return {"train": self.train}

    def failed(self, job: Job, error: Mapping[str, Any]) -> None:
        """A job is failed: its run must not go on saying that it is at work."""
        run = record.load(self.project, str(job.data["run"]))
        if run.state in record.ENDED:
            return
        tried = attempts.last(run.folder)
        cancelled = error.get("code") == "cancelled"
        if cancelled and tried is not None and not tried.end:
            # The job was cancelled before its step could stop the trainer: that is done now.
            where = place.of(self.project, run, self.machine(self.project, run.machine))
            keeper = Keeper(where.machine, str(where.there), _python(run))
            who = job.stop or "somebody"
            with holding.gpu(run) as held:
                self._tries(run, where, keeper, held, lambda: who)
            return
        self._ended(run, "stopped" if cancelled else "failed", str(error.get("message", "")))

    def train(self, job: JobRun) -> Done:
        """Train to the end. Raises StudioError (``run_failed``, ``run_lost``, ...), LaterError
        where the GPU is in use, StoppedError where somebody stopped it.
        """
        run = record.load(self.project, str(job.job.data["run"]))
        if run.state in record.ENDED:
            # It came to its end, and who followed it died before its job heard of it.
            return _concluded(run, outcome.Outcome(run.state, run.state, run.why))
        where = place.of(self.project, run, self.machine(self.project, run.machine))
        keeper = Keeper(where.machine, str(where.there), _python(run))
        with holding.gpu(run) as held:
            renewed = self.clock()
            timer = due.Due(self.project, run.machine, self.clock)

            def check() -> str:
                nonlocal renewed
                seen = state.live(run.folder).get("monitor", {})
                try:
                    job.progress(int(seen.get("step") or 0), run.steps or 1, run.id)
                except StoppedError as stopped:
                    if not stopped.by:
                        raise
                    return stopped.by
                if wanted := stopping.wanted(run.folder) or timer.wanted():
                    return wanted
                if abs((self.clock() - renewed).total_seconds()) > holding.RENEW_SECONDS:
                    held.renew()
                    renewed = self.clock()
                return ""

            try:
                result = self._tries(run, where, keeper, held, check)
            except StudioError as error:
                if error.code is RUN_LOST:
                    self._ended(run, "lost", error.message)
                raise
        return _concluded(run, result)

    # --- inside -------------------------------------------------------------------------------

    def _tries(
        self,
        run: Run,
        where: Place,
        keeper: Keeper,
        held: locks.Held,
        check: Callable[[], str],
    ) -> Outcome:
        """One try after the other, until one ends in something else than lack of memory."""
        from ategnatos.trainers import load_trainer

        trainer = load_trainer(run.trainer)
        while True:
            tried = attempts.last(run.folder)
            if tried is not None and tried.end and run.state in ("training", "stopping"):
                # It was judged, and who judged it died before the run heard of it.
                result = outcome.Outcome(tried.end, tried.code, tried.why)
            else:
                if tried is None or tried.end:
                    # Nobody waits for pictures to be laid out for a run that is wanted no more.
                    if asked := check():
                        return self._ended(run, "stopped", f"{asked} stopped it before it began.")
                    run = record.note(self.project, run.id, now=self.clock(), state="preparing")
                    change = None if tried is None else ladder.decided(run, tried)
                    tried = self._laid(run, where, keeper, trainer, change)
                run, result = self._one(run, tried, where, keeper, held, trainer, check)
            if result.code != outcome.OOM or not ladder.decide(
                self.project, run, tried, clock=self.clock, say=self.say
            ):
                return self._ended(run, result.state, result.why, result)
            run = record.load(self.project, run.id)
            if not where.far:
                holding.take_back(held)

    def _one(
        self,
        run: Run,
        tried: Attempt,
        where: Place,
        keeper: Keeper,
        held: locks.Held,
        trainer: Trainer,
        check: Callable[[], str],
    ) -> tuple[Run, Outcome]:
        """One try from its start, or from where it is, to its judgement."""
        run = record.note(
            self.project,
            run.id,
            now=self.clock(),
            state="training",
            begun_at=run.begun_at or record.iso(self.clock()),
            ended_at="",
            why="",
            steps=tried.steps,
        )
        state.change(run.folder, status="training")
        progress.write(self.project, run, self.clock())
        followed = self._followed(run, tried, where, keeper, held, trainer, check)
        result = self._judged(run, tried, followed, trainer)
        attempts.ended(
            run.folder,
            tried,
            ended_at=record.iso(self.clock()),
            status=followed.status,
            end=result.state,
            code=result.code,
            why=result.why,
            asked=followed.asked,
        )
        if result.state in ("finished", "stopped"):
            learning.keep(self.project, run, followed.monitor, self.clock(), self.say)
        return run, result

    def _laid(
        self,
        run: Run,
        where: Place,
        keeper: Keeper,
        trainer: Trainer,
        change: memory.Change | None,
    ) -> Attempt:
        laid = preparing.dataset(self.project, run, trainer, where)
        point = None
        if change is None or not change.anew:
            saves = saves_of(run, trainer, laid)
            point = preparing.point_of(run, where, laid, saves)
            for path, why in point.broken if point is not None else ():
                self.say(f"{path.name} is not whole ({why}): it is moved aside.")
        if point is not None:
            self.say(f"Going on from {point.name}, step {point.step}.")
            for note in point.translation.notes:
                self.say(note)
        tried = preparing.attempt(run, where, laid, keeper, point, change=change, clock=self.clock)
        try:
            before = keeper.look(tried.number, 0, preparing.card_of(run)).vram_mib
        except StudioError as error:
            if error.code not in (MACHINE_TIMEOUT, MACHINE_UNREACHABLE):
                raise
            # A figure alone: all that the try needs is there by now.
            self.say(f"{error.message} What others hold of its memory is not known.")
            before = None
        return attempts.ended(run.folder, tried, before_mib=before or 0)

    def _followed(
        self,
        run: Run,
        tried: Attempt,
        where: Place,
        keeper: Keeper,
        held: locks.Held,
        trainer: Trainer,
        check: Callable[[], str],
    ) -> Followed:
        from ategnatos.train.plan import laying

        plan = preparing.plan_of(run.folder)
        ready = laying.ready(self.project, plan, trainer.layout, where.here / "dataset")
        saves = saves_of(run, trainer, preparing.Laid(plan, ready.dataset, trainer))
        following = Following(
            self.project,
            run,
            tried,
            keeper,
            where,
            saves,
            clock=self.clock,
            rhythm=self.rhythm,
            say=self.say,
            kept=lambda pid: None if where.far else holding.hand_over(held, pid),
        )
        return following.go(check)

    def _judged(self, run: Run, tried: Attempt, followed: Followed, trainer: Trainer) -> Outcome:
        from ategnatos.knowledge import failures
        from ategnatos.knowledge.log_end import lines_of

        log = tried.log(run.folder)
        lines = lines_of(log) if log.is_file() else []
        saves = Saves(run.folder, trainer, run.plan, 1)
        return outcome.judge(
            outcome.Seen(
                status=followed.status,
                step=followed.monitor.snapshot()["step"],
                steps=tried.steps,
                drawn=followed.drawn,
                final=saves.final(tried),
                diagnosis=failures.diagnose(lines, status=followed.status),
                findings=followed.monitor.findings,
                asked=followed.asked,
                because=followed.because,
                failed=followed.failed.text if followed.failed else "",
                failed_as=followed.failed.code if followed.failed else "",
                unbegun=followed.unbegun,
            )
        )

    def _ended(self, run: Run, how: str, why: str, result: Outcome | None = None) -> Outcome:
        now = self.clock()
        state.stop_heeded(run.folder)
        step = int(state.live(run.folder).get("monitor", {}).get("step") or run.step)
        run = record.note(
            self.project, run.id, now=now, state=how, ended_at=record.iso(now), why=why, step=step
        )
        state.change(
            run.folder, status=how, why=why, ended_at=record.iso(now), completed_steps=step
        )
        progress.write(self.project, run, now)
        return result or outcome.Outcome(how, how, why)


def _concluded(run: Run, result: Outcome) -> Done:
    """What the end of a run is for its job."""
    if result.code == "stopped":
        return Done(to="stopped")
    if result.state != "finished":
        raise StudioError(
            RUN_FAILED,
            f"The run {run.id} {record.STATES[result.state].partition(';')[0]}: {result.why}",
            hint=" ".join(result.mend) or f"ategnatos train resume {run.id}",
            run=run.id,
            state=result.state,
            why=result.code,
        )
    return Done()


def saves_of(run: Run, trainer: Trainer, laid: Laid) -> Saves:
    facts = {
        "run": run.id,
        "plan": run.plan,
        "number": run.number,
        "digest": run.digest,
        "dataset": run.dataset,
        "dataset_version": run.dataset_version,
        "trainer": run.trainer,
        "family": laid.plan.family,
    }
    return Saves(run.folder, trainer, run.plan, laid.dataset.steps_an_epoch, facts)


def _python(run: Run) -> str:
    return str(state.read(run.folder).get("install", {}).get("python") or "python3")
