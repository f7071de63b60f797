"""What a job and a candidate are, and the names of the states of simple generation."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ategnatos.grimoire.jobs import owners

# The states of the saga ``picture``; its moves are in ``sagas/picture.json``.
PENDING = "pending"
GENERATING = "generating"
AWAITING_REVIEW = "awaiting_review"
APPROVED = "approved"
REJECTED = "rejected"
FAILED = "failed"

PICTURE = "picture"
# Those whose jobs make pictures; a training is a job too, and no picture comes of it.
PICTURE_SAGAS = (PICTURE, "art", "imported")

# Under which key of a job's data it stands which recipe made it (see art/recipes/origin), and
# which candidate is the first of the stage that the job is in.
RECIPE_DATA, STAGE_FROM = "recipe", "stage_from"

# By which priority a person means which number: the higher is claimed first.
PRIORITIES = {"high": 10, "normal": 0, "low": -10}


def iso(moment: datetime) -> str:
    """An aware time as the records write it: ISO 8601 in UTC, whole seconds, ``Z``."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def iso_of(seconds: float) -> str:
    """Seconds since 1970 in the same form."""
    return iso(datetime.fromtimestamp(seconds, UTC))


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
    ``parent`` is the candidate that the job varies, ``change`` what was asked of it and ``reason``
    why.

    ``owner`` is who works on it, until ``lease_until``; ``fence`` counts the claims, so that an
    owner who lost the lease is told from the one who has it. ``tries`` failed and ``reclaims``
    ran out since it entered its state. ``data`` is what its steps leave for each other.
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
    saga: str = PICTURE
    runnable: bool = False
    priority: int = 0
    not_before: float = 0.0
    moved_at: float = 0.0
    owner: str | None = None
    fence: int = 0
    lease_until: float | None = None
    beat_at: float | None = None
    tries: int = 0
    reclaims: int = 0
    failed_in: str | None = None
    error_class: str | None = None
    stop: str | None = None
    progress: dict[str, Any] | None = None
    data: dict[str, Any] = field(default_factory=dict)
    reason: str | None = None

    @property
    def name(self) -> str:
        """``j7``."""
        return f"j{self.id}"

    def place(self, number: int) -> tuple[str, str, str, int]:
        """Where candidate ``number`` (from 1) lies below the outputs: the folders of recipe,
        binding and engine, and the number of its file.

        What a recipe made lies under its levers and its engine key, one child a job; where a
        concept came before it, that is candidate 1, under the key that made it.
        """
        facts = self.data.get(RECIPE_DATA)
        if not isinstance(facts, dict):
            return self.recipe_id, self.binding, self.engine, number - 1
        concept = facts["concept_key"] if number == 1 else ""
        key = concept or facts["engine_key"]
        return self.recipe_id, facts["binding"], key, facts["child"]

    def held(self, now: float) -> bool:
        """Whether somebody works on it at ``now``, by the database's clock."""
        if self.owner is None or (self.lease_until or 0.0) <= now:
            return False
        return not owners.is_gone(self.owner)


def job_of(row: Any) -> Job:
    """A job from its row."""
    facts = dict(row)
    facts["request"] = json.loads(facts["request"])
    facts["warnings"] = tuple(json.loads(facts["warnings"]))
    facts["error"] = None if facts["error"] is None else json.loads(facts["error"])
    facts["progress"] = None if facts["progress"] is None else json.loads(facts["progress"])
    facts["data"] = json.loads(facts["data"])
    facts["runnable"] = bool(facts["runnable"])
    return Job(**facts)


def candidate_of(row: Any) -> Candidate:
    """A candidate from its row."""
    facts = dict(row)
    facts["settings"] = json.loads(facts["settings"])
    return Candidate(**facts)
