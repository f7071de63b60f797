"""What a job and a candidate are, and which state may follow which."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

PENDING = "pending"
GENERATING = "generating"
AWAITING_REVIEW = "awaiting_review"
APPROVED = "approved"
REJECTED = "rejected"
FAILED = "failed"

# Which state may follow which. A failed or interrupted job may be tried again; a job is
# approved as soon as one candidate is, and rejected when all of them are.
TRANSITIONS: dict[str, frozenset[str]] = {
    PENDING: frozenset({GENERATING, FAILED}),
    GENERATING: frozenset({GENERATING, AWAITING_REVIEW, FAILED}),
    FAILED: frozenset({GENERATING}),
    AWAITING_REVIEW: frozenset({APPROVED, REJECTED}),
    APPROVED: frozenset(),
    REJECTED: frozenset({APPROVED}),
}


def iso(moment: datetime) -> str:
    """An aware time as the records write it: ISO 8601 in UTC, whole seconds, ``Z``."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One picture of a job. ``number`` counts from 1; ``path`` is relative to the root."""

    job: int
    number: int
    path: str
    sha256: str
    bytes: int
    width: int
    height: int
    seed: int
    settings: dict[str, Any]
    verdict: str | None = None
    verdict_event: str | None = None
    reason: str | None = None
    decided_at: str | None = None
    cleaned_at: str | None = None

    @property
    def reference(self) -> str:
        """``j7#2``."""
        return f"j{self.job}#{self.number}"


@dataclass(frozen=True, slots=True)
class Job:
    """One order. ``asked`` are the person's words, ``request`` the canonical request they became;
    ``parent`` is the candidate that the job varies.
    """

    id: int
    kind: str
    state: str
    engine: str
    recipe_id: str
    base: str
    take: int
    binding: str
    asked: str
    request: dict[str, Any]
    parent: str | None
    change: str | None
    warnings: tuple[str, ...]
    error: dict[str, Any] | None
    attempts: int
    created_at: str
    updated_at: str

    @property
    def name(self) -> str:
        """``j7``."""
        return f"j{self.id}"
