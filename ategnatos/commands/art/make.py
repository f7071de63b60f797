"""``art generate`` and ``art vary``: from words to candidates."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.art import present
from ategnatos.commands.contract import USAGE, Answer, Call, command
from ategnatos.commands.progress import progress
from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from rich.console import Console

    from ategnatos.art.generate import Made
    from ategnatos.art.order import Order
    from ategnatos.engines import Engine, Request
    from ategnatos.grimoire.project import Project

PRICE = ErrorCode("price_not_confirmed", "The work is billed and nobody agreed to the price.")

DEFAULT_ENGINE = "starter"
# Enough to recolour a thing and little enough to keep its shape.
VARY_STRENGTH = 0.7


def register(app: typer.Typer) -> None:
    """Add the verbs of this module to the art room."""
    command(
        app,
        "generate",
        example="ategnatos art generate 'a red potion, outlined' --count 4",
        dry_run=True,
    )(generate)
    command(app, "vary", example="ategnatos art vary 'j1#2' --change warmer", dry_run=True)(vary)


def generate(
    call: Call,
    prompt: Annotated[str, typer.Argument(help="What to draw. Quote it.")],
    engine: Annotated[
        str, typer.Option("--engine", help="Which engine makes the pictures.")
    ] = DEFAULT_ENGINE,
    count: Annotated[int, typer.Option("--count", "-n", help="How many candidates.")] = 4,
    seed: Annotated[
        int | None, typer.Option("--seed", help="Seed of the first; default: from the words.")
    ] = None,
    size: Annotated[
        str | None, typer.Option("--size", metavar="WxH", help="Size in pixels.")
    ] = None,
    negative: Annotated[str, typer.Option("--negative", help="What not to draw.")] = "",
    steps: Annotated[int | None, typer.Option("--steps", help="Sampling steps.")] = None,
    cfg: Annotated[
        float | None, typer.Option("--cfg", help="How strongly the words count (CFG).")
    ] = None,
    sampler: Annotated[str | None, typer.Option("--sampler", help="The sampler.")] = None,
    init: Annotated[
        Path | None, typer.Option("--init", metavar="FILE", help="Start from this picture.")
    ] = None,
    strength: Annotated[
        float | None,
        typer.Option("--strength", help="How much of --init may change: 0 to 1."),
    ] = None,
    mask: Annotated[
        Path | None,
        typer.Option("--mask", metavar="FILE", help="White is repainted, black of --init stays."),
    ] = None,
    lora: Annotated[
        list[str] | None,
        typer.Option("--lora", metavar="FILE[:WEIGHT]", help="Apply a LoRA; repeatable."),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="New pictures of the same words: the next take.")
    ] = False,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Agree to the price where the engine bills.")
    ] = False,
) -> Answer:
    """Make candidates from a prompt. The same command again shows the same pictures."""
    from ategnatos.art.inputs import parse_lora, read_picture
    from ategnatos.art.order import parse_size
    from ategnatos.engines import Request, load_engine

    project = call.project()
    width, height = parse_size(size) if size else (None, None)
    request = Request(
        prompt=prompt,
        seed=0,
        count=count,
        negative=negative,
        width=width,
        height=height,
        steps=steps,
        cfg=cfg,
        sampler=sampler,
        init_image=read_picture(init) if init else None,
        strength=strength,
        mask=read_picture(mask) if mask else None,
        loras=tuple(parse_lora(text) for text in lora or ()),
    )
    return make(
        call, project, load_engine(engine), request, seed=seed, again=again, confirm=confirm
    )


def vary(
    call: Call,
    candidate: Annotated[str, typer.Argument(help="The candidate to start from, like 'j1#2'.")],
    change: Annotated[
        str, typer.Option("--change", help="The one thing to change, in your words.")
    ],
    strength: Annotated[
        float | None,
        typer.Option(
            "--strength",
            help=f"How much of the picture may change: 0 to 1. Default: {VARY_STRENGTH}.",
        ),
    ] = None,
    from_seed: Annotated[
        bool,
        typer.Option("--from-seed", help="Start from the same seed instead of the picture."),
    ] = False,
    count: Annotated[int, typer.Option("--count", "-n", help="How many candidates.")] = 4,
    again: Annotated[bool, typer.Option("--again", help="The next take of the same.")] = False,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Agree to the price where the engine bills.")
    ] = False,
) -> Answer:
    """Change one thing about a candidate and keep the rest."""
    from ategnatos.art import vary as room
    from ategnatos.art.references import parse_candidate
    from ategnatos.engines import load_engine
    from ategnatos.knowledge import feedback

    project = call.project()
    job, picture = room.parent_of(project, *parse_candidate(candidate))
    engine = load_engine(job.engine)
    meaning, vocabulary = feedback.for_family(engine.capabilities().families)
    variation = room.vary(
        project,
        engine,
        job,
        picture,
        change,
        strength=_vary_strength(engine, strength, from_seed=from_seed),
        count=count,
        feedback=meaning,
        vocabulary=vocabulary,
    )
    return make(
        call,
        project,
        engine,
        variation.request,
        seed=variation.seed,
        again=again,
        confirm=confirm,
        parent=variation.parent,
        change=change,
        edits=variation.edits,
    )


def _vary_strength(engine: Engine, asked: float | None, *, from_seed: bool) -> float | None:
    """How much of the parent's picture may change; None starts from its seed alone."""
    if from_seed and asked is not None:
        raise StudioError(
            USAGE,
            "--from-seed and --strength exclude each other: one starts from the seed, the other "
            "from the picture. Nothing was made.",
            hint="Leave one of them out.",
        )
    if from_seed or (asked is None and not engine.capabilities().image_to_image):
        return None
    return VARY_STRENGTH if asked is None else asked


def make(
    call: Call,
    project: Project,
    engine: Engine,
    request: Request,
    *,
    seed: int | None,
    again: bool = False,
    confirm: bool = False,
    parent: str | None = None,
    change: str | None = None,
    edits: tuple[str, ...] = (),
) -> Answer:
    """Plan, price, and unless it is a dry run, make the pictures and show them."""
    from ategnatos.art import generate as room
    from ategnatos.art import order as orders

    planned = orders.plan(engine, request, explicit_seed=seed)
    if again:
        take = room.next_take(project, planned, engine.name)
        planned = orders.plan(engine, request, explicit_seed=seed, take=take)
    for warning in planned.warnings:
        call.warn(warning)
    price = engine.estimate(planned.request)
    facts = {
        "engine": engine.name,
        "label": engine.capabilities().label,
        "binding": planned.binding,
        "take": planned.take,
        "edits": list(edits),
        "price_usd": str(price.amount_usd),
        "price_basis": price.basis,
    }
    if call.dry_run:
        return _planned(project, engine, planned, facts)
    if price.amount_usd > 0 and not confirm:
        raise StudioError(
            PRICE,
            f"This would cost {price.amount_usd} USD ({price.basis}); nothing was sent.",
            hint="Add --confirm to agree to the price.",
            price_usd=str(price.amount_usd),
        )
    made = _make(call, project, engine, planned, parent, change)
    for warning in made.job.warnings:
        call.warn(warning)
    return shown(project, made, facts)


def shown(project: Project, made: Made, facts: dict[str, Any]) -> Answer:
    """The answer that shows a job which is ready for a person."""
    job = made.job

    def words(console: Console) -> None:
        state = "made" if made.fresh else "the same order as before: nothing new was made"
        console.print(f"{job.name}  {job.asked}  ({state})")
        for edit in facts.get("edits", ()):
            console.print(f"  {edit}")
        present.draw_candidates(console, project, made.candidates)
        console.print(f"Sheet: {present.relative(made.sheet)}")
        console.print(f"Made by {facts['label']}")

    undecided = [one for one in made.candidates if one.verdict is None]
    steps = [f"ategnatos art generate {_quoted(job.asked)} --again"]
    if undecided:
        first = undecided[0].reference
        steps = [
            f"ategnatos art approve '{first}'",
            f"ategnatos art reject '{first}' --because '...'",
            f"ategnatos art vary '{first}' --change '...'",
        ]
    return Answer(
        {
            **present.job_facts(job),
            **facts,
            "fresh": made.fresh,
            "candidates": [present.candidate_facts(project, one) for one in made.candidates],
            "sheet": str(made.sheet),
            "awaiting_person": bool(undecided),
        },
        words,
        tuple(steps),
    )


def _make(
    call: Call,
    project: Project,
    engine: Engine,
    planned: Order,
    parent: str | None,
    change: str | None,
) -> Made:
    from ategnatos.art import generate as room
    from ategnatos.art.inputs import keep_input
    from ategnatos.guard.actor import actor

    for picture in (planned.request.init_image, planned.request.mask):
        if picture is not None:
            keep_input(project, picture)
    title = f"{engine.name}: {planned.request.prompt[:40]}"
    with progress(call, title) as on_progress:
        return room.carry_out(
            project,
            engine,
            planned,
            now=lambda: datetime.now(UTC),
            actor=actor(),
            parent=parent,
            change=change,
            on_progress=on_progress,
        )


def _planned(project: Project, engine: Engine, planned: Order, facts: dict[str, Any]) -> Answer:
    from ategnatos.art import generate as room

    stands = room.standing(project, planned, engine.name)
    request = planned.request
    words = [
        f"Would make {request.count} of: {planned.asked}",
        *(
            []
            if request.prompt == planned.asked
            else [f"  as the engine reads it: {request.prompt}"]
        ),
        f"  engine {engine.name} ({facts['label']}), {request.width}x{request.height}, "
        f"{request.steps} steps, CFG {request.cfg:g}, sampler {request.sampler}",
        f"  seeds {request.seed} to {request.seed + request.count - 1}, "
        f"binding {planned.binding}, price {facts['price_usd']} USD ({facts['price_basis']})",
        *(f"  {edit}" for edit in facts["edits"]),
    ]
    if stands is not None:
        words.append(f"  It stands already as {stands.name}: nothing new would be made.")
    data = {
        **facts,
        "dry_run": True,
        "request": planned.canonical,
        "stands_as": None if stands is None else stands.name,
    }
    return Answer(data, "\n".join(words))


def _quoted(text: str) -> str:
    import shlex

    return shlex.quote(text)
