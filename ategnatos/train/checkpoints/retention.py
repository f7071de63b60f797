"""Which checkpoints are kept: the best, the last ones, milestones, what is in use, what resumes.

Pure, but for :func:`apply`. What goes is entered as removed before its files go, so that a run
that is cut off in between is finished by the next.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ategnatos.grimoire.files import explained
from ategnatos.guard.values.paths import path_inside
from ategnatos.train.checkpoints.entry import Entry
from ategnatos.train.checkpoints.ledger import METRICS, Ledger
from ategnatos.train.checkpoints.ledger_file import edit, sidecars

LAST = 3
STATES = 2


@dataclass(frozen=True, slots=True)
class Rules:
    """``last`` of the newest stay, the best by ``metric`` ("" the one that is known), every
    ``milestone`` steps one (0: none), and of the newest ``states`` what they resume from.
    """

    last: int = LAST
    metric: str = ""
    milestone: int = 0
    states: int = STATES


@dataclass(frozen=True, slots=True)
class Removal:
    """``part``: ``all`` of a checkpoint, or its ``state`` alone, which is the larger half."""

    entry: Entry
    part: Literal["all", "state"]
    paths: tuple[str, ...]
    bytes: int
    why: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A checkpoint that stays, and for which reasons."""

    entry: Entry
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """What goes and what stays."""

    removals: tuple[Removal, ...]
    kept: tuple[Kept, ...]

    @property
    def bytes(self) -> int:
        """How much is freed."""
        return sum(one.bytes for one in self.removals)


def choose(ledger: Ledger, rules: Rules | None = None, *, in_use: Collection[str] = ()) -> Choice:
    """What may go by the rules. ``in_use`` are names of entries that something refers to.

    The newest that can be resumed from always stays, and so does the newest that is whole.
    """
    rules = rules or Rules()
    there = [one for one in ledger.entries if not one.removed and not one.aside]
    usable = [one for one in there if one.usable]
    whys: dict[str, list[str]] = {one.name: [] for one in there}

    def keep(entries: Iterable[Entry], why: str) -> None:
        for one in entries:
            whys[one.name].append(why)

    best, metric = ledger.best(rules.metric), rules.metric or ledger.metric()
    resumable = ledger.resumable()
    keep(usable[-max(1, rules.last) :], f"one of the last {max(1, rules.last)}")
    if best is not None and metric:
        keep([best], f"the best: {METRICS[metric]}")
    keep([one for one in there if one.final], "the end of the training")
    keep(resumable[:1], "what the run goes on from")
    keep(_milestones(usable, rules.milestone), f"a milestone, every {rules.milestone} steps")
    keep([one for one in there if one.name in in_use], "in use")
    shared = _shared(there)
    resumed = {one.name for one in resumable[: max(1, rules.states)]}
    removals = []
    for one in there:
        if not whys[one.name]:
            removals.append(_removal(one, "all", shared))
        elif one.state and one.name not in resumed and "in use" not in whys[one.name]:
            apart = one.weights and not one.weights.startswith(f"{one.state}/")
            if apart and one.state not in shared:
                removals.append(_removal(one, "state", shared))
    kept = [Kept(one, tuple(whys[one.name])) for one in there if whys[one.name]]
    return Choice(tuple(removals), tuple(kept))


def apply(
    folder: Path, removals: Sequence[Removal], on_removed: Callable[[Removal], None] | None = None
) -> None:
    """Enter what goes as removed, then delete its files; safe to run again after a crash.

    Raises StudioError (``write_failed``, ``disk_full``, ``locked``, ``ledger_broken``).
    """
    chosen = {one.entry.name: one for one in removals}
    old = [path for one in removals if one.part == "all" for path in sidecars(folder, one.entry)]
    with edit(folder) as entries:
        for number, one in enumerate(entries):
            removal = chosen.get(one.name)
            if removal is None or one.removed:
                continue
            if removal.part == "all":
                entries[number] = replace(one, removed=True, why=removal.why)
            else:
                entries[number] = replace(one, state="", state_sha256="", state_bytes=0)
    for path in old:
        with explained(path, "It stayed; run the same command again to finish."):
            path.unlink(missing_ok=True)
    for removal in removals:
        for part in removal.paths:
            delete(path_inside(folder, part))
        if on_removed is not None:
            on_removed(removal)


def unfinished(folder: Path, ledger: Ledger) -> list[Removal]:
    """Removed in the ledger and still on the disk: what a crash left."""
    taken = {part for one in ledger.entries if not one.removed for part in (one.weights, one.state)}
    found = []
    for one in ledger.entries:
        if not one.removed or one.why != _WHY:
            continue
        left = [
            part
            for part in (one.weights, one.state)
            if part and part not in taken and path_inside(folder, part).exists()
        ]
        if left:
            found.append(Removal(one, "all", tuple(left), one.bytes + one.state_bytes, _WHY))
    return found


def delete(path: Path) -> None:
    """A file or a folder with all in it; no link is followed. Raises StudioError."""
    with explained(path, "It stayed, or part of it; run the same command again to finish."):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


# --- inside -----------------------------------------------------------------------------------

_WHY = "no rule keeps it"


def _removal(entry: Entry, part: Literal["all", "state"], shared: set[str]) -> Removal:
    if part == "state":
        why = "an older state: the run goes on from a newer one"
        return Removal(entry, part, (entry.state,), entry.state_bytes, why)
    parts = [one for one in (entry.weights, entry.state) if one and one not in shared]
    inside = entry.weights.startswith(f"{entry.state}/") if entry.state else False
    size = 0 if entry.weights in shared or inside else entry.bytes
    size += 0 if entry.state in shared else entry.state_bytes
    return Removal(entry, part, tuple(parts), size, _WHY)


def _milestones(usable: Sequence[Entry], every: int) -> list[Entry]:
    """Of each stretch of so many steps the first that is at or after its beginning."""
    found: dict[int, Entry] = {}
    for one in usable if every > 0 else ():
        stretch = one.step // every
        if stretch and stretch not in found:
            found[stretch] = one
    return list(found.values())


def _shared(entries: Sequence[Entry]) -> set[str]:
    """Paths that more than one entry names, as ai-toolkit's one optimizer.pt."""
    parts = [part for one in entries for part in {one.weights, one.state} if part]
    return {part for part in parts if parts.count(part) > 1}
