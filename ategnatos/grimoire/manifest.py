"""The manifest of ``exports/``: what is frozen, under which hash, and whether it still is."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire import documents
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import sha256_file
from ategnatos.grimoire.project import Project
from ategnatos.grimoire.zones import Zone, resolve

if TYPE_CHECKING:
    from ategnatos.grimoire.schemas.manifest import ManifestDocument, ManifestEntry

MANIFEST_CONFLICT = ErrorCode(
    "manifest_conflict", "The manifest already lists other bytes under that name and version."
)
MANIFEST_UNTRUE = ErrorCode("manifest_untrue", "An entry does not describe the file it names.")


@dataclass(frozen=True, slots=True)
class ExportProblem:
    """One manifest entry whose file is not what it should be.

    ``problem`` is ``missing``, ``changed``, ``writable`` or ``outside``.
    """

    name: str
    version: int
    path: str
    problem: str
    expected_sha256: str
    found_sha256: str = ""


def manifest_read(project: Project) -> ManifestDocument:
    """The manifest; an empty one where nothing was frozen yet."""
    found: ManifestDocument = documents.read(project, "manifest")
    return found


def manifest_add(project: Project, entry: ManifestEntry | Mapping[str, Any]) -> None:
    """List one frozen file; listing the same again changes nothing.

    The file is read: an entry that names other bytes is refused. Raises StudioError:
    ``manifest_untrue``, ``manifest_conflict``, ``document_invalid``, ``zone_escape``.
    """
    from ategnatos.grimoire.schemas.manifest import ManifestEntry

    if isinstance(entry, Mapping):
        with documents.invalid_as_refusal("manifest"):
            entry = ManifestEntry.model_validate(dict(entry))
    problem = _look(project, entry)
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
            if (listed.name, listed.version) != (entry.name, entry.version):
                continue
            if (listed.sha256, listed.path) == (entry.sha256, entry.path):
                return
            raise StudioError(
                MANIFEST_CONFLICT,
                f"The manifest lists other bytes as {entry.name} version {entry.version};"
                " it was not changed.",
                hint="A change is a new version: freeze the file again.",
                listed_sha256=listed.sha256,
            )
        manifest.entries.append(entry)


def verify_exports(project: Project) -> list[ExportProblem]:
    """Read every listed file and name those that are not as listed; empty when all is well."""
    looked = (_look(project, entry) for entry in manifest_read(project).entries)
    return [problem for problem in looked if problem is not None]


def _look(project: Project, entry: ManifestEntry) -> ExportProblem | None:
    def problem(what: str, found: str = "") -> ExportProblem:
        return ExportProblem(
            entry.name, entry.version, entry.path, what, entry.sha256, found_sha256=found
        )

    parts = Path(entry.path).parts
    if parts[:1] != (Zone.EXPORTS.value,):
        return problem("outside")
    try:
        path = resolve(project, Zone.EXPORTS, Path(*parts[1:]))
    except StudioError:
        return problem("outside")
    try:
        found = sha256_file(path)
    except (FileNotFoundError, IsADirectoryError):
        return problem("missing")
    if found != entry.sha256:
        return problem("changed", found)
    if stat.S_IMODE(os.stat(path).st_mode) & 0o222:  # noqa: PTH116
        return problem("writable", found)
    return None
