"""What can be rented now, at every provider whose key is here: one list, one way of reckoning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.providers import installed_providers, load_provider
from ategnatos.providers.names import canonical

if TYPE_CHECKING:
    from ategnatos.providers import Provider
    from ategnatos.providers.values import Offer, Wanted

OFFER_GONE = ErrorCode("offer_gone", "The offer is not among those of its provider now.")
OFFER_NAME = ErrorCode("offer_name", "An offer is named by its provider and its id.")
NO_PROVIDER_ANSWERED = ErrorCode("no_provider_answered", "No provider could be asked for offers.")

Load = Callable[[str], "Provider"]


@dataclass(frozen=True, slots=True)
class Stay:
    """What a machine is wanted for: hours, disk in GB, traffic in GB."""

    hours: Decimal
    disk_gb: int = 60
    down_gb: float = 0.0
    up_gb: float = 0.0

    def hourly(self, offer: Offer) -> Decimal:
        """USD an hour, the disk included."""
        return offer.hourly(self.disk_gb)

    def cost(self, offer: Offer) -> Decimal:
        """USD for the whole stay: hours, disk and traffic."""
        return offer.cost(self.hours, disk_gb=self.disk_gb, down_gb=self.down_gb, up_gb=self.up_gb)


@dataclass(frozen=True, slots=True)
class Market:
    """The offers, in the order asked for, and the providers that could not be asked, with why."""

    offers: tuple[Offer, ...]
    silent: dict[str, StudioError]


# By what a person sorts: smaller first.
ORDERS: dict[str, Callable[[Offer, Stay], Any]] = {
    "price": lambda offer, stay: stay.hourly(offer),
    "cost": lambda offer, stay: stay.cost(offer),
    "vram": lambda offer, stay: (-offer.vram_gb * offer.gpu_count, stay.hourly(offer)),
    "gpu": lambda offer, stay: (offer.gpu, stay.hourly(offer)),
    "provider": lambda offer, stay: (offer.provider, stay.hourly(offer)),
}


def gather(
    wanted: Wanted,
    stay: Stay,
    *,
    names: Sequence[str] | None = None,
    order: str = "price",
    load: Load = load_provider,
) -> Market:
    """Ask every provider (or those of ``names``) at once. What one does not answer, the others do.

    Raises StudioError (``provider_unknown``) for a name that is none.
    """
    asked = [canonical(one) for one in names] if names else list(installed_providers())
    providers = {one: load(one) for one in dict.fromkeys(asked)}
    offers: list[Offer] = []
    silent: dict[str, StudioError] = {}
    with ThreadPoolExecutor(max_workers=max(1, len(providers))) as pool:
        running = {name: pool.submit(one.offers, wanted) for name, one in providers.items()}
        for name, answer in running.items():
            try:
                offers += answer.result()
            except StudioError as error:
                silent[name] = error
    rank = ORDERS[order]
    offers.sort(key=lambda one: (not one.available, rank(one, stay), one.provider, one.id))
    return Market(tuple(offers), silent)


def name_of(offer: Offer) -> str:
    """``runpod:RTX-4090-x1-secure``, as ``provider up`` takes it."""
    return f"{offer.provider}:{offer.id}"


def find(name: str, wanted: Wanted, *, load: Load = load_provider) -> tuple[Provider, Offer]:
    """The offer of that name as its provider has it now, and the provider.

    Raises StudioError (``offer_name``, ``offer_gone``, ``provider_unknown`` and what the provider
    raises).
    """
    spelled, colon, number = name.partition(":")
    if not (spelled and colon and number and len(name) <= 300 and number.isprintable()):
        raise StudioError(
            OFFER_NAME,
            f"{name!r} names no offer; nothing was rented.",
            hint="Copy one from 'ategnatos studio provider offers', like vastai:7654321.",
        )
    provider = load(spelled)
    found = [one for one in provider.offers(wanted) if one.id == number]
    if not found or not found[0].available:
        taken = "is taken" if found else "is not among its offers now"
        raise StudioError(
            OFFER_GONE,
            f"{name} {taken}; nothing was rented.",
            hint="Offers come and go: ategnatos studio provider offers, with the same options.",
            offer=name,
        )
    return provider, found[0]


def facts(offer: Offer, stay: Stay) -> dict[str, Any]:
    """An offer as JSON values; money as text."""
    return {
        "offer": name_of(offer),
        "provider": offer.provider,
        "gpu": offer.gpu,
        "gpu_count": offer.gpu_count,
        "vram_gb": offer.vram_gb,
        "region": offer.region,
        "available": offer.available,
        "left": offer.left,
        "bid": offer.bid,
        "usd_per_hour": cents(stay.hourly(offer)),
        "usd_for_stay": cents(stay.cost(offer)),
        "hours": str(stay.hours),
        "disk_gb": stay.disk_gb,
        "down_usd_per_gb": str(offer.down_price),
        "up_usd_per_gb": str(offer.up_price),
        "cuda": offer.cuda,
        "driver": offer.driver,
        "reliability": offer.reliability,
        "max_hours": offer.max_hours,
    }


def cents(amount: Decimal) -> str:
    """USD with four places at most, two at least: ``0.4342``, ``3.00``."""
    from ategnatos.grimoire.spend.amounts import millionths, plain

    return plain(millionths(amount.quantize(Decimal("0.0001"))))
