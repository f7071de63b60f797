"""A batch of verdicts: what waits for one, the signatures over all of it, the record of each."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ategnatos.art import naming, sitting, verdicts
from ategnatos.art.recipes import origin
from ategnatos.art.references import parse_candidate
from ategnatos.art.sitting import Choice
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.jobs import database, saga, store, undecided
from ategnatos.guard import gate
from ategnatos.guard.gate import book, record, requests

if TYPE_CHECKING:
    from datetime import datetime

    from ategnatos.grimoire.project import Project
    from ategnatos.guard.gate.held import HeldKey
    from ategnatos.guard.gate.statements import Signed, Subject

NOTHING_WAITS = ErrorCode("nothing_waits", "No picture waits for a verdict.")

# Refused once is refused for ever: the picture is decided, gone or another, or the gate changed.
_FOR_GOOD = frozenset(
    {
        store.VERDICT_FINAL,
        store.JOB_UNKNOWN,
        verdicts.BYTES_CHANGED,
        verdicts.FILE_GONE,
        gate.NOT_CONFIRMED,
    }
)

Waiting = tuple[store.Job, store.Candidate]
Clock = Callable[[], "datetime"]


def waiting(project: Project, names: Sequence[str] = ()) -> list[Waiting]:
    """What a person may decide now: first what somebody asked to be looked at, then by age.

    ``names`` are jobs, candidates and versions; without any, everything that waits. Only what
    lies on disk. Raises StudioError (``nothing_waits``, ``job_unknown``, ``reference``,
    ``version_unknown``, ``brief_unknown``).
    """
    with database.connect(project) as db:
        if names:
            found = [one for name in names for one in _named(db, name)]
        else:
            found = [one for job in reversed(store.jobs(db)) for one in _open(db, job)]
    there = {
        one.reference: (job, one)
        for job, one in found
        if one.verdict is None and (project.root / one.path).is_file()
    }
    asked = [one.candidate for one in requests.waiting(project, set(there))]
    order = [*dict.fromkeys(asked), *there]
    if not there:
        meant = f" of {', '.join(names)}" if names else ""
        raise StudioError(
            NOTHING_WAITS,
            f"No picture{meant} waits for a verdict; there is nothing to review.",
            hint="See what there is: ategnatos art list. Make some: ategnatos art generate '...'",
            names=list(names),
        )
    return [there[name] for name in dict.fromkeys(order)]


def line(project: Project, names: Sequence[str] = ()) -> list[str]:
    """The same pictures by name (``j7#2``) and in the same order, for a page that shows them
    little by little; whether a file lies on disk is seen when it is shown.

    Empty where nothing waits. Raises StudioError as :func:`waiting`, without ``nothing_waits``.
    """
    if names:
        try:
            return [one.reference for _, one in waiting(project, names)]
        except StudioError as error:
            if error.code is not NOTHING_WAITS:
                raise
            return []
    if not database.exists(project):
        return []
    with database.connect(project) as db:
        found = undecided.line(db, origin.STAGE)
        concepts = {job for job, _, settings in found if _is_concept(settings)}
        passed = {job for job in concepts if origin.finals(store.candidates(db, job))}
    there = dict.fromkeys(
        f"j{job}#{number}"
        for job, number, settings in found
        if job not in passed or not _is_concept(settings)
    )
    asked = dict.fromkeys(one.candidate for one in requests.waiting(project, there.keys()))
    return [*asked, *(name for name in there if name not in asked)]


def _is_concept(settings: str) -> bool:
    return bool(settings) and json.loads(settings).get(origin.STAGE) == origin.CONCEPT


def _named(db: database.Database, name: str) -> list[Waiting]:
    found = naming.named(db, name)
    job = store.get(db, found.job)
    if found.picture is not None:
        return [(job, store.get_candidate(db, found.job, found.picture))]
    return [(job, one) for one in _of_its_stage(job, store.candidates(db, job.id))]


def _open(db: database.Database, job: store.Job) -> list[Waiting]:
    state = saga.load(job.saga).states[job.state]
    if state.waits_for != saga.PERSON:
        return []
    return [(job, one) for one in _of_its_stage(job, store.candidates(db, job.id))]


def _of_its_stage(job: store.Job, pictures: list[store.Candidate]) -> list[store.Candidate]:
    """A concept is decided before what is made from it, and not after."""
    finals = origin.finals(pictures)
    return finals or pictures


def lines_of(choices: Sequence[Choice]) -> list[str]:
    """Every choice as a line that a person reads before they sign."""
    lines = []
    for one in choices:
        because = f"  because {one.reason}" if one.reason else ""
        lines.append(f"  {one.candidate:<8} {one.verdict:<9} {one.sha256[:16]}{because}")
    return lines


def check_signer(project: Project) -> None:
    """Refuse, before anybody has chosen anything, an account that could not sign at the end.

    Raises StudioError (``no_key``, ``key_unsafe``, ``approver_unknown``, ``gate_broken``, ...).
    """
    from ategnatos.guard.gate import keyfile, signing, trust

    approvers = trust.known(project)
    if approvers is not None and approvers.signing:
        signing.require_approver(approvers, keyfile.load())


def signed(
    project: Project, choices: Sequence[Choice], *, redo: str, now: datetime
) -> list[Choice]:
    """The choices with the person's signatures; in a studio without keys, after their yes.

    Raises StudioError (``needs_person``, ``not_confirmed``, and those of
    :func:`ategnatos.guard.gate.signing.sign`).
    """
    given = book.read(project)
    lines = ["Your verdicts, each final for its bytes:", *lines_of(choices)]
    if not given.signing:
        prompt = f"Record these {len(choices)}? yes or no:"
        if gate.ask(lines, prompt, ("yes", "no"), redo=redo) != "yes":
            raise StudioError(
                gate.NOT_CONFIRMED,
                "You said no: nothing was recorded, and your choices are kept.",
                hint=f"Go on where you were: {redo}",
            )
        return list(choices)
    from ategnatos.guard.gate.signing import sign_many

    assert given.approvers is not None
    made = sign_many(
        project,
        given.approvers,
        gate=record.REVIEW,
        wanted=_wanted(choices),
        lines=lines,
        redo=redo,
        now=now,
    )
    return _with(choices, made)


def signed_by(
    project: Project, choices: Sequence[Choice], held: HeldKey, *, now: datetime
) -> list[Choice]:
    """The choices, which a person has read on the page, with signatures of the key they opened.

    Raises StudioError (``gate_broken``, ``gate_unpinned``, and those of
    :meth:`ategnatos.guard.gate.held.HeldKey.sign_many`).
    """
    from ategnatos.guard.gate import trust

    approvers = trust.known(project)
    if approvers is None or not approvers.signing:
        return list(choices)
    wanted = _wanted(choices)
    return _with(choices, held.sign_many(approvers, gate=record.REVIEW, wanted=wanted, now=now))


def _wanted(choices: Sequence[Choice]) -> list[tuple[Subject, str, str | None]]:
    return [
        ({"asset": one.candidate, "sha256": one.sha256}, one.verdict, one.reason) for one in choices
    ]


def _with(choices: Sequence[Choice], made: Sequence[Signed]) -> list[Choice]:
    return [
        replace(one, signed=signature.data()) for one, signature in zip(choices, made, strict=True)
    ]


def record_all(
    project: Project,
    choices: Sequence[Choice],
    *,
    actor: str,
    now: Clock,
    keep: Callable[[Sequence[Choice]], None],
) -> tuple[list[verdicts.Verdict], list[StudioError]]:
    """Record each choice that was signed (or confirmed, without keys); one that cannot be
    recorded stops no other. ``keep`` gets what is left after each: what a full disk stopped, for
    one, is recorded by the next run.

    Returns the verdicts and why the others are none.
    """
    done, failed, left = [], [], list(choices)
    for one in choices:
        job_id, number = parse_candidate(one.candidate)
        try:
            verdict = verdicts.record_choice(
                project,
                job_id,
                number,
                one.verdict,
                sha256=one.sha256,
                reason=one.reason,
                actor=actor,
                now=now,
                signed=sitting.signed_of(one),
            )
        except StudioError as error:
            failed.append(error)
            if error.code not in _FOR_GOOD:
                continue
        else:
            done.append(verdict)
        left.remove(one)
        keep(left)
    return done, failed
