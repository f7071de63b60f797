"""A folder as a source: every file below it, links and devices left alone."""

from __future__ import annotations

import os
import stat
from functools import partial
from pathlib import Path

from ategnatos.pictures.decode import MAX_FILE_BYTES
from ategnatos.train.dataset import store
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


def offers_of(folder: Path) -> Offers:
    """What a folder offers, by name. Raises OSError where the folder itself cannot be read."""
    found = Offers("folder", shown_name(str(folder)))
    files: dict[str, Path] = {}
    os.scandir(folder).close()  # an unreadable folder is an error, one below it is left out
    for home, folders, names in os.walk(
        folder, onerror=lambda error: _unreadable(found, folder, error)
    ):
        folders.sort()
        for name in list(folders):
            path = Path(home, name)
            relative = path.relative_to(folder).as_posix()
            if path.is_symlink():
                found.left_out.append((shown_name(relative), "it is a link"))
            if path.is_symlink() or is_noise(relative):
                folders.remove(name)
        for name in sorted(names):
            path = Path(home, name)
            relative = path.relative_to(folder).as_posix()
            if not is_noise(relative):
                files[relative] = path
    captions = {stem_of(name): path for name, path in _captions(files)}
    used: set[Path] = set()
    for name, path in files.items():
        why = _refusal(path)
        if why is None and not is_picture(name, _head(path)):
            why = None if suffix_of(name) in CAPTION_SUFFIXES else "it is no picture"
            if why is None:
                continue
        if why is not None:
            found.left_out.append((shown_name(name), why))
            continue
        beside = captions.get(stem_of(name))
        caption = _caption(beside) if beside is not None else None
        if beside is not None:
            used.add(beside)
        found.pictures.append(Offer(name, partial(store.pieces_of, path), caption))
    found.left_out += [
        (shown_name(name), "a caption without its picture")
        for name, path in files.items()
        if suffix_of(name) in CAPTION_SUFFIXES and path not in used and _refusal(path) is None
    ]
    return found


def _captions(files: dict[str, Path]) -> list[tuple[str, Path]]:
    """In an order in which the usual suffix, .txt, comes last and wins."""
    return [
        (name, path)
        for suffix in reversed(CAPTION_SUFFIXES)
        for name, path in files.items()
        if suffix_of(name) == suffix
    ]


def _refusal(path: Path) -> str | None:
    try:
        found = path.lstat()
    except OSError as error:
        return error.strerror or str(error)
    if stat.S_ISLNK(found.st_mode):
        return "it is a link"
    if not stat.S_ISREG(found.st_mode):
        return "it is a device, pipe or socket"
    if found.st_size > MAX_FILE_BYTES:
        return f"it is larger than {MAX_FILE_BYTES // 1024**2} MiB"
    return None if os.access(path, os.R_OK) else "it may not be read"


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(8)


def _caption(path: Path) -> bytes | None:
    if _refusal(path) is not None or path.stat().st_size > MOST_CAPTION_BYTES:
        return None
    return path.read_bytes()


def _unreadable(found: Offers, folder: Path, error: OSError) -> None:
    name = Path(str(error.filename))
    shown = name.relative_to(folder).as_posix() if folder in name.parents else str(name)
    found.left_out.append((shown_name(shown), error.strerror or str(error)))
