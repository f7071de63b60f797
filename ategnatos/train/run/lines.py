"""A machine whose line breaks, and comes back: what may be done again is done again."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.machines import MACHINE_TIMEOUT, MACHINE_UNREACHABLE
from ategnatos.train.run import state
from ategnatos.train.run.ending import Patience

if TYPE_CHECKING:
    from ategnatos.train.run.record import Run

T = TypeVar("T")

RUN_LOST = ErrorCode("run_lost", "The machine of a training has not answered for too long.")


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Seconds between two looks: ``first`` in the beginning, then ``later``. A machine that does
    not answer is tried for ``lost`` seconds, and a start that nobody hears of for as long.
    """

    first: float = 0.25
    later: float = 2.0
    lost: float = 1800.0
    patience: Patience = field(default_factory=Patience)

    def pause(self, followed: float) -> float:
        """How long to wait after so many seconds."""
        return self.first if followed < 30 else self.later


@dataclass(frozen=True, slots=True)
class Line:
    """The line to a run's machine. ``now`` gives the time as the records write it."""

    run: Run
    rhythm: Rhythm
    say: Callable[[str], None]
    now: Callable[[], str]

    def do(
        self,
        act: Callable[[], T],
        check: Callable[[], str],
        meanwhile: str = "The training goes on",
    ) -> T:
        """Do what may be done again; where the line is broken, until it is not. ``check`` is
        called between two tries, and may raise.

        Raises StudioError (``run_lost``) after the rhythm's patience, and what ``act`` raises.
        """
        since = None
        while True:
            now = time.monotonic()
            try:
                return act()
            except StudioError as error:
                if error.code not in (MACHINE_UNREACHABLE, MACHINE_TIMEOUT):
                    raise
                if since is None:
                    since = now
                    self.say(f"{error.message} {meanwhile}; trying again.")
                    before = state.live(self.run.folder)
                    state.put_live(self.run.folder, {**before, "unreachable_since": self.now()})
                if now - since > self.rhythm.lost:
                    raise _lost(self.run, now - since) from error
                check()
                time.sleep(min(self.rhythm.later, 5.0))


def _lost(run: Run, seconds: float) -> StudioError:
    return StudioError(
        RUN_LOST,
        f"{run.machine} has not answered for {seconds / 60:.0f} minutes. The run {run.id} is given"
        " up here; whether its trainer still runs there, nobody knows.",
        hint=f"Go on elsewhere: ategnatos train resume {run.id} --machine local. See what is rented"
        " and bills: ategnatos studio provider status",
        run=run.id,
        machine=run.machine,
    )
