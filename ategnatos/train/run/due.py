"""A rented machine is ended when its time or its money is over: its training is stopped before.

The reaper ends the machine whatever runs on it. So that what was learned is saved and brought
here first, the run is asked to stop a while earlier.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.jobs import database
from ategnatos.grimoire.spend import ledger, rentals
from ategnatos.grimoire.spend.amounts import USD
from ategnatos.train.machine import LOCAL
from ategnatos.train.run.lines import RUN_LOST

if TYPE_CHECKING:
    from collections.abc import Callable

    from ategnatos.grimoire.project import Project
    from ategnatos.grimoire.spend.records import Rental

# Who asks for the stop, as a run's record says it.
TIMER = "the budget timer"

# What is left for the save, the end of the trainer and the way home: at most, and at least, in
# seconds, and at most this share of the whole rental.
_MOST, _LEAST, _SHARE = 900.0, 90.0, 0.2
# The timer moves when a machine turns out dearer or a person gives it more: looked at so often.
_LOOK_SECONDS = 20.0


class Due:
    """When a run on ``machine`` has to stop. ``clock`` gives the time now."""

    def __init__(self, project: Project, machine: str, clock: Callable[[], datetime]) -> None:
        self._project, self._machine, self._clock = project, machine, clock
        self._looked: datetime | None = None
        self._until: datetime | None = None
        self._was = False

    def wanted(self) -> str:
        """Who wants the run stopped now: the budget timer, or nobody ("").

        Raises StudioError (``run_lost``) where the machine had a timer and has none any more: it
        was ended, taken away by its provider or by somebody, and no waiting brings it back.
        """
        if self._machine == LOCAL:
            return ""
        now = self._clock()
        if self._looked is None or abs((now - self._looked).total_seconds()) >= _LOOK_SECONDS:
            self._looked, self._until = now, until(self._project, self._machine)
            if self._until is None and self._was:
                raise _ended(self._machine)
            self._was = self._until is not None
        return TIMER if self._until is not None and now >= self._until else ""


def until(project: Project, machine: str) -> datetime | None:
    """Until when a training may run there; None where no timer runs for the machine."""
    with database.connect(project) as db:
        rental = next((one for one in rentals.live(db) if one.name == machine), None)
        if rental is None:
            return None
        lines = ledger.lines(db, rental.spend_key)
    reserved = sum(one.reserved for one in lines if one.unit == USD)
    return _end(rental, reserved) - timedelta(seconds=_margin(rental))


def _end(rental: Rental, reserved: int) -> datetime:
    """When the machine is ended: its time is over, or its money, whichever comes first."""
    due = datetime.fromisoformat(rental.due_at)
    if not (reserved and rental.rate):
        return due
    seconds = reserved * 3600 / rental.rate
    return min(due, datetime.fromisoformat(rental.started_at) + timedelta(seconds=seconds))


def _ended(machine: str) -> StudioError:
    return StudioError(
        RUN_LOST,
        f"{machine} is ended, so what it had not saved and sent here is lost.",
        hint="Go on from the newest save, on this computer or another machine: ategnatos train"
        " resume RUN --machine local",
        machine=machine,
    )


def _margin(rental: Rental) -> float:
    return min(_MOST, max(_LEAST, rental.max_minutes * 60 * _SHARE))
