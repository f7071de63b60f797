"""The one way by which a person agrees to money: more of it, or past a cap.

Every consent is asked here and every recorded consent is judged here, so that what a consent
must carry (a terminal today, a signature where the studio has approvers) is decided in one
place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ategnatos.guard import gate
from ategnatos.guard.actor import person

if TYPE_CHECKING:
    from ategnatos.grimoire.journal import Event
    from ategnatos.grimoire.project import Project


@dataclass(frozen=True, slots=True)
class Consent:
    """A person's yes. ``proof`` is what the journal keeps beside it (JSON values)."""

    actor: str
    proof: dict[str, Any]


def ask(project: Project, lines: Sequence[str], *, redo: str, statement: dict[str, Any]) -> Consent:
    """Show ``lines`` at the terminal and return the person's yes.

    ``statement`` is what exactly is agreed to, and what a signature covers. ``redo`` is the
    command that the person can run at a terminal of their own. Raises StudioError
    (``needs_person``, ``not_confirmed``).
    """
    gate.ask(lines, "Type yes to agree:", ["yes"], redo=redo)
    return Consent(person(), {"signed": False})


def holds(project: Project, event: Event) -> bool:
    """Whether a recorded consent still counts."""
    return event.actor.startswith("person:")
