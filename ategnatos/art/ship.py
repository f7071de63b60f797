"""Freeze an approved candidate as a file to ship, with its provenance in the manifest.

Only a candidate with an approval leaves the workspace, and only with the bytes that were
approved. A crash between the steps loses nothing: the same export again finds the frozen file
by its hash and writes down what is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.art import licences, verdicts
from ategnatos.grimoire import content, journal, manifest
from ategnatos.grimoire.documents import edit
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import sha256_bytes, sha256_file
from ategnatos.grimoire.jobs import database, store
from ategnatos.grimoire.locks import hold
from ategnatos.guard.gate import book
from ategnatos.guard.gate.record import Judged, Standing

if TYPE_CHECKING:
    from datetime import datetime

    from ategnatos.art.upscale import Enlarger, Upscale
    from ategnatos.grimoire.project import Project
    from ategnatos.grimoire.schemas.assets import Asset
    from ategnatos.pictures.export import ExportedPicture

EVENT_KIND = "art.exported"

NOT_APPROVED = ErrorCode("not_approved", "Only a candidate that a person approved is exported.")
VERDICT_UNSIGNED = ErrorCode("verdict_unsigned", "The approval has no signature, and needs one.")
VERDICT_BROKEN = ErrorCode("verdict_broken", "The approval on record is not what a person said.")


@dataclass(frozen=True, slots=True)
class Options:
    """How the file is to be. Sizes in pixels; None keeps the picture's own."""

    format: str = "png"
    width: int | None = None
    height: int | None = None
    fit: str | None = None
    background: str | None = None
    quality: int | None = None
    keep_metadata: bool = False
    upscale: Upscale | None = None


@dataclass(frozen=True, slots=True)
class Shipped:
    """A frozen file. ``fresh`` is False where the same file was there already."""

    path: Path
    version: int
    sha256: str
    width: int
    height: int
    notes: tuple[str, ...]
    fresh: bool
    standing: str
    approver: str


def prepare(
    project: Project,
    job_id: int,
    number: int,
    name: str,
    options: Options,
    enlarger: Enlarger | None = None,
) -> tuple[store.Job, store.Candidate, ExportedPicture, Judged]:
    """Check name and approval and make the file's bytes; nothing is written.

    The last of the four is the approval itself. Raises StudioError (``name_invalid``,
    ``not_approved``, ``verdict_unsigned``, ``verdict_broken``, ``bytes_changed``, ``file_gone``,
    ``export_*``, ``gate_broken``, ``gate_unpinned``, ``family_refused``, ``licence_unknown``).
    """
    content.check_name(name, "asset name")
    given = book.read(project)
    with database.connect(project) as db:
        verdicts.settle(project, db, job_id, number, given)
        candidate = store.get_candidate(db, job_id, number)
        job = store.get(db, job_id)
    if candidate.verdict != store.APPROVED:
        state = "rejected" if candidate.verdict else "still waiting for a person's verdict"
        raise StudioError(
            NOT_APPROVED,
            f"{candidate.reference} is {state}; nothing was exported.",
            hint="A person approves it in a terminal: "
            f"ategnatos art approve '{candidate.reference}'",
            candidate=candidate.reference,
            verdict=candidate.verdict,
        )
    licences.check(project, job.engine, job.request.get("family"), release=True)
    approval = _approval(given, candidate)
    verdicts.verify_bytes(project, candidate)
    return job, candidate, _exported(project.root / candidate.path, options, enlarger), approval


def _exported(path: Path, options: Options, enlarger: Enlarger | None) -> ExportedPicture:
    """The file's bytes, enlarged first where that was asked for."""
    from dataclasses import replace

    from ategnatos.art.upscale import enlarge
    from ategnatos.pictures.export import export_picture

    width, height, source = options.width, options.height, path.read_bytes()
    larger = enlarge(source, options.upscale, enlarger) if options.upscale else None
    if larger is not None:
        source, width, height = larger.source, larger.width, larger.height
    picture = export_picture(
        source,
        format=options.format,
        width=width,
        height=height,
        fit=options.fit,  # type: ignore[arg-type]  # checked, with a message, by lay_out
        background=options.background,
        quality=options.quality,
        keep_metadata=options.keep_metadata,
        resample=larger.resample if larger is not None else "auto",
    )
    if larger is None:
        return picture
    return replace(picture, notes=(*larger.notes, *picture.notes), enlarged_by=larger.by)


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


def ship(
    project: Project,
    job_id: int,
    number: int,
    name: str,
    options: Options,
    *,
    actor: str,
    now: Callable[[], datetime],
    enlarger: Enlarger | None = None,
) -> Shipped:
    """Export one approved candidate as ``exports/loose/<name>/v<N>/``, read-only.

    The same bytes under the same name are not frozen twice. Raises StudioError as
    :func:`prepare` does.
    """
    job, candidate, picture, approval = prepare(project, job_id, number, name, options, enlarger)
    digest = sha256_bytes(picture.data)
    with hold(project, "exports"):
        known = manifest.manifest_read(project).entries
        for entry in known:
            if entry.name == name and entry.sha256 == digest:
                path = project.root / entry.path
                if path.is_file() and sha256_file(path) == digest:
                    _note_signature(project, name, entry.version, approval)
                    return _shipped(path, entry.version, digest, picture, approval, fresh=False)
        path, version = _frozen_before(project, name, digest) or content.freeze(
            project, name, picture.data, picture.format
        )
        asset = _asset(
            project, job, candidate, approval, name, version, path, digest, picture, options, now
        )
        _write_down(project, asset, len(picture.data), actor, now)
    return _shipped(path, version, digest, picture, approval, fresh=True)


def _write_down(
    project: Project, asset: Asset, size: int, actor: str, now: Callable[[], datetime]
) -> None:
    """Record a frozen file, the manifest last: what consumers see is recorded everywhere.

    Each step looks first, so that an export a crash cut short is completed, not doubled.
    """
    exported = journal.read(project, kinds={EVENT_KIND})
    if not any(event.data["path"] == asset.path for event in exported):
        journal.append(
            project,
            EVENT_KIND,
            actor=actor,
            references={
                "candidate": f"{asset.job}#{asset.candidate}",
                "verdict_event": asset.verdict_event,
                "sha256": asset.sha256,
            },
            data={"name": asset.name, "version": asset.version, "path": asset.path},
            now=now(),
        )
    with edit(project, "assets") as document:
        if not any(one.path == asset.path for one in document.assets):
            document.assets.append(asset)
    manifest.manifest_add(project, _entry(asset, size))


def _note_signature(project: Project, name: str, version: int, approval: Judged) -> None:
    """Put a signature that came later beside a file that was frozen without one."""
    if approval.standing is not Standing.SIGNED:
        return
    facts = book.as_facts(approval)
    with edit(project, "assets") as document:
        for asset in document.assets:
            if (asset.name, asset.version) == (name, version):
                asset.verdict, asset.verdict_event = facts, approval.event.id
    with edit(project, "manifest") as document:
        for entry in document.entries:
            if (entry.name, entry.version) == (name, version):
                entry.provenance |= {"verdict": facts, "verdict_event": approval.event.id}


def _frozen_before(project: Project, name: str, digest: str) -> tuple[Path, int] | None:
    """A frozen file with these bytes that no manifest entry names: left by a crash."""
    for version in content.frozen_versions(project, name):
        folder = project.exports / "loose" / name / f"v{version}"
        for path in folder.iterdir():
            if path.is_file() and sha256_file(path) == digest:
                return path, version
    return None


def _asset(
    project: Project,
    job: store.Job,
    candidate: store.Candidate,
    approval: Judged,
    name: str,
    version: int,
    path: Path,
    digest: str,
    picture: ExportedPicture,
    options: Options,
    now: Callable[[], datetime],
) -> Asset:
    from ategnatos.grimoire.schemas.assets import Asset

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
        "verdict_event": approval.event.id,
        "verdict": book.as_facts(approval),
        "exported_at": store.iso(now()),
        "export": {
            "format": picture.format,
            "width": picture.width,
            "height": picture.height,
            "fit": options.fit,
            "background": options.background,
            "quality": options.quality,
            "keep_metadata": options.keep_metadata,
            **_upscale_facts(options, picture),
        },
    }
    return Asset.model_validate(facts)


def _upscale_facts(options: Options, picture: ExportedPicture) -> dict[str, Any]:
    if options.upscale is None:
        return {}
    return {"upscale": {"factor": options.upscale.factor, "by": picture.enlarged_by}}


def _entry(asset: Asset, size: int) -> dict[str, Any]:
    facts = asset.model_dump(mode="json")
    own = {key: facts.pop(key) for key in ("name", "version", "path", "sha256")}
    return {**own, "size": size, "frozen_at": facts.pop("exported_at"), "provenance": facts}


def _shipped(
    path: Path,
    version: int,
    digest: str,
    picture: ExportedPicture,
    approval: Judged,
    *,
    fresh: bool,
) -> Shipped:
    return Shipped(
        path,
        version,
        digest,
        picture.width,
        picture.height,
        picture.notes,
        fresh,
        approval.standing.value,
        approval.approver,
    )
