"""Broken checkpoints are moved aside, with a note, and can be brought back: nothing is deleted.

No trainer leaves out a broken newest checkpoint when it resumes, so it must not lie where the
trainer looks. The note is written first: a move that was cut off is finished by the next.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import explained, sync_folder, write_atomic
from ategnatos.guard.values.paths import path_inside
from ategnatos.train.checkpoints.entry import Entry
from ategnatos.train.checkpoints.ledger_file import edit, put_sidecars, sidecars, stamped

NOT_ASIDE = ErrorCode("not_aside", "No checkpoint of that name was moved aside.")
IN_THE_WAY = ErrorCode("in_the_way", "Something lies where a checkpoint is to be put back.")

FOLDER = "aside"
NOTE = "note.json"


def broken_parts(entry: Entry) -> tuple[str, ...]:
    """The paths of an entry that must not be resumed from, relative to the run's folder."""
    if entry.removed or entry.aside:
        return ()
    found = []
    if entry.weights and not entry.whole:
        found.append(entry.weights)
    if entry.state and not entry.state_whole:
        found.append(entry.state)
    # Of a file in a folder that goes as a whole, nothing is left to move.
    return tuple(one for one in found if not any(one.startswith(f"{other}/") for other in found))


def move(folder: Path, names: Sequence[str], *, now: datetime) -> list[Entry]:
    """Move what is broken of these entries aside; those that have nothing broken stay.

    Raises StudioError (``write_failed``, ``disk_full``, ``locked``, ``ledger_broken``).
    """
    moved = []
    with edit(folder) as entries:
        for number, entry in enumerate(entries):
            parts = broken_parts(entry)
            if entry.name not in names or not parts:
                continue
            place = folder / FOLDER / entry.name
            said = {"name": entry.name, "why": entry.why, "at": stamped(now), "from": list(parts)}
            with explained(place, "What was moved is named in its note; run it again to finish."):
                place.mkdir(parents=True, exist_ok=True)
                write_atomic(place / NOTE, json.dumps(said, indent=1).encode() + b"\n")
                for old in sidecars(folder, entry):
                    old.unlink(missing_ok=True)
                for part in parts:
                    _put(path_inside(folder, part), place / Path(part).name)
            entries[number] = replace(entry, aside=f"{FOLDER}/{entry.name}")
            if entry.whole and entry.weights and entry.weights not in parts:
                # The weights are good and stay where they are; there is no state any more.
                entries[number] = replace(
                    entry, state="", state_sha256="", state_bytes=0, aside=f"{FOLDER}/{entry.name}"
                )
                put_sidecars(folder, entries[number])
            moved.append(entries[number])
    return moved


def bring_back(folder: Path, name: str) -> Entry:
    """Put what was moved aside back to where it was.

    Raises StudioError: ``not_aside``; ``in_the_way`` where something else lies there by now.
    """
    place = path_inside(folder, f"{FOLDER}/{name}", field="The checkpoint")
    try:
        said = json.loads((place / NOTE).read_bytes())
        parts = [str(one) for one in said["from"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        there = sorted(one.parent.name for one in (folder / FOLDER).glob(f"*/{NOTE}"))
        raise StudioError(
            NOT_ASIDE,
            f"{name[:80]!r} was not moved aside in {folder.name}; nothing was moved.",
            hint=f"Moved aside are: {', '.join(there)}." if there else "Nothing was moved aside.",
            known=there,
        ) from error
    targets = {part: path_inside(folder, part) for part in parts}
    for part, target in targets.items():
        if target.exists() and (place / Path(part).name).exists():
            raise StudioError(
                IN_THE_WAY,
                f"{target} is there already, so {name} was not put back; nothing was moved.",
                hint=f"Move {target} away, then run the same command again.",
                path=str(target),
            )
    with edit(folder) as entries:
        number = next((at for at, one in enumerate(entries) if one.name == name), None)
        with explained(place, "What is left there can be put back by running it again."):
            for part, target in targets.items():
                target.parent.mkdir(parents=True, exist_ok=True)
                _put(place / Path(part).name, target)
            (place / NOTE).unlink()
            place.rmdir()
        if number is None:
            raise StudioError(
                NOT_ASIDE,
                f"{name[:80]!r} was put back, but the ledger of {folder.name} does not know it.",
                hint=f"Make the ledger anew: 'ategnatos train checkpoints {folder.name} "
                "--rebuild'.",
                known=[],
            )
        entry = replace(entries[number], aside="", removed=False)
        for part in parts:
            if part != entry.weights and not entry.state:
                entry = replace(entry, state=part, state_whole=False)
        entries[number] = entry
        put_sidecars(folder, entry)
    return entry


def _put(old: Path, new: Path) -> None:
    """Rename, unless that was done already. Raises OSError."""
    if old.exists():
        old.rename(new)
        sync_folder(new.parent)
        sync_folder(old.parent)
