"""The files of a dataset: each once, under its hash, read-only; set aside, never deleted.

A file lies at ``workspace/datasets/<name>/files/<2 hex digits>/<sha256>``, without a suffix:
what a file is called is a fact of a version, and the same bytes may have several names. What is
set aside lies in ``workspace/datasets/<name>/quarantine/`` under a name that a person can read.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ategnatos.grimoire.content import check_name
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import explained, sync_file, sync_folder, temporary_name, write_all
from ategnatos.grimoire.zones import Zone, resolve

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ategnatos.grimoire.project import Project

DATASET_FILE_MISSING = ErrorCode("dataset_file_missing", "A file that a dataset names is gone.")

_CHUNK = 1 << 20


def home(project: Project, dataset: str) -> Path:
    """The folder of a dataset's files. Raises StudioError (``name_invalid``, ``zone_escape``)."""
    name = check_name(dataset, "name of the dataset")
    return resolve(project, Zone.WORKSPACE, Path("datasets", name))


def file_path(project: Project, dataset: str, sha256: str) -> Path:
    """Where the file of that hash lies or would lie."""
    return file_in(home(project, dataset), sha256)


def file_in(folder: Path, sha256: str) -> Path:
    """The same from the dataset's folder (:func:`home`), for loops over thousands of files."""
    return folder / "files" / sha256[:2] / sha256


def quarantine_path(project: Project, dataset: str, name: str, sha256: str) -> Path:
    """Where a file that was set aside lies or would lie; ``name`` is that of its row."""
    return home(project, dataset) / "quarantine" / _marked(name, sha256)


def quarantine_in(folder: Path, name: str, sha256: str) -> Path:
    """The same from the dataset's folder (:func:`home`)."""
    return folder / "quarantine" / _marked(name, sha256)


def _marked(name: str, sha256: str) -> str:
    last = name.rsplit("/", 1)[-1]
    stem, dot, suffix = last.rpartition(".")
    return f"{stem}.{sha256[:12]}.{suffix}" if dot and stem else f"{last}.{sha256[:12]}"


def path_of(project: Project, dataset: str, name: str, sha256: str) -> Path:
    """The file of a row, in the store or in quarantine (older versions still name those).

    Its bytes are not hashed here. Raises StudioError (``dataset_file_missing``).
    """
    path = file_path(project, dataset, sha256)
    if path.is_file():
        return path
    aside = quarantine_path(project, dataset, name, sha256)
    if aside.is_file():
        return aside
    raise StudioError(
        DATASET_FILE_MISSING,
        f"The file of {name!r} in the dataset {dataset!r} is gone ({path}); nothing was done.",
        hint="Import the picture again from where it came: the same bytes take the same place.",
        dataset=dataset,
        name=name,
        sha256=sha256,
    )


def is_there(project: Project, dataset: str, name: str, sha256: str) -> bool:
    """Whether the file of a row lies in the store or in quarantine."""
    return (
        file_path(project, dataset, sha256).is_file()
        or quarantine_path(project, dataset, name, sha256).is_file()
    )


def put(project: Project, dataset: str, pieces: Iterable[bytes]) -> tuple[str, int, Path]:
    """Store a file given in pieces; its SHA-256, its size in bytes and where it lies.

    The same bytes again change nothing. A generator that raises leaves nothing behind. Raises
    StudioError (``disk_full``, ``write_failed``) and whatever ``pieces`` raises.
    """
    folder = home(project, dataset) / "files"
    digest, size = hashlib.sha256(), 0
    with explained(folder, "The picture was not stored."):
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / temporary_name()
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o444)
        try:
            try:
                for piece in pieces:
                    digest.update(piece)
                    size += len(piece)
                    write_all(descriptor, piece)
                sync_file(descriptor)
            finally:
                os.close(descriptor)
            path = file_path(project, dataset, digest.hexdigest())
            path.parent.mkdir(exist_ok=True)
            with suppress(FileExistsError):
                os.link(temporary, path)
        finally:
            temporary.unlink()
        sync_folder(path.parent)
    return digest.hexdigest(), size, path


def pieces_of(path: Path) -> Iterable[bytes]:
    """A file in pieces of 1 MiB. Raises OSError; a link or a device is not followed or read."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        while piece := file.read(_CHUNK):
            yield piece


def set_aside(
    project: Project, dataset: str, name: str, sha256: str, *, still_needed: bool
) -> Path:
    """Move a file into quarantine; where it lies then. Doing it again changes nothing.

    ``still_needed`` says that another row of the same bytes keeps the file in the store, too.
    Raises StudioError (``dataset_file_missing``, ``write_failed``, ``disk_full``).
    """
    source = path_of(project, dataset, name, sha256)
    aside = quarantine_path(project, dataset, name, sha256)
    with explained(aside, "The picture stays where it was."):
        aside.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            os.link(source, aside)
        sync_folder(aside.parent)
        if source != aside and not still_needed:
            source.unlink()
    return aside


def bring_back(project: Project, dataset: str, name: str, sha256: str) -> Path:
    """Move a file out of quarantine; where it lies then. Doing it again changes nothing.

    Raises StudioError (``dataset_file_missing``, ``write_failed``, ``disk_full``).
    """
    source = path_of(project, dataset, name, sha256)
    path = file_path(project, dataset, sha256)
    aside = quarantine_path(project, dataset, name, sha256)
    with explained(path, "The picture stays in quarantine."):
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            os.link(source, path)
        sync_folder(path.parent)
        aside.unlink(missing_ok=True)
    return path
