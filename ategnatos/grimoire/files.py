"""Bytes on disk: written whole or not at all, and known by their hash.

Nothing here imports pydantic or filelock, so a cold command may use it freely.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ategnatos.grimoire.errors import ErrorCode, StudioError

DISK_FULL = ErrorCode("disk_full", "There is no space left; what stood before still stands.")
WRITE_FAILED = ErrorCode("write_failed", "A file could not be written; the old one stands.")
READ_FAILED = ErrorCode("read_failed", "A file exists but could not be read.")
NOT_JSON = ErrorCode("not_json", "A value has no JSON form, so it has no hash and no record.")

# What a killed process may leave behind: no reader ever looks at such a file, and a sweep may
# delete it once it is older than any write can last.
TEMPORARY_PREFIX = ".tmp-"

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_CHUNK = 1 << 20
_CANONICAL = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
)


@contextmanager
def explained(path: Path | str, undone: str) -> Iterator[None]:
    """Turn an OSError met while writing ``path`` into a refusal.

    ``undone`` says what stands now, as a sentence. Raises StudioError (``disk_full``,
    ``write_failed``).
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StudioError(
                DISK_FULL,
                f"There is no space left to write {path}. {undone}",
                hint="Free space on that disk ('ategnatos clean' shows what is safe to delete),"
                " then run the same command again.",
                path=str(path),
            ) from error
        raise StudioError(
            WRITE_FAILED,
            f"{path} could not be written ({error.strerror or error}). {undone}",
            hint=f"Check that {Path(path).parent} exists and that you may write there,"
            " then run the same command again.",
            path=str(path),
            errno=error.errno or 0,
        ) from error


def temporary_name() -> str:
    """A file name nobody else uses: hidden, and recognisable as left over."""
    return f"{TEMPORARY_PREFIX}{os.getpid():x}-{os.urandom(6).hex()}"


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte; ``os.write`` alone may stop in the middle."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def sync_folder(folder: str | Path) -> None:
    """Make renames inside ``folder`` survive a power cut. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(descriptor: int) -> None:
    """Put a file's bytes on the disk itself. Raises OSError.

    On macOS fsync stops at the drive's cache (fsync(2)); F_FULLFSYNC goes through it.
    """
    if hasattr(fcntl, "F_FULLFSYNC"):
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fsync(descriptor)


def write_temporary(folder: str | Path, data: bytes, mode: int = 0o644) -> str:
    """Write ``data`` to a new synced file in ``folder`` and return its path.

    The umask applies to ``mode``. Raises OSError, having removed the file.
    """
    temporary = f"{folder}/{temporary_name()}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    try:
        try:
            write_all(descriptor, data)
            sync_file(descriptor)
        finally:
            os.close(descriptor)
    except BaseException:
        os.unlink(temporary)  # noqa: PTH108 - the hot path keeps to strings
        raise
    return temporary


def put(path: str, data: bytes, mode: int = 0o644) -> None:
    """Replace ``path`` by a synced file of ``data``; the caller syncs the folder.

    Raises OSError with the old file untouched.
    """
    # Of a bare name the folder is where we stand, and not the root.
    temporary = write_temporary(os.path.dirname(path) or ".", data, mode)  # noqa: PTH120
    try:
        os.rename(temporary, path)  # noqa: PTH104
    except BaseException:
        os.unlink(temporary)  # noqa: PTH108
        raise


def write_atomic(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Replace ``path`` with ``data``: a reader sees the old bytes or the new, never a mixture.

    Temporary file in the same folder, fsync, rename, fsync of the folder; when this returns the
    bytes survive a power cut. Raises StudioError (``disk_full``, ``write_failed``) with the old
    file untouched.
    """
    with explained(path, "The file is as it was before."):
        put(str(path), data, mode)
        sync_folder(path.parent)


def read_whole(path: str) -> bytes | None:
    """The file's bytes, or None where there is no such file. Raises OSError."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        pieces = [os.read(descriptor, os.fstat(descriptor).st_size + 1)]
        while pieces[-1]:
            pieces.append(os.read(descriptor, _CHUNK))
    finally:
        os.close(descriptor)
    return b"".join(pieces)


def read_bytes(path: Path) -> bytes:
    """The whole file. FileNotFoundError passes through: absence is the caller's to judge.

    Raises StudioError (``read_failed``) for anything else that stops the reading.
    """
    try:
        raw = read_whole(str(path))
    except OSError as error:
        raise StudioError(
            READ_FAILED,
            f"{path} is there but cannot be read ({error.strerror or error}).",
            hint=f"Check what it is with 'ls -l {path}'; it should be a file you may read.",
            path=str(path),
        ) from error
    if raw is None:
        raise FileNotFoundError(f"{path} is not there")
    return raw


def sha256_bytes(data: bytes) -> str:
    """SHA-256 as 64 lowercase hex digits."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """SHA-256 of a file of any size, read in pieces of 1 MiB, as 64 lowercase hex digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_CHUNK):
            digest.update(piece)
    return digest.hexdigest()


def canonical_json(value: Any) -> bytes:
    """The one JSON text of ``value``: compact, keys sorted by code point, UTF-8, no escapes.

    ``1`` and ``1.0`` stay different, as given. Raises StudioError (``not_json``) for what JSON
    cannot say without loss: NaN, infinities, keys that are not text, lone surrogates, bytes.
    """
    try:
        _refuse_loose_keys(value)
        return _CANONICAL.encode(value).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise StudioError(
            NOT_JSON,
            f"This value cannot be written as JSON without loss: {error}. Nothing was written.",
            hint="Use text, whole numbers, finite numbers, true, false, null, lists and objects"
            " with text keys.",
        ) from error


def binding_hash(value: Any) -> str:
    """The first 16 hex digits of the SHA-256 of ``canonical_json(value)``.

    ``{"hair": "red", "mood": "stoic"}`` gives ``a22d2e3975203893``. Raises StudioError
    (``not_json``).
    """
    return sha256_bytes(canonical_json(value))[:16]


def _refuse_loose_keys(value: Any) -> None:
    # json.dumps turns the keys 1 and "1" into the same text: two values, one hash.
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise TypeError(f"the key {key!r} is not text")
            _refuse_loose_keys(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            _refuse_loose_keys(inner)
