"""``train register``: the LoRA that a person chose, put to use under a name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import Answer, Call, command, room

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.train.registering.registering import Inventory

app = room()


@command(app, "register", example="ategnatos train register owl --as inky-owl", dry_run=True)
def register(
    call: Call,
    name: Annotated[str, typer.Argument(help="A plan whose evaluation has a verdict, or owl/2.")],
    called: Annotated[
        str, typer.Option("--as", metavar="NAME", help="The LoRA's name; default: the plan's.")
    ] = "",
    models: Annotated[
        Path | None, typer.Option("--models", metavar="DIR", help="ComfyUI's folder 'models'.")
    ] = None,
) -> Answer:
    """Write down name, trigger, weights, origin and rights, and put the file where it is found."""
    from datetime import UTC, datetime

    from ategnatos.art.licences import policy_of
    from ategnatos.guard.actor import actor
    from ategnatos.train.registering import placing
    from ategnatos.train.registering import registering as room_of

    project = call.project()

    def folder(engine: str) -> Path:
        return placing.folder_for(project, engine, _loras_folder(call, engine, models))

    if call.dry_run:
        row, source, notes = room_of.plan(
            project, name, policy_of(project), name=called, folder=folder
        )
        fresh = True
    else:
        done = room_of.register(
            project,
            name,
            policy_of(project),
            name=called,
            folder=folder,
            inventory=_inventory(project),
            actor=actor(),
            now=datetime.now(UTC),
        )
        row, source, notes, fresh = done.row, done.path, done.notes, done.fresh
    said = "Would register" if call.dry_run else "Registered" if fresh else "Registered before:"
    lines = [
        f"{said} {row.name}: {row.checkpoint} of {row.evaluation}, chosen by {row.approver}"
        f"{' (signed)' if row.signed else ''}.",
        f"  file     {row.location}",
        f"  trigger  {row.trigger or '(none)'}",
        f"  weight   {row.weight:g} ({row.weight_low:g} to {row.weight_high:g})",
        f"  family   {row.family}",
        *(f"  {one}" for one in notes),
    ]
    data: dict[str, Any] = {
        **row.model_dump(mode="json"),
        "source": str(source),
        "fresh": fresh,
        "notes": list(notes),
        "dry_run": call.dry_run,
    }
    prompt = row.trigger or "a picture"
    return Answer(
        data,
        "\n".join(lines),
        ()
        if call.dry_run
        else (
            f"ategnatos art generate '{prompt}' --lora {row.name}{_engine(row.engine, row.family)}",
        ),
    )


def _loras_folder(call: Call, engine: str, models: Path | None) -> Path | None:
    """ComfyUI's folder of LoRAs, None where no ComfyUI is known here."""
    from ategnatos.commands.studio.machine import installation_or_none
    from ategnatos.grimoire.errors import StudioError
    from ategnatos.studio.models import places
    from ategnatos.train.registering.placing import OWN_ENGINES

    if engine in OWN_ENGINES:
        return None
    try:
        return places.root(models, installation_or_none(call), os.environ) / places.folder_of(
            "lora"
        )
    except StudioError as error:
        if error.code is not places.NO_MODELS_FOLDER:
            raise
        return None


def _inventory(project: Project) -> Inventory:
    """Puts the file on the record of models, with the licence of what it was trained on."""

    def put(path: Path, sha256: str, licence: str, source: str, facts: dict[str, str]) -> None:
        from datetime import UTC, datetime

        from ategnatos.grimoire import documents
        from ategnatos.studio.models import adding

        said = adding.Said(kind="lora", licence=licence, source=source)
        adding.add(project, path, said, now=lambda: datetime.now(UTC), digest=sha256)
        with documents.edit(project, "models") as models:
            for one in models.files:
                if one.path == str(path):
                    one.facts = {**one.facts, **facts}

    return put


def _engine(engine: str, family: str) -> str:
    return "" if engine == "starter" else f" --engine {engine} --family {family}"
