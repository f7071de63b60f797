"""Rents machines. One Protocol, :class:`Provider`; one module a provider, found by entry point.

A provider never guesses: a raw state that it does not know is UNKNOWN, an answer that was lost is
Unknown, and unknown is billing. ``tests/providers/contract.py`` holds every provider to that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.guard.budget.teardown import ENTRY_POINT_GROUP, Ending, Look, Teardown
from ategnatos.knowledge import plug_ins
from ategnatos.providers.names import canonical
from ategnatos.providers.values import (
    Account,
    Bill,
    Creation,
    Instance,
    Intent,
    Leftover,
    Offer,
    SshPlace,
    Terms,
    Wanted,
)

PROVIDER_UNKNOWN = ErrorCode("provider_unknown", "No provider of that name is installed.")
PROVIDER_UNAVAILABLE = ErrorCode("provider_unavailable", "The provider's module does not load.")
PROVIDER_SILENT = ErrorCode("provider_silent", "The provider gave no clear answer.")
PROVIDER_REFUSED = ErrorCode("provider_refused", "The provider refused the question.")

__all__ = ["ENTRY_POINT_GROUP", "Provider", "canonical", "installed_providers", "load_provider"]


def _nothing() -> None:
    """Nobody wants a last look before the send."""


@runtime_checkable
class Provider(Teardown, Protocol):
    """Who rents machines. Built without arguments and without work; credentials are found
    (``guard.secrets``) when they are first needed.

    Verbs that only read raise StudioError: ``secret_missing``, ``provider_silent`` (no or no
    clear answer; detail ``kind`` "silent") or ``provider_refused`` (detail ``kind`` is one of
    :class:`~ategnatos.providers.values.Kind`, ``wait`` the seconds until it may be asked again).
    Verbs that change something answer with an outcome and raise only ``secret_missing``. Each
    call ends within the time limit of its verb, whatever the network does.
    """

    name: str
    label: str
    """One line for people."""

    def terms(self) -> Terms:
        """What is true of it whatever is rented; no work."""
        ...

    def account(self) -> Account:
        """Whether the key works, and what money is left."""
        ...

    def offers(self, wanted: Wanted) -> Sequence[Offer]:
        """What can be rented now, the cheapest first; a hint, never a promise."""
        ...

    def create(self, intent: Intent, last_look: Callable[[], None] = _nothing) -> Creation:
        """Ask for one machine, with exactly one send and no retry by anybody.

        ``last_look`` is called right before the request is written; what it raises passes, and
        then nothing was sent. ``Refused`` only where the provider's own answer proves that
        nothing was made; everything else is ``Unknown``.
        """
        ...

    def find(self, label: str) -> Sequence[Instance]:
        """Every machine of exactly that label that is not TERMINATED, the oldest first."""
        ...

    def ours(self) -> Sequence[Instance]:
        """Every machine whose label begins with ``LABEL_PREFIX`` and that is not TERMINATED."""
        ...

    def get(self, resource: str) -> Instance | None:
        """One machine by its id; None where this look finds none (which is no proof yet)."""
        ...

    def ssh(self, resource: str) -> Sequence[SshPlace]:
        """Where sshd listens, best first; empty while there is no such place."""
        ...

    def admit(self, resource: str, public_key: str) -> Ending:
        """See to it that the machine lets this key in; safe to ask again.

        ACCEPTED: it does or will (at once or when it is up). Account keys are never changed.
        """
        ...

    def stop(self, resource: str) -> Ending:
        """Halt it and keep its disk, which bills on; REFUSED where it has no such thing."""
        ...

    def terminate(self, resource: str) -> Ending:
        """End it for good: ACCEPTED, ALREADY_GONE, REFUSED or UNKNOWN; safe to ask again."""
        ...

    def observe(self, resource: str) -> Look:
        """Whether it exists, by the provider's own list; never raises."""
        ...

    def billing_proof(self, resource: str, since: datetime) -> Bill:
        """What the provider's books say that it billed for the machine since then."""
        ...

    def leftovers(self) -> Sequence[Leftover]:
        """Volumes, filesystems and keys that bear our prefix, whether they bill or not."""
        ...

    def remove(self, leftover: Leftover) -> Ending:
        """Delete one leftover for good."""
        ...


def installed_providers() -> Sequence[str]:
    """Names of the providers that entry points declare, sorted; none is imported."""
    return sorted({entry.name for entry in plug_ins.declared(ENTRY_POINT_GROUP)})


def load_provider(name: str) -> Provider:
    """The provider called ``name``, in any spelling that :func:`canonical` knows.

    Raises StudioError (``provider_unknown``, ``provider_unavailable``).
    """
    own = canonical(name)
    found = [entry for entry in plug_ins.declared(ENTRY_POINT_GROUP) if entry.name == own]
    known = ", ".join(installed_providers()) or "none"
    if not found:
        raise StudioError(
            PROVIDER_UNKNOWN,
            f"There is no provider called {name!r}; nothing was done.",
            hint=f"Installed providers: {known}.",
            provider=name,
            installed=list(installed_providers()),
        )
    try:
        built = found[0].load()()
    except Exception as error:
        raise _unavailable(own, f"{type(error).__name__}: {error}") from error
    if not isinstance(built, Provider):
        raise _unavailable(own, "it lacks verbs of the Provider protocol")
    return built


def _unavailable(name: str, why: str) -> StudioError:
    return StudioError(
        PROVIDER_UNAVAILABLE,
        f"The provider {name!r} is declared but cannot be used ({why}). Nothing was done.",
        hint="Install what it needs, or run 'ategnatos doctor' to see every provider's state.",
        provider=name,
    )
