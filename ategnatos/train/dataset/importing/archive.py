"""A zip as a source. Nothing is unpacked to a path that the archive names.

Every picture goes into the store under its hash, read in pieces and counted while it comes: what
the archive says of its sizes is not believed. Links, encrypted entries, names that lead out and
entries that unfold beyond reason are left out, each with its reason.
"""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.pictures.decode import MAX_FILE_BYTES
from ategnatos.train.dataset.importing.naming import shown_name
from ategnatos.train.dataset.importing.offers import (
    CAPTION_SUFFIXES,
    MOST_CAPTION_BYTES,
    Offer,
    Offers,
    is_noise,
    is_picture,
    stem_of,
    suffix_of,
)

ARCHIVE_REFUSED = ErrorCode("archive_refused", "The archive is damaged, or made to harm.")

MOST_ENTRIES = 200_000
MOST_BYTES = 64 * 1024**3
# Deflate reaches 1032:1 on zeros; a picture that compresses further than this is no picture.
_MOST_RATIO, _RATIO_COUNTS_FROM = 200, 4 * 1024**2
_PIECE = 1 << 20
_BROKEN = (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, ValueError)


class EntryError(Exception):
    """An entry turned out not to be what the archive says while it was read."""


def offers_of(path: Path) -> Offers:
    """What a zip offers, by name. Raises StudioError (``archive_refused``)."""
    found, reader = Offers("archive", shown_name(str(path))), _Reader(path)
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if len(entries) > MOST_ENTRIES or sum(one.file_size for one in entries) > MOST_BYTES:
                raise _refused(path, "it holds far more than a dataset can")
            files = {
                one.filename: one
                for one in entries
                if not one.is_dir() and not is_noise(one.filename)
            }
            captions = {
                stem_of(name): one
                for suffix in reversed(CAPTION_SUFFIXES)
                for name, one in files.items()
                if suffix_of(name) == suffix
            }
            for name, one in sorted(files.items()):
                _offer(reader, archive, name, one, captions, found)
    except _BROKEN as error:
        raise _refused(path, str(error) or type(error).__name__) from error
    return found


def _offer(
    reader: _Reader,
    archive: zipfile.ZipFile,
    name: str,
    entry: zipfile.ZipInfo,
    captions: dict[str, zipfile.ZipInfo],
    found: Offers,
) -> None:
    why = _refusal(name, entry)
    if why is None:
        try:
            with archive.open(entry) as file:
                taken = is_picture(name, file.read(8))
        except (RuntimeError, *_BROKEN) as error:
            why = f"it cannot be read ({error})"
        else:
            if not taken:
                if suffix_of(name) in CAPTION_SUFFIXES:
                    return
                why = "it is no picture"
    if why is not None:
        found.left_out.append((shown_name(name), why))
        return
    caption = None
    beside = captions.get(stem_of(name))
    if beside is not None and _refusal(beside.filename, beside) is None:
        try:
            with archive.open(beside) as file:
                text = file.read(MOST_CAPTION_BYTES + 1)
            caption = text if len(text) <= MOST_CAPTION_BYTES else None
        except (RuntimeError, *_BROKEN) as error:
            found.left_out.append((shown_name(beside.filename), f"it cannot be read ({error})"))
    found.pictures.append(Offer(name, partial(reader.pieces, entry.filename), caption))


def _refusal(name: str, entry: zipfile.ZipInfo) -> str | None:
    parts = name.replace("\\", "/").split("/")
    if name.startswith(("/", "\\")) or ".." in parts or (len(name) > 1 and name[1] == ":"):
        return "its name leads out of the archive"
    mode = entry.external_attr >> 16
    if mode and stat.S_IFMT(mode) not in {0, stat.S_IFREG}:
        return "it is a link" if stat.S_ISLNK(mode) else "it is a device, pipe or socket"
    if entry.flag_bits & 1:
        return "it is encrypted"
    if entry.file_size > MAX_FILE_BYTES:
        return f"it is larger than {MAX_FILE_BYTES // 1024**2} MiB"
    if _beyond_reason(entry.file_size, entry.compress_size):
        return "it unfolds to far more than it holds"
    return None


def _beyond_reason(size: int, packed: int) -> bool:
    return size > _RATIO_COUNTS_FROM and size > _MOST_RATIO * max(packed, 1)


class _Reader:
    """One archive, opened once: its directory is read once, however many entries it has."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._archive: zipfile.ZipFile | None = None

    def pieces(self, name: str) -> Iterable[bytes]:
        """One entry in pieces. Raises EntryError where it is more, or other, than was said."""
        read = 0
        try:
            if self._archive is None:
                self._archive = zipfile.ZipFile(self._path)
            packed = self._archive.getinfo(name).compress_size
            with self._archive.open(name) as file:
                while piece := file.read(_PIECE):
                    read += len(piece)
                    if read > MAX_FILE_BYTES or _beyond_reason(read, packed):
                        raise EntryError("it unfolds to far more than it holds")
                    yield piece
        except (RuntimeError, *_BROKEN) as error:
            raise EntryError(f"it cannot be read ({error})") from error


def _refused(path: Path, why: str) -> StudioError:
    return StudioError(
        ARCHIVE_REFUSED,
        f"{path.name} was not imported: {why}. Nothing was stored.",
        hint="Fetch or pack it again as a zip, or unpack it yourself and import the folder.",
        path=str(path),
    )
