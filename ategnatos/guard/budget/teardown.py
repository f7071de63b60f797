"""How a rented machine is ended and looked at: what the watchdog asks of a provider.

A provider's entry point (``ategnatos.providers``) names a class, built without arguments, that
has these two methods beside its own. An answer is never guessed: what was not clearly said is
``unknown``, and unknown is still billing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

ENTRY_POINT_GROUP = "ategnatos.providers"


class Outcome(StrEnum):
    """What a provider answered to being asked to end a machine."""

    ACCEPTED = "accepted"
    ALREADY_GONE = "already_gone"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class Presence(StrEnum):
    """What a look at the provider's own list found. A timeout or an odd answer is UNKNOWN."""

    PRESENT = "present"
    ABSENT = "absent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Ending:
    """An outcome, and the provider's words for people (no secret in them)."""

    outcome: Outcome
    said: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """A presence, and the provider's words for people (no secret in them)."""

    presence: Presence
    said: str = ""


@runtime_checkable
class Teardown(Protocol):
    """Ends machines of one provider. Safe to ask again; each call ends within seconds."""

    def terminate(self, resource: str) -> Ending:
        """Ask the provider to end the machine for good, billing included."""
        ...

    def observe(self, resource: str) -> Look:
        """Whether the machine exists, by the provider's own record, not by our memory."""
        ...
