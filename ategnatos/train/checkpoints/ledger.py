"""The ledger: what a run saved, what was known then, which is the best, where to go on from."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.guard.values.paths import path_inside
from ategnatos.train.checkpoints.entry import Entry, canonical, extract_step
from ategnatos.train.checkpoints.ledger_file import edit, load, put_sidecars, stamped

if TYPE_CHECKING:
    from ategnatos.train.watching.values import Losses
    from ategnatos.trainers import Checkpoint

CHECKPOINT_UNKNOWN = ErrorCode("checkpoint_unknown", "The run has no checkpoint of that name.")

# By what the best is told, the first that is known of any.
METRICS = {
    "validation": "lowest validation loss",
    "mean": "lowest mean loss since the save before",
    "smoothed": "lowest smoothed loss",
    "loss": "lowest loss",
}


@dataclass(frozen=True, slots=True)
class Ledger:
    """All entries, oldest first; those whose files are gone among them."""

    entries: tuple[Entry, ...] = ()

    def best(self, metric: str = "") -> Entry | None:
        """The usable one with the lowest ``metric``; by default of :data:`METRICS` the first that
        is known. None where none is usable; where nothing is known of them, the latest.
        """
        usable = [one for one in self.entries if one.usable]
        for name in (metric,) if metric else METRICS:
            known = [one for one in usable if getattr(one, name) is not None]
            if known:
                return min(known, key=lambda one: (getattr(one, name), -one.step))
        return self.latest()

    def metric(self) -> str:
        """What :meth:`best` goes by; "" where nothing is known."""
        usable = [one for one in self.entries if one.usable]
        known = (name for name in METRICS if any(getattr(one, name) is not None for one in usable))
        return next(known, "")

    def latest(self) -> Entry | None:
        """The usable one that was saved last."""
        return next((one for one in reversed(self.entries) if one.usable), None)

    def final(self) -> Entry | None:
        """The usable one that the training ended with."""
        return next((one for one in reversed(self.entries) if one.usable and one.final), None)

    def resumable(self) -> list[Entry]:
        """Those that the run can go on from, the newest first."""
        return [one for one in reversed(self.entries) if one.resumable]

    def find(self, key: str | int) -> Entry | None:
        """By its name, its file's name, a step, or ``best``, ``latest``, ``last``, ``final``."""
        words: dict[str, Callable[[], Entry | None]] = {
            "best": self.best,
            "latest": self.latest,
            "last": self.latest,
            "final": self.final,
        }
        text = str(key)
        if text in words:
            return words[text]()
        for one in reversed(self.entries):
            if text in (one.name, Path(one.weights).name, Path(one.weights).stem):
                return one
        step = int(text) if text.isascii() and text.isdigit() else None
        found = [one for one in self.entries if one.step == step and not one.removed]
        return found[-1] if found else None


def read(folder: Path) -> Ledger:
    """The ledger of the run in ``folder``; empty where there is none yet.

    Raises StudioError (``ledger_broken``).
    """
    return Ledger(load(folder))


def find(folder: Path, key: str | int) -> Entry:
    """As :meth:`Ledger.find`. Raises StudioError (``checkpoint_unknown``, ``ledger_broken``)."""
    known = read(folder)
    found = known.find(key)
    if found is None:
        raise unknown(folder, key, known)
    return found


def unknown(folder: Path, key: str | int, known: Ledger) -> StudioError:
    """The refusal of a name that no checkpoint has."""
    names = [one.name for one in known.entries if not one.removed]
    return StudioError(
        CHECKPOINT_UNKNOWN,
        f"The run {folder.name} has no checkpoint {str(key)[:80]!r}; nothing was done.",
        hint=f"There are: {', '.join(names[-8:])}; or say best, latest, final or a step."
        if names
        else f"Nothing that was saved is there; see 'ategnatos train status {folder.name}'.",
        known=names,
    )


def record(
    folder: Path,
    found: Checkpoint,
    *,
    losses: Losses | None = None,
    step: int | None = None,
    samples: Sequence[str] = (),
    facts: Mapping[str, Any] | None = None,
    now: datetime,
    over: bool = False,
) -> Entry | None:
    """Enter what a trainer saved, having looked into it; None where it is still being written.

    ``found`` has absolute paths inside ``folder``. ``step`` is the plan's own count, where the
    trainer counts from a resume. ``losses`` is ``monitor.losses(step)``, ``samples`` are paths.
    ``over``: the trainer has ended, so nothing is being written any more.
    What is entered already and has not changed is given back as it is; what is broken is entered
    as such (``whole`` false, with ``why``). Raises StudioError (``disk_full``, ``write_failed``,
    ``locked``, ``ledger_broken``, ``path_outside``).
    """
    from ategnatos.train.checkpoints import health, looking

    weights, state = _relative(folder, found.weights), _relative(folder, found.state)
    with edit(folder) as entries:
        stamp = looking.stamp(found)
        place = _place(entries, weights, state, stamp)
        before = None if place is None else entries[place]
        if before is not None and (before.weights, before.state, before.stamp) == (
            weights, state, stamp
        ):  # fmt: skip
            return before
        seen = looking.look(found, now, over=over)
        if seen is None or looking.stamp(found) != stamp:
            return None
        made = before or _new(entries, found, _step(found, step, losses), now)
        known = {} if losses is None else _said(losses, made)
        if samples:
            known["samples"] = tuple(samples)
        if facts:
            known["facts"] = dict(facts)
        entry = replace(made, weights=weights, state=state, stamp=stamp, **known, **seen)
        if found.weights is not None and entry.whole and not made.health:
            known_before = next((one.health for one in reversed(entries) if one.usable), None)
            entry = replace(entry, health=health.look(found.weights, known_before))
        _written_over(entries, place, entry)
        put_sidecars(folder, entry)
        if place is None:
            entries.append(entry)
        else:
            entries[place] = entry
    return entry


def used(folder: Path, name: str, *, by: str, now: datetime) -> Entry:
    """Note that a checkpoint was used (evaluated, registered, resumed from): once ``by`` each.

    Raises StudioError (``checkpoint_unknown`` and as :func:`edit`).
    """
    entry = find(folder, name)
    with edit(folder) as entries:
        place = next(number for number, one in enumerate(entries) if one.name == entry.name)
        before = entries[place]
        if not any(one.get("by") == by for one in before.used):
            marks = (*before.used, {"by": by, "at": stamped(now)})
            entries[place] = replace(before, used=marks)
            put_sidecars(folder, entries[place])
        return entries[place]


def unused(folder: Path, *, by: str) -> None:
    """Take back what :func:`used` noted ``by`` that user; the marks of others stay.

    Raises StudioError as :func:`edit`.
    """
    if not any(one.get("by") == by for entry in load(folder) for one in entry.used):
        return
    with edit(folder) as entries:
        for place, entry in enumerate(entries):
            left = tuple(one for one in entry.used if one.get("by") != by)
            if left != entry.used:
                entries[place] = replace(entry, used=left)
                put_sidecars(folder, entries[place])


def complete(folder: Path, validations: Mapping[int, float]) -> None:
    """Enter the validation losses (by step) that were measured after a save of the same step.

    Raises StudioError as :func:`edit`.
    """
    with edit(folder) as entries:
        for number, one in enumerate(entries):
            loss = validations.get(one.step)
            if loss is None or one.removed or loss == one.validation or not math.isfinite(loss):
                continue
            entries[number] = replace(one, validation=loss)
            put_sidecars(folder, entries[number])


# --- inside -----------------------------------------------------------------------------------

_KNOWN = ("epoch", "loss", "smoothed", "validation", "rate", "effort", "level", "mean")


def _new(entries: Sequence[Entry], found: Checkpoint, step: int, now: datetime) -> Entry:
    return Entry(
        name=canonical(step, now, {one.name for one in entries}),
        step=step,
        epoch=found.epoch,
        weights="",
        state="",
        sha256="",
        bytes=0,
        at=stamped(now),
        final=found.final,
    )


def _said(losses: Losses, made: Entry) -> dict[str, Any]:
    """What stood at the save: the first that was said of it; a loss that is no number is none."""
    known = {name: getattr(losses, name) for name in _KNOWN if getattr(made, name) is None}
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in known.items()
    }


def _step(found: Checkpoint, step: int | None, losses: Losses | None) -> int:
    for known in (step, found.step, losses.step if losses else None):
        if known is not None:
            return known
    path = found.weights or found.state
    return (extract_step(path.name) if path else None) or 0


def _place(
    entries: Sequence[Entry], weights: str, state: str, stamp: tuple[int, ...]
) -> int | None:
    """Where the same save stands already: its weights are the same bytes, as far as time and
    size tell, or it had no weights yet and its state is the same.
    """
    for number in reversed(range(len(entries))):
        one = entries[number]
        if one.removed:
            continue
        if weights and one.weights == weights and one.stamp[:2] == stamp[:2]:
            return number
        alone = not one.weights or not weights
        if alone and state and one.state == state and one.stamp[2:] == stamp[2:]:
            return number
    return None


def _relative(folder: Path, path: Path | None) -> str:
    if path is None:
        return ""
    relative = path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)
    path_inside(folder, relative)
    return relative


def _written_over(entries: list[Entry], place: int | None, new: Entry) -> None:
    """What lay at the same places before is gone: the new save is there now."""
    for number, one in enumerate(entries):
        if one.removed or number == place:
            continue
        if new.weights and one.weights == new.weights:
            entries[number] = replace(one, removed=True, why="a later save was written over it")
        elif new.state and one.state == new.state and one.state_sha256 != new.state_sha256:
            gone = not one.weights
            why = "a later save was written over it" if gone else one.why
            entries[number] = replace(
                one, state="" if not gone else one.state, state_sha256="", state_bytes=0,
                removed=gone, why=why,
            )  # fmt: skip
