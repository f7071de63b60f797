"""What ``ategnatos studio provider`` says to people: tables of offers and of machines."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from ategnatos.providers.values import Offer, Wanted
    from ategnatos.studio.market import Market, Stay

# A person reads no further; --json has them all.
_ROWS = 30


def offers(found: Market, stay: Stay) -> Callable[[Console], None]:
    """The table of ``provider offers``."""
    from ategnatos.studio import market

    def words(console: Console) -> None:
        from rich.table import Table

        if not found.offers:
            console.print(
                "Nobody offers such a machine now. Ask for less, or allow a higher price."
            )
            return
        table = Table(box=None, pad_edge=False)
        table.add_column("offer", overflow="fold")
        table.add_column("GPU")
        for title in ("VRAM", "USD/h", f"{stay.hours.normalize():f} h", "GB down/up"):
            table.add_column(title, justify="right")
        table.add_column("where", overflow="fold")
        for one in found.offers[:_ROWS]:
            traffic = "-"
            if one.down_price or one.up_price:
                traffic = f"{one.down_price.normalize():f}/{one.up_price.normalize():f}"
            gpu = one.gpu if one.gpu_count == 1 else f"{one.gpu_count} x {one.gpu}"
            table.add_row(
                market.name_of(one),
                gpu + (" (bid)" if one.bid else ""),
                f"{one.vram_gb:g}" if one.vram_gb else "-",
                market.cents(stay.hourly(one)),
                market.cents(stay.cost(one)),
                traffic,
                one.region if one.available else f"{one.region} (none free)",
            )
        console.print(table)
        if len(found.offers) > _ROWS:
            console.print(f"and {len(found.offers) - _ROWS} more: --json has them all.")
        console.print(
            f"Prices hold {stay.disk_gb} GB of disk; USD a GB of traffic comes on top. They are"
            " hints: the price that counts is said before renting."
        )

    return words


def up_line(offer: Offer, stay: Stay, wanted: Wanted) -> str:
    """The command that rents it, with the options that find it again."""
    from ategnatos.studio import market

    line = ["ategnatos", "studio", "provider", "up", market.name_of(offer)]
    line += ["--hours", f"{stay.hours.normalize():f}", "--disk", str(stay.disk_gb)]
    if wanted.count != 1:
        line += ["--count", str(wanted.count)]
    if wanted.region:
        line += ["--region", wanted.region]
    if wanted.bid:
        line += ["--bid"]
    return shlex.join(line)
