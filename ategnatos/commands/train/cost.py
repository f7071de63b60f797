"""``train cost``: how long a plan takes and what it costs, here or on each known offer."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import Answer, Call, command, room
from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from rich.console import Console

    from ategnatos.providers.values import Offer
    from ategnatos.trainers.plan import Plan

PRICE_OF_WHAT = ErrorCode("price_of_what", "A price was given without the GPU it is for.")

app = room()

_SHOWN = 12


@command(app, "cost", example='ategnatos train cost ann --gpu "RTX 4090" --price 0.45')
def cost(
    call: Call,
    name: Annotated[str, typer.Argument(help="The plan.")],
    gpu: Annotated[
        str, typer.Option("--gpu", metavar="NAME", help="Offers with this GPU, or your own card.")
    ] = "",
    price: Annotated[
        float | None,
        typer.Option(
            "--price", metavar="USD", min=0, help="An hour on that GPU; asks no provider."
        ),
    ] = None,
    provider: Annotated[
        str, typer.Option("--provider", help="Ask this provider alone; default: all installed.")
    ] = "",
    steps: Annotated[
        int, typer.Option("--steps", metavar="N", min=0, help="Default: what the plan comes to.")
    ] = 0,
    seconds: Annotated[
        float,
        typer.Option(
            "--seconds", metavar="S", min=0, help="Measured seconds a step (a dry run's)."
        ),
    ] = 0.0,
    trainer: Annotated[
        str, typer.Option("--trainer", help="Default: the first that can train the plan.")
    ] = "",
    version: Annotated[
        int, typer.Option("--version", metavar="N", help="An older version; default: the newest.")
    ] = 0,
) -> Answer:
    """Hours and dollars with their bars: by a price of your own, or on each known offer."""
    from ategnatos.knowledge import gpus
    from ategnatos.train.pace import measured
    from ategnatos.train.pace import price as pricing
    from ategnatos.train.pace.speed import Pace
    from ategnatos.train.plan import choosing, store
    from ategnatos.train.plan.presets import STARTER

    kept = store.load(call.project(), name, version or None)
    if kept.plan.base_family == STARTER:
        return Answer(
            {"plan": kept.name, "number": kept.number, "offers": []},
            "The starter model is trained here, on the processor, in a minute: it costs nothing.",
        )
    chosen = trainer or choosing.first_able(kept.plan)
    number = steps or _steps(call, kept.plan, chosen)
    pace = None
    if seconds > 0:
        pace = Pace(seconds, seconds / 1.15, seconds * 1.15, "dry run", "as given with --seconds")
    if price is not None:
        if not gpu:
            raise StudioError(
                PRICE_OF_WHAT,
                "A price needs the GPU that it is for; nothing was reckoned.",
                hint=f'ategnatos train cost {name} --gpu "RTX 4090" --price {price:g}',
            )
        card = gpus.find(gpu)
        offers: list[Any] = [_own(card.name, card.usable_gb, price)]
    else:
        offers = _asked(call, provider, gpu)
    known = measured.by_gpu(call.project(), kept.plan, chosen)
    found = pricing.quotes(kept.plan, chosen, number, offers, pace=pace, measured=known)
    data: dict[str, Any] = {
        "plan": kept.name,
        "number": kept.number,
        "trainer": chosen,
        "steps": number,
        "offers": [
            {
                "provider": one.provider,
                "id": one.id,
                "gpu": one.gpu,
                "verdict": one.verdict,
                "hours": [round(hours, 2) for hours in one.hours],
                "usd": [str(usd) for usd in one.usd],
                "basis": one.basis,
                "why_not": one.why_not,
            }
            for one in found
        ],
    }
    return Answer(
        data,
        lambda console: _draw(console, data),
        (f"ategnatos train vram {name}" + (f' --gpu "{gpu}"' if gpu else ""),),
    )


def _steps(call: Call, plan: Plan, trainer: str) -> int:
    """What the plan comes to with that trainer. Without its pictures, what it was made for."""
    from ategnatos.train.plan import laying
    from ategnatos.trainers import load_trainer

    if plan.steps:
        return plan.steps
    project = call.project()
    try:
        place = project.workspace / "training"
        return laying.ready(project, plan, load_trainer(trainer).layout, place).dataset.steps
    except StudioError as error:
        call.warn(
            f"Its pictures cannot be counted ({error.message.rstrip('.')}): about"
            f" {plan.target_steps} steps are taken, for which it was made; --steps says others."
        )
        return plan.target_steps


def _own(gpu: str, memory: float, price: float) -> Offer:
    from ategnatos.providers.values import Offer

    return Offer("own", "", gpu, 1, memory, Decimal(str(price)))


def _asked(call: Call, provider: str, gpu: str) -> list[Any]:
    """Offers of the providers that are installed; one that does not answer is a warning."""
    from ategnatos.providers import installed_providers, load_provider
    from ategnatos.providers.values import Wanted

    found: list[Any] = []
    names = [provider] if provider else installed_providers()
    for one in names:
        try:
            found += load_provider(one).offers(Wanted(gpu=gpu or None))
        except StudioError as error:
            if provider:
                raise
            call.warn(f"{one} has no offers for you now: {error.message}")
    return found


def _draw(console: Console, data: dict[str, Any]) -> None:
    console.print(
        f"{data['plan']}, version {data['number']}, {data['steps']} steps with {data['trainer']}",
        soft_wrap=True,
    )
    if not data["offers"]:
        console.print("No offer is known. Say a price of your own: --gpu 'RTX 4090' --price 0.45")
        return
    for one in data["offers"][:_SHOWN]:
        where = " ".join(filter(None, (one["provider"], one["id"], one["gpu"])))
        if one["why_not"]:
            console.print(f"  {where}: no, {one['why_not']}", soft_wrap=True, highlight=False)
            continue
        likely, low, high = one["hours"]
        usd = one["usd"]
        console.print(
            f"  {where}: about ${usd[0]} (${usd[1]} to ${usd[2]}),"
            f" {likely:.1f} h ({low:.1f} to {high:.1f}), memory {one['verdict']},"
            f" speed from {one['basis']}",
            soft_wrap=True,
            highlight=False,
        )
    if len(data["offers"]) > _SHOWN:
        console.print(f"  and {len(data['offers']) - _SHOWN} more (--json shows all)")
