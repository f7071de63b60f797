"""Seconds a step: reckoned from the work of a step and what others reached, until it is measured.

The work of a step is counted on the network (``vram_families.json``). A GPU gives a share of its
stated speed; the share is what reports of the same family reached, or of all where there are
none. A dry run's measurement replaces that, and the run's own steps replace the dry run's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Literal

from ategnatos.knowledge import gpus
from ategnatos.knowledge.training_speed import SpeedReport, speed_reports
from ategnatos.knowledge.vram import Knowledge, Network, knowledge

if TYPE_CHECKING:
    from ategnatos.knowledge.gpus import Gpu
    from ategnatos.trainers.plan import Plan

Basis = Literal["table", "dry run", "run"]

_TERA = 1e12
# Held in 8 bits or fewer, weights are widened in every pass (KREA2.md: 1.24 to 1.52 times).
_QUANTISED = 1.35
# A block that waits in main memory crosses the bus twice a step.
_SWAPPED = 2.0
# A table is about other people's machines: half to twice, where the family was seen a little less.
_KNOWN_FAMILY = 1.5
_OTHER_FAMILY = 2.5
# A dry run is a few steps, the first of them slow; a run is its own last steps.
_DRY_RUN = 1.15
_RUN = 1.05
# The newest steps count: validation, samples and other people's work on the machine pass.
_NEWEST = 50


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds a step (one update of the weights): likely, and between ``low`` and ``high``.

    ``because`` says in words where it is from.
    """

    seconds: float
    low: float
    high: float
    basis: Basis
    because: str

    def hours(self, steps: int) -> tuple[float, float, float]:
        """Hours for that many steps: likely, at best, at worst."""
        likely, low, high = (one * steps / 3600 for one in (self.seconds, self.low, self.high))
        return likely, low, high


def expected(plan: Plan, gpu: Gpu, known: Knowledge | None = None) -> Pace:
    """From the table. Raises StudioError (``vram_family``)."""
    known = known or knowledge()
    network = known.network(plan.family)
    work = operations(
        network, plan.resolution**2, plan.batch * plan.accumulation, plan.gradient_checkpointing
    )
    slower = 1.0 if plan.quantisation == "none" else _QUANTISED
    if plan.block_swap:
        slower *= 1 + (_SWAPPED - 1) * min(1.0, plan.block_swap / network.swap)
    share, seen = _share(network, speed_reports(), known)
    seconds = work / (share * gpu.bf16_tflops * _TERA) * slower
    spread = _KNOWN_FAMILY if seen else _OTHER_FAMILY
    because = (
        f"reckoned from the work of a step; reports of {network.name} reached {share:.0%} of a"
        " GPU's stated speed"
        if seen
        else f"reckoned from the work of a step; others reached {share:.0%} of a GPU's stated"
        f" speed, none of them with {network.name}"
    )
    return Pace(seconds, seconds / spread, seconds * spread, "table", because)


def after_dry_run(seconds: Sequence[float]) -> Pace | None:
    """From the steps of a dry run, in order; None where there is not one after the first.

    The first step is left out: kernels are chosen and memory is taken then.
    """
    if len(seconds) < 2:
        return None
    one = median(seconds[1:])
    return Pace(one, one / _DRY_RUN, one * _DRY_RUN, "dry run", f"{len(seconds)} steps here")


def after_steps(seconds: Sequence[float]) -> Pace | None:
    """From the steps of the run so far, in order; None below five."""
    newest = sorted(seconds[1:][-_NEWEST:])
    if len(newest) < 4:
        return None
    one = median(newest)
    return Pace(one, one / _RUN, one * _RUN, "run", f"the last {len(newest)} steps of this run")


def measured(seconds: float, basis: Literal["dry run", "run"], because: str) -> Pace:
    """From a figure that was measured already."""
    spread = _DRY_RUN if basis == "dry run" else _RUN
    return Pace(seconds, seconds / spread, seconds * spread, basis, because)


def operations(network: Network, pixels: float, pictures: int, checkpointing: bool) -> float:
    """Operations of one update: forward, backward to the inputs, and forward again where what
    was not kept is reckoned anew.
    """
    return network.forward(pixels) * pictures * (3 if checkpointing else 2)


def _share(
    network: Network, reports: Sequence[SpeedReport], known: Knowledge
) -> tuple[float, bool]:
    """Which part of a GPU's stated speed was reached, and whether with this very network."""
    own = [one for one in reports if known.network(one.family) is network]
    by_source: dict[str, list[float]] = {}
    for one in own or reports:
        by_source.setdefault(one.source, []).append(_reached(one, known))
    # Every source alike, however many rows it has; shares are ratios, so their logarithms.
    middle = median(math.log(median(shares)) for shares in by_source.values())
    return math.exp(middle), bool(own)


def _reached(report: SpeedReport, known: Knowledge) -> float:
    network = known.network(report.family)
    work = operations(
        network,
        report.width * report.height,
        report.batch * report.accumulation,
        report.checkpointing,
    )
    plain = known.weights[report.weights] >= known.weights["bf16"]
    speed = gpus.find(report.gpu).bf16_tflops * _TERA / (1.0 if plain else _QUANTISED)
    return work / report.seconds / speed
