"""Paths from outside: into a folder and no further, and files that are really files.

A path into one of the studio's zones goes through :func:`ategnatos.grimoire.zones.resolve`; the
functions here are for every other folder (a models folder, an unpacked archive) and for files
that a person names anywhere.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.zones import NAME_BYTES, PATH_BYTES
from ategnatos.guard.values.shown import shown

PATH_OUTSIDE = ErrorCode("path_outside", "The path leads out of the folder it must stay in.")
FILE_UNUSABLE = ErrorCode("file_unusable", "The file that was named cannot be used.")


def path_inside(folder: Path, relative: str, *, field: str = "The path") -> Path:
    """The real path of ``relative`` below ``folder``, which need not exist yet.

    Compared by components after following links: ``models-old`` is not inside ``models`` and
    ``..foo`` is an ordinary name. Raises StudioError (``path_outside``): empty, NUL, ``..``,
    absolute, a link that leads out, a name longer than file systems take.
    """
    parts = Path(relative).parts if "\0" not in relative else ()
    try:
        too_long = any(len(os.fsencode(part)) > NAME_BYTES for part in parts)
    except UnicodeEncodeError:
        parts = ()
    why = ""
    if not parts:
        why = "it is no file name"
    elif Path(relative).is_absolute():
        why = "it is absolute"
    elif ".." in parts:
        why = "it contains '..'"
    elif too_long or len(os.fsencode(folder.joinpath(*parts))) > PATH_BYTES:
        why = "it is longer than file systems take"
    if why:
        raise _outside(relative, folder, field, why)
    home = Path(os.path.realpath(folder))
    try:
        real = home.joinpath(*parts).resolve()
    except (OSError, RuntimeError) as error:
        raise _outside(relative, folder, field, "its links run in a circle") from error
    if home not in real.parents:
        raise _outside(relative, folder, field, "a symbolic link on the way leads out")
    return real


def read_file(path: str | Path, *, largest: int, field: str = "The file") -> bytes:
    """The bytes of an ordinary file of at most ``largest`` bytes, wherever it lies.

    A device, pipe or socket is not opened for reading, and a file that grows meanwhile is read
    no further than the limit. Raises StudioError (``file_unusable``).
    """
    try:
        # Not blocking: opening a pipe that nobody writes to would wait for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no file name"
        raise _unusable(path, field, reason) from error
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise _unusable(path, field, "it is a folder, device, pipe or socket")
        if facts.st_size > largest:
            raise _unusable(path, field, f"it has {facts.st_size:,} bytes of {largest:,} allowed")
        pieces, room = [], largest + 1
        while room and (piece := os.read(descriptor, min(room, 1 << 20))):
            pieces.append(piece)
            room -= len(piece)
    except OSError as error:
        raise _unusable(path, field, error.strerror or str(error)) from error
    finally:
        os.close(descriptor)
    if not room:
        raise _unusable(path, field, f"it grew beyond {largest:,} bytes")
    return b"".join(pieces)


def _outside(relative: str, folder: Path, field: str, why: str) -> StudioError:
    return StudioError(
        PATH_OUTSIDE,
        f"{field} {shown(relative)} does not stay inside {folder}: {why}."
        " Nothing was read or written.",
        hint="Give a plain relative name, like portraits/first.png.",
    )


def _unusable(path: str | Path, field: str, why: str) -> StudioError:
    return StudioError(
        FILE_UNUSABLE,
        f"{field} {shown(str(path))} cannot be used: {why}. Nothing was done.",
        hint="Name an ordinary file that you may read; paths are taken from where you are.",
        path=str(path),
    )
