"""The lock on a run's GPU: it lasts as long as the trainer, whatever becomes of who follows it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.jobs.effects import LaterError
from ategnatos.grimoire.jobs.run import StoppedError
from ategnatos.guard import locks
from ategnatos.guard.locks import process
from ategnatos.train.machine import LOCAL
from ategnatos.train.run import state

if TYPE_CHECKING:
    from ategnatos.train.run.record import Run

RENEW_SECONDS = 30.0
# A GPU that somebody else uses is asked for again after so many seconds.
_BUSY_SECONDS = 10.0
# A lock on a far GPU lasts so long after the last word of whoever follows the run.
_LEASE_SECONDS = 600.0


@contextmanager
def gpu(run: Run) -> Iterator[locks.Held]:
    """Hold the run's GPU: a holding that outlives this process as long as the trainer lives.

    Raises LaterError where somebody else has it.
    """
    who = name(run)
    held = locks.standing(run.gpu, who)
    far = run.machine != LOCAL
    if held is None:
        try:
            held = locks.acquire(
                run.gpu,
                who=who,
                process=None if far else process.this(),
                lease=_LEASE_SECONDS,
                timeout=0.0,
            )
        except StudioError as error:
            if error.code is not locks.RESOURCE_HELD:
                raise
            raise LaterError(_BUSY_SECONDS, error.message) from error
    elif not far:
        _adopt(held)
    living = False
    try:
        yield held
    except (StoppedError, StudioError):
        # Given up here, and the trainer may live: then its keeper holds the GPU on. What was seen
        # last is not asked here: with a full disk it was not written, or it is of an earlier try.
        living = bool(state.live(run.folder).get("alive")) if far else _handed_over(held)
        raise
    except BaseException:
        living = True
        raise
    finally:
        if not living:
            held.give_back()


def name(run: Run) -> str:
    """Who holds it. Two studios on one computer may both have a run of that id."""
    return f"train {run.id} in {run.folder}"


def hand_over(held: locks.Held, keeper: int) -> None:
    """Let the lock last as long as the trainer's keeper: whatever becomes of this process."""
    found = process.of(keeper)
    if found is not None:
        held.hand_over(found)


def take_back(held: locks.Held) -> None:
    """Hold the lock ourselves again, now that the trainer it was handed to is gone."""
    try:
        held.hand_over(process.this())
    except StudioError as error:
        if error.code is not locks.LOCK_LOST:
            raise
        raise LaterError(_BUSY_SECONDS, error.message) from error


def _handed_over(held: locks.Held) -> bool:
    holder = held.holder.process
    return holder is not None and holder != process.this() and process.alive(holder) is True


def _adopt(held: locks.Held) -> None:
    """Carry a lock on that the trainer's keeper holds; ours again where that one is gone."""
    holder = held.holder.process
    if holder is None or process.alive(holder) is not True:
        held.hand_over(process.this())
