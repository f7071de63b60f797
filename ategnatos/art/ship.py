"""Freeze an approved candidate as a file of a size and format, with its provenance.

A crash between the steps loses nothing: the same export again finds the frozen file by its hash
and writes down what is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ategnatos.art import freezing
from ategnatos.art.freezing import NOT_APPROVED, VERDICT_BROKEN, VERDICT_UNSIGNED
from ategnatos.grimoire import content, manifest
from ategnatos.grimoire.files import sha256_bytes, sha256_file
from ategnatos.grimoire.locks import hold

if TYPE_CHECKING:
    from datetime import datetime

    from ategnatos.art.upscale import Enlarger, Upscale
    from ategnatos.grimoire.jobs import store
    from ategnatos.grimoire.project import Project
    from ategnatos.guard.gate.record import Judged
    from ategnatos.pictures.export import ExportedPicture

__all__ = [
    "NOT_APPROVED",
    "VERDICT_BROKEN",
    "VERDICT_UNSIGNED",
    "Options",
    "Shipped",
    "prepare",
    "rendered",
    "ship",
]


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
    ``export_*``, and as :func:`ategnatos.art.freezing.approved`).
    """
    one, picture = _prepared(project, job_id, number, name, options, enlarger)
    return one.job, one.candidate, picture, one.approval


def _prepared(
    project: Project,
    job_id: int,
    number: int,
    name: str,
    options: Options,
    enlarger: Enlarger | None,
) -> tuple[freezing.Approved, ExportedPicture]:
    content.check_name(name, "asset name")
    one = freezing.approved(project, job_id, number)
    return one, rendered(project.root / one.candidate.path, options, enlarger)


def rendered(path: Path, options: Options, enlarger: Enlarger | None = None) -> ExportedPicture:
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
    one, picture = _prepared(project, job_id, number, name, options, enlarger)
    digest = sha256_bytes(picture.data)
    with hold(project, "exports"):
        known = manifest.manifest_read(project).entries
        for entry in known:
            if (entry.made, entry.name, entry.sha256) == ("export", name, digest):
                path = project.root / entry.path
                if path.is_file() and sha256_file(path) == digest:
                    freezing.note_signature(project, entry.path, one.approval)
                    return _shipped(path, entry.version, digest, picture, one, fresh=False)
        path, version = _frozen_before(project, name, digest) or content.freeze(
            project, name, picture.data, picture.format
        )
        asset = freezing.asset_of(project, one, name, version, path, digest, picture, options, now)
        listing = freezing.entry_of(asset, len(picture.data), one)
        freezing.write_down(project, freezing.EXPORTED, asset, listing, actor=actor, now=now)
    return _shipped(path, version, digest, picture, one, fresh=True)


def _frozen_before(project: Project, name: str, digest: str) -> tuple[Path, int] | None:
    """A frozen file with these bytes that no manifest entry names: left by a crash."""
    for version in content.frozen_versions(project, name):
        folder = project.exports / "loose" / name / f"v{version}"
        for path in folder.iterdir():
            if path.is_file() and sha256_file(path) == digest:
                return path, version
    return None


def _shipped(
    path: Path,
    version: int,
    digest: str,
    picture: ExportedPicture,
    one: freezing.Approved,
    *,
    fresh: bool,
) -> Shipped:
    return Shipped(
        path,
        version,
        digest,
        picture.width,
        picture.height,
        (*one.notes, *picture.notes),
        fresh,
        one.approval.standing.value,
        one.approval.approver,
    )
