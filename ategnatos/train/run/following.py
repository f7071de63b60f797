"""Follow one try to its end: its log into the curve, its saves into the ledger, its health judged.

All that a follower knows it has from the log and the curve on the disk, so one that died is
followed by the next, which reads the log again from its first byte. The trainer goes on meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import StudioError
from ategnatos.machines import MACHINE_COPY, MACHINE_TIMEOUT, MACHINE_UNREACHABLE
from ategnatos.train import processor
from ategnatos.train.checkpoints import ledger, verifying
from ategnatos.train.run import bringing, preparing, record, state, stopping
from ategnatos.train.run.ending import Ending
from ategnatos.train.run.keeper import MOST, Keeper, Look
from ategnatos.train.run.lines import Line, Rhythm
from ategnatos.train.watching import curve
from ategnatos.train.watching.monitor import Monitor
from ategnatos.train.watching.values import Finding, Vitals
from ategnatos.trainers import events
from ategnatos.trainers.lines import Lines

if TYPE_CHECKING:
    from pathlib import Path

    from ategnatos.grimoire.project import Project
    from ategnatos.train.run.attempts import Attempt
    from ategnatos.train.run.place import Place
    from ategnatos.train.run.record import Run
    from ategnatos.train.run.saves import Saves

# A start that nobody hears of is asked for again after so many seconds: it cannot begin twice.
_AGAIN_SECONDS = 120.0
# The card's memory is asked for so often; its program takes a moment.
_VRAM_SECONDS = 10.0
_MOST_FINDINGS = 50


@dataclass(slots=True)
class Followed:
    """A try that is over, and what was seen of it. ``unbegun``: it was kept from beginning."""

    status: int | None
    monitor: Monitor
    drawn: tuple[int, int] | None
    failed: events.Failed | None
    asked: str
    because: Finding | None
    unbegun: bool = False


class Following:
    """One try being started, where it is not, and followed. ``kept`` hears once which process
    keeps the trainer.
    """

    def __init__(
        self,
        project: Project,
        run: Run,
        attempt: Attempt,
        keeper: Keeper,
        place: Place,
        saves: Saves,
        *,
        clock: Callable[[], datetime],
        rhythm: Rhythm,
        say: Callable[[str], None] = lambda text: None,
        kept: Callable[[int], None] = lambda pid: None,
    ) -> None:
        self._kept, self._told = kept, False
        self._project, self._run, self._attempt = project, run, attempt
        self._keeper, self._place, self._saves = keeper, place, saves
        card = preparing.card_of(run)
        self._card = "" if card == processor.PROCESSOR else card
        self._clock, self._rhythm, self._say = clock, rhythm, say
        self._far = Line(run, rhythm, say, self._now)
        points = curve.read(run.folder).points
        self._recorded = points[-1].step if points else 0
        self.monitor = Monitor.again(
            [one for one in points if one.step <= attempt.begins],
            attempt.steps,
            resumed_at=attempt.begins,
            bar_counts_from_resume=saves.trainer.bar_counts_from_resume,
            epoch_steps=saves.steps_an_epoch,
            priors=bool(preparing.plan_of(run.folder).regularisation),
        )
        self._parser, self._lines = saves.trainer.parser(), Lines()
        self._offset = 0
        self._drawn: tuple[int, int] | None = None
        self._failed: events.Failed | None = None
        self._because: Finding | None = None
        self._asked = attempt.asked
        self._saved_since = True
        self._vram: int | None = None
        self._vram_at = float("-inf")
        self._ending: Ending | None = None
        # How a save is asked for, from which step on it is the one, and the newest that is whole.
        self._asking = stopping.asking(run, attempt)
        self._save_from: int | None = None
        self._written: set[Path] = set()
        self._newest = 0

    def go(self, check: Callable[[], str]) -> Followed:
        """Follow it until nothing of it runs any more and its log is read to the end. ``check``
        says who wants it stopped ("" nobody).

        Raises StudioError (``run_lost``, ``disk_full``, ...) and whatever ``check`` does; the
        trainer is then left as it is.
        """
        self._far.do(lambda: self._keeper.start(self._attempt.number), check)
        began = self._started = time.monotonic()
        unbegun = False
        # What a resume moved out of the way, or the trainer deleted, is no checkpoint any more.
        verifying.gone(self._run.folder)
        if self._place.far:
            self._replay()
        while True:
            asked = check()
            if asked and not self._asked:
                self._asked = asked
            look = self._look(check)
            if look.keeper_pid is not None and not self._told:
                self._told = True
                self._kept(look.keeper_pid)
            self._read(look)
            if look.over and self._offset >= look.size:
                break
            silent = look.keeper_pid is None and look.status is None
            if silent and self._given_up(began, check):
                unbegun = True
                break
            self._stop_if_wanted(look)
            if self._offset >= look.size:
                time.sleep(self._rhythm.pause(time.monotonic() - began))
        self._finish(look, check)
        return Followed(
            look.status,
            self.monitor,
            self._drawn,
            self._failed,
            self._asked,
            self._because,
            unbegun,
        )

    # --- inside -------------------------------------------------------------------------------

    def _replay(self) -> None:
        """What was brought of the log before, from the copy here."""
        path = self._attempt.log(self._run.folder)
        if path.is_file():
            with path.open("rb") as log:
                while raw := log.read(MOST):
                    self._offset += len(raw)
                    self._take(raw)

    def _given_up(self, began: float, check: Callable[[], str]) -> bool:
        """Of a start that nobody has heard of yet: whether it will never begin now. A slow machine
        is waited for; what is given up is kept from beginning later.
        """
        now, number = time.monotonic(), self._attempt.number
        if self._asked or now - began > self._rhythm.lost:
            return self._far.do(lambda: self._keeper.forbid(number), check)
        if now - self._started > _AGAIN_SECONDS:
            self._started = now
            self._say(f"Nothing was heard of the start for {now - began:.0f} s; asking again.")
            self._far.do(lambda: self._keeper.start(number), check)
        return False

    def _look(self, check: Callable[[], str]) -> Look:
        """One look at the machine; where the line is broken, again until it is not."""
        ask_gpu = time.monotonic() - self._vram_at >= _VRAM_SECONDS
        look = self._far.do(
            lambda: self._keeper.look(
                self._attempt.number, self._offset, self._card if ask_gpu else ""
            ),
            check,
        )
        if ask_gpu:
            # The card's whole use is not the run's: what others had is taken off.
            used = look.vram_mib
            self._vram = None if used is None else max(0, used - self._attempt.before_mib)
            self._vram_at = time.monotonic()
        return look

    def _read(self, look: Look) -> None:
        """Everything that one look brings."""
        if look.log:
            if self._place.far:
                path = self._attempt.log(self._run.folder)
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("ab") as log:
                    log.write(look.log)
            self._offset += len(look.log)
            self._take(look.log)
        vitals = Vitals(
            look.alive, bool(look.log), look.disk_used_share, look.disk_free, self._vram
        )
        # That who was told to end is gone is nothing to notice.
        if look.alive or (look.over and self._ending is None):
            self._heed(self.monitor.tick(vitals, self._clock().timestamp()))
        self._points()
        self._note_saves(over=False)
        self._live(look)

    def _take(self, raw: bytes) -> None:
        for line in self._lines.feed(raw):
            self._line(line)

    def _line(self, line: str) -> None:
        at = self._clock().timestamp()
        for event in self._parser.parse(line):
            if isinstance(event, events.Progress):
                self._drawn = (event.step, event.total)
            elif isinstance(event, events.Failed):
                self._failed = event
            elif isinstance(event, events.Saved):
                self._saved_since = True
            self._heed(self.monitor.feed(event, at))

    def _heed(self, found: list[Finding]) -> None:
        for one in found:
            self._say(one.text)
            if one.weight == "stop" and self._because is None:
                self._because = one

    def _points(self) -> None:
        fresh = [one for one in self.monitor.take() if one.step > self._recorded]
        if fresh:
            curve.append(self._run.folder, fresh)
            self._recorded = max(one.step for one in fresh)

    def _note_saves(self, *, over: bool) -> None:
        """Look for saves where one was announced or is not settled; write down what is new."""
        if not (self._saved_since or self._saves.waiting or over):
            return
        if self._place.far and not bringing.bring(self._place, self._attempt.output, over=over):
            return
        made = self._saves.look(self._attempt, self.monitor, self._clock(), over=over)
        self._saved_since = False
        if not made:
            return
        whole = [one for one in made if one.whole]
        seen = self.monitor.snapshot()
        if whole:
            newest = max(whole, key=lambda one: one.step)
            self._newest = max(self._newest, newest.step)
            state.change(
                self._run.folder,
                last_checkpoint=newest.name,
                last_checkpoint_at=newest.at,
                completed_steps=seen["step"],
            )
            record.note(
                self._project, self._run.id, now=self._clock(), step=seen["step"],
                latest=newest.name,
            )  # fmt: skip
        for one in made:
            if not one.whole:
                self._say(f"A save of step {one.step} is not whole: {one.why}.")

    def _live(self, look: Look) -> None:
        seen = self.monitor.snapshot()
        findings = [asdict(one) for one in self.monitor.findings[-_MOST_FINDINGS:]]
        values: dict[str, Any] = {
            "at": self._now(),
            "attempt": self._attempt.number,
            "alive": look.alive,
            "pid": look.pid,
            "offset": self._offset,
            "disk_used_share": look.disk_used_share,
            "disk_free": look.disk_free,
            "vram_mib": self._vram,
            "findings": findings,
            "monitor": seen,
            "stopping": self._ending.stage if self._ending is not None else "",
        }
        before = state.live(self._run.folder)
        if {**before, "at": ""} != {**values, "at": ""}:
            state.put_live(self._run.folder, values)

    def _stop_if_wanted(self, look: Look) -> None:
        if not (self._asked or self._because) or not look.alive:
            return
        if self._ending is None:
            why = self._because.text if self._because else f"{self._asked} asked for it."
            self._say(f"Stopping the trainer: {why}")
            self._ending = Ending(self._keeper, self._attempt.number, self._rhythm.patience)
            self._written = set(self._saves.waiting)
            record.note(self._project, self._run.id, now=self._clock(), state="stopping", why=why)
            state.change(self._run.folder, status="stopping")
        self._ending.go_on(saving=self._because is None and self._saves_yet())

    def _saves_yet(self) -> bool:
        """Whether a save that was being written when the stop was asked for still is, or one that
        was asked for is still to come. One that begins later is not waited for: where a run saves
        often, there would always be one.
        """
        writing = not self._written.isdisjoint(self._saves.waiting)
        if self._asking is None:
            return writing
        name = f"attempts/{self._attempt.number}/{self._asking.name}"
        if self._save_from is None:
            try:
                self._place.put({name: self._asking.save})
            except StudioError as error:
                if error.code not in (MACHINE_COPY, MACHINE_UNREACHABLE, MACHINE_TIMEOUT):
                    raise
                self._say(f"{error.message} It is asked for a save again.")
                return True
            self._save_from = int(self.monitor.snapshot()["step"])
        # It may say nothing of it in words that are known.
        self._saved_since = True
        return writing or self._newest < max(1, self._save_from)

    def _finish(self, look: Look, check: Callable[[], str]) -> None:
        for line in [*self._lines.close(), ""]:
            self._line(line)
        self.monitor.close()
        self._points()
        self._far.do(lambda: self._note_saves(over=True), check, "The last saves are not home yet")
        validations = {
            one.step: one.validation
            for one in curve.read(self._run.folder).points
            if one.validation is not None
        }
        if validations:
            ledger.complete(self._run.folder, validations)
        verifying.gone(self._run.folder)
        self._live(look)

    def _now(self) -> str:
        return record.iso(self._clock())
