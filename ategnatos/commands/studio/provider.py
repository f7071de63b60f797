"""``ategnatos studio provider``: rent a machine, work on it, and see that it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ategnatos.commands.contract import USAGE, Answer, Call, command, room
from ategnatos.commands.studio import (
    provider_adopt,
    provider_end,
    provider_fleet,
    provider_phase,
    provider_sky,
    provider_up,
    provider_work,
)
from ategnatos.commands.studio.provider_options import (
    Count,
    Disk,
    Down,
    Region,
    Up,
    number,
    stay_of,
)
from ategnatos.grimoire.errors import StudioError

if TYPE_CHECKING:
    from ategnatos.providers.values import Wanted

app = room("Rented machines: offers, renting, working on them, ending them.")
provider_up.register(app)
provider_end.register(app)
provider_work.register(app)
provider_phase.register(app)
provider_adopt.register(app)
provider_sky.register(app)
provider_fleet.register(app)

Gpu = Annotated[str | None, typer.Option("--gpu", help="Part of the GPU's name, like 4090.")]
Vram = Annotated[float | None, typer.Option("--vram-min", help="GB of memory a GPU, at least.")]
MaxPrice = Annotated[
    str | None, typer.Option("--max-price", help="USD an hour for the machine, at most.")
]
Hours = Annotated[
    str | None, typer.Option("--hours", help="For how long. Default: auto_teardown_minutes.")
]
Bid = Annotated[bool, typer.Option("--bid", help="Interruptible machines, where there are any.")]


@command(app, "offers", example="ategnatos studio provider offers --gpu 4090 --max-price 0.80")
def offers(
    call: Call,
    gpu: Gpu = None,
    count: Count = 1,
    vram_min: Vram = None,
    max_price: MaxPrice = None,
    region: Region = None,
    disk: Disk = 60,
    hours: Hours = None,
    down_gb: Down = 0.0,
    up_gb: Up = 0.0,
    bid: Bid = False,
    provider: Annotated[
        list[str] | None, typer.Option("--provider", help="Only this one; may be given again.")
    ] = None,
    sort: Annotated[
        str, typer.Option("--sort", help="price, cost, vram, gpu or provider")
    ] = "price",
) -> Answer:
    """What can be rented now, over all your accounts: an hour's price, and what the stay costs."""
    from ategnatos.commands.studio import provider_words
    from ategnatos.studio import market

    if sort not in market.ORDERS:
        raise StudioError(
            USAGE,
            f"There is no order {sort!r}; nobody was asked.",
            hint=f"Choose one of: {', '.join(market.ORDERS)}.",
        )
    project = call.project()
    wanted = wanted_of(gpu, count, vram_min, max_price, region, disk, bid)
    stay = stay_of(project, hours, disk, down_gb, up_gb)
    found = market.gather(wanted, stay, names=provider, order=sort)
    for name, error in found.silent.items():
        call.warn(f"{name} was not asked: {error.message}")
    if found.silent and not found.offers and len(found.silent) == len(provider or ()):
        raise StudioError(
            market.NO_PROVIDER_ANSWERED,
            "None of them could be asked: "
            + " ".join(f"{name}: {error.message}" for name, error in found.silent.items()),
            hint=next(iter(found.silent.values())).hint,
            providers=sorted(found.silent),
        )
    rows = [market.facts(one, stay) for one in found.offers]
    best = next((one for one in found.offers if one.available), None)
    steps = () if best is None else (provider_words.up_line(best, stay, wanted),)
    return Answer(
        {
            "offers": rows,
            "silent": {name: error.code.code for name, error in found.silent.items()},
            "hours": str(stay.hours),
            "disk_gb": disk,
        },
        provider_words.offers(found, stay),
        steps,
    )


def wanted_of(
    gpu: str | None,
    count: int,
    vram: float | None,
    max_price: str | None,
    region: str | None,
    disk: int,
    bid: bool,
) -> Wanted:
    """The options as a question to the providers. Raises StudioError (``usage``)."""
    from ategnatos.providers.values import Wanted

    if not 1 <= count <= 64 or not 1 <= disk <= 100_000 or (vram is not None and vram < 0):
        raise StudioError(
            USAGE,
            "--count takes 1 to 64, --disk 1 to 100000 and --vram-min no less than 0; nobody was"
            " asked.",
            hint="Mend it.",
        )
    most = None if max_price is None else number("--max-price", max_price)
    return Wanted(
        gpu=gpu,
        count=count,
        vram_gb=vram,
        max_price=most,
        region=region,
        disk_gb=disk,
        bid=bid,
    )
