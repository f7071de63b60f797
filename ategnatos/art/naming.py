"""What people call a picture: ``j7#2``, or the third version of an asset: ``v3``, ``site/owl/v3``.

A version alone is one of the asset that is meant: the one named with ``--for``, else the one that
was worked on last, and that is said. A version without a candidate's number is the approved one,
else the first that was not rejected.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ategnatos.art import briefs
from ategnatos.art.references import REFERENCE, names_candidate, parse_candidate, parse_job
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.jobs import assets, store

if TYPE_CHECKING:
    from ategnatos.grimoire.jobs.assets import Asset, Version
    from ategnatos.grimoire.jobs.database import Database

VERSION_UNKNOWN = ErrorCode("version_unknown", "The asset has no such version.")

_VERSION = re.compile(r"(?:(?P<asset>.+)/)?[vV](?P<number>[1-9]\d{0,8})(?:#(?P<picture>\d{1,4}))?")


@dataclass(frozen=True, slots=True)
class Named:
    """A job, and where one was named, the number of its candidate. ``asset`` and ``version`` are
    None where it was named as a job. ``note`` says what was taken that was not said.
    """

    job: int
    picture: int | None = None
    asset: Asset | None = None
    version: Version | None = None
    note: str = ""


def names_version(text: str) -> bool:
    """Whether ``text`` has the form of a version: ``v3``, ``owl/v3#2``."""
    return _VERSION.fullmatch(text.strip()) is not None


def named(db: Database, text: str, asset: str = "") -> Named:
    """The job, and perhaps the candidate, that ``text`` names.

    ``asset`` is the asset whose version is meant. Raises StudioError (``reference``,
    ``brief_unknown``, ``version_unknown``, ``job_unknown`` for one that makes no pictures).
    """
    match = _VERSION.fullmatch(text.strip())
    if match is None:
        if names_candidate(text):
            return Named(*parse_candidate(text))
        return Named(_of_pictures(db, parse_job(text)))
    owner, note = _owner(db, match["asset"] or asset, text)
    found = assets.version(db, owner.id, int(match["number"]))
    if found is None:
        there = assets.versions(db, owner.id)
        known = f"v1 to {there[-1].name}" if there else "none yet"
        raise StudioError(
            VERSION_UNKNOWN,
            f"{owner.full_name} has no v{match['number']} (it has {known}); nothing was done.",
            hint=f"See its versions: ategnatos art history {owner.full_name}",
            asset=owner.full_name,
        )
    picture = None if match["picture"] is None else int(match["picture"])
    return Named(found.job, picture, owner, found, note)


def _of_pictures(db: Database, number: int) -> int:
    """The same number, if it is not that of a training. Raises StudioError (``job_unknown``)."""
    row = db.execute("SELECT binding FROM job WHERE id=? AND kind='training'", (number,)).fetchone()
    if row is None:
        return number
    raise StudioError(
        store.JOB_UNKNOWN,
        f"j{number} is the training {row[0]}; it has no pictures to show here.",
        hint=f"See how it stands: ategnatos train status {row[0]}",
        job=f"j{number}",
        run=str(row[0]),
    )


def candidate(db: Database, text: str, asset: str = "") -> tuple[store.Candidate, str]:
    """The candidate that ``text`` names, and what to say of the choice where it named none.

    Raises StudioError as :func:`named`, and ``job_unknown``.
    """
    if names_candidate(text):
        return store.get_candidate(db, *parse_candidate(text)), ""
    found = named(db, text, asset)
    if found.picture is not None:
        return store.get_candidate(db, found.job, found.picture), found.note
    pictures = store.candidates(db, found.job)
    if not pictures:
        store.get_candidate(db, found.job, 1)  # refuses: there is none
    chosen, why = _best(pictures)
    name = f"j{found.job}"
    if found.asset is not None and found.version is not None:
        name = f"{found.asset.full_name}/{found.version.name}"
    note = f"{name} has {len(pictures)} pictures: {chosen.reference} was taken, {why}."
    if len(pictures) == 1:
        note = ""
    return chosen, " ".join(filter(None, (found.note, note)))


def exactly(db: Database, text: str) -> store.Candidate:
    """The one candidate that a version names, with nothing assumed.

    Raises StudioError (``reference`` where the asset or the picture is open).
    """
    found = named(db, text)
    pictures = store.candidates(db, found.job)
    if found.note or (found.picture is None and len(pictures) != 1):
        assert found.asset is not None
        assert found.version is not None
        name = f"{found.asset.full_name}/{found.version.name}"
        raise StudioError(
            REFERENCE,
            f"{text!r} could be one of several pictures; nothing was done.",
            hint=f"Say which: '{name}#{found.picture}'."
            if found.picture
            else f"Say which: '{name}#1' to '{name}#{len(pictures)}'.",
            given=text,
        )
    return store.get_candidate(db, found.job, found.picture or 1)


def _best(pictures: list[store.Candidate]) -> tuple[store.Candidate, str]:
    for one in pictures:
        if one.verdict == store.APPROVED:
            return one, "which is approved"
    for one in pictures:
        if one.verdict != store.REJECTED:
            return one, "the first that was not rejected"
    return pictures[0], "the first, though it was rejected"


def _owner(db: Database, name: str, text: str) -> tuple[Asset, str]:
    if name:
        return briefs.find(db, name), ""
    last = assets.worked_on_last(db)
    if last is None:
        raise StudioError(
            REFERENCE,
            f"{text!r} is a version of an asset, and no asset has any. Nothing was done.",
            hint="Orders for an asset are numbered: ategnatos art generate --for site/owl",
            given=text,
        )
    if assets.with_versions(db) == 1:
        return last, ""
    return last, f"{text} is taken as that of {last.full_name}, which was worked on last."
