"""``train plan new``: a plan from a preset, for a dataset and a family."""

from __future__ import annotations

from typing import Annotated

import typer

from ategnatos.commands.contract import Answer, Call, command, room

app = room()


@command(
    app,
    "new",
    example="ategnatos train plan new ann --dataset ann --family sdxl --preset standard",
    dry_run=True,
)
def new(
    call: Call,
    name: Annotated[str, typer.Argument(help="The plan's name; the LoRA will be called so.")],
    values: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME=VALUE]...", help="Values of your own.")
    ] = None,
    dataset: Annotated[str, typer.Option("--dataset", help="Default: the plan's name.")] = "",
    version: Annotated[
        int, typer.Option("--version", metavar="N", help="Of the dataset; default: the newest.")
    ] = 0,
    family: Annotated[
        str, typer.Option("--family", help="Such as sdxl or z-image/base; default: the dataset's.")
    ] = "",
    preset: Annotated[
        str, typer.Option("--preset", help="quick, standard or thorough.")
    ] = "standard",
    model: Annotated[
        str, typer.Option("--model", metavar="FILE", help="The weights, or a repository's name.")
    ] = "",
    because: Annotated[
        str, typer.Option("--because", help="What the LoRA is for, in the person's words.")
    ] = "",
) -> Answer:
    """Make a plan from a preset; every value can be changed afterwards."""
    from datetime import UTC, datetime

    from ategnatos.guard.actor import actor
    from ategnatos.train.dataset import record
    from ategnatos.train.dataset.captions.protocol import wanted
    from ategnatos.train.plan import choosing, doubts, fields, intent, presets, store

    project = call.project()
    chosen = record.load(project, dataset or name, version or None)
    like = wanted(chosen)
    key = choosing.family(family or like.family, chosen.dataset)
    given = fields.parse(values or [])
    if model:
        given["model"] = model
    settled = {"training": like.training, "trigger": like.trigger}
    base = {**settled, **given}
    origin = presets.values(key, preset)
    bound = (chosen.dataset, chosen.number, chosen.digest())
    now = datetime.now(UTC)
    if call.dry_run:
        drawn_up = store.draft(name, family=key, preset=preset, dataset=bound, values=base)
        made = store.bound(project, drawn_up)
        number = 0
    else:
        kept = store.new(
            project,
            name,
            family=key,
            preset=preset,
            dataset=bound,
            values=base,
            chosen=tuple(given),
            actor=actor(),
            now=now,
            because=because,
        )
        intent.write(project, kept)
        made, number = kept.plan, kept.number
    able = choosing.trainers_for(made)
    if other := choosing.usual_variant(family or like.family, key):
        call.warn(other)
    for text in [*choosing.warnings(made, able), *doubts.of(made)]:
        call.warn(text)
    lines = [
        f"{'Would make' if call.dry_run else 'Made'} the plan {name}: {key}, {preset},"
        f" {len(chosen.pictures)} pictures of {chosen.dataset} version {chosen.number}.",
        f"{presets.known().presets[preset].says}",
        f"rank {made.rank}, {made.optimizer} at {made.learning_rate:g},"
        + (f" {made.epochs} epochs" if made.epochs else f" {made.steps} steps")
        + f", {made.resolution} px, batch {made.batch}.",
        "It can be trained by: " + (", ".join(one for one, why in able.items() if not why) or "-"),
    ]
    return Answer(
        {
            "plan": made.facts(),
            "number": number,
            "digest": made.digest(),
            "preset": {"name": preset, "values": origin},
            "trainers": [one for one, why in able.items() if not why],
            "cannot": {one: why for one, why in able.items() if why},
            "dry_run": call.dry_run,
        },
        "\n".join(lines),
        () if call.dry_run else (f"ategnatos train plan show {name} --explain",),
    )
