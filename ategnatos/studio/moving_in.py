"""From an ordered machine to one that can be worked on: up, let in, pinned, watched from inside."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ategnatos.grimoire import journal
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.machines import MACHINE_UNREACHABLE
from ategnatos.machines.ssh import dead_man, pins, tmux
from ategnatos.machines.ssh.link import Link
from ategnatos.providers.values import State
from ategnatos.studio import ways
from ategnatos.studio.renting import keys

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.grimoire.spend.records import Rental
    from ategnatos.providers import Provider
    from ategnatos.studio.ways import Way

MACHINE_NOT_UP = ErrorCode("machine_not_up", "A rented machine did not become usable.")

# Between two looks at a machine that comes up, and between two words about it.
LOOK_SECONDS = 10.0
SAY_SECONDS = 60.0


def move_in(
    project: Project,
    provider: Provider,
    rental: Rental,
    label: str,
    limits: dead_man.Limits,
    *,
    actor: str,
    clock: Callable[[], datetime],
    sleep: Callable[[float], None] = time.sleep,
    say: Callable[[str], None] = lambda text: None,
    patience: float | None = None,
) -> tuple[Way, list[str]]:
    """Wait until the machine runs and lets us in, then prepare it: safe to do again.

    ``patience`` is how many seconds to wait, by default what its provider's machines may take.
    Returns the way to it and what could not be prepared, in words. Raises StudioError
    (``machine_not_up``: it still bills, and the caller ends it).
    """
    terms = provider.terms()
    began = clock()
    patience = terms.boot_seconds if patience is None else patience
    end = began + timedelta(seconds=patience)
    public_key = keys.make(label)
    said, spoken_at = "it was not seen yet", began
    while True:
        seen, refused = None, ""
        try:
            seen = provider.get(rental.resource)
        except StudioError as error:
            said = error.message
        if seen is not None:
            said = seen.said or seen.raw or seen.state.value
            if seen.hopeless or seen.state is State.TERMINATED:
                raise _not_up(rental, seen.hopeless or "it is gone")
            if seen.state is State.RUNNING:
                provider.admit(rental.resource, public_key)
                for place in provider.ssh(rental.resource):
                    link = Link(ways.address(label, place), waits=())
                    if place.host_keys:
                        pins.pin(link.address, place.host_keys)
                    try:
                        link.run(["true"], seconds=60)
                    except StudioError as error:
                        if error.details.get("outcome") == "stranger":
                            raise _not_up(rental, error.message) from error
                        refused = error.message
                        continue
                    notes = _prepare(link, limits, terms.self_end)
                    way = ways.keep(rental.name, label, place)
                    journal.append(
                        project,
                        "machine.ready",
                        actor=actor,
                        references={"machine": rental.name},
                        data={"label": label, "way": place.way, "limits_minutes": limits.cap},
                        now=clock(),
                    )
                    return way, notes
                said = refused or "it runs, and says no address yet"
        now = clock()
        if now >= end:
            raise _not_up(rental, f"{said}, after {patience / 60:.0f} minutes")
        if now - spoken_at >= timedelta(seconds=SAY_SECONDS):
            spoken_at = now
            say(f"{rental.name} after {(now - began).total_seconds():.0f} seconds: {said}")
        sleep(LOOK_SECONDS)


def _prepare(link: Link, limits: dead_man.Limits, self_end: str) -> list[str]:
    """The session that outlives the line, and the script that ends the machine."""
    notes = []
    try:
        dead_man.begin(link, limits, self_end=self_end)
    except StudioError as error:
        if error.code is MACHINE_UNREACHABLE:
            raise
        notes.append(error.message)
    if tmux.create(link).status != 0:
        notes.append("It has no tmux; phases run there all the same, without a session to look in.")
    return notes


def _not_up(rental: Rental, why: str) -> StudioError:
    return StudioError(
        MACHINE_NOT_UP,
        f"{rental.name} did not become usable: {why}.",
        hint="Take another offer: ategnatos studio provider offers",
        machine=rental.name,
    )
