"""Take the LoRA that a person chose into use: the file where engines find it, and the record.

Nothing is registered that nobody chose: the verdict is read from the gate each time, and the file
is held to the hash that was signed for. The rights of the pictures it was trained on become its
own, in its row and in the inventory of models, so that every picture made with it comes under them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire import documents, journal
from ategnatos.grimoire.content import check_name
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.spend.records import iso
from ategnatos.train.registering import judged, placing
from ategnatos.train.run import record as runs

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.grimoire.schemas.loras import LoraRow
    from ategnatos.guard.policy import Policy
    from ategnatos.train.registering.judged import Chosen

LORA_REGISTERED = ErrorCode("lora_registered", "Another LoRA is registered under that name.")

EVENT = "lora.registered"
PLACING = "lora.placing"
OWN = "own work"

# Puts one file into the inventory of models: path, hash, licence, source, what else is known.
Inventory = Callable[[Path, str, str, str, dict[str, str]], None]


@dataclass(frozen=True, slots=True)
class Registered:
    """``fresh``: it was not registered before. ``notes`` are for people."""

    row: LoraRow
    path: Path
    fresh: bool
    notes: tuple[str, ...]


def plan(
    project: Project, plan_name: str, policy: Policy, *, name: str, folder: Callable[[str], Path]
) -> tuple[LoraRow, Path, tuple[str, ...]]:
    """The row that would be written, the file it is made from, and notes; nothing is written.

    ``folder`` says where an engine's LoRAs lie. Raises StudioError: those of :func:`judged.find`,
    ``lora_registered``, ``lora_place``, ``name_invalid``.
    """
    chosen = judged.find(project, plan_name, policy)
    one, decided = chosen.evaluation, chosen.decided
    called = check_name(name or one.plan, "name of the LoRA")
    target = folder(one.engine) / f"{called}.safetensors"
    before = documents.read(project, "loras").find(called)
    if before is not None and before.sha256 != decided.sha256:
        raise StudioError(
            LORA_REGISTERED,
            f"The LoRA {called!r} is another file, of {before.evaluation}; nothing was changed.",
            hint=f"Take another name with --as NAME, or take that one out of use:"
            f" ategnatos train unregister {called}",
            name=called,
            sha256=before.sha256,
        )
    if before is not None and _elsewhere(Path(before.location), target):
        raise StudioError(
            LORA_REGISTERED,
            f"The LoRA {called!r} is in use from {before.location}, and not from {target}; nothing"
            " was changed.",
            hint=f"Take it out of use there first: ategnatos train unregister {called}",
            name=called,
            path=before.location,
        )
    return _row(project, chosen, called, target), chosen.source, _notes(chosen)


def register(
    project: Project,
    plan_name: str,
    policy: Policy,
    *,
    name: str,
    folder: Callable[[str], Path],
    inventory: Inventory,
    actor: str,
    now: datetime,
) -> Registered:
    """Put the file in place and write it down; doing it again completes or changes nothing.

    Raises StudioError as :func:`plan`, and ``disk_full``, ``write_failed``.
    """
    row, source, notes = plan(project, plan_name, policy, name=name, folder=folder)
    row.registered_at, row.actor = iso(now), actor
    target = Path(row.location)
    if not target.exists():
        # Said before it is done: whoever is killed in between must know later whose file it is.
        journal.append(
            project,
            PLACING,
            actor=actor,
            references={"lora": row.name, "sha256": row.sha256, "plan": row.plan},
            data={"location": row.location},
            now=now,
        )
    placed = placing.put(source, target, row.sha256)
    inventory(target, row.sha256, OWN, f"trained here: {row.evaluation}", _facts(row))
    _into_studio(project, row, now)
    _mark_used(project, row, now)
    before = documents.read(project, "loras").find(row.name)
    if before is not None and _said(before) == _said(row):
        return Registered(before, target, False, notes)
    journal.append(
        project,
        EVENT,
        actor=actor,
        references={
            "lora": row.name,
            "sha256": row.sha256,
            "plan": row.plan,
            "evaluation": row.evaluation,
            "event": row.verdict,
        },
        data={
            "location": row.location,
            "weight": row.weight,
            "trigger": row.trigger,
            "licence": row.licence,
            "placed": placed,
        },
        now=now,
    )
    with documents.edit(project, "loras", now=now) as document:
        document.loras = [one for one in document.loras if one.name != row.name] + [row]
    return Registered(row, target, True, notes)


def _said(row: LoraRow) -> dict[str, Any]:
    """All that a row says but who wrote it when: another verdict on the same file is another."""
    return row.model_dump(exclude={"registered_at", "actor"})


def _elsewhere(before: Path, target: Path) -> bool:
    """Whether the file in use still lies at another place than ``target``."""
    if before == target or not before.is_file():
        return False
    return not (target.exists() and before.samefile(target))


def _row(project: Project, chosen: Chosen, name: str, target: Path) -> LoraRow:
    from ategnatos.grimoire.schemas.loras import LoraRow

    one, decided = chosen.evaluation, chosen.decided
    metadata = _metadata(chosen.source)
    return LoraRow(
        name=name,
        family=one.family,
        trigger=one.trigger or chosen.file.trigger,
        training=one.training,
        weight=decided.best,
        weight_low=decided.low,
        weight_high=decided.high,
        sha256=decided.sha256,
        location=str(target),
        origin=chosen.file.path,
        engine=one.engine,
        base_model=metadata.get("ss_sd_model_hash", "") or metadata.get("ss_sd_model_name", ""),
        dataset=one.dataset,
        dataset_version=one.dataset_version,
        dataset_digest=one.dataset_digest,
        plan=one.plan,
        run=one.run,
        checkpoint=chosen.file.name,
        rights=chosen.rights,
        licence=str(chosen.rights.get("licence", "")) if chosen.rights else "unknown",
        evaluation=one.name,
        evaluation_digest=one.digest,
        verdict=decided.event,
        approver=decided.approver,
        signed=decided.signed,
    )


def _metadata(path: Path) -> dict[str, str]:
    from ategnatos.guard.values.tensor_header import read_header

    return read_header(path).metadata


def _notes(chosen: Chosen) -> tuple[str, ...]:
    known = chosen.rights
    said = [f"The verdict: {chosen.decided.covers}"] if not chosen.decided.pictures_sha256 else []
    if not known:
        return (
            *said,
            "What it was trained on is not known here: its licence is unknown, and under a"
            " commercial policy nothing made with it is released.",
        )
    said.append(
        f"Of what it was trained on: {known['licence']}; commercial use: {known['commercial']}."
    )
    if known["credits"]:
        names = ", ".join(
            one["by"] or one["terms"] or one["link"] or one["kind"] for one in known["credits"][:5]
        )
        said.append(f"To be named: {names}.")
    return tuple(said)


def _facts(row: LoraRow) -> dict[str, str]:
    """What the inventory keeps beside what the file says: the licence of its pictures counts."""
    return {
        "dataset_licence": row.licence,
        "trained": row.registered_at,
        "evaluation": row.evaluation,
    }


def _into_studio(project: Project, row: LoraRow, now: datetime) -> None:
    """The studio's own table of LoRAs, which people and rooms read."""
    from ategnatos.grimoire.schemas.studio import Lora

    with documents.edit(project, "studio", now=now) as studio:
        entry = next((one for one in studio.loras if one.name == row.name), None)
        if entry is None:
            entry = Lora(name=row.name)
            studio.loras.append(entry)
        entry.trigger = row.trigger
        entry.weight_range = f"{row.weight_low:g}-{row.weight_high:g}, best {row.weight:g}"
        entry.trained_on = (
            f"{row.family}: {row.dataset} v{row.dataset_version}" if row.dataset else row.family
        )
        entry.location = row.location


def _mark_used(project: Project, row: LoraRow, now: datetime) -> None:
    """The ledger of its run remembers that this save is in use, so that it is not cleaned away."""
    if not row.run:
        return
    from ategnatos.train.checkpoints import ledger

    run = runs.load(project, row.run)
    ledger.used(run.folder, row.checkpoint, by=mark_of(row.name), now=now)


def mark_of(name: str) -> str:
    """As whom a LoRA of that name stands in the ledger of its run."""
    return f"lora {name}"
