"""The server's log: kept, kept small, and read from its end."""

from __future__ import annotations

import os
from pathlib import Path

from ategnatos.studio.comfyui import facts

KEPT = 5
LARGEST_BYTES = 32 << 20
_TAIL_BYTES = 256 << 10


def rotate(log: Path) -> None:
    """Make room for a new run: ``8188.log`` becomes ``8188.log.1``, and so on to ``.5``."""
    if not log.exists() or log.stat().st_size == 0:
        return
    for number in range(KEPT - 1, 0, -1):
        older = _numbered(log, number)
        if older.exists():
            older.replace(_numbered(log, number + 1))
    log.replace(_numbered(log, 1))


def trim(log: Path, *, largest: int = LARGEST_BYTES) -> bool:
    """Copy a log that grew past ``largest`` bytes aside and empty it; True if it was.

    The server goes on writing to the same file (it was opened to append), so the file must not
    be renamed. Lines written between copy and cut are lost.
    """
    import shutil

    try:
        if log.stat().st_size <= largest:
            return False
    except FileNotFoundError:
        return False
    for number in range(KEPT - 1, 0, -1):
        older = _numbered(log, number)
        if older.exists():
            older.replace(_numbered(log, number + 1))
    shutil.copyfile(log, _numbered(log, 1))
    os.truncate(log, 0)
    return True


def tail(log: Path, lines: int) -> list[str]:
    """The last lines as they would stand on a screen: a progress bar is its last state.

    At most 256 KiB are read. A log that is not there has no lines.
    """
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL_BYTES))
            text = file.read(_TAIL_BYTES).decode("utf-8", errors="replace")
    except FileNotFoundError:
        return []
    shown = [line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n")]
    while shown and not shown[-1].strip():
        shown.pop()
    return shown[-lines:] if lines > 0 else []


def explain(lines: list[str]) -> facts.Symptom | None:
    """The first known symptom in the last lines, read from the end."""
    for line in reversed(lines):
        for symptom in facts.launch().symptoms:
            if symptom.text.lower() in line.lower():
                return symptom
    return None


def _numbered(log: Path, number: int) -> Path:
    return log.with_name(f"{log.name}.{number}")
