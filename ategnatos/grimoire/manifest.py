"""The manifest of ``exports/``: what is frozen, what was shipped, and whether it still is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire import documents, frozen_check
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.frozen_check import ExportProblem
from ategnatos.grimoire.project import Project

if TYPE_CHECKING:
    from ategnatos.grimoire.schemas.manifest import (
        ManifestDocument,
        ManifestEntry,
        ShippedAsset,
    )

__all__ = [
    "ExportProblem",
    "manifest_add",
    "manifest_read",
    "publish",
    "verify_exports",
]

MANIFEST_CONFLICT = ErrorCode(
    "manifest_conflict", "The manifest already lists other bytes under that name and version."
)
MANIFEST_UNTRUE = ErrorCode("manifest_untrue", "An entry does not describe the file it names.")


def manifest_read(project: Project) -> ManifestDocument:
    """The manifest; an empty one where nothing was frozen yet."""
    found: ManifestDocument = documents.read(project, "manifest")
    return found


def manifest_add(project: Project, entry: ManifestEntry | Mapping[str, Any]) -> None:
    """List one frozen file; listing the same again changes nothing.

    The file is read: an entry that names other bytes is refused. Raises StudioError:
    ``manifest_untrue``, ``manifest_conflict``, ``document_invalid``, ``zone_escape``.
    """
    from ategnatos.grimoire.schemas.manifest import ManifestEntry, entry_id

    if isinstance(entry, Mapping):
        with documents.invalid_as_refusal("manifest"):
            entry = ManifestEntry.model_validate(dict(entry))
    entry.id = entry.id or entry_id(entry.name, entry.version)
    problem = frozen_check.look(project, entry)
    if problem is not None and problem.problem != "writable":
        raise StudioError(
            MANIFEST_UNTRUE,
            f"{entry.path} is not the file this entry describes ({problem.problem});"
            " the manifest was not changed.",
            hint="Freeze the file again and list what was frozen.",
            path=entry.path,
            found_sha256=problem.found_sha256,
        )
    with documents.edit(project, "manifest") as manifest:
        for listed in manifest.entries:
            if entry.id != listed.id and entry.path != listed.path:
                continue
            if (listed.sha256, listed.path, listed.id) == (entry.sha256, entry.path, entry.id):
                return
            raise StudioError(
                MANIFEST_CONFLICT,
                f"The manifest lists other bytes as {entry.name} version {entry.version}"
                f" ({listed.path}); it was not changed.",
                hint="A change is a new version: freeze the file again.",
                listed_sha256=listed.sha256,
            )
        manifest.entries.append(entry)


def publish(project: Project, asset: ShippedAsset) -> None:
    """Put a shipped asset into its place: a fresh one at the end, a known one where it stands.

    Every file that it names must be listed. Raises StudioError (``manifest_untrue``).
    """
    with documents.edit(project, "manifest") as manifest:
        listed = {entry.path: entry.sha256 for entry in manifest.entries}
        named = {one.path: one.sha256 for one in asset.variant_sprites}
        if asset.atlas is not None:
            named |= {
                asset.atlas.image: asset.atlas.image_sha256,
                asset.atlas.frames: asset.atlas.frames_sha256,
            }
        wrong = [path for path, digest in named.items() if listed.get(path) != digest]
        if wrong or asset.asset_path not in named:
            raise StudioError(
                MANIFEST_UNTRUE,
                f"{asset.id} names {(wrong or [asset.asset_path])[0]}, which the manifest does not"
                " list with those bytes; it was not shipped.",
                hint="List the frozen files first: run 'ategnatos art ship' again.",
                path=(wrong or [asset.asset_path])[0],
            )
        for place, known in enumerate(manifest.assets):
            if known.id == asset.id:
                manifest.assets[place] = asset
                return
        manifest.assets.append(asset)


def verify_exports(project: Project) -> list[ExportProblem]:
    """Read every listed file and name those that are not as listed; empty when all is well."""
    return frozen_check.check(project, manifest_read(project).entries)
