"""``train eval``: the same pictures from each save at several weights, with numbers beside them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import Answer, Call, command, room
from ategnatos.commands.train.evaluate_subject import (
    check_fits,
    laid_out,
    seeds_of,
    settings_of,
    subject_of,
    take_away,
)
from ategnatos.grimoire.errors import StudioError

if TYPE_CHECKING:
    from ategnatos.engines import Engine
    from ategnatos.grimoire.project import Project
    from ategnatos.train.evaluation.planning import Planned
    from ategnatos.train.evaluation.record import Evaluation

app = room()


@command(
    app,
    "eval",
    example="ategnatos train eval owl --checkpoints best,last --weights 0.5,0.7,0.9,1.0",
    dry_run=True,
)
def evaluate(
    call: Call,
    name: Annotated[str, typer.Argument(help="A plan, or one of its runs.")],
    weights: Annotated[
        str, typer.Option("--weights", help="Besides 0, the model alone. Default: 0.5 to 1.")
    ] = "",
    checkpoints: Annotated[
        str, typer.Option("--checkpoints", help="best, last, final, all, steps or names.")
    ] = "best,last",
    files: Annotated[
        str, typer.Option("--files", metavar="A,B", help="LoRA files instead of a run's.")
    ] = "",
    prompts: Annotated[
        str, typer.Option("--prompts", help="default, or a file with one a line.")
    ] = "default",
    seed: Annotated[int | None, typer.Option("--seed", help="The first seed.")] = None,
    seeds: Annotated[
        int | None, typer.Option("--seeds", help="How many, from the first on.")
    ] = None,
    engine: Annotated[
        str, typer.Option("--engine", help="Default: by the family of the plan.")
    ] = "",
    family: Annotated[str, typer.Option("--family", help="With --files and no plan.")] = "",
    trigger: Annotated[str, typer.Option("--trigger", help="With --files and no plan.")] = "",
    training: Annotated[
        str, typer.Option("--training", help="With --files and no plan: character, style, object.")
    ] = "",
    model: Annotated[
        str | None, typer.Option("--model", help="The base model's file, by the engine's name.")
    ] = None,
    size: Annotated[str, typer.Option("--size", metavar="WxH", help="Size in pixels.")] = "",
    steps: Annotated[int | None, typer.Option("--steps", help="Sampling steps.")] = None,
    cfg: Annotated[
        float | None, typer.Option("--cfg", help="How strongly the words count.")
    ] = None,
    place: Annotated[
        bool,
        typer.Option("--place", help="Lay the files into ComfyUI's folder while it lasts."),
    ] = False,
    models: Annotated[
        Path | None, typer.Option("--models", metavar="DIR", help="ComfyUI's folder 'models'.")
    ] = None,
    server: Annotated[
        str | None, typer.Option("--server", metavar="HOST:PORT", help="The engine's server.")
    ] = None,
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="Send to a server on the open network.")
    ] = False,
    timeout: Annotated[
        float | None, typer.Option("--timeout", help="Seconds for each row of pictures.")
    ] = None,
    embed: Annotated[
        Path | None,
        typer.Option("--embed", metavar="DIR", help="Likeness by a vision model in this folder."),
    ] = None,
    embed_python: Annotated[
        str,
        typer.Option("--embed-python", metavar="FILE", help="A Python with torch, transformers."),
    ] = "",
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Agree to the price where the engine bills.")
    ] = False,
) -> Answer:
    """Make the grid that people judge by. The same command again makes only what is missing."""
    from datetime import UTC, datetime

    from ategnatos.commands.art.place import place_of
    from ategnatos.commands.progress import progress
    from ategnatos.engines import load_engine
    from ategnatos.guard.actor import actor
    from ategnatos.train.evaluation import choosing, making, paying, planning
    from ategnatos.train.evaluation import prompts as asking

    project = call.project()
    known = asking.defaults()
    first, count = seeds_of(known["seeds"], seed, seeds)
    subject, found, version = subject_of(
        project, name, files, checkpoints, family, trigger, training
    )
    chosen = engine or ("starter" if subject.family == "starter" else "comfyui")
    made_by = load_engine(
        chosen,
        place_of(project, server=server, allow_remote=allow_remote, timeout=timeout),
    )
    check_fits(made_by, subject)
    ask = planning.Ask(
        found,
        choosing.parse_weights(weights) if weights else tuple(known["weights"]),
        asking.chosen(
            prompts,
            training=subject.training,
            family=subject.family,
            trigger=subject.trigger,
            version=version,
        ),
        tuple(range(first, first + count)),
        settings_of(subject, model, size, steps, cfg),
    )
    where = {one.name: choosing.file_of(project, one) for one in found}
    now = datetime.now(UTC)
    laid: list[Path] = []
    try:
        if place and chosen not in ("starter",):
            where = laid_out(call, models, subject, found, where, laid)
        planned = planning.plan(project, made_by, subject, ask, where, now)
        for text in planned.evaluation.warnings:
            call.warn(text)
        price = paying.price(made_by, planned.missing)
        if call.dry_run:
            return _would(call, project, made_by, planned, price, now)
        if not price.free:
            _agree(project, price, confirm)
        with progress(call, f"Evaluation of {subject.plan}") as on_progress:
            done = making.carry_out(
                project,
                made_by,
                planned,
                actor=actor(),
                now=lambda: datetime.now(UTC),
                on_progress=on_progress,
            )
    finally:
        take_away(project, subject, laid)
    if embed is not None:
        import sys

        from ategnatos.train.evaluation import embedding

        done = embedding.add(
            project, done, embed.expanduser().resolve(), embed_python or sys.executable
        )
    return _told(project, done, planned.pictures)


def _agree(project: Project, price: Any, confirm: bool) -> None:
    from ategnatos.commands.art.price import PRICE
    from ategnatos.guard.budget import approved

    if approved.load(project).require_confirm and not confirm:
        raise StudioError(
            PRICE,
            f"This would cost {price.said} ({price.basis}); nothing was sent.",
            hint="Add --confirm to agree to the price.",
            price={unit: str(amount) for unit, amount in price.units.items()},
        )


def _would(
    call: Call, project: Project, engine: Engine, planned: Planned, price: Any, now: Any
) -> Answer:
    from ategnatos.train.evaluation import paying

    one = planned.evaluation
    for text in paying.breaches(project, engine, price, now=now):
        call.warn(f"It would be refused: {text}")
    whole = len(one.cells)
    lines = [
        f"Would make {planned.pictures} pictures with {engine.name} ({whole} in all,"
        f" {whole - planned.pictures} are there): {_many(len(one.checkpoints), 'checkpoint')} at"
        f" {_many(len(one.weights) - 1, 'weight')} and the model alone,"
        f" {_many(len(one.prompts), 'prompt')}, {_many(len(one.seeds), 'seed')}.",
        f"Price: {price.said} ({price.basis.rstrip('.')}).",
        *(f"  {prompt.kind:<8}{prompt.text}" for prompt in one.prompts),
        *(f"  {file.name}  {file.path}" for file in one.checkpoints),
    ]
    return Answer(
        {
            "evaluation": one.name,
            "stands": planned.stood,
            "pictures": whole,
            "missing": planned.pictures,
            "price": {unit: str(amount) for unit, amount in price.units.items()},
            "price_usd": str(price.units["usd"]),
            "price_basis": price.basis,
            "prompts": [[prompt.kind, prompt.text] for prompt in one.prompts],
            "checkpoints": [file.name for file in one.checkpoints],
            "weights": list(one.weights),
            "seeds": list(one.seeds),
            "dry_run": True,
        },
        "\n".join(lines),
    )


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _told(project: Project, done: Evaluation, made: int) -> Answer:
    from ategnatos.train.evaluation import record, reporting

    report = done.folder / reporting.REPORT
    grids = [str(done.folder / name) for name in reporting.grid_names(done)]
    notes = reporting.notes(done)
    lines = [
        f"{done.name}: {len(done.cells)} pictures, {made} of them made now.",
        *(f"Grid: {one}" for one in grids),
        f"Report: {report}",
        *(f"  {one}" for one in notes),
    ]
    return Answer(
        {
            "evaluation": done.name,
            "number": done.number,
            "plan": done.plan,
            "pictures": len(done.cells),
            "made": made,
            "grids": grids,
            "report": str(report),
            "numbers": done.numbers,
            "notes": notes,
            "contenders": len(done.contenders),
            "dry_run": False,
        },
        "\n".join(lines),
        tuple(
            f"ategnatos train {verb} {record.short_name(project, done)}"
            for verb in (("vote", "verdict") if len(done.contenders) > 1 else ("verdict",))
        ),
    )
