"""The ledger's file, ``ledger.json`` in a run's folder: read, held, written whole, made again.

Beside each checkpoint lies the same entry in a file of its own (``.ledger.json`` in a folder,
``.NAME.ledger.json`` beside a file), so that a ledger that is lost is made again from them. Their
names begin with a dot: ai-toolkit takes any file that begins with the run's name for a checkpoint.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import explained, write_atomic
from ategnatos.guard.values.paths import path_inside
from ategnatos.train.checkpoints.entry import Entry, from_json

LEDGER_BROKEN = ErrorCode("ledger_broken", "The ledger of a run's checkpoints cannot be read.")

FILE = "ledger.json"
SIDECAR = ".ledger.json"
VERSION = 1
_LOCK = ".ledger.lock"


def load(folder: Path) -> tuple[Entry, ...]:
    """The entries, oldest first; none where there is no ledger yet.

    Raises StudioError (``ledger_broken``).
    """
    path = folder / FILE
    try:
        said = json.loads(path.read_bytes())
        if said["version"] > VERSION:
            raise ValueError(f"it is of version {said['version']}, newer than this program")
        return tuple(from_json(one) for one in said["entries"])
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StudioError(
            LEDGER_BROKEN,
            f"{path} cannot be read: {error}. Nothing was changed; the checkpoints are untouched.",
            hint="Make it again from what lies beside the checkpoints with"
            " 'ategnatos train checkpoints RUN --rebuild'.",
            path=str(path),
        ) from error


@contextmanager
def edit(folder: Path) -> Iterator[list[Entry]]:
    """The entries, to be changed in place; written whole at the end, or not at all on an error.

    Held against other processes. Raises StudioError (``locked``, ``ledger_broken``,
    ``disk_full``, ``write_failed``).
    """
    with held(folder):
        before = load(folder)
        entries = list(before)
        yield entries
        if tuple(entries) != before or not (folder / FILE).is_file():
            _write(folder, entries)


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """The lock of the ledger in ``folder``. Raises StudioError (``locked``, ``write_failed``)."""
    from filelock import FileLock, Timeout

    from ategnatos.grimoire.locks import LOCKED, WAIT_SECONDS

    with explained(folder / _LOCK, "Nothing was changed."):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / _LOCK, timeout=WAIT_SECONDS)
        try:
            lock.acquire()
        except Timeout as error:
            raise StudioError(
                LOCKED,
                f"Another process has been changing the ledger in {folder} for {WAIT_SECONDS:g}"
                " seconds; nothing was changed here.",
                hint="Run the same command again in a moment.",
                lock=str(folder / _LOCK),
            ) from error
    try:
        yield
    finally:
        lock.release()


def rebuild(folder: Path) -> tuple[Entry, ...]:
    """Make the ledger again from what lies beside the checkpoints, however broken it is.

    The broken one stays, as ``ledger.json.broken``. Raises StudioError (``locked``,
    ``disk_full``, ``write_failed``).
    """
    entries: dict[str, Entry] = {}
    with held(folder):
        for path in sorted(folder.rglob(f".*{SIDECAR.removeprefix('.')}")):
            try:
                entry = from_json(json.loads(path.read_bytes()))
            except (OSError, ValueError, KeyError, TypeError, AttributeError):
                continue  # of another program, or damaged itself: it speaks for nothing
            entries[entry.name] = entry
        path = folder / FILE
        with explained(path, "The ledger is as it was."):
            if path.is_file():
                path.replace(path.with_name(f"{FILE}.broken"))
        _write(folder, sorted(entries.values(), key=lambda one: (one.at, one.step, one.final)))
    return load(folder)


def sidecars(folder: Path, entry: Entry) -> list[Path]:
    """Where the entry's own files lie: in the folder that it is, and beside the file that it is."""
    found = []
    state = path_inside(folder, entry.state) if entry.state else None
    weights = path_inside(folder, entry.weights) if entry.weights else None
    if state is not None and state.is_dir():
        found.append(state / SIDECAR)
    beside = [one for one in (weights, state) if one is not None and one.is_file()]
    if beside and (state is None or state not in beside[0].parents):
        found.append(beside[0].with_name(f".{beside[0].stem}{SIDECAR}"))
    return found


def put_sidecars(folder: Path, entry: Entry) -> None:
    """Write the entry beside its files. Raises StudioError (``disk_full``, ``write_failed``)."""
    for path in sidecars(folder, entry):
        write_atomic(path, _text(asdict(entry)))


def stamped(now: datetime) -> str:
    """A time as the ledger writes it, in UTC."""
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# --- inside -----------------------------------------------------------------------------------


def _write(folder: Path, entries: Sequence[Entry]) -> None:
    rows = [asdict(one) for one in entries]
    write_atomic(folder / FILE, _text({"version": VERSION, "entries": rows}))


def _text(value: Any) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False).encode() + b"\n"
