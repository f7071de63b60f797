"""How people name things: ``j7`` is a job, ``j7#2`` its second candidate."""

from __future__ import annotations

import re

from ategnatos.grimoire.errors import ErrorCode, StudioError

REFERENCE = ErrorCode("reference", "A job or candidate was not named in a form we read.")

_JOB = re.compile(r"[jJ]?(\d{1,12})\Z")
_CANDIDATE = re.compile(r"[jJ]?(\d{1,12})#(\d{1,4})\Z")


def parse_job(text: str) -> int:
    """The number of job ``text`` (``j7`` or ``7``; a candidate's job for ``j7#2``).

    Raises StudioError (``reference``).
    """
    match = _JOB.match(text.strip()) or _CANDIDATE.match(text.strip())
    if match is None:
        raise _refused(text, "a job is written j7")
    return int(match[1])


def parse_candidate(text: str) -> tuple[int, int]:
    """Job number and candidate number of ``text`` (``j7#2``).

    Raises StudioError (``reference``).
    """
    match = _CANDIDATE.match(text.strip())
    if match is None:
        raise _refused(text, "a candidate is written 'j7#2' (quote it: # starts a comment)")
    return int(match[1]), int(match[2])


def names_candidate(text: str) -> bool:
    """Whether ``text`` has the form of a candidate, not of a job."""
    return _CANDIDATE.match(text.strip()) is not None


def _refused(text: str, form: str) -> StudioError:
    return StudioError(
        REFERENCE,
        f"{text!r} names nothing: {form}. Nothing was done.",
        hint="See jobs and candidates: ategnatos art list",
        given=text,
    )
