"""Read every frozen file again and hold it against the manifest, as fast as it can be hashed.

A file costs one open and one hash: folders are followed once each, the buffer is used again,
and several files are hashed at once, since hashlib lets other threads run meanwhile.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ategnatos.grimoire.files import TEMPORARY_PREFIX

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.grimoire.schemas.manifest import ManifestEntry

_BUFFER = 1 << 18

# Parts that a path of ours never has.
_PLAIN = frozenset({"", ".", ".."})

_FEW = 16
_MOST_THREADS = 8

# What lies in exports/ and is no frozen file.
_OURS = frozenset({"manifest.json", ".gitkeep", ".gitignore"})


@dataclass(frozen=True, slots=True)
class ExportProblem:
    """One manifest entry whose file is not what it should be.

    ``problem`` is ``missing``, ``changed``, ``writable``, ``outside`` (its path leads out of
    exports/, or it is no plain file) or ``unreadable``.
    """

    name: str
    version: int
    path: str
    problem: str
    expected_sha256: str
    found_sha256: str = ""


def check(project: Project, entries: Sequence[ManifestEntry]) -> list[ExportProblem]:
    """The entries whose file is not as listed, in their order; empty when all is well."""
    folders: dict[str, bool] = {}
    places = [_place(project, entry.path, folders) for entry in entries]
    threads = min(_MOST_THREADS, _processors())
    if len(entries) < _FEW or threads == 1:
        found = _hashed(places)
    else:
        from concurrent.futures import ThreadPoolExecutor

        found = [("", "")] * len(places)
        with ThreadPoolExecutor(threads) as pool:
            stripes = [places[start::threads] for start in range(threads)]
            for start, stripe in enumerate(pool.map(_hashed, stripes)):
                found[start::threads] = stripe
    return [
        ExportProblem(entry.name, entry.version, entry.path, problem, entry.sha256, digest)
        for entry, (digest, said) in zip(entries, found, strict=True)
        if (problem := _problem(entry, digest, said))
    ]


def look(project: Project, entry: ManifestEntry) -> ExportProblem | None:
    """What is wrong with the file of one entry; None where nothing is."""
    return next(iter(check(project, [entry])), None)


def unlisted(project: Project, entries: Iterable[ManifestEntry]) -> list[str]:
    """Files in exports/ that no entry names, relative to the root, sorted: nobody approved them.

    A promotion that a crash cut short leaves such a file until the same command completes it.
    """
    listed = {entry.path for entry in entries}
    found = []
    for folder, folders, names in os.walk(project.exports):
        folders[:] = [one for one in folders if not one.startswith(TEMPORARY_PREFIX)]
        home = os.path.relpath(folder, project.root).replace(os.sep, "/")
        found += [
            path
            for name in names
            if not name.startswith(TEMPORARY_PREFIX)
            and f"{home}/{name}" not in listed
            and (path := f"{home}/{name}").partition("/")[2] not in _OURS
        ]
    return sorted(found)


def _processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _problem(entry: ManifestEntry, digest: str, said: str) -> str:
    if digest and digest != entry.sha256:
        return "changed"
    return said


def _place(project: Project, path: str, folders: dict[str, bool]) -> str | None:
    """The file's path where its folder lies in exports/ without any link on the way."""
    parts = path.split("/")
    if parts[0] != "exports" or len(parts) < 2 or not _PLAIN.isdisjoint(parts) or "\0" in path:
        return None
    root = str(project.root)
    home = path.rpartition("/")[0]
    return f"{root}/{path}" if _is_real(root, home, folders) else None


def _is_real(root: str, folder: str, folders: dict[str, bool]) -> bool:
    """Whether a folder below ``root`` and all above it are no links; each is looked at once."""
    known = folders.get(folder)
    if known is None:
        above = folder.rpartition("/")[0]
        known = not above or _is_real(root, above, folders)
        if known:
            try:
                known = not stat.S_ISLNK(os.lstat(f"{root}/{folder}").st_mode)
            except OSError:
                # Missing is told apart from outside by opening the file.
                known = True
        folders[folder] = known
    return known


def _hashed(places: Sequence[str | None]) -> list[tuple[str, str]]:
    """Of each file its hash ("" where it was not read) and what is wrong with it."""
    buffer = memoryview(bytearray(_BUFFER))
    return [("", "outside") if one is None else _read(one, buffer) for one in places]


def _read(path: str, buffer: memoryview) -> tuple[str, str]:
    try:
        # Not blocking: a pipe in the place of a file would wait for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return "", "missing"
    except OSError as error:
        return "", "outside" if error.errno in {errno.ELOOP, errno.ENXIO} else "unreadable"
    with open(descriptor, "rb", buffering=0) as file:  # noqa: PTH123 - a descriptor
        facts = os.fstat(descriptor)
        if stat.S_ISDIR(facts.st_mode):
            return "", "missing"
        if not stat.S_ISREG(facts.st_mode):
            return "", "outside"
        digest = hashlib.sha256()
        try:
            while count := file.readinto(buffer):
                digest.update(buffer[:count])
        except OSError:
            return "", "unreadable"
    return digest.hexdigest(), "writable" if facts.st_mode & 0o222 else ""
