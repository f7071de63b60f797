"""One machine before it is ordered: what it is called, what it will cost, what is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from ategnatos.grimoire.spend.amounts import USD, millionths, of_rate, spoken
from ategnatos.grimoire.spend.records import Entry
from ategnatos.providers.values import LABEL_PREFIX, Intent, Offer

_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to order. ``run`` is new for every rental; ``attempt`` counts the orders of one.

    ``down_gb`` and ``up_gb`` are the traffic that is expected, where it costs.
    """

    offer: Offer
    minutes: int
    run: str
    attempt: int = 1
    disk_gb: int = 60
    image: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    start: str = ""
    bid: Decimal | None = None
    down_gb: float = 0.0
    up_gb: float = 0.0

    @property
    def label(self) -> str:
        """The name that the machine bears at its provider: ``ateg-r7f3c2-a1``."""
        return f"{LABEL_PREFIX}{self.run}-a{self.attempt}"

    @property
    def rate(self) -> int:
        """Millionths of a dollar an hour, disk included. A bid may be reached, so it counts."""
        price = self.offer.hourly(self.disk_gb)
        return millionths(price if self.bid is None else max(price, self.bid))

    @property
    def traffic(self) -> int:
        """Millionths of a dollar for the traffic that is expected."""
        one = self.offer
        return millionths(one.cost(Decimal(0), down_gb=self.down_gb, up_gb=self.up_gb))

    def entry(self, now: datetime) -> Entry:
        """Its whole time as one reservation."""
        return Entry(
            key=f"machine/{self.label}/{now.isoformat()}",
            operation=f"renting {self.offer.gpu_count} x {self.offer.gpu} at {self.offer.provider}",
            amounts={USD: of_rate(self.rate, self.minutes * 60) + self.traffic},
            engine=self.offer.provider,
            rate=self.rate,
            minutes=self.minutes,
            tags=(("rental", self.label),),
        )

    def intent(self, public_key: str) -> Intent:
        """What the provider is asked for."""
        return Intent(
            label=self.label,
            run=self.run,
            offer=self.offer,
            public_key=public_key,
            disk_gb=self.disk_gb,
            image=self.image,
            env=self.env,
            start=self.start,
            bid=self.bid,
        )

    def facts(self) -> dict[str, Any]:
        """What is remembered of it, as JSON values."""
        return {
            "offer": self.offer.id,
            "gpu": self.offer.gpu,
            "gpu_count": self.offer.gpu_count,
            "vram_gb": self.offer.vram_gb,
            "region": self.offer.region,
            "disk_gb": self.disk_gb,
            "image": self.image,
            "bid": None if self.bid is None else str(self.bid),
        }

    def price(self) -> str:
        """For people: by the hour, and for the whole time."""
        whole = of_rate(self.rate, self.minutes * 60) + self.traffic
        hours = Decimal(self.minutes) / 60
        return (
            f"{spoken(self.rate)} an hour, at most {spoken(whole)} for {hours.normalize():f} hours"
        )


def new_run(random_bytes: Callable[[int], bytes]) -> str:
    """A short name that no other rental has: ``r`` and seven letters of 35 random bits."""
    number = int.from_bytes(random_bytes(5), "big")
    return "r" + "".join(_LETTERS[(number >> (5 * place)) & 31] for place in range(7))
