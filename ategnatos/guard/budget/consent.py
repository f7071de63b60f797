"""The one way by which a person agrees to money: more of it, past a cap, or no longer counted.

Every consent passes through the human gate, which decides what it must carry: a terminal, and a
signature where the studio has approvers' keys. A leave to pass the caps always needs a signature.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ategnatos.guard import gate

if TYPE_CHECKING:
    from datetime import datetime

    from ategnatos.grimoire.project import Project
    from ategnatos.guard.gate import Authorisation

CAPS = "budget.caps"
OVERRIDE = "budget.override"
GONE = "rental.gone"
RESOLVE = "spend.resolved"

_NEEDS_SIGNATURE = frozenset({OVERRIDE})


def ask(
    project: Project,
    about: str,
    subject: dict[str, str | int | bool | None],
    *,
    lines: Sequence[str],
    redo: str,
    now: datetime,
    because: str | None = None,
) -> Authorisation:
    """Have a person agree to ``subject`` and write it down; nothing is recorded otherwise.

    ``about`` is one of the names above, ``lines`` what the person reads, ``redo`` the command
    for a terminal of their own. Raises StudioError (``needs_person``, ``not_confirmed``,
    ``signature_needed``, and what the gate raises where its keys are not sound).
    """
    return gate.authorise(
        project,
        about,
        subject,
        lines=lines,
        redo=redo,
        now=now,
        reason=because,
        needs_signature=about in _NEEDS_SIGNATURE,
    )


def given(project: Project, about: str) -> list[Authorisation]:
    """Every consent that holds, oldest first. Raises StudioError where the gate is not sound."""
    return gate.authorisations(project, about)
