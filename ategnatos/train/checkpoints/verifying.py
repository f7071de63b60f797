"""Look at everything again: are the files there, whole, and the bytes that were recorded?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ategnatos.guard.values.paths import path_inside
from ategnatos.train.checkpoints import aside, integrity, looking
from ategnatos.train.checkpoints.entry import Entry
from ategnatos.train.checkpoints.ledger import Ledger
from ategnatos.train.checkpoints.ledger_file import edit, load


@dataclass(frozen=True, slots=True)
class Verdict:
    """``state``: ``whole``, ``broken``, ``gone`` (no file is there any more) or ``removed`` (by
    us, before). ``why`` says what is wrong.
    """

    entry: Entry
    state: str
    why: str = ""


def verify(
    folder: Path,
    *,
    dry_run: bool = False,
    on_entry: Callable[[int, int], None] | None = None,
) -> list[Verdict]:
    """Hash every file again and look into it thoroughly; what is found is entered.

    With ``dry_run`` nothing is entered. ``on_entry`` is told (how many are done, of how many).
    Raises StudioError as :func:`ategnatos.train.checkpoints.ledger_file.edit`.
    """
    if dry_run:
        entries = list(load(folder))
        return _verified(folder, entries, on_entry)
    with edit(folder) as entries:
        return _verified(folder, entries, on_entry)


def gone(folder: Path, *, dry_run: bool = False) -> list[Entry]:
    """Entries whose files are no longer there: a trainer keeps only so many. They are marked.

    Raises StudioError as :func:`ategnatos.train.checkpoints.ledger_file.edit`.
    """

    def mark(entries: list[Entry]) -> list[Entry]:
        found = []
        for number, one in enumerate(entries):
            if one.removed or one.aside:
                continue
            parts = {name: getattr(one, name) for name in ("weights", "state")}
            missing = [
                name
                for name, part in parts.items()
                if part and not path_inside(folder, part).exists()
            ]
            if not missing or (folder / aside.FOLDER / one.name / aside.NOTE).is_file():
                continue
            left = [name for name, part in parts.items() if part and name not in missing]
            if left == ["weights"]:
                entries[number] = replace(one, state="", state_sha256="", state_bytes=0)
            else:
                entries[number] = replace(one, removed=True, why=_GONE)
                found.append(entries[number])
        return found

    if dry_run:
        return mark(list(load(folder)))
    with edit(folder) as entries:
        return mark(entries)


def present(folder: Path) -> Ledger:
    """The ledger with what is gone by now marked in it; nothing is entered."""
    known = Ledger(load(folder))
    gone_now = {one.name: one for one in gone(folder, dry_run=True)}
    return Ledger(tuple(gone_now.get(one.name, one) for one in known.entries))


# --- inside -----------------------------------------------------------------------------------

_GONE = "its files are no longer there"


def _verified(
    folder: Path, entries: list[Entry], on_entry: Callable[[int, int], None] | None
) -> list[Verdict]:
    found = []
    for number, one in enumerate(entries):
        verdict = _one(folder, one)
        entries[number] = verdict.entry
        found.append(verdict)
        if on_entry is not None:
            on_entry(number + 1, len(entries))
    return found


def _one(folder: Path, entry: Entry) -> Verdict:
    if entry.removed:
        return Verdict(entry, "removed", entry.why)
    if entry.aside and not entry.usable:
        return Verdict(entry, "broken", f"{entry.why}; it lies in {entry.aside}")
    whys: dict[str, str] = {}
    present = 0
    for name, known in (("weights", entry.sha256), ("state", entry.state_sha256)):
        part = getattr(entry, name)
        if not part:
            continue
        path = path_inside(folder, part)
        if not path.exists():
            whys[name] = "it is not there"
            continue
        present += 1
        whys[name] = integrity.check(path, thorough=True)
        if not whys[name] and known and looking.digest(path) != known:
            whys[name] = "its bytes are not those that were recorded"
    begun = f"{aside.FOLDER}/{entry.name}"
    if not present and (folder / begun / aside.NOTE).is_file():
        # Moved, and killed before the ledger knew it.
        return Verdict(replace(entry, aside=begun), "broken", f"{entry.why}; it lies in {begun}")
    if not present:
        return Verdict(replace(entry, removed=True, why=_GONE), "gone", _GONE)
    weights, state = whys.get("weights", ""), whys.get("state", "")
    why = "; ".join(part for part in (weights, f"its state: {state}" if state else "") if part)
    changed: dict[str, Any] = {
        "whole": not (weights if entry.weights else state),
        "state_whole": not state,
        "why": why,
    }
    return Verdict(replace(entry, **changed), "broken" if why else "whole", why)
