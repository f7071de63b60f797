"""What a reservation, the sums that it is held against, and a rented machine are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

RESERVED = "reserved"
UNKNOWN = "unknown"
SETTLED = "settled"
RELEASED = "released"


def iso(moment: datetime) -> str:
    """An aware time as rows write it: ISO 8601 in UTC, whole seconds, ``Z``; sorts as text."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def day_of(moment: datetime) -> str:
    """The UTC day that a reservation counts to: ``2026-11-21``."""
    return moment.astimezone(UTC).date().isoformat()


@dataclass(frozen=True, slots=True)
class Entry:
    """What is about to be sent or rented, and the most it can cost.

    ``key`` is that of the effect: the same key is the same money, reserved and settled once.
    ``amounts`` are millionths by ledger (``usd`` or a vendor's unit). ``rate`` is millionths of a
    dollar an hour and ``minutes`` the limit, where a machine is rented. ``tags`` are pairs of
    kind and name (``("lora", "inky")``) that a report groups by.
    """

    key: str
    operation: str
    amounts: Mapping[str, int]
    job: str | None = None
    engine: str | None = None
    rate: int = 0
    minutes: int = 0
    tags: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """What one ledger holds already, reserved and settled together, in millionths.

    ``day`` is that of the reservation; ``job`` and ``engine`` are those of the entry.
    """

    day: int
    total: int
    job: int
    engine: int


@dataclass(frozen=True, slots=True)
class Standings:
    """The sums by ledger, and what all live rentals cost an hour; ``at`` is the moment asked."""

    at: datetime
    units: Mapping[str, Standing]
    hourly: int


# Raises a StudioError for an entry that may not be; called inside the transaction.
Policy = Callable[[Entry, Standings], None]


@dataclass(frozen=True, slots=True)
class Line:
    """One ledger's row of one key. ``counts`` is what it counts against every cap now."""

    key: str
    unit: str
    status: str
    reserved: int
    settled: int | None
    counts: int
    day: str
    job: str | None
    engine: str | None
    operation: str
    basis: str
    override_event: str | None
    reserved_at: str
    closed_at: str | None


@dataclass(frozen=True, slots=True)
class Settlement:
    """What settling did. ``fresh`` is False where it was settled before and nothing changed;
    ``over`` are the millionths by which a ledger's bill passed its reservation.
    """

    fresh: bool
    over: Mapping[str, int] = field(default_factory=dict)


RUNNING = "running"
STOPPING = "stopping"
ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Rental:
    """A machine that costs money by time, until two looks have found it absent.

    ``state``: running, stopping (an end was asked for; still billing), ended. ``due_at`` is when
    the watchdog ends it. ``absent_since`` is the first of the looks that found it absent.
    ``last_outcome`` and ``last_said`` are what the provider last answered. ``ended_how`` is
    ``observed`` (absent twice) or ``person`` (somebody said so at a terminal).
    """

    id: int
    provider: str
    resource: str
    rate: int
    max_minutes: int
    state: str
    started_at: str
    due_at: str
    spend_key: str
    attempts: int
    last_outcome: str | None
    last_said: str | None
    absent_since: str | None
    claimed_until: str | None
    ended_at: str | None
    ended_how: str | None

    @property
    def name(self) -> str:
        """``runpod:pod-1``."""
        return f"{self.provider}:{self.resource}"
