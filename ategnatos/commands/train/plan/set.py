"""``train plan set``: change values of a plan; the version before stays."""

from __future__ import annotations

from typing import Annotated

import typer

from ategnatos.commands.contract import Answer, Call, command, room

app = room()


@command(app, "set", example="ategnatos train plan set ann rank=16 optimizer=adamw", dry_run=True)
def set_values(
    call: Call,
    name: Annotated[str, typer.Argument(help="The plan.")],
    values: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME=VALUE]...", help="The new values.")
    ] = None,
    because: Annotated[str, typer.Option("--because", help="Why, for the record.")] = "",
    dataset_version: Annotated[
        str,
        typer.Option("--dataset-version", metavar="N|newest", help="Train another version."),
    ] = "",
    regularisation_version: Annotated[
        str,
        typer.Option(
            "--regularisation-version",
            metavar="N|newest",
            help="Of the prior pictures; default: the newest when they are named.",
        ),
    ] = "",
) -> Answer:
    """Change values: the next version of the plan, which closes the gates behind it."""
    from datetime import UTC, datetime

    from ategnatos.guard.actor import actor
    from ategnatos.train.dataset import record
    from ategnatos.train.plan import choosing, doubts, fields, intent, store

    project = call.project()
    before = store.load(project, name)
    given = fields.parse(values or [])
    if "family" in given:
        said = str(given["family"])
        given["family"] = choosing.family(said)
        if other := choosing.usual_variant(said, given["family"]):
            call.warn(other)
    if dataset_version:
        number = fields.version_number(dataset_version)
        chosen = record.load(project, before.plan.dataset, number)
        given |= {"dataset_version": chosen.number, "dataset_digest": chosen.digest()}
    if regularisation_version:
        given |= fields.prior_version(before.plan, given, regularisation_version)
    if not given:
        raise fields.nothing_given(name)
    chosen_now = tuple(given)
    if given.get("family", before.plan.family) != before.plan.family:
        along = choosing.moved(before.plan, before.chosen, given["family"])
        given = {**along, **given}
    if call.dry_run:
        changed = store.changed(before.plan, given)
        same = changed.digest() == before.digest and not regularisation_version
        made, number_after = changed if same else store.bound(project, changed), before.number
    else:
        kept = store.change(
            project,
            name,
            given,
            actor=actor(),
            because=because or "set " + ", ".join(chosen_now),
            chosen=chosen_now,
            now=datetime.now(UTC),
        )
        made, number_after = kept.plan, kept.number
        intent.write(project, kept)
    found = store.differences(before.plan, made)
    for text in [*choosing.warnings(made, choosing.trainers_for(made)), *doubts.of(made)]:
        call.warn(text)
    lines = [
        f"{one}: {fields.shown(was)} -> {fields.shown(now)}" for one, (was, now) in found.items()
    ] or ["Nothing differs; no version was made."]
    return Answer(
        {
            "name": name,
            "number": number_after,
            "digest": made.digest(),
            "changed": {one: {"from": was, "to": now} for one, (was, now) in found.items()},
            "dry_run": call.dry_run,
        },
        "\n".join(lines),
    )
