"""When each model and LoRA was used last, by the names that orders give them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.jobs import job_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ategnatos.grimoire.jobs.database import Database


@dataclass(frozen=True, slots=True)
class Use:
    """The newest job that used it, and when that was ordered (ISO 8601)."""

    job: int
    at: str


def last(db: Database) -> dict[str, Use]:
    """The last use of every model and LoRA that orders name, by its name in small letters."""
    job_words.catch_up(db)
    # Of each set of models and LoRAs the newest order is enough; there are few such sets.
    rows = db.execute(
        "SELECT j.id, j.created_at, j.request FROM job j JOIN (SELECT MAX(t.job) AS job"
        " FROM job_words t GROUP BY t.models, t.loras) n ON n.job = j.id ORDER BY j.id"
    )
    found: dict[str, Use] = {}
    for job, at, request in rows:
        for name in _named(json.loads(request)):
            found[name.lower()] = Use(int(job), str(at))
    return found


def _named(request: dict[str, Any]) -> Iterator[str]:
    for key in ("model", "vae", "upscaler"):
        if isinstance(request.get(key), str):
            yield request[key]
    for one in request.get("loras") or ():
        if isinstance(one, dict) and one.get("name"):
            yield str(one["name"])
