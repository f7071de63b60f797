"""Machines that a person told to end on the page: what each provider says, until it is gone.

An end takes half a minute and more (two looks that find nothing). It goes on in a thread; if the
page ends meanwhile, the provider was asked all the same and the watchdog looks after the rest.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ategnatos.commands.studio import provider_end
from ategnatos.grimoire.errors import StudioError
from ategnatos.studio import ways

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.grimoire.spend.machines import Ordered
    from ategnatos.grimoire.spend.records import Rental

PATIENCE_SECONDS = 180.0
_MOST_KEPT = 12


@dataclass(slots=True)
class Ending:
    """One machine on its way out. ``state``: ``ending``, ``gone``, or ``bills`` where it is not
    known to be gone.
    """

    machine: str
    state: str = "ending"
    said: str = "asking its provider"
    warnings: tuple[str, ...] = ()

    def facts(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "machine": self.machine,
            "state": self.state,
            "said": self.said,
            "warnings": list(self.warnings),
        }


class Endings:
    """All ends that were begun on this page."""

    def __init__(self) -> None:
        self._known: dict[str, Ending] = {}
        self._lock = threading.Lock()

    def begin(self, project: Project, name: str | None, *, anyway: bool = False) -> Ending:
        """Have a machine ended; one that is being ended already goes on.

        Raises StudioError: ``which_machine``; without ``anyway`` ``results_there``, where a
        training on it is not home yet.
        """
        rental, order = ways.one(project, name)
        if not anyway:
            provider_end.keep_results(rental, order)
        with self._lock:
            known = self._known.get(rental.name)
            if known is not None and known.state == "ending":
                return known
            ending = Ending(rental.name)
            self._known.pop(rental.name, None)
            self._known[rental.name] = ending
            while len(self._known) > _MOST_KEPT:
                self._known.pop(next(iter(self._known)))
        thread = threading.Thread(
            target=_carry_out, args=(project, rental, order, ending), daemon=True
        )
        thread.start()
        return ending

    def of(self, machine: str) -> Ending | None:
        """How far that machine's end is; None where nobody asked for it here."""
        return self._known.get(machine)

    def all(self) -> list[Ending]:
        """Every one, the newest first."""
        return list(reversed(self._known.values()))


def _carry_out(project: Project, rental: Rental, order: Ordered | None, ending: Ending) -> None:
    def say(text: str) -> None:
        ending.said = text.removeprefix(f"{rental.name}: ")

    try:
        done = provider_end.end_one(project, rental, order, patience=PATIENCE_SECONDS, say=say)
    except StudioError as error:
        ending.state, ending.said = "bills", f"{error.message} {error.hint}"
        return
    except BaseException as error:
        ending.state = "bills"
        ending.said = (
            f"An unexpected {type(error).__name__} stopped the looking; it may bill. In a terminal:"
            f" ategnatos studio provider down {rental.name}"
        )
        raise
    ending.warnings = done.warnings
    if done.problem is None:
        ending.state, ending.said = "gone", done.said
    else:
        ending.state, ending.said = "bills", f"{done.problem.message} {done.problem.hint}"
