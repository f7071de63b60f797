"""One look at what was saved: is it whole, how large, which bytes; or is it still being written.

Nothing is waited for. What is not whole and was written to a moment ago is still growing; what is
not whole and has been left alone is broken.
"""

from __future__ import annotations

import fcntl
import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.files import sha256_bytes, sha256_file
from ategnatos.train.checkpoints import integrity

if TYPE_CHECKING:
    from ategnatos.trainers import Checkpoint

# A trainer that writes a save is never silent on the disk for so long.
SETTLES_SECONDS = 30.0


def look(found: Checkpoint, now: datetime, *, over: bool = False) -> dict[str, Any] | None:
    """What an entry says of the files; None where they are still being written, which cannot be
    where it is ``over``.
    """
    weights, state = found.weights, found.state
    # Every number of the weights: it costs a quarter of the hash (benchmarks/watching.py).
    why = integrity.check(weights, thorough=True) if weights is not None else ""
    state_why = integrity.check(state) if state is not None else ""
    for path, wrong in ((weights, why), (state, state_why)):
        growing = path is not None and (_locked(path) or (wrong and _fresh(path, now)))
        if growing and not over:
            return None
    text = "; ".join(part for part in (why, f"its state: {state_why}" if state_why else "") if part)
    return {
        "whole": not why if weights is not None else not state_why,
        "why": text,
        "state_whole": not state_why,
        "bytes": size(weights),
        "sha256": digest(weights),
        "state_bytes": size(state),
        "state_sha256": digest(state),
    }


def stamp(found: Checkpoint) -> tuple[int, ...]:
    """Changes when the files do: for weights and for state the newest time of change in
    nanoseconds, and the bytes in all.
    """
    return (*_stamp(found.weights), *_stamp(found.state))


def size(path: Path | None) -> int:
    """Bytes of a file, or of all files of a folder."""
    return sum(one.stat().st_size for one in _files(path))


def digest(path: Path | None) -> str:
    """SHA-256 of a file; of a folder, of its files' names and hashes; "" of nothing."""
    if path is None or not path.exists():
        return ""
    if path.is_file():
        return sha256_file(path)
    rows = [f"{sha256_file(one)}  {one.relative_to(path).as_posix()}" for one in _files(path)]
    return sha256_bytes("\n".join(rows).encode())


# --- inside -----------------------------------------------------------------------------------


def _files(path: Path | None) -> list[Path]:
    """Sorted; without our own files."""
    if path is None or path.is_symlink():
        return []
    if path.is_dir():
        return sorted(
            one
            for one in path.rglob("*")
            if one.is_file() and not one.is_symlink() and not one.name.endswith(".ledger.json")
        )
    return [path] if path.is_file() else []


def _stamp(path: Path | None) -> tuple[int, int]:
    newest, total = 0, 0
    for file in _files(path):
        try:
            seen = file.stat()
        except FileNotFoundError:
            continue
        newest, total = max(newest, seen.st_mtime_ns), total + seen.st_size
    return newest, total


def _fresh(path: Path, now: datetime) -> bool:
    times = [one.stat().st_mtime for one in _files(path)]
    if path.is_dir():
        times.append(path.stat().st_mtime)
    return bool(times) and now.timestamp() - max(times) < SETTLES_SECONDS


def _locked(path: Path) -> bool:
    """Whether another process holds a lock on it: who locks a file is writing it."""
    for one in _files(path):
        try:
            descriptor = os.open(one, os.O_RDONLY | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(descriptor)
    return False
