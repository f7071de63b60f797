"""Take a LoRA out of use again: its mark, its rows, and its file out of the engine's folder.

The file of the run stays where it is. Where that is gone, the one in use is the last there is: it
is moved aside into the workspace and never deleted. The journal keeps both acts.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ategnatos.grimoire import documents, journal
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import explained, sha256_file
from ategnatos.grimoire.zones import Zone, resolve
from ategnatos.train.registering import placing, registering

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.grimoire.schemas.loras import LoraRow

LORA_NOT_REGISTERED = ErrorCode("lora_not_registered", "No LoRA is registered under that name.")

EVENT = "lora.unregistered"


@dataclass(frozen=True, slots=True)
class Undone:
    """``file`` is what became of the file in use: removed, kept (it is another one by now), own
    (it was there before it was registered), gone, or moved; ``aside`` is where it was moved to.
    """

    row: LoraRow
    file: str
    aside: Path | None


def unregister(
    project: Project, name: str, *, because: str, actor: str, now: datetime, write: bool = True
) -> Undone:
    """Undo :func:`ategnatos.train.registering.registering.register`; without ``write`` only what
    would become of it. Raises StudioError (``lora_not_registered``, ``write_failed``).
    """
    row = documents.read(project, "loras").find(name)
    if row is None:
        raise unknown(project, name)
    found = _file(project, row)
    if not write:
        return found
    if found.file == "moved" and found.aside is not None:
        with explained(found.aside, "The LoRA is registered as before."):
            found.aside.parent.mkdir(parents=True, exist_ok=True)
        placing.put(Path(row.location), found.aside, row.sha256)
    # First, and again where somebody was killed after it: while it has a row, it can be told.
    _take_mark_off(project, row)
    journal.append(
        project,
        EVENT,
        actor=actor,
        references={"lora": row.name, "sha256": row.sha256, "plan": row.plan},
        data={"because": because, "file": found.file, "location": row.location},
        now=now,
    )
    with documents.edit(project, "studio", now=now) as studio:
        studio.loras = [
            one
            for one in studio.loras
            if not (one.name == row.name and one.location == row.location)
        ]
    with documents.edit(project, "models", now=now) as models:
        models.files = [one for one in models.files if one.path != row.location]
    if found.file in {"removed", "moved"}:
        with explained(row.location, "It is registered still; run the same command again."):
            os.unlink(row.location)  # noqa: PTH108
    # Its own row last: as long as it is there, the same command finishes what was cut short.
    with documents.edit(project, "loras", now=now) as document:
        document.loras = [one for one in document.loras if one.name != row.name]
    return found


def unknown(project: Project, name: str) -> StudioError:
    """The refusal of a name that no LoRA has."""
    known = [one.name for one in documents.read(project, "loras").loras]
    return StudioError(
        LORA_NOT_REGISTERED,
        f"No LoRA is registered as {name[:80]!r}; nothing was done.",
        hint=f"Registered are: {', '.join(known)}."
        if known
        else "None is registered yet: ategnatos train register PLAN",
        known=known,
    )


def _file(project: Project, row: LoraRow) -> Undone:
    place = Path(row.location)
    if not place.is_file():
        return Undone(row, "gone", None)
    if sha256_file(place) != row.sha256:
        return Undone(row, "kept", None)
    if not _placed(project, row):
        return Undone(row, "own", None)
    origin = project.root / row.origin
    apart = row.origin and origin.is_file() and not origin.samefile(place)
    if apart and sha256_file(origin) == row.sha256:
        return Undone(row, "removed", None)
    below = Path("training", row.plan or row.name, "unregistered")
    aside = resolve(project, Zone.WORKSPACE, below, for_writing=True)
    return Undone(row, "moved", aside / f"{row.name}-{row.sha256[:8]}.safetensors")


def _take_mark_off(project: Project, row: LoraRow) -> None:
    """The ledger of its run forgets this LoRA; what another one is made of stays marked."""
    if not row.run:
        return
    from ategnatos.train.checkpoints import ledger
    from ategnatos.train.run import record as runs

    # Of the record, not by runs.load: a run that was taken off it has no ledger to keep.
    for run in runs.every(project, row.plan):
        if run.id == row.run:
            ledger.unused(run.folder, by=registering.mark_of(row.name))


def _placed(project: Project, row: LoraRow) -> bool:
    """Whether registering put the file there, and did not find it there."""
    placed = None
    for event in journal.read(project, (registering.PLACING, registering.EVENT, EVENT)):
        if event.references.get("lora") == row.name:
            here = event.kind == registering.PLACING or bool(event.data.get("placed", True))
            placed = None if event.kind == EVENT else bool(placed) or here
    return placed is not False
