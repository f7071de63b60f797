"""The desk of one person's review: what waits, what they chose, and signing it.

The choices lie in the same draft as those of ``ategnatos art review``: whoever closes the browser
goes on in the terminal, and the other way round.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ategnatos.art import batch, sitting, verdicts
from ategnatos.art.recipes import origin
from ategnatos.art.references import parse_candidate
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.jobs import database, store, undecided
from ategnatos.grimoire.locks import hold
from ategnatos.guard.actor import person
from ategnatos.guard.gate import requests, trust

if TYPE_CHECKING:
    from ategnatos.art.sitting import Choice, Sitting
    from ategnatos.grimoire.project import Project
    from ategnatos.guard.gate.held import HeldKey

CHOICES_CHANGED = ErrorCode("choices_changed", "The choices are not those that were shown.")

_DRAFT = "review-draft"


@dataclass(frozen=True, slots=True)
class Signed:
    """What came of signing: the verdicts, and why other choices became none."""

    done: list[verdicts.Verdict]
    failed: list[StudioError]
    left: int


# A window of the line that is shown at once.
MOST_SHOWN = 200


def waiting(
    project: Project, names: Sequence[str] = (), *, offset: int = 0, limit: int = MOST_SHOWN
) -> dict[str, Any]:
    """A window of what waits for a verdict, with all that was chosen already, as JSON values.

    Raises StudioError (``job_unknown``, ``reference``, ...).
    """
    line = batch.line(project, names)
    return {
        "total": len(line),
        "offset": offset,
        **shown(project, line[offset : offset + limit]),
        "choices": chosen(project, line),
    }


def shown(project: Project, names: Sequence[str]) -> dict[str, Any]:
    """These undecided pictures with what a person should know of them; a job stands once.

    One that is gone, decided or another job's is left out. Raises StudioError (``reference``).
    """
    places = [parse_candidate(name) for name in names]
    if not places or not database.exists(project):
        return {"jobs": {}, "pictures": []}
    with database.connect(project) as db:
        known = undecided.these(db, places)
    found = [known[place] for place in places if place in known]
    found = [(job, one) for job, one in found if one.verdict is None]
    asked = requests.waiting(project, {one.reference for _, one in found})
    notes = {one.candidate: {"note": one.note, "by": one.actor} for one in asked}
    return {
        "jobs": {job.name: _job(job) for job, _ in found},
        "pictures": [
            {
                "name": one.reference,
                "job": job.name,
                "sha256": one.sha256,
                "width": one.width,
                "height": one.height,
                "seed": one.seed,
                "concept": origin.is_concept(one),
                "asked": notes.get(one.reference),
            }
            for job, one in found
        ],
    }


def chosen(project: Project, line: Sequence[str]) -> list[dict[str, Any]]:
    """The choices of the draft about pictures of this line that still wait, oldest first."""
    there = set(line)
    draft = sitting.read(sitting.draft_of(project, person()))
    kept = [one for one in draft if one.candidate in there]
    if not kept or not database.exists(project):
        return []
    with database.connect(project) as db:
        known = undecided.these(db, {parse_candidate(one.candidate) for one in kept})
    open_now = [one for _, one in known.values() if one.verdict is None]
    return [_told(one) for one in sitting.still_open(kept, open_now)]


def waiting_choices(project: Project) -> list[dict[str, Any]]:
    """Every choice of the draft, whatever became of its picture, oldest first."""
    return [_told(one) for one in sitting.read(sitting.draft_of(project, person()))]


def choose(project: Project, name: str, sha256: str, verdict: str, reason: str) -> int:
    """Keep a choice in the draft, on disk before this returns; how many there are now.

    ``verdict`` is ``approved``, ``rejected``, or empty to take a choice back. Raises StudioError
    (``reference``, ``job_unknown``, ``verdict_final``, ``bytes_changed``, ``file_gone``,
    ``reason``).
    """
    job, number = parse_candidate(name)
    with hold(project, _DRAFT):
        draft = _draft(project)
        if not verdict:
            draft.skip(name)
            return len(draft.choices)
        with database.connect(project) as db:
            one = store.get_candidate(db, job, number)
        if one.verdict is not None:
            raise store.final_verdict(one)
        if one.sha256 != sha256:
            raise StudioError(
                verdicts.BYTES_CHANGED,
                f"{name} is another picture than the one that you were shown; nothing was kept.",
                hint="Load the page again and look at it.",
            )
        verdicts.verify_bytes(project, one)
        if verdict == store.APPROVED:
            draft.approve(one.reference, sha256)
        elif reason.strip():
            draft.reject(one.reference, sha256, " ".join(reason.split()))
        else:
            raise StudioError(
                verdicts.REASON,
                "A rejection needs a reason: it is what the next try learns from. Nothing was"
                " kept.",
                hint="Choose a reason or write one.",
            )
        return len(draft.choices)


def signs(project: Project) -> bool:
    """Whether a verdict here needs a signature. Raises StudioError (``gate_broken``, ...)."""
    approvers = trust.known(project)
    return approvers is not None and approvers.signing


def sign(project: Project, shown: Sequence[dict[str, Any]], held: HeldKey | None) -> Signed:
    """Record the choices that the person has read, signed with their key where there are keys.

    ``shown`` must be all of the draft, as :func:`waiting` tells it. Raises StudioError
    (``choices_changed``, ``signature_needed`` and those of signing); nothing is recorded then.
    """
    who = person()
    path = sitting.draft_of(project, who)
    with hold(project, _DRAFT):
        kept = sitting.read(path)
        named = {str(one.get("name")) for one in shown}
        choices = [one for one in kept if one.candidate in named]
        if not choices or [_told(one) for one in choices] != [_plain(one) for one in shown]:
            raise StudioError(
                CHOICES_CHANGED,
                "Your choices were changed elsewhere since this page showed them; nothing was"
                " signed.",
                hint="Load the page again and read them once more.",
            )
        rest = [one for one in kept if one.candidate not in named]
        if signs(project):
            if held is None:
                raise _needs_key()
            choices = batch.signed_by(project, choices, held, now=_now())
            if any(one.signed is None for one in choices):
                raise _needs_key()
        sitting.write(path, [*choices, *rest])
        left = list(choices)

        def keep(remaining: Sequence[Choice]) -> None:
            left[:] = remaining
            sitting.write(path, [*remaining, *rest])

        done, failed = batch.record_all(project, choices, actor=who, now=_now, keep=keep)
    return Signed(done, failed, len(left))


def _draft(project: Project) -> Sitting:
    path = sitting.draft_of(project, person())
    return sitting.Sitting(sitting.read(path), keep=lambda choices: sitting.write(path, choices))


def _needs_key() -> StudioError:
    from ategnatos.guard import gate

    return StudioError(
        gate.SIGNATURE_NEEDED,
        "This studio takes signed verdicts, and no key is open in this browser; nothing was"
        " recorded.",
        hint="Type your passphrase into the signing form.",
    )


def _job(job: store.Job) -> dict[str, Any]:
    found = origin.of(job)
    return {
        "prompt": job.asked,
        "engine": job.engine,
        "change": job.change,
        "reason": job.reason,
        "parent": job.parent,
        "recipe": None if found is None else {"id": found.recipe_id, "levers": found.levers},
    }


def _told(one: Choice) -> dict[str, Any]:
    return {
        "name": one.candidate,
        "sha256": one.sha256,
        "verdict": one.verdict,
        "reason": one.reason,
    }


def _plain(one: dict[str, Any]) -> dict[str, Any]:
    return {key: one.get(key) for key in ("name", "sha256", "verdict", "reason")}


def _now() -> datetime:
    return datetime.now(UTC)
