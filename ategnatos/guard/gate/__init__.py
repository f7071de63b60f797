"""The human gate: what only a person may decide, asked at a terminal or signed with their key.

``terminal`` asks; ``agreement`` is what other rooms call; ``trust`` knows whose keys count;
``keyfile``, ``signing`` and ``unlocked`` make signatures; ``record`` and ``audit`` check them.
"""

from ategnatos.guard.gate.agreement import (
    SIGNATURE_NEEDED,
    Authorisation,
    authorisations,
    authorise,
    require_signed_mode,
)
from ategnatos.guard.gate.terminal import (
    NEEDS_PERSON,
    NOT_CONFIRMED,
    ask,
    confirm,
    person_present,
)

__all__ = [
    "NEEDS_PERSON",
    "NOT_CONFIRMED",
    "SIGNATURE_NEEDED",
    "Authorisation",
    "ask",
    "authorisations",
    "authorise",
    "confirm",
    "person_present",
    "require_signed_mode",
]
