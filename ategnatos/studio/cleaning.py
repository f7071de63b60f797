"""Free the space of pictures that nobody approved; the record of them stays.

Approved and exported pictures, and those of work in progress, are never touched. A picture that
waits for a verdict goes only where that was asked for. Removal follows what is decided here:
written into the journal and the database first, so that a run that is cut off is finished by
the next.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ategnatos.grimoire.files import explained
from ategnatos.grimoire.zones import Zone, resolve
from ategnatos.studio.leftovers import left_over

if TYPE_CHECKING:
    from ategnatos.grimoire.jobs.store import Candidate, Job
    from ategnatos.grimoire.project import Project

EVENT_KIND = "studio.cleaned"

# The lock that a verdict is recorded under, and the kind of its event.
_VERDICTS = "verdicts"
_VERDICT_EVENT = "art.verdict"
# What these jobs leave behind is freed by 'ategnatos train clean'.
_WITHOUT_PICTURES = frozenset({"training"})
_CANDIDATE_FILE = re.compile(r"[0-9]{3,6}\.png")


@dataclass(frozen=True, slots=True)
class Removal:
    """One file to free. ``candidate`` is None for a file that no candidate was made of."""

    path: Path
    bytes: int
    why: str
    job: str | None = None
    candidate: int | None = None

    @property
    def reference(self) -> str | None:
        """``j7#2``, or None."""
        return None if self.candidate is None else f"{self.job}#{self.candidate}"


@dataclass(slots=True)
class Plan:
    """What goes, and how many pictures stay for which reason."""

    removals: list[Removal] = field(default_factory=list)
    kept: dict[str, int] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """How much is freed, in bytes."""
        return sum(one.bytes for one in self.removals)

    def keep(self, why: str) -> None:
        """Count one picture that stays."""
        self.kept[why] = self.kept.get(why, 0) + 1


def look(project: Project, *, waiting: bool, now: datetime) -> Plan:
    """What :func:`clean` would free at this moment; nothing is changed.

    Raises StudioError (``zone_escape``, ``database_broken``).
    """
    return _plan(project, waiting, now, None)


def clean(project: Project, *, waiting: bool, actor: str, now: datetime) -> Plan:
    """Free the files. ``waiting`` also takes pictures that wait for a verdict.

    Raises StudioError: as :func:`look`, and ``locked``, ``write_failed``.
    """
    from ategnatos.grimoire import journal
    from ategnatos.grimoire.jobs import database, store
    from ategnatos.grimoire.locks import hold
    from ategnatos.studio.jobs_at_work import kept_from_work

    plan = look(project, waiting=waiting, now=now)
    if not plan.removals:
        return plan
    jobs = {int(one.job[1:]) for one in plan.removals if one.job is not None}
    # No verdict and no generation can come between the decision and the removal.
    with hold(project, _VERDICTS), kept_from_work(project, jobs) as ours:
        plan = _plan(project, waiting, now, ours)
        if not plan.removals:
            return plan
        candidates = [one for one in plan.removals if one.candidate is not None]
        journal.append(
            project,
            EVENT_KIND,
            actor=actor,
            references={"candidates": [one.reference for one in candidates]},
            data={"files": len(plan.removals), "bytes": plan.bytes, "waiting": waiting},
            now=now,
        )
        if candidates:
            with database.connect(project) as connection:
                numbers = [(int((one.job or "j0")[1:]), one.candidate or 0) for one in candidates]
                store.mark_cleaned(connection, numbers, now=store.iso(now))
        for one in plan.removals:
            _remove(one.path)
            _remove_empty(project, one.path.parent)
    return plan


def _plan(project: Project, waiting: bool, now: datetime, ours: set[int] | None) -> Plan:
    """``ours`` are the jobs kept from work; None where it is only looked who works on which."""
    from ategnatos.grimoire.jobs import database

    plan = Plan()
    if database.exists(project):
        _plan_pictures(project, plan, waiting, ours)
    plan.removals += [
        Removal(path, _size(path), "left unfinished by a process that died")
        for path in left_over(project, now.astimezone(UTC).timestamp())
    ]
    return plan


def _plan_pictures(project: Project, plan: Plan, waiting: bool, ours: set[int] | None) -> None:
    from ategnatos.grimoire.jobs import database, store

    with database.connect(project) as connection:
        jobs = {job.id: job for job in store.jobs(connection)}
        candidates = store.all_candidates(connection)
        clock = connection.now()
    protected = _approved_hashes(project, candidates)
    in_use = _inputs(jobs.values())

    def is_idle(job: Job) -> bool:
        return not job.held(clock) if ours is None else job.id in ours

    for one in candidates:
        job = jobs[one.job]
        path = _path(project, one)
        if not path.is_file():
            continue
        why = _reason(one, job, waiting)
        if one.verdict == store.APPROVED or one.sha256 in protected:
            plan.keep("approved")
        elif "imported" in job.request and one.verdict != store.REJECTED:
            plan.keep("imported: nobody could make it again")
        elif why is None:
            plan.keep("waiting for a verdict")
        elif one.sha256 in in_use or not is_idle(job):
            plan.keep("in work")
        else:
            plan.removals.append(_removal(path, job, one.number, why))
    known = {_path(project, one) for one in candidates}
    for job in jobs.values():
        if job.state == store.FAILED and job.kind not in _WITHOUT_PICTURES and is_idle(job):
            for path in _unrecorded(project, job, known):
                plan.removals.append(_removal(path, job, None, "of a failed job"))


def _reason(candidate: Candidate, job: Job, waiting: bool) -> str | None:
    """Why this picture may go; None where it has to wait for its verdict."""
    from ategnatos.grimoire.jobs import store

    if candidate.verdict == store.REJECTED:
        return "rejected"
    if job.state == store.FAILED:
        return "of a failed job"
    return "without a verdict" if waiting else None


def _approved_hashes(project: Project, candidates: Iterable[Candidate]) -> set[str]:
    """Hashes that a person approved, by the database, the journal or an export."""
    from ategnatos.grimoire import documents, journal
    from ategnatos.grimoire.jobs import store

    approved = {one.sha256 for one in candidates if one.verdict == store.APPROVED}
    # The journal is written first: after a crash it may know a verdict that the database lacks.
    for event in journal.read(project, kinds={_VERDICT_EVENT}):
        if event.data.get("verdict") == store.APPROVED:
            approved.add(str(event.references.get("sha256")))
    approved.update(asset.source_sha256 for asset in documents.read(project, "assets").assets)
    return approved


def _inputs(jobs: Iterable[Job]) -> set[str]:
    """Hashes of the pictures that unfinished jobs start from."""
    from ategnatos.grimoire.jobs import store

    unfinished = [job for job in jobs if job.state in {store.PENDING, store.GENERATING}]
    found = {job.request.get(part) for job in unfinished for part in ("init", "mask", "control")}
    return {one for one in found if isinstance(one, str)}


def _path(project: Project, candidate: Candidate) -> Path:
    return resolve(project, Zone.WORKSPACE, project.root / candidate.path)


def _unrecorded(project: Project, job: Job, known: set[Path]) -> Iterator[Path]:
    """Pictures of a job that failed before it could record them."""
    from ategnatos.grimoire.content import candidate_path
    from ategnatos.grimoire.jobs.records import RECIPE_DATA

    if RECIPE_DATA in job.data:
        # Its folder is shared with the other children of its binding, which may be in work.
        own = {candidate_path(project, *job.place(number)) for number in (1, 2)}
        yield from sorted(path for path in own - known if path.is_file())
        return
    folder = candidate_path(project, *job.place(1)).parent
    if folder.is_dir():
        for path in sorted(folder.iterdir()):
            if _CANDIDATE_FILE.fullmatch(path.name) and path not in known:
                yield path


def _removal(path: Path, job: Job, number: int | None, why: str) -> Removal:
    return Removal(path, _size(path), why, job.name, number)


def _size(path: Path) -> int:
    if path.is_dir() and not path.is_symlink():
        return sum(one.lstat().st_size for one in path.rglob("*"))
    return path.lstat().st_size


def _remove(path: Path) -> None:
    with explained(path, "It was not removed; run 'ategnatos clean' again to finish."):
        if path.is_dir() and not path.is_symlink():
            for inner in path.iterdir():
                _remove(inner)
            path.rmdir()
        else:
            path.unlink(missing_ok=True)


def _remove_empty(project: Project, folder: Path) -> None:
    """Remove ``folder`` and those above it, as long as they are empty and below the outputs."""
    while folder != project.outputs and project.outputs in folder.parents:
        with explained(folder, "It stayed, empty."):
            if any(folder.iterdir()):
                return
            folder.rmdir()
        folder = folder.parent
