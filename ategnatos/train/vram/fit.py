"""The two fitted numbers from readings, and how far off they are on sources they never saw.

Logarithms of the ratio, the median kind of error (a report that is simply wrong must not pull),
each source counting alike however many rows it has, and a pull towards what the numbers would be
by themselves: 1.5 GiB of framework, a quarter of slack. A grid, so that the same readings give
the same numbers everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ategnatos.knowledge.vram import Knowledge, Report, knowledge
from ategnatos.train.vram.estimate import Calibration, estimate, parts
from ategnatos.train.vram.workload import Workload, of_report

EXPECTED = Calibration(base=1.5, slack=1.25, below=0.2, above=0.2)
# Up to 8 GiB: a machine may run a desktop and a picture server beside the training.
_BASES = tuple(
    [round(0.1 * step, 1) for step in range(3, 41)] + [4 + step / 4 for step in range(1, 17)]
)
_SLACKS = tuple(round(0.7 + 0.025 * step, 3) for step in range(53))
# As much as a tenth of one source's error for being wholly (a factor e) off what was expected.
_PULL = 0.1
_WITHIN = 0.8
# A bar under a tenth would promise more than somebody's unsaid settings allow.
_LEAST_BAR = 0.1


@dataclass(frozen=True, slots=True)
class Reading:
    """What was measured: GiB at the peak of a workload, and who says so."""

    work: Workload
    gb: float
    source: str


@dataclass(frozen=True, slots=True)
class Score:
    """One reading, estimated by numbers that its source had no part in. ``error`` is a share."""

    id: str
    source: str
    measured: float
    estimated: float
    error: float


def readings(known: Knowledge | None = None) -> list[tuple[Report, Reading]]:
    """Every report that can be scored, with its workload."""
    known = known or knowledge()
    return [
        (one, Reading(of_report(one, known), (one.low + one.high) / 2, one.source))
        for one in known.reports
        if one.scored
    ]


def fit(given: Sequence[Reading], expected: Calibration = EXPECTED) -> Calibration:
    """The numbers that fit these readings best; ``expected`` itself where there are none.

    The bars stay those of ``expected``: they come from readings that were left out.
    """
    if not given:
        return expected
    each = {source: sum(one.source == source for one in given) for source in _sources(given)}
    # What does not depend on the two numbers is added up once.
    rigid = []
    for one in given:
        plain = parts(one.work, replace(expected, base=0.0, slack=1.0))
        rigid.append((sum(plain.values()) - plain["working"], plain["working"], one))
    best, least = expected, math.inf
    for base in _BASES:
        for slack in _SLACKS:
            wrong = _PULL * (
                abs(math.log(base / expected.base)) + abs(math.log(slack / expected.slack))
            )
            for fixed, working, one in rigid:
                stretch = 1.0 if one.work.compiled else slack
                guess = fixed + base + stretch * working
                wrong += abs(math.log(guess / one.gb)) / each[one.source]
            if wrong < least - 1e-12:
                best, least = replace(expected, base=base, slack=slack), wrong
    return replace(best, readings=len(given), sources=len(each))


def leave_one_source_out(given: Sequence[tuple[Report, Reading]]) -> list[Score]:
    """Every reading estimated by a fit over the other sources alone, in the given order."""
    fitted = {
        source: fit([one for _, one in given if one.source != source])
        for source in _sources(one for _, one in given)
    }
    scores = []
    for report, one in given:
        guess = estimate(one.work, fitted[one.source]).likely
        scores.append(Score(report.id, one.source, one.gb, guess, guess / one.gb - 1))
    return scores


def calibrate(given: Sequence[tuple[Report, Reading]]) -> Calibration:
    """The fit over all of it, with bars from :func:`leave_one_source_out`."""
    # A reading over the estimate is a ratio above one; 80 of 100 lie within both bars.
    ratios = sorted(one.measured / one.estimated for one in leave_one_source_out(given))
    edge = (1 - _WITHIN) / 2
    below = max(_LEAST_BAR, 1 - quantile(ratios, edge))
    above = max(_LEAST_BAR, quantile(ratios, 1 - edge) - 1)
    found = fit([one for _, one in given])
    return replace(found, below=round(below, 3), above=round(above, 3))


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value below which that share of them lies, between two where it falls between."""
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def _sources(given: Iterable[Reading]) -> list[str]:
    return list(dict.fromkeys(one.source for one in given))
