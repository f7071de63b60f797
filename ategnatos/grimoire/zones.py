"""The four zones, and the only way from a name to a path inside one.

Every name that comes from a person, an agent, a file or the network goes through
:func:`resolve`. Comparison is by path components, so ``exports-old`` is not inside ``exports``
and ``..foo`` is an ordinary name.
"""

from __future__ import annotations

import os
import stat
from enum import StrEnum
from pathlib import Path

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.project import Project

ZONE_ESCAPE = ErrorCode("zone_escape", "The path leads out of the zone it must stay in.")
ZONE_READ_ONLY = ErrorCode("zone_read_only", "The system zone is not for commands to write.")
PATH_UNSAFE = ErrorCode("path_unsafe", "The text cannot be a file name.")
PATH_TOO_LONG = ErrorCode("path_too_long", "A name or path is longer than file systems allow.")
PATH_SPECIAL = ErrorCode("path_special", "The path is a device, pipe or socket, not a file.")
PATH_MISSING = ErrorCode("path_missing", "The file that was named does not exist.")

# Limits of ext4, APFS, XFS and ZFS for one name, and of Linux for a whole path, in bytes.
NAME_BYTES = 255
PATH_BYTES = 4095


class Zone(StrEnum):
    """What a folder is for. The value is the zone's folder below the project's root."""

    SYSTEM = ".claude"
    STATE = "grimoire"
    WORKSPACE = "workspace"
    EXPORTS = "exports"


def resolve(
    project: Project,
    zone: Zone,
    relative: str | Path,
    *,
    must_exist: bool = False,
    for_writing: bool = False,
) -> Path:
    """The absolute path of ``relative`` in ``zone``, free of symbolic links.

    ``relative`` is taken from the zone's folder (``"."`` is the folder itself); an absolute path
    is accepted where it already lies inside. Links that stay inside the zone are followed.
    ``for_writing`` says that the caller will write there, which the system zone refuses.

    Raises StudioError: ``zone_escape`` (``..``, another zone, a link or loop that leads out),
    ``path_unsafe`` (empty, NUL, not encodable), ``path_too_long``, ``path_special`` (device,
    pipe, socket), ``path_missing`` (with ``must_exist``), ``zone_read_only``.
    """
    text = os.fspath(relative)
    if for_writing and zone is Zone.SYSTEM:
        raise StudioError(
            ZONE_READ_ONLY,
            f"{text!r} lies in the system zone ({zone.value}/), which commands only read;"
            " nothing was written.",
            hint="Write under grimoire/, workspace/ or exports/ instead.",
            zone=zone.name.lower(),
        )
    _check_text(text)
    home = project.root / zone.value
    parts = _parts_inside(home, text)
    path = home.joinpath(*parts)
    _check_length(text, parts, path)
    real = _follow(text, zone, path)
    real_home = Path(os.path.realpath(home))
    if real_home != home or not (real == home or home in real.parents):
        raise _escape(text, zone, "a symbolic link on the way leads out of it")
    _check_kind(text, real, must_exist=must_exist)
    return real


def _check_text(text: str) -> None:
    try:
        encoded = os.fsencode(text)
    except UnicodeEncodeError:
        encoded = b"\0"
    if not text or b"\0" in encoded:
        raise StudioError(
            PATH_UNSAFE,
            f"{text!r} cannot be a file name: it is empty, or holds a character no file system"
            " stores. Nothing was read or written.",
            hint="Give a plain relative path such as 'portraits/first.png'.",
        )


def _parts_inside(home: Path, text: str) -> tuple[str, ...]:
    given = Path(text)
    parts = given.parts
    if ".." in parts:
        raise _escape(text, Zone(home.name), "it contains '..'")
    if not given.is_absolute():
        return parts
    if parts[: len(home.parts)] != home.parts:
        raise _escape(text, Zone(home.name), "it is an absolute path outside it")
    return parts[len(home.parts) :]


def _check_length(text: str, parts: tuple[str, ...], path: Path) -> None:
    longest = max((len(os.fsencode(part)) for part in parts), default=0)
    total = len(os.fsencode(path))
    if longest > NAME_BYTES or total > PATH_BYTES:
        raise StudioError(
            PATH_TOO_LONG,
            f"The path beginning {text[:40]!r} is too long ({longest} bytes in one name,"
            f" {total} in all); nothing was read or written.",
            hint=f"Keep each name within {NAME_BYTES} bytes and the path within {PATH_BYTES}.",
            name_bytes=longest,
            path_bytes=total,
        )


def _follow(text: str, zone: Zone, path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:  # a loop is a RuntimeError up to Python 3.12
        raise _escape(text, zone, "its symbolic links run in a circle") from error


def _check_kind(text: str, real: Path, *, must_exist: bool) -> None:
    try:
        mode = real.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        if must_exist:
            raise StudioError(
                PATH_MISSING,
                f"{text!r} does not exist; nothing was done.",
                hint=f"Look in {real.parent} for the right name.",
                path=str(real),
            ) from None
        return
    if stat.S_ISLNK(mode):  # realpath leaves a link in place only where it cannot be followed
        raise StudioError(
            ZONE_ESCAPE,
            f"{text!r} is a symbolic link that cannot be followed; nothing was done.",
            hint=f"Replace {real} with a real file.",
        )
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise StudioError(
            PATH_SPECIAL,
            f"{text!r} is a device, pipe or socket, not a file; it was not opened.",
            hint="Name an ordinary file or folder.",
            path=str(real),
        )


def _escape(text: str, zone: Zone, why: str) -> StudioError:
    return StudioError(
        ZONE_ESCAPE,
        f"{text!r} does not stay inside {zone.value}/: {why}. Nothing was read or written.",
        hint=f"Give a path relative to {zone.value}/, without '..' and without links that leave.",
        zone=zone.name.lower(),
    )
