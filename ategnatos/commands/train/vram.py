"""``train vram``: whether a plan fits a GPU, and what to change where it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import Answer, Call, command, room

if TYPE_CHECKING:
    from rich.console import Console

    from ategnatos.grimoire.project import Project
    from ategnatos.knowledge.gpus import Gpu
    from ategnatos.train.vram.estimate import Estimate
    from ategnatos.trainers.plan import Plan

app = room()

_VERDICTS = {
    "fits": "It fits, with the upper bar of the estimate too.",
    "tight": "It is tight: likely to fit, not sure to. A dry run will tell.",
    "no": "It does not fit.",
}


@command(app, "vram", example='ategnatos train vram ann --gpu "RTX 4090"')
def vram(
    call: Call,
    name: Annotated[str, typer.Argument(help="The plan.")],
    gpu: Annotated[
        str,
        typer.Option("--gpu", metavar="NAME", help="The GPU, as its driver or a shop calls it."),
    ] = "",
    memory: Annotated[
        float,
        typer.Option(
            "--memory", metavar="GIB", min=0, help="Memory that is free, in place of the GPU's."
        ),
    ] = 0.0,
    trainer: Annotated[
        str, typer.Option("--trainer", help="Default: the first that can train the plan.")
    ] = "",
    machine: Annotated[
        str, typer.Option("--machine", help="A machine whose own runs are to count.")
    ] = "",
    version: Annotated[
        int, typer.Option("--version", metavar="N", help="An older version; default: the newest.")
    ] = 0,
) -> Answer:
    """Fits, tight or no; the largest batch; the least harmful change that makes it fit."""
    from ategnatos.train.plan import choosing, store
    from ategnatos.train.plan.presets import STARTER

    project = call.project()
    kept = store.load(project, name, version or None)
    if kept.plan.base_family == STARTER:
        return Answer(
            {"plan": kept.name, "number": kept.number, "likely": 0.0, "verdict": "fits"},
            "The starter model is trained on the processor: it takes no GPU memory.",
        )
    chosen = trainer or choosing.first_able(kept.plan)
    facts = reckon(project, kept.plan, chosen, gpu=gpu, memory=memory, machine=machine)
    data: dict[str, Any] = {"plan": kept.name, "number": kept.number, **facts}
    steps: tuple[str, ...] = ()
    for text in data.pop("warnings"):
        call.warn(text)
    if gpu or memory:
        values = {key: value for one in data["changes"] for key, value in one["values"].items()}
        if values:
            said = " ".join(f"{key}={_said(value)}" for key, value in values.items())
            steps = (f"ategnatos train plan set {name} {said}",)
    else:
        steps = (f'ategnatos train vram {name} --gpu "{(data["smallest"] or ["RTX 4090"])[0]}"',)
    return Answer(data, lambda console: _draw(console, data), steps)


def reckon(
    project: Project, plan: Plan, trainer: str, *, gpu: str, memory: float, machine: str
) -> dict[str, Any]:
    """The estimate of a plan as JSON values, GiB; with a GPU or its free memory the verdict too.

    Raises StudioError (``gpu_unknown``, ``vram_family``, ``trainer_habits``).
    """
    from ategnatos.knowledge import gpus
    from ategnatos.train.vram import advice, measured

    made = measured.for_plan(project, plan, trainer, machine)
    data: dict[str, Any] = {
        "trainer": trainer,
        "likely": round(made.likely, 2),
        "low": round(made.low, 2),
        "high": round(made.high, 2),
        "parts": {part: round(size, 2) for part, size in made.parts.items()},
        "readings_here": made.calibration.readings if made.calibration.machine else 0,
        "gpu": None,
        "verdict": None,
        "smallest": [one.name for one in _smallest(made)],
        "warnings": [],
    }
    if not gpu and not memory:
        return data
    card = gpus.find(gpu) if gpu else None
    room_there = memory or (card.usable_gb if card else 0.0)
    found = advice.advise(plan, trainer, room_there, made.calibration, made)
    return data | {
        "gpu": card.name if card else None,
        "memory": round(room_there, 2),
        "verdict": found.verdict,
        "batch": found.batch,
        "changes": [
            {
                "name": one.name,
                "values": dict(one.values),
                "costs": one.costs,
                "likely": round(one.likely, 2),
            }
            for one in found.changes
        ],
        "changed": _bars(found.changed),
        "profile": _profile(plan, trainer, card, room_there, made),
        "warnings": [*_warnings(plan, card), *_several(gpu)],
    }


def _smallest(made: Estimate) -> list[Gpu]:
    """Of each kind of GPU, one with the least memory in which the plan fits."""
    from ategnatos.knowledge import gpus

    found = []
    for kind in gpus.KINDS:
        able = [one for one in gpus.gpus() if one.kind == kind and one.usable_gb >= made.high]
        # The newest of those with the least memory: older ones lack bf16.
        found += sorted(able, key=lambda one: (one.memory_gb, not one.bf16, -one.bf16_tflops))[:1]
    return found


def _bars(made: Estimate | None) -> dict[str, float] | None:
    if made is None:
        return None
    return {name: round(getattr(made, name), 2) for name in ("likely", "low", "high")}


def _profile(
    plan: Plan, trainer: str, card: Gpu | None, memory: float, made: Estimate
) -> dict[str, Any] | None:
    from ategnatos.knowledge.vram import knowledge
    from ategnatos.train.vram.advice import profiled, suggest

    size = card.memory_gb if card else memory
    one = suggest(knowledge().network(plan.family), size)
    values = profiled(plan, trainer, one, made.calibration, memory) if one else {}
    if one is None or not values:
        return None
    return {"name": one.name, "title": one.title, "set": values, "costs": one.costs}


def _several(gpu: str) -> list[str]:
    from ategnatos.knowledge import gpus

    number = gpus.count(gpu) if gpu else 1
    if number == 1:
        return []
    return [
        f"A run trains on one GPU, and the memory of {number} is not added up:"
        " this is for one of them. The others can train other plans (--gpu of 'train launch')."
    ]


def _warnings(plan: Plan, card: Gpu | None) -> list[str]:
    if card is None:
        return []
    told = []
    if plan.precision == "bf16" and not card.bf16:
        told.append(f"{card.name} does not reckon in bf16: set precision=fp16.")
    if card.kind == "apple":
        told.append("The estimate is made from NVIDIA's GPUs; on a Mac it is a first guess.")
    if card.note:
        told.append(f"{card.name}: {card.note}.")
    return told


def _said(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _draw(console: Console, data: dict[str, Any]) -> None:
    from ategnatos.train.vram.estimate import PARTS

    console.print(
        f"{data['plan']}, version {data['number']}, with {data['trainer']}:"
        f" about {data['likely']:.1f} GiB at the peak"
        f" ({data['low']:.1f} to {data['high']:.1f})",
        soft_wrap=True,
    )
    if data["readings_here"]:
        console.print(f"Learned from {data['readings_here']} runs on this machine.")
    for part, size in data["parts"].items():
        console.print(f"  {size:6.1f}  {PARTS[part]}", soft_wrap=True, highlight=False)
    console.print()
    if data["verdict"] is None:
        names = ", ".join(data["smallest"]) or "no GPU of the table"
        console.print(f"The smallest cards that it fits: {names}", soft_wrap=True)
        return
    where = data["gpu"] or "the memory given"
    console.print(f"On {where}, where {data['memory']:.1f} GiB are free to it:", soft_wrap=True)
    console.print(_VERDICTS[data["verdict"]], style="bold")
    if data["batch"]:
        console.print(f"Largest batch as the plan stands: {data['batch']}")
    for number, one in enumerate(data["changes"], start=1):
        values = ", ".join(f"{key} {_said(value)}" for key, value in one["values"].items())
        console.print(
            f"  {number}. {one['name']} ({values}): then {one['likely']:.1f} GiB."
            f" It costs: {one['costs']}.",
            soft_wrap=True,
            highlight=False,
        )
    if data["changed"]:
        console.print(f"With {'these' if len(data['changes']) > 1 else 'this'} it fits.")
    elif data["verdict"] != "fits":
        console.print("Nothing that this trainer can do makes it fit; take a larger card.")
    if data["profile"] and data["verdict"] != "fits":
        one = data["profile"]
        said = " ".join(f"{key}={_said(value)}" for key, value in one["set"].items())
        console.print(f"Or the profile '{one['title']}'. It costs: {one['costs']}.", soft_wrap=True)
        console.print(
            f"  ategnatos train plan set {data['plan']} {said}", soft_wrap=True, highlight=False
        )
