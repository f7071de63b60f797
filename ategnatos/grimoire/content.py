"""The content store: candidates before a verdict, frozen files after it.

A candidate lies at ``workspace/outputs/<recipe_id>/<binding16>/<engine>/<nnn>.png``, a frozen
file at ``exports/loose/<name>/v<N>/<name>.<suffix>``, mode 0444, a promoted one below its realm
and kind. Neither is ever overwritten: the same bytes are already there, different bytes are
refused, a change is a new version.
"""

from __future__ import annotations

import errno
import os
import re
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import (
    explained,
    sha256_bytes,
    sync_folder,
    temporary_name,
    write_temporary,
)
from ategnatos.grimoire.manifest import manifest_add, manifest_read, verify_exports
from ategnatos.grimoire.project import Project
from ategnatos.grimoire.zones import Zone, resolve

__all__ = [
    "Stored",
    "candidate_path",
    "check_name",
    "freeze",
    "frozen_versions",
    "manifest_add",
    "manifest_read",
    "put_candidate",
    "put_frozen",
    "verify_exports",
]

NAME_INVALID = ErrorCode("name_invalid", "A name holds what a file name of ours may not.")
CANDIDATE_EXISTS = ErrorCode("candidate_exists", "Another picture already has this place.")
FROZEN_EXISTS = ErrorCode("frozen_exists", "Other bytes are frozen in that place for ever.")

# Where what was exported without a realm lies.
LOOSE = ("loose",)

# Room for ".v12345" and a suffix within the 255 bytes of a file name.
NAME_BYTES = 200

_SUFFIX = re.compile(r"[a-z0-9]{1,8}")
_BINDING = re.compile(r"[0-9a-f]{16}")
_VERSION = re.compile(r"v([1-9][0-9]{0,8})")


@dataclass(frozen=True, slots=True)
class Stored:
    """A file in the store. ``size`` is in bytes; ``sha256`` is 64 hex digits."""

    path: Path
    sha256: str
    size: int


def check_name(name: str, what: str = "name") -> str:
    """``name`` in Unicode normal form C, if it may name a file.

    Letters and digits of any script, '.', '_' and '-'; it begins with a letter, a digit or '_'
    and is at most 200 bytes of UTF-8. Raises StudioError (``name_invalid``); ``what`` says in
    the message which name was meant.
    """
    # macOS takes both normal forms for one file: so do we, on every system.
    normal = unicodedata.normalize("NFC", name)
    if (
        normal[:1] not in {"", ".", "-"}
        and not unicodedata.category(normal[0]).startswith("M")
        and all(_may_stand_in_name(character) for character in normal)
        and len(normal.encode()) <= NAME_BYTES
    ):
        return normal
    raise StudioError(
        NAME_INVALID,
        f"{name[:60]!r} cannot be the {what}; nothing was written.",
        hint="Use letters, digits, '.', '_' and '-', beginning with a letter, a digit or '_',"
        f" at most {NAME_BYTES} bytes.",
        what=what,
    )


def candidate_path(
    project: Project, recipe_id: str, binding: str, engine: str, number: int, suffix: str = "png"
) -> Path:
    """Where candidate ``number`` (0 to 999999) of a job lies; nothing is created.

    What was made is PNG; what was brought in keeps its format, and ``suffix`` names it.
    Raises StudioError (``name_invalid``, ``zone_escape``).
    """
    recipe_id = check_name(recipe_id, "recipe id")
    engine = check_name(engine, "engine name")
    whole = _BINDING.fullmatch(binding) and _SUFFIX.fullmatch(suffix)
    if not whole or not 0 <= number <= 999_999:
        raise StudioError(
            NAME_INVALID,
            f"{binding[:60]!r} and {number} do not name a candidate; nothing was written.",
            hint="A binding is the 16 hex digits of binding_hash, a number is 0 to 999999.",
            what="binding",
        )
    relative = Path("outputs", recipe_id, binding, engine, f"{number:03d}.{suffix}")
    return resolve(project, Zone.WORKSPACE, relative)


def put_candidate(
    project: Project,
    recipe_id: str,
    binding: str,
    engine: str,
    number: int,
    data: bytes,
    suffix: str = "png",
) -> Stored:
    """Store one picture; the same bytes again change nothing.

    Raises StudioError: ``candidate_exists`` where other bytes lie there, ``name_invalid``,
    ``zone_escape``, ``disk_full``, ``write_failed``.
    """
    path = candidate_path(project, recipe_id, binding, engine, number, suffix)
    stored = Stored(path, sha256_bytes(data), len(data))
    with explained(path, "The picture was not stored; nothing was overwritten."):
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            temporary = write_temporary(path.parent, data)
            try:
                # A link refuses to replace, unlike a rename: two writers cannot both win.
                with suppress(FileExistsError):
                    os.link(temporary, path)
            finally:
                os.unlink(temporary)  # noqa: PTH108
            sync_folder(path.parent)
        there = path.read_bytes()
    if there != data:
        raise StudioError(
            CANDIDATE_EXISTS,
            f"{path.relative_to(project.root)} already holds another picture; it was kept and"
            " the new one was not stored.",
            hint="The same recipe, binding and seed should give the same bytes. Choose another"
            " seed, or look at the two with 'ategnatos art show'.",
            path=str(path),
            stored_sha256=sha256_bytes(there),
            refused_sha256=stored.sha256,
        )
    return stored


def freeze(
    project: Project,
    name: str,
    source_bytes: bytes,
    suffix: str,
    *,
    under: tuple[str, ...] = LOOSE,
) -> tuple[Path, int]:
    """Put an approved file into ``exports/`` for ever; return its path and version.

    ``under`` are the folders between ``exports`` and that of the name: a realm and a kind.

    The version is the next above those on disk and in the manifest: the number of a deleted
    file is not used again. The folder of a version appears whole, by one rename: no reader sees
    it empty, and of two processes at once each gets a version of its own.

    Raises StudioError: ``name_invalid``, ``zone_escape``, ``disk_full``, ``write_failed``.
    """
    name = check_name(name, "asset name")
    if not _SUFFIX.fullmatch(suffix):
        raise StudioError(
            NAME_INVALID,
            f"{suffix[:60]!r} cannot be a file suffix; nothing was written.",
            hint="Use one to eight small letters or digits, such as 'png'.",
            what="suffix",
        )
    home = _home(project, name, under)
    place = (Zone.EXPORTS.value, *under, name)
    listed = (e for e in manifest_read(project).entries if Path(e.path).parts[:-2] == place)
    taken = max((e.version for e in listed), default=0)
    with explained(home, "Nothing was frozen and no version was taken."):
        home.mkdir(parents=True, exist_ok=True)
        staging = home / temporary_name()
        staging.mkdir()
        try:
            temporary = write_temporary(staging, source_bytes, 0o444)
            os.rename(temporary, staging / f"{name}.{suffix}")  # noqa: PTH104
            sync_folder(staging)
            version = _claim(home, staging, taken)
        except BaseException:
            for left in staging.iterdir():
                left.unlink()
            staging.rmdir()
            raise
        _sync_up(project, home)
    return home / f"v{version}" / f"{name}.{suffix}", version


def put_frozen(project: Project, place: Path, data: bytes) -> tuple[Path, bool]:
    """Freeze ``data`` at ``place``, a path below ``exports/``; return its path and whether it is
    new. The same bytes again change nothing.

    Raises StudioError: ``frozen_exists`` where other bytes lie there, ``name_invalid``,
    ``zone_escape``, ``disk_full``, ``write_failed``.
    """
    for part in place.parts:
        check_name(part, "place of a frozen file")
    path = resolve(project, Zone.EXPORTS, place)
    fresh = False
    with explained(path, "Nothing was frozen and nothing was overwritten."):
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            temporary = write_temporary(path.parent, data, 0o444)
            try:
                with suppress(FileExistsError):
                    os.link(temporary, path)
                    fresh = True
            finally:
                os.unlink(temporary)  # noqa: PTH108
        # Also where it lay there: a crash may have come between the link and this.
        _sync_up(project, path.parent)
        there = path.read_bytes()
    if there != data:
        raise StudioError(
            FROZEN_EXISTS,
            f"{path.relative_to(project.root)} holds other bytes already; they were kept and"
            " nothing was frozen.",
            hint="A frozen file never changes. See what it is with 'ategnatos exports list'; what"
            " is new is a new version of the recipe ('ategnatos art recipe bump').",
            path=str(path),
            frozen_sha256=sha256_bytes(there),
            refused_sha256=sha256_bytes(data),
        )
    return path, fresh


def frozen_versions(project: Project, name: str, *, under: tuple[str, ...] = LOOSE) -> list[int]:
    """The versions of ``name`` on disk, rising. Raises StudioError (``name_invalid``)."""
    return _versions(_home(project, check_name(name, "asset name"), under))


def _home(project: Project, name: str, under: tuple[str, ...]) -> Path:
    folders = (check_name(folder, "folder of exports") for folder in under)
    return resolve(project, Zone.EXPORTS, Path(*folders, name))


def _sync_up(project: Project, folder: Path) -> None:
    """Make every folder from ``folder`` up to exports/ survive a power cut."""
    while folder != project.root:
        sync_folder(folder)
        folder = folder.parent


def _may_stand_in_name(character: str) -> bool:
    return character in "._-" or unicodedata.category(character)[0] in "LNM"


def _versions(home: Path) -> list[int]:
    if not home.is_dir():
        return []
    found = (_VERSION.fullmatch(entry.name) for entry in home.iterdir())
    return sorted(int(match[1]) for match in found if match)


def _claim(home: Path, staging: Path, taken: int) -> int:
    version = max([taken, *_versions(home)]) + 1
    while True:
        try:
            # Renaming onto a folder that is not empty fails: this is the claim itself.
            os.rename(staging, home / f"v{version}")  # noqa: PTH104
            return version
        except OSError as error:
            if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
                raise
            version += 1
