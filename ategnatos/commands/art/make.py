"""``art generate`` and ``art vary``: from words to candidates."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ategnatos.commands.art.lora_use import check_loras, named_loras, with_triggers
from ategnatos.commands.art.taste import refuse_never, with_taste
from ategnatos.commands.art.wanted import (
    WHAT_FOR,
    asset_of,
    candidate_named,
    wanted_for,
    with_brief,
)
from ategnatos.commands.art.work import make
from ategnatos.commands.contract import USAGE, Answer, Call, command
from ategnatos.grimoire.errors import StudioError

if TYPE_CHECKING:
    from ategnatos.commands.art.taste import Tasted
    from ategnatos.engines import Engine
    from ategnatos.grimoire.jobs.store import Job

DEFAULT_ENGINE = "starter"
# Enough to recolour a thing and little enough to keep its shape.
VARY_STRENGTH = 0.7


# What generating and varying have in common.
Count = Annotated[int, typer.Option("--count", "-n", help="How many candidates.")]
Server = Annotated[
    str | None,
    typer.Option("--server", metavar="HOST:PORT", help="Where the engine's server is."),
]
AllowRemote = Annotated[
    bool, typer.Option("--allow-remote", help="Send to a server on the open network.")
]
Timeout = Annotated[
    float | None, typer.Option("--timeout", help="Seconds for the whole; default: no limit.")
]
Confirm = Annotated[
    bool, typer.Option("--confirm", help="Agree to the price where the engine bills.")
]
Override = Annotated[
    bool, typer.Option("--override", help="Pass the budget this once; a person signs.")
]
Because = Annotated[
    str, typer.Option("--because", help="Why: it stands in the history, and with --override.")
]
Queue = Annotated[
    bool, typer.Option("--queue/--wait", help="Only put it into the line, for a worker.")
]
Priority = Annotated[
    str, typer.Option("--priority", help="high, normal or low: who is taken first.")
]
For = Annotated[str, typer.Option("--for", metavar="NAME", help=WHAT_FOR)]


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
    prompt: Annotated[str, typer.Argument(help="What to draw. Quote it.")] = "",
    engine: Annotated[
        str, typer.Option("--engine", help="Which engine makes the pictures.")
    ] = DEFAULT_ENGINE,
    count: Count = 4,
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
    control: Annotated[
        Path | None,
        typer.Option("--control", metavar="FILE", help="Hold the picture to this one."),
    ] = None,
    control_type: Annotated[
        str | None,
        typer.Option("--control-type", help="What --control shows: pose, depth or canny."),
    ] = None,
    control_strength: Annotated[
        float | None,
        typer.Option("--control-strength", help="How strongly --control holds; 1 is whole."),
    ] = None,
    lora: Annotated[
        list[str] | None,
        typer.Option("--lora", metavar="NAME|FILE[:WEIGHT]", help="Apply a LoRA; repeatable."),
    ] = None,
    family: Annotated[
        str | None,
        typer.Option("--family", metavar="NAME", help="The model family, like z-image/turbo."),
    ] = None,
    workflow: Annotated[
        Path | None,
        typer.Option("--workflow", metavar="FILE", help="Run this workflow of yours."),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="The model file, by the engine's name for it.")
    ] = None,
    server: Server = None,
    allow_remote: AllowRemote = False,
    timeout: Timeout = None,
    preview: Annotated[
        Path | None,
        typer.Option("--preview", metavar="FILE", help="Show the picture being made here."),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="New pictures of the same words: the next take.")
    ] = False,
    confirm: Confirm = False,
    override: Override = False,
    because: Because = "",
    queue: Queue = False,
    priority: Priority = "normal",
    no_eye: Annotated[
        bool, typer.Option("--no-eye", help="Leave your taste out of it this once.")
    ] = False,
    wanted: For = "",
    prompts: Annotated[
        Path | None,
        typer.Option("--prompts", metavar="FILE", help="Many prompts: text, JSON, YAML or CSV."),
    ] = None,
) -> Answer:
    """Make candidates from a prompt. The same command again shows the same pictures."""
    from ategnatos.art.inputs import read_picture, read_workflow
    from ategnatos.art.order import parse_size
    from ategnatos.commands.art.place import place_of
    from ategnatos.engines import Request, load_engine

    project = call.project()
    width, height = parse_size(size) if size else (None, None)
    found = named_loras(project, lora)
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
        loras=tuple(one.use for one in found),
        model=model,
        family=family,
        workflow=None if workflow is None else read_workflow(workflow),
        control_image=read_picture(control) if control else None,
        control_type=control_type,
        control_strength=control_strength,
    )
    if prompts is not None and (prompt.strip() or again or override):
        raise StudioError(
            USAGE,
            "--prompts takes its prompts from the file, one order each: it goes with no prompt on"
            " the command line, no --again and no --override. Nothing was made.",
            hint="Leave the other one out.",
        )
    place = place_of(
        project, server=server, allow_remote=allow_remote, timeout=timeout, preview=preview
    )
    made_by = load_engine(engine, place)
    goal = wanted_for(call, project, wanted)
    check_loras(call, project, engine, request, found)

    def tasted(request: Request) -> Tasted:
        return with_taste(
            call,
            project,
            made_by,
            with_triggers(call, with_brief(call, made_by, request, goal), found),
            left_out=no_eye,
            project_name=goal.project_name,
        )

    def ordered(wished: Tasted, own_seed: int | None) -> Answer:
        return make(
            call,
            project,
            made_by,
            wished.request,
            seed=own_seed,
            again=again,
            confirm=confirm,
            override=override,
            because=because,
            queue=queue,
            priority=priority,
            taste=wished,
            wanted=goal,
        )

    if prompts is None:
        return ordered(tasted(request), seed)
    from ategnatos.commands.art.many import generate_many

    return generate_many(
        call,
        project,
        made_by,
        prompts,
        request,
        seed=seed,
        confirm=confirm,
        tasted=tasted,
        make=ordered,
    )


def vary(
    call: Call,
    candidate: Annotated[
        str, typer.Argument(help="What to start from: a candidate 'j1#2', or a version v3.")
    ],
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
    mask: Annotated[
        Path | None,
        typer.Option("--mask", metavar="FILE", help="White is repainted, black stays as it is."),
    ] = None,
    count: Count = 4,
    server: Server = None,
    allow_remote: AllowRemote = False,
    timeout: Timeout = None,
    again: Annotated[bool, typer.Option("--again", help="The next take of the same.")] = False,
    confirm: Confirm = False,
    override: Override = False,
    because: Because = "",
    queue: Queue = False,
    priority: Priority = "normal",
    no_eye: Annotated[
        bool, typer.Option("--no-eye", help="Let it ask for what your taste says never.")
    ] = False,
    wanted: For = "",
    with_engine: Annotated[
        str | None,
        typer.Option("--engine", help="For an imported picture: which engine; default: starter."),
    ] = None,
    family: Annotated[
        str | None,
        typer.Option("--family", metavar="NAME", help="For an imported picture: which family."),
    ] = None,
) -> Answer:
    """Change one thing about a candidate and keep the rest."""
    from ategnatos.art import vary as room
    from ategnatos.art.inputs import read_picture
    from ategnatos.art.manners import manner_of
    from ategnatos.commands.art.place import place_of
    from ategnatos.engines import load_engine
    from ategnatos.knowledge import feedback
    from ategnatos.prompts.wishes import Ways

    project = call.project()
    goal = wanted_for(call, project, wanted)
    job, picture = room.parent_of(project, *candidate_named(call, project, candidate, goal))
    goal = goal if goal.asset is not None else asset_of(call, project, job.id, candidate)
    place = place_of(project, server=server, allow_remote=allow_remote, timeout=timeout)
    job = _made_here(job, with_engine, family)
    engine = load_engine(job.engine, place)
    families = engine.capabilities().families
    asked = manner_of(families, job.request.get("family"), negative=bool(job.request["negative"]))
    meaning, vocabulary = feedback.for_family(families, asked.dialect.style)
    variation = room.vary(
        project,
        engine,
        job,
        picture,
        change,
        strength=_vary_strength(engine, strength, from_seed=from_seed, masked=mask is not None),
        count=count,
        feedback=meaning,
        vocabulary=vocabulary,
        ways=Ways(asked.notation, asked.weighs, asked.reads_negative),
        mask=None if mask is None else read_picture(mask),
        or_seed=strength is None and mask is None,
    )
    for text in variation.warnings:
        call.warn(text)
    refuse_never(call, project, engine, variation.request, left_out=no_eye)
    return make(
        call,
        project,
        engine,
        variation.request,
        seed=variation.seed,
        again=again,
        confirm=confirm,
        override=override,
        because=because,
        queue=queue,
        priority=priority,
        parent=variation.parent,
        change=change,
        variation=variation,
        wanted=goal,
    )


def _made_here(job: Job, engine: str | None, family: str | None) -> Job:
    """The job as an engine of this studio could have been asked for it. Raises StudioError
    (``usage``, ``import_no_words``).
    """
    from ategnatos.art import importing

    if job.engine == importing.ENGINE:
        return importing.for_engine(job, engine or DEFAULT_ENGINE, family)
    if engine is None and family is None:
        return job
    raise StudioError(
        USAGE,
        f"{job.name} was made by {job.engine}, and a variation keeps all but one thing; --engine"
        " and --family are for imported pictures. Nothing was made.",
        hint="Leave them out, or start anew with 'ategnatos art generate'.",
    )


def _vary_strength(
    engine: Engine, asked: float | None, *, from_seed: bool, masked: bool
) -> float | None:
    """How much of the parent's picture may change; None starts from its seed alone, or leaves it
    to the engine where a mask says what stays.
    """
    if from_seed and (masked or asked is not None):
        other = "--mask" if masked else "--strength"
        raise StudioError(
            USAGE,
            f"--from-seed and {other} exclude each other: one starts from the seed, the other "
            "from the picture. Nothing was made.",
            hint="Leave one of them out.",
        )
    if masked:
        return asked
    if from_seed or (asked is None and not engine.capabilities().image_to_image):
        return None
    return VARY_STRENGTH if asked is None else asked
