"""What every way into ``exports/`` has in common: the approval before, the record after.

Only a candidate with an approval leaves the workspace, only with the bytes that were approved,
and only under a licence that the project's policy allows. What was frozen is written down in one
order (journal, assets, manifest), each step looking first, so that a crash between two of them
is completed by running the same command again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.art import pages, result_licence, verdicts
from ategnatos.art.references import parse_job
from ategnatos.grimoire import journal, manifest
from ategnatos.grimoire.documents import edit
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.jobs import database, store
from ategnatos.guard.gate import book
from ategnatos.guard.gate.record import Judged, Standing

if TYPE_CHECKING:
    from datetime import datetime

    from ategnatos.art.ship import Options
    from ategnatos.grimoire.project import Project
    from ategnatos.grimoire.schemas.assets import Asset
    from ategnatos.grimoire.schemas.manifest import Term
    from ategnatos.pictures.export import ExportedPicture

NOT_APPROVED = ErrorCode("not_approved", "Only a candidate that a person approved is exported.")
VERDICT_UNSIGNED = ErrorCode("verdict_unsigned", "The approval has no signature, and needs one.")
VERDICT_BROKEN = ErrorCode("verdict_broken", "The approval on record is not what a person said.")
CONCEPT_ONLY = ErrorCode("concept_only", "A concept's approval frees the next step, no file.")

EXPORTED, PROMOTED, PACKED, SHIPPED = "art.exported", "art.promoted", "art.packed", "art.shipped"


@dataclass(frozen=True, slots=True)
class Approved:
    """A candidate that may leave the workspace. ``notes`` is what its licences ask for."""

    job: store.Job
    candidate: store.Candidate
    approval: Judged
    terms: list[Term]
    notes: tuple[str, ...] = ()


def approved(
    project: Project, job_id: int, number: int, given: book.Book | None = None
) -> Approved:
    """The candidate, if a person approved these very bytes and its licences let it out.

    Raises StudioError (``not_approved``, ``concept_only``, ``verdict_unsigned``,
    ``verdict_broken``, ``bytes_changed``, ``file_gone``, ``gate_broken``, ``gate_unpinned``,
    ``family_refused``, ``licence_unknown``, ``job_unknown``).
    """
    from ategnatos.art.recipes import origin

    given = given or book.read(project)
    with database.connect(project) as db:
        verdicts.settle(project, db, job_id, number, given)
        candidate = store.get_candidate(db, job_id, number)
        job = store.get(db, job_id)
    if origin.is_concept(candidate):
        raise StudioError(
            CONCEPT_ONLY,
            f"{candidate.reference} is a concept: its approval frees the step after it, and no"
            " file. Nothing was exported.",
            hint=f"See what was made from it: ategnatos art show {job.name}",
            candidate=candidate.reference,
        )
    if candidate.verdict != store.APPROVED:
        raise _not_approved(candidate)
    terms = result_licence.terms_of(project, job)
    notes = result_licence.require(project, terms)
    approval = _approval(given, candidate)
    verdicts.verify_bytes(project, candidate)
    return Approved(job, candidate, approval, terms, notes)


def _not_approved(candidate: store.Candidate) -> StudioError:
    name = candidate.reference
    state = "still waiting for a person's verdict"
    hint = f"A person approves it in a terminal: ategnatos art approve '{name}'"
    if candidate.verdict:
        state = "rejected, and a verdict is final"
        hint = f"Go on from it: ategnatos art vary '{name}' --change '...'"
    return StudioError(
        NOT_APPROVED,
        f"{name} is {state}; nothing was exported.",
        hint=hint,
        candidate=name,
        verdict=candidate.verdict,
    )


def _approval(given: book.Book, candidate: store.Candidate) -> Judged:
    """The approval in the journal: the database only mirrors it, and anybody can edit both."""
    standing, problem = given.on_record(candidate.reference, candidate.sha256, candidate.verdict)
    found = given.of(candidate.reference, candidate.sha256)
    if found is None or standing is Standing.BROKEN:
        raise StudioError(
            VERDICT_BROKEN,
            f"The approval of {candidate.reference} does not count: {problem}. Nothing was"
            " exported.",
            hint="See every verdict with 'ategnatos gate verify'. A person can give this one"
            f" again: ategnatos art approve '{candidate.reference}'",
            candidate=candidate.reference,
            problem=problem,
        )
    if given.signing and standing is not Standing.SIGNED:
        raise StudioError(
            VERDICT_UNSIGNED,
            f"{candidate.reference} was approved before this studio had keys; now only what is"
            " signed leaves it. Nothing was exported.",
            hint=f"A person signs it in a terminal: ategnatos art approve '{candidate.reference}'",
            candidate=candidate.reference,
        )
    return found


def asset_of(
    project: Project,
    one: Approved,
    name: str,
    version: int,
    path: Path,
    digest: str,
    picture: ExportedPicture,
    options: Options,
    now: Callable[[], datetime],
) -> Asset:
    """The record of one frozen file."""
    from ategnatos.grimoire.schemas.assets import Asset

    job, candidate = one.job, one.candidate
    facts: dict[str, Any] = {
        "name": name,
        "version": version,
        "path": path.relative_to(project.root).as_posix(),
        "sha256": digest,
        "source_sha256": candidate.sha256,
        "job": job.name,
        "candidate": candidate.number,
        "recipe_id": job.recipe_id,
        "binding": job.binding,
        "engine": job.engine,
        "prompt": job.asked,
        "seed": candidate.seed,
        "settings": candidate.settings,
        "verdict_event": one.approval.event.id,
        "verdict": book.as_facts(one.approval),
        "exported_at": store.iso(now()),
        "export": export_facts(options, picture),
    }
    return Asset.model_validate(facts)


def export_facts(options: Options, picture: ExportedPicture) -> dict[str, Any]:
    """How the file was made from the candidate."""
    facts: dict[str, Any] = {
        "format": picture.format,
        "width": picture.width,
        "height": picture.height,
        "fit": options.fit,
        "background": options.background,
        "quality": options.quality,
        "keep_metadata": options.keep_metadata,
    }
    if options.upscale is not None:
        facts["upscale"] = {"factor": options.upscale.factor, "by": picture.enlarged_by}
    return facts


def entry_of(
    asset: Asset, size: int, one: Approved, more: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The manifest's entry of one frozen file; ``more`` are its fields beyond those of every
    file: ``id``, ``made``, ``asset``, ``variant``, ``recipe`` and so on.
    """
    facts = asset.model_dump(mode="json")
    own = {key: facts.pop(key) for key in ("name", "version", "path", "sha256")}
    licence = result_licence.strictest(one.terms).model_dump(mode="json")
    return {
        **own,
        "size": size,
        "verdict": one.approval.standing.value,
        "licence": licence,
        "frozen_at": facts.pop("exported_at"),
        "provenance": facts,
        **(more or {}),
    }


def write_down(
    project: Project,
    kind: str,
    asset: Asset,
    entry: dict[str, Any],
    *,
    actor: str,
    now: Callable[[], datetime],
) -> None:
    """Record a frozen file, the manifest last: what consumers see is recorded everywhere.

    ``kind`` is the journal's word for the act. Each step looks first, so that what a crash cut
    short is completed, not doubled.
    """
    told(
        project,
        kind,
        asset.path,
        references={
            "candidate": f"{asset.job}#{asset.candidate}",
            "verdict_event": asset.verdict_event,
            "sha256": asset.sha256,
        },
        data={"name": asset.name, "version": asset.version},
        actor=actor,
        now=now,
    )
    with edit(project, "assets") as document:
        if not any(one.path == asset.path for one in document.assets):
            document.assets.append(asset)
    manifest.manifest_add(project, entry)
    with database.connect(project) as db:
        pages.after(project, db, parse_job(asset.job))


def told(
    project: Project,
    kind: str,
    path: str,
    *,
    references: dict[str, Any],
    data: dict[str, Any],
    actor: str,
    now: Callable[[], datetime],
) -> None:
    """Write into the journal that the file at ``path`` was frozen, once."""
    known = journal.read(project, kinds={kind})
    if not any(event.data["path"] == path for event in known):
        journal.append(
            project,
            kind,
            actor=actor,
            references=references,
            data={**data, "path": path},
            now=now(),
        )


def note_signature(project: Project, path: str, approval: Judged) -> None:
    """Put a signature that came later beside a file that was frozen without one."""
    if approval.standing is not Standing.SIGNED:
        return
    facts = book.as_facts(approval)
    with edit(project, "assets") as document:
        for asset in document.assets:
            if asset.path == path:
                asset.verdict, asset.verdict_event = facts, approval.event.id
    with edit(project, "manifest") as document:
        for entry in document.entries:
            if entry.path == path:
                entry.verdict = approval.standing.value
                entry.provenance |= {"verdict": facts, "verdict_event": approval.event.id}
