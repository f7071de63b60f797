"""What trainings leave behind and nobody needs: found with its size and the reason, then freed.

Never anything of a run at work, nor what a run goes on from, nor what an evaluation, a registered
LoRA or another record refers to, nor anything outside the workspace. What is shared with another
file (a hard link) frees nothing and is counted as nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.zones import Zone, resolve
from ategnatos.train.checkpoints import aside, ledger, retention
from ategnatos.train.references import References, find

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.train.run.record import Run

EVENT_KIND = "train.cleaned"

# Each kind, as a person calls it.
KINDS = {
    "caches": "what trainers computed from pictures and captions, of runs that ended",
    "logs": "the trainers' own event files, of runs that ended; the curve stays",
    "states": "older states of runs that ended; the newest stays",
    "dry-runs": "folders of dry runs but the last of each plan",
    "orphans": "folders of runs that no record knows",
    "aside": "checkpoints that were moved aside more than a week ago",
    "unfinished": "what was left of checkpoints that were removed",
}
_BROKEN_DAYS = 7
_WEEK = _BROKEN_DAYS * 86400
# No folder of a run is without its row for so long: the row is written first.
_ORPHAN_SECONDS = 3600
_EVENTS = ("logs", "log", "wandb", "tensorboard")


@dataclass(frozen=True, slots=True)
class Piece:
    """One file or folder to free. ``bytes`` are those that its end gives back.

    ``removal`` is of a checkpoint in the ledger of the run in ``folder``.
    """

    path: Path
    kind: str
    bytes: int
    why: str
    run: str = ""
    removal: retention.Removal | None = None
    folder: Path | None = None


def look(project: Project, *, now: datetime) -> list[Piece]:
    """What :func:`clean` would free at this moment; nothing is changed.

    Raises StudioError (``zone_escape``) and OSError.
    """
    from ategnatos.train.run import record

    home = resolve(project, Zone.WORKSPACE, "training")
    if not home.is_dir():
        return []
    kept = find(project)
    runs = {one.folder: one for one in record.every(project)}
    found: list[Piece] = []
    for plan in sorted(one for one in home.iterdir() if one.is_dir() and not one.is_symlink()):
        for folder in _folders(plan / "runs"):
            run = runs.get(folder)
            if run is None:
                found += _orphan(folder, kept, now)
            elif run.state in record.ENDED:
                found += _of_run(run, kept, now)
        found += _dry_runs(project, plan, kept)
    return [one for one in found if one.removal or not kept.names(one.path)]


def clean(
    project: Project,
    *,
    actor: str,
    now: datetime,
    kinds: frozenset[str] = frozenset(KINDS),
    on_piece: Callable[[Piece], None] | None = None,
) -> list[Piece]:
    """Free what :func:`look` finds now, of these kinds; what was freed comes back.

    A run that went to work in the meantime is left alone. Raises StudioError: as :func:`look`,
    and ``locked``, ``write_failed``.
    """
    from ategnatos.grimoire import journal
    from ategnatos.grimoire.locks import hold
    from ategnatos.train.run import record

    freed = []
    with hold(project, "train-clean"):
        pieces = [one for one in look(project, now=now) if one.kind in kinds]
        if pieces:
            journal.append(
                project,
                EVENT_KIND,
                actor=actor,
                references={"runs": sorted({one.run for one in pieces if one.run})},
                data={"pieces": len(pieces), "bytes": sum(one.bytes for one in pieces)},
                now=now,
            )
        for one in pieces:
            if one.run and record.load(project, one.run).state not in record.ENDED:
                continue
            _free(project, one)
            freed.append(one)
            if on_piece is not None:
                on_piece(one)
    return freed


def freed_by(path: Path) -> int:
    """Bytes that the end of a file or folder gives back: what another link holds stays."""
    if path.is_symlink():
        return 0
    files = path.rglob("*") if path.is_dir() else [path]
    total = 0
    for one in files:
        seen = one.lstat()
        if one.is_file() and not one.is_symlink() and seen.st_nlink == 1:
            total += seen.st_size
    return total


# --- inside -----------------------------------------------------------------------------------


def _free(project: Project, piece: Piece) -> None:
    if piece.removal is not None and piece.folder is not None:
        retention.apply(resolve(project, Zone.WORKSPACE, piece.folder), [piece.removal])
        return
    retention.delete(resolve(project, Zone.WORKSPACE, piece.path))


def _folders(place: Path) -> list[Path]:
    if not place.is_dir() or place.is_symlink():
        return []
    return sorted(one for one in place.iterdir() if one.is_dir() and not one.is_symlink())


def _orphan(folder: Path, kept: References, now: datetime) -> list[Piece]:
    age = now.timestamp() - folder.stat().st_mtime
    if age < _ORPHAN_SECONDS or _hashes(folder) & kept.hashes:
        return []
    return [Piece(folder, "orphans", freed_by(folder), "no run of that name is on record")]


def _hashes(folder: Path) -> set[str]:
    """Of the checkpoints in a folder that no record of runs knows; of all files where it is
    damaged.
    """
    from ategnatos.grimoire.files import sha256_file

    try:
        entries = ledger.read(folder).entries
    except StudioError:
        entries = ()
    known = {one.sha256 for one in entries if one.sha256}
    named = {one.weights for one in entries}
    for path in folder.rglob("*.safetensors"):
        if path.is_file() and path.relative_to(folder).as_posix() not in named:
            known.add(sha256_file(path))
    return known


def _of_run(run: Run, kept: References, now: datetime) -> Iterator[Piece]:
    from ategnatos.train.run.record import ENDED

    assert run.state in ENDED
    done = run.state in {"finished", "diverged", "failed"}
    if done:
        for path in _caches(run):
            why = "a cache, made again by itself when it is needed"
            yield Piece(path, "caches", freed_by(path), why, run.id)
        for path in _events(run.folder):
            why = "the trainer's own log of figures; they stand in metrics.jsonl"
            yield Piece(path, "logs", freed_by(path), why, run.id)
    yield from _broken(run, kept, now)
    try:
        known = ledger.read(run.folder)
    except StudioError:
        return  # what a damaged ledger says of its files is not known: nothing goes
    for one in retention.unfinished(run.folder, known):
        yield _removed(run, "unfinished", one, f"{one.entry.name} was removed")
    used = {
        one.name
        for one in known.entries
        if one.used
        or one.sha256 in kept.hashes
        or any(part and kept.names(run.folder / part) for part in (one.weights, one.state))
    }
    choice = retention.choose(
        known, retention.Rules(last=len(known.entries), states=1), in_use=used
    )
    for one in choice.removals:
        if one.part == "state":
            yield _removed(run, "states", one, f"{one.entry.name}: {one.why}")


def _removed(run: Run, kind: str, removal: retention.Removal, why: str) -> Piece:
    path = run.folder / removal.paths[0]
    return Piece(path, kind, removal.bytes, why, run.id, removal, run.folder)


def _caches(run: Run) -> Iterator[Path]:
    """What the run's trainer writes beside the pictures, by ``trainer_datasets.json``, and what it
    encoded into the run's folder.
    """
    from ategnatos.knowledge import loader

    encoded = run.folder / "cache"
    if encoded.is_dir() and not encoded.is_symlink():
        yield encoded
    table = loader.read("trainer_datasets").content["trainers"]
    dataset = run.folder / "dataset"
    if not dataset.is_dir() or dataset.is_symlink():
        return
    patterns = [one.rstrip("/") for one in table.get(run.trainer, {}).get("writes", ())]
    seen: set[Path] = set()
    for pattern in (*patterns, "cache"):
        for path in sorted(dataset.rglob(pattern)):
            if not path.is_symlink() and not seen & {path, *path.parents}:
                seen.add(path)
                yield path


def _events(folder: Path) -> Iterator[Path]:
    for output in sorted(folder.glob("output*")):
        if output.is_symlink() or not output.is_dir():
            continue
        for name in _EVENTS:
            path = output / name
            if path.is_dir() and not path.is_symlink():
                yield path
        yield from sorted(one for one in output.glob("events.out.tfevents.*") if one.is_file())


def _broken(run: Run, kept: References, now: datetime) -> Iterator[Piece]:
    """What was moved aside: broken saves, and those newer than the one that was resumed from."""
    for place in _folders(run.folder / aside.FOLDER):
        note = place / aside.NOTE
        moved = (note if note.is_file() else place).stat().st_mtime
        if now.timestamp() - moved > _WEEK and not _hashes(place) & kept.hashes:
            why = f"moved aside more than {_BROKEN_DAYS} days ago: broken, or trained again since"
            yield Piece(place, "aside", freed_by(place), why, run.id)


def _dry_runs(project: Project, plan: Path, kept: References) -> Iterator[Piece]:
    from ategnatos.grimoire.locks import LOCKED, hold

    numbered = [one for one in _folders(plan / "dry-runs") if one.name.isdigit()]
    numbered.sort(key=lambda one: int(one.name))
    if not numbered:
        return
    try:
        with hold(project, f"dry-run-{plan.name}", wait=0.0):
            pass
    except StudioError as error:
        if error.code is LOCKED:
            return  # one is at work
        raise
    for place in numbered[:-1]:
        yield Piece(
            place, "dry-runs", freed_by(place), "a later dry run of the plan took its place"
        )
