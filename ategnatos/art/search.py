"""Find iterations again: by words, verdict, model, asset and time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.jobs import assets, job_words, store

if TYPE_CHECKING:
    from ategnatos.grimoire.jobs.assets import Asset, Version
    from ategnatos.grimoire.jobs.database import Database
    from ategnatos.grimoire.jobs.job_words import Query

SINCE = ErrorCode("since", "A point in time was not understood.")

_AGO = re.compile(r"(\d{1,5})\s*(h|d|w|m|y)[a-z]*", re.IGNORECASE)
_DAYS = {"d": 1, "w": 7, "m": 30, "y": 365}


@dataclass(frozen=True, slots=True)
class Found:
    """One iteration with its pictures and the versions of assets that it is."""

    job: store.Job
    pictures: tuple[store.Candidate, ...]
    versions: tuple[tuple[Asset, Version], ...]


def search(db: Database, query: Query, *, limit: int) -> tuple[list[Found], int]:
    """The newest iterations that fit, and how many fit in all."""
    job_words.catch_up(db)
    ids, total = job_words.find(db, query, limit=limit)
    versions = assets.versions_of_jobs(db, ids)
    owners: dict[int, Asset] = {}
    found = []
    for job_id in ids:
        mine = versions.get(job_id, [])
        for one in mine:
            if one.asset not in owners:
                owners[one.asset] = assets.get(db, one.asset)
        found.append(
            Found(
                store.get(db, job_id),
                tuple(store.candidates(db, job_id)),
                tuple((owners[one.asset], one) for one in mine),
            )
        )
    return found, total


def moment(text: str, now: datetime) -> str:
    """``7d``, ``2w``, ``12h``, ``3m`` (months of 30 days), ``1y`` ago, or a date, as ISO 8601.

    Raises StudioError (``since``).
    """
    said = text.strip()
    match = _AGO.fullmatch(said)
    try:
        if match is not None:
            amount, unit = int(match[1]), match[2].lower()
            ago = timedelta(hours=amount) if unit == "h" else timedelta(days=amount * _DAYS[unit])
            return store.iso(now - ago)
        given = datetime.fromisoformat(said)
    except (ValueError, OverflowError) as error:
        raise StudioError(
            SINCE,
            f"{text!r} is no time we read; nothing was searched.",
            hint="Write 12h, 7d, 2w, 3m or 1y for that long ago, or a date like 2026-11-01.",
            given=text,
        ) from error
    # A date without a zone is that of the person's clock.
    return store.iso(given if given.tzinfo is not None else given.astimezone().astimezone(UTC))
