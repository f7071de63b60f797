"""``train dataset structure``: the folders that a trainer reads, and what it will make of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import Answer, Call, command, room
from ategnatos.commands.terminal import plain

if TYPE_CHECKING:
    from rich.console import Console

    from ategnatos.train.dataset.structure.layout import Layout

app = room()
_SHOWN = 8


@command(
    app,
    "structure",
    example="ategnatos train dataset structure ann --trainer kohya --repeats auto",
    dry_run=True,
)
def structure(
    call: Call,
    name: Annotated[str, typer.Argument(help="The dataset.")],
    trainer: Annotated[
        str,
        typer.Option("--trainer", help="kohya, ai-toolkit, simpletuner, starter, accelerate."),
    ] = "kohya",
    repeats: Annotated[
        str, typer.Option("--repeats", metavar="N|auto", help="How often an epoch shows each.")
    ] = "auto",
    target: Annotated[
        int, typer.Option("--target", metavar="STEPS", help="The steps that 'auto' aims at.")
    ] = 1500,
    epochs: Annotated[int, typer.Option("--epochs", metavar="N")] = 15,
    batch: Annotated[int, typer.Option("--batch", metavar="N", help="Pictures a step.")] = 1,
    accumulation: Annotated[
        int, typer.Option("--accumulation", metavar="N", help="Batches that make one step.")
    ] = 1,
    resolution: Annotated[
        int, typer.Option("--resolution", metavar="PIXELS", help="The side of a square picture.")
    ] = 1024,
    upscale: Annotated[
        bool, typer.Option("--upscale/--no-upscale", help="Whether kohya enlarges small pictures.")
    ] = True,
    concepts: Annotated[
        str, typer.Option("--concepts", help="Several folders: 3_style,5_knight or auto_style.")
    ] = "",
    regularisation: Annotated[
        str, typer.Option("--regularisation", metavar="DATASET", help="Pictures of the class.")
    ] = "",
    masks: Annotated[
        str, typer.Option("--masks", metavar="DATASET", help="Masks by the pictures' names.")
    ] = "",
    ground: Annotated[
        str, typer.Option("--ground", metavar="COLOUR", help="Laid under transparent pictures.")
    ] = "",
    uncaptioned: Annotated[
        bool, typer.Option("--uncaptioned", help="Allow pictures without a caption.")
    ] = False,
    copy: Annotated[
        bool, typer.Option("--copy", help="Copy the pictures instead of linking them.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="A folder inside workspace/.")
    ] = None,
) -> Answer:
    """Lay the dataset out for a trainer, and say exactly what that trainer will see."""
    from datetime import UTC, datetime

    from ategnatos.art.licences import policy_of
    from ategnatos.grimoire import journal
    from ategnatos.grimoire.zones import Zone, resolve
    from ategnatos.guard.actor import actor
    from ategnatos.train.dataset import record, rights, store
    from ategnatos.train.dataset.captions.protocol import wanted
    from ategnatos.train.dataset.importing import kohya_folders
    from ategnatos.train.dataset.structure import arithmetic, laying, layout, prepare, stage
    from ategnatos.train.dataset.structure import concepts as concept_names

    project = call.project()
    kind = layout.parse_trainer(trainer)
    version = record.load(project, name)
    policy = policy_of(project)
    judged = rights.require(version, policy)
    prior = record.load(project, regularisation) if regularisation else None
    if prior is not None:
        rights.require(prior, policy)
    frame = layout.Frame(
        kind,
        name,
        laying.parse_resolution(resolution),
        arithmetic.positive(batch, "batch"),
        arithmetic.positive(accumulation, "accumulation"),
        arithmetic.positive(epochs, "number of epochs"),
        upscale,
        wanted(version).family,
        masks,
        laying.parse_ground(ground),
    )
    ask = prepare.Ask(
        arithmetic.parse_repeats(repeats),
        arithmetic.positive(target, "number of steps"),
        concept_names.parse(concepts),
        prior,
        uncaptioned=uncaptioned,
    )
    plan = prepare.prepare(project, version, frame, ask)
    place = (
        resolve(
            project,
            Zone.WORKSPACE,
            _below(project.root / Zone.WORKSPACE.value, out),
            for_writing=True,
        )
        if out is not None
        else store.home(project, name) / "structured" / kind
    )
    made = laying.LAY_OUT[kind](plan, place)
    advice = arithmetic.advise(made.steps, target)
    told = kohya_folders.recommended(version.pictures)
    if told and not concepts:
        call.warn(
            "These pictures came in kohya's folders, and all are one concept now. As the folders"
            f" had them: --concepts {told}"
        )
    for text in made.warnings:
        call.warn(text)
    data: dict[str, Any] = {
        "dataset": name,
        "version": version.number,
        "digest": version.digest(),
        "place": str(place),
        **made.facts(),
        "target": target,
        "advice": advice.says,
        "epochs_for_target": advice.epochs_for_target,
        "concepts_imported": told,
        "start_with": list(made.start_with),
        "rights": judged.verdict,
        "dry_run": call.dry_run,
    }
    if not call.dry_run:
        bound = {"dataset": name, "number": version.number, "digest": version.digest()}
        laid = stage.put(project, made, place, bound, copy=copy)
        data |= {"changed": laid.changed, "linked": laid.linked}
        if laid.changed:
            journal.append(
                project,
                "dataset.structured",
                actor=actor(),
                references={key: bound[key] for key in ("dataset", "digest")},
                data={
                    "version": version.number,
                    "trainer": kind,
                    "place": str(place.relative_to(project.root)),
                    "steps": made.steps.steps,
                    "pictures": data["pictures"],
                },
                now=datetime.now(UTC),
            )
    return Answer(
        data,
        lambda console: _draw(console, made, data),
        (f"ategnatos train dataset report {name}",),
    )


def _below(home: Path, out: Path) -> Path:
    """A path as a person writes it: from where they are, or from the zone's folder."""
    absolute = out if out.is_absolute() else Path.cwd() / out
    return absolute if absolute.is_relative_to(home) else out


def _draw(console: Console, made: Layout, data: dict[str, Any]) -> None:
    from ategnatos.commands.page import Line, Row, draw

    verb = "Would lie" if data["dry_run"] else "Lies" if data["changed"] else "Lies already"
    console.print(f"{verb} in {data['place']}", soft_wrap=True)
    console.print(
        f"{data['trainer']} will see {data['pictures']} pictures and {data['captions']} captions"
        + (f", {data['regularisation']} of regularisation" if data["regularisation"] else "")
        + (f", {data['validation']} set apart" if data["validation"] else "")
        + f", in {len(data['buckets'])} bucket{'s' if len(data['buckets']) != 1 else ''}."
    )
    console.print()
    rows = [
        Row(
            ((f"{one.size[0]}x{one.size[1]}", "bold"),),
            [Line(f"{one.pictures} pictures, shown {one.shown} times an epoch")],
        )
        for one in made.buckets
    ]
    draw(console, rows)
    console.print()
    for one in data["concepts"]:
        kind = "regularisation" if one["regularisation"] else "concept"
        console.print(
            f"{kind} {one['name']}: {one['pictures']} pictures, each {one['repeats']} times"
        )
    console.print(
        f"{data['batches_an_epoch']} batches of {data['batch']} an epoch,"
        f" {data['steps_an_epoch']} steps; {data['epochs']} epochs: {data['steps']:,} steps."
    )
    console.print(data["advice"], soft_wrap=True)
    if made.enlarged:
        names = ", ".join(f"{plain(n)} ({by:g} times)" for n, by in made.enlarged[:_SHOWN])
        more = len(made.enlarged) - _SHOWN
        console.print(
            f"Too small for their bucket, and enlarged: {names}"
            + (f" and {more} more" if more > 0 else ""),
            soft_wrap=True,
        )
    ground = made.frame.ground
    if data["rewritten"]:
        console.print(
            f"Written anew as PNG (upright{f', on {ground}' if ground else ''}): "
            + plain(", ".join(data["rewritten"][:_SHOWN])),
            soft_wrap=True,
        )
    for name, why in made.dropped:
        console.print(f"Left out: {plain(name)}: {why}", soft_wrap=True)
    if made.start_with:
        console.print("Start the trainer with: " + " ".join(made.start_with), soft_wrap=True)
