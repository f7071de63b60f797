"""What a training costs on each offer: the hours that its GPU needs, at its price.

Offers come from providers, which this room does not know: anything with the few values of
:class:`Rentable` will do (``ategnatos.providers.values.Offer`` has them).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal
from typing import TYPE_CHECKING, Protocol

from ategnatos.knowledge import gpus
from ategnatos.train.pace.speed import Pace, expected
from ategnatos.train.vram.advice import Verdict, judge
from ategnatos.train.vram.estimate import Calibration, estimate, shipped
from ategnatos.train.vram.workload import of_plan

if TYPE_CHECKING:
    from ategnatos.trainers.plan import Plan

_CENT = Decimal("0.01")
# Boot, packages, the model's download and caching before the first step.
_SETUP_HOURS = 0.35


class Rentable(Protocol):
    """What this reckons with; USD as Decimal, hours as Decimal."""

    @property
    def provider(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def gpu(self) -> str: ...
    @property
    def gpu_count(self) -> int: ...
    @property
    def vram_gb(self) -> float: ...

    def cost(
        self, hours: Decimal, *, disk_gb: float = 0, down_gb: float = 0, up_gb: float = 0
    ) -> Decimal:
        """USD for ``hours`` with that disk and traffic."""
        ...


@dataclass(frozen=True, slots=True)
class Quote:
    """One offer for one training. Hours and USD: likely, at best, at worst.

    ``why_not`` is why nothing was reckoned (the GPU is not known, or it is too small), else "".
    """

    provider: str
    id: str
    gpu: str
    verdict: Verdict | None
    hours: tuple[float, float, float] = (0.0, 0.0, 0.0)
    usd: tuple[Decimal, Decimal, Decimal] = (Decimal(0), Decimal(0), Decimal(0))
    basis: str = ""
    why_not: str = ""


def quotes(
    plan: Plan,
    trainer: str,
    steps: int,
    offers: Iterable[Rentable],
    *,
    pace: Pace | None = None,
    measured: Mapping[str, Pace] | None = None,
    calibration: Calibration | None = None,
    disk_gb: float = 60,
    down_gb: float = 0,
    up_gb: float = 0,
) -> list[Quote]:
    """The plan on each offer, the cheapest that fits first, those that cannot last.

    ``pace`` is said to hold for all of them; ``measured`` are those of a GPU by its name in the
    table. Raises StudioError (``vram_family``, ``trainer_habits``).
    """
    made = estimate(of_plan(plan, trainer), calibration or shipped())
    found = []
    for offer in offers:
        gpu = gpus.known(offer.gpu, offer.vram_gb)
        if gpu is None and not offer.gpu_count:
            why = "it has no GPU"
            found.append(Quote(offer.provider, offer.id, offer.gpu, None, why_not=why))
            continue
        if gpu is None:
            why = f"the GPU {offer.gpu!r} is not in the table"
            found.append(Quote(offer.provider, offer.id, offer.gpu, None, why_not=why))
            continue
        # Nobody's trainer here shares one run among GPUs: one of them counts, all are paid.
        memory = min(gpu.usable_gb, offer.vram_gb) if offer.vram_gb else gpu.usable_gb
        verdict = judge(made, memory)
        if verdict == "no":
            why = f"it takes about {made.likely:.0f} GiB and {memory:.0f} GiB are there"
            found.append(Quote(offer.provider, offer.id, gpu.name, verdict, why_not=why))
            continue
        own = pace or (measured or {}).get(gpu.name) or expected(plan, gpu)
        likely, low, high = (one + _SETUP_HOURS for one in own.hours(steps))
        usd = [
            _up(offer.cost(Decimal(str(one)), disk_gb=disk_gb, down_gb=down_gb, up_gb=up_gb))
            for one in (likely, low, high)
        ]
        found.append(
            Quote(
                offer.provider,
                offer.id,
                gpu.name,
                verdict,
                (likely, low, high),
                (usd[0], usd[1], usd[2]),
                own.basis,
            )
        )
    return sorted(found, key=lambda one: (bool(one.why_not), one.verdict != "fits", one.usd))


def _up(usd: Decimal) -> Decimal:
    """Rounded up to the cent: an estimate of a bill is never too low for its rounding."""
    return usd.quantize(_CENT, rounding=ROUND_UP)
