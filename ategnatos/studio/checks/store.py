"""Checks of the folders: may they be written, is there room, what carries them, what was left."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from ategnatos.grimoire.mounts import NETWORK, kind_of_mount
from ategnatos.grimoire.project import FOLDERS, Project
from ategnatos.studio.checks.finding import Finding, failed, note, well
from ategnatos.studio.leftovers import left_over

GIB = 1 << 30
# Below the first, a generation or a backup may not fit; below the second, soon not.
TOO_LITTLE = GIB // 4
LITTLE = 2 * GIB


def folders(project: Project) -> Iterator[Finding]:
    """Is every zone there, and may it be written?"""
    missing = [folder for folder in FOLDERS if not (project.root / folder).is_dir()]
    if missing:
        yield failed(
            "folders",
            f"Missing: {', '.join(missing)}",
            "Commands that write there are refused.",
            f"ategnatos init '{project.root}'",
        )
    zones = (project.root, project.grimoire, project.state, project.outputs, project.exports)
    locked = [
        str(folder)
        for folder in zones
        if folder.is_dir() and not os.access(folder, os.W_OK | os.X_OK)
    ]
    if locked:
        yield failed(
            "folders",
            f"Not writable: {', '.join(locked)}",
            "Nothing can be recorded or made there.",
            f"See who owns them: ls -ld '{locked[0]}'; then give yourself the right to write.",
        )
    if not missing and not locked:
        yield well("folders", f"all {len(FOLDERS)} are there and writable")


def disk_space(project: Project) -> Iterator[Finding]:
    """Is there room for more pictures?"""
    disk = os.statvfs(project.root)
    free = disk.f_bavail * disk.f_frsize
    found = f"{free / GIB:.1f} GiB free"
    if free < TOO_LITTLE:
        yield failed(
            "disk space",
            found,
            "New pictures and backups may not fit; what is recorded stays whole.",
            "ategnatos clean --dry-run",
        )
    elif free < LITTLE:
        yield note("disk space", found, "It will be full soon.", "ategnatos clean --dry-run")
    else:
        yield well("disk space", found)


def file_system(project: Project) -> Iterator[Finding]:
    """Does the database lie on a disk of this machine?"""
    from ategnatos.grimoire.jobs.database import on_server

    kind = kind_of_mount(project.root)
    if kind in NETWORK and on_server():
        yield well("file system", f"{kind}; the jobs are in Postgres")
    elif kind in NETWORK:
        yield failed(
            "file system",
            f"The studio lies on a network or foreign mount ({kind}).",
            "Locks do not hold there, so the database of jobs is not opened.",
            "Move the studio to a disk of this machine and keep copies elsewhere with"
            " 'ategnatos grimoire backup', or share a Postgres server (ATEGNATOS_DATABASE_URL).",
        )
    else:
        yield well("file system", kind or "unknown kind")


def leftovers(project: Project) -> Iterator[Finding]:
    """Did a process that died leave unfinished files?"""
    found = left_over(project, time.time())
    if found:
        size = sum(one.stat().st_size for one in found if one.is_file())
        yield note(
            "leftovers",
            f"{len(found)} unfinished file{'' if len(found) == 1 else 's'}, {size} bytes",
            "A process died while it wrote. Nothing reads these; they only take room.",
            "ategnatos clean",
        )
    else:
        yield well("leftovers", "none")
