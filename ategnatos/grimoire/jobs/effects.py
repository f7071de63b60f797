"""What is sent that costs money: the words of it, and the rows that remember it.

``sending`` brings an effect about; this module says what a step hands in, and what became of
everything that was or may have been sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from ategnatos.grimoire.jobs.database import Database

EFFECT_UNKNOWN = ErrorCode(
    "effect_unknown", "Something was sent, and nobody can say whether it was carried out."
)

INTENT = "intent"
SENT = "sent"
DONE = "done"
REFUSED = "refused"
UNKNOWN = "unknown"
# Billed, and its output is not to be had again. The next try sends anew.
LOST = "lost"


class RefusedError(Exception):
    """The provider said a definite no: nothing was made, nothing is billed.

    ``again``: another try may be lucky, because it is only away for now.
    """

    def __init__(self, error: StudioError, *, again: bool = False) -> None:
        super().__init__(error.message)
        self.error = error
        self.again = again


class LaterError(Exception):
    """Not now: the job goes back into the line for ``seconds``, without a failed try."""

    def __init__(self, seconds: float, why: str) -> None:
        super().__init__(why)
        self.seconds = seconds
        self.why = why


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it. ``result`` are JSON values for later steps. ``cost`` is what was billed, by
    ledger (``usd``, or a vendor's own unit); None where nobody said: as reserved. ``final``
    False: it was billed, and whoever asks for the effect again sends it anew.
    """

    provider_ref: str | None = None
    cost: Mapping[str, Decimal] | None = None
    result: dict[str, Any] = field(default_factory=dict)
    final: bool = True


@dataclass(frozen=True, slots=True)
class Row:
    """An effect as it was recorded; times in seconds since 1970 by the database's clock."""

    key: str
    name: str
    engine: str
    status: str
    provider_ref: str | None
    cost_reserved: dict[str, str] | None
    intent_at: float
    sent_at: float | None


class Absent:
    """The provider has never seen this key."""


class NobodyKnows:
    """The provider cannot be asked, or does not say."""


@dataclass(frozen=True, slots=True)
class Closed:
    """A person has said what became of it: whether it was billed. Its output is not to be had."""

    billed: bool


Reconciled = Outcome | Absent | NobodyKnows | Closed


@dataclass(frozen=True, slots=True)
class Effect:
    """One thing to send, and how to be sure of it.

    ``send(key, last_look)`` makes the call, keeps the output on disk, and only then returns; it
    calls ``last_look()`` when it is connected and right before it writes the request. It raises
    :class:`RefusedError` for a definite no; any other exception means that the outcome is not
    known. It must not send a second time by itself.

    ``present()`` is the outcome where the output lies on disk already; nothing is sent then.
    ``reconcile(row)`` asks the provider what became of ``row.key``; an answer of
    :class:`Absent` is believed once ``visible_within`` seconds have passed since the send: the
    longest that an accepted request may stay invisible there.

    ``reserve(db, key)`` sets the money aside in the transaction of the intent and returns the
    amounts by ledger, or raises; ``settle(db, key, cost)``, ``release(db, key, why)`` and
    ``keep(db, key, why)`` (it may have been billed) close it in that of the outcome.

    ``key_of(attempt)`` names the first, second, ... attempt; ``unclear(row)`` is the refusal
    where nobody can say what became of one.
    """

    name: str
    send: Callable[[str, Callable[[], None]], Outcome]
    present: Callable[[], Outcome | None]
    reconcile: Callable[[Row], Reconciled]
    visible_within: float = 0.0
    reserve: Callable[[Database, str], Mapping[str, Decimal]] | None = None
    settle: Callable[[Database, str, Mapping[str, Decimal] | None], None] | None = None
    release: Callable[[Database, str, str], None] | None = None
    keep: Callable[[Database, str, str], None] | None = None
    key_of: Callable[[int], str] | None = None
    unclear: Callable[[Row], StudioError] | None = None


def of_job(db: Database, job_id: int) -> list[dict[str, Any]]:
    """Everything that was or may have been sent for a job, in order."""
    rows = db.execute("SELECT * FROM effect WHERE job=? ORDER BY intent_at, key", (job_id,))
    return [dict(row) for row in rows]


def unsettled(db: Database) -> list[dict[str, Any]]:
    """What was sent and has no known outcome: its money is still reserved."""
    rows = db.execute(
        "SELECT * FROM effect WHERE status IN (?, ?) ORDER BY intent_at, key", (SENT, UNKNOWN)
    )
    return [dict(row) for row in rows]
