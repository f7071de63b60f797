"""The curves of a run as the page draws them: loss raw and smoothed, validation, learning rate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ategnatos.train.watching import curve, thinning
from ategnatos.train.watching.smoothing import Smoothed, span_of
from ategnatos.web import charts

if TYPE_CHECKING:
    from pathlib import Path

    from ategnatos.train.checkpoints.entry import Entry
    from ategnatos.train.watching.values import Point

POINTS = 600
# Losses of single steps jump: the highest of a hundred do not set the height of the drawing.
_SHOWN_SHARE = 0.98


@dataclass(frozen=True, slots=True)
class Drawn:
    """Paths and letters of both charts; ``facts`` is what the page's script reads points from."""

    steps: int
    last: int
    raw: str
    smoothed: str
    validation: str
    saves: str
    best: str
    rate: str
    loss_letters: list[str]
    step_letters: list[str]
    rate_letters: list[str]
    said: str
    facts: dict[str, Any]


def points_of(folder: Path) -> tuple[Point, ...]:
    """Every point of the curve of the run in ``folder``; read again only where it grew.

    Raises OSError.
    """
    try:
        marks = (folder / curve.NAME).stat()
    except FileNotFoundError:
        return ()
    return _read(folder, marks.st_mtime_ns, marks.st_size)


@lru_cache(maxsize=8)
def _read(folder: Path, modified_ns: int, size: int) -> tuple[Point, ...]:
    return curve.read(folder).points


def drawn(folder: Path, steps: int, saved: tuple[Entry, ...], best: Entry | None) -> Drawn | None:
    """The curves of the run in ``folder``; None before the first loss. Raises OSError."""
    points = [one for one in points_of(folder) if one.loss is not None]
    if not points:
        return None
    average = _smoothed(points, steps)
    chosen = thinning.thin([one.loss for one in points], POINTS)
    wanted = sorted({*chosen, *range(0, len(points), max(1, len(points) // POINTS))})
    checked = [(one.step, one.validation) for one in points if one.validation is not None]
    at = charts.frame(
        [one.step for one in points], _height(points, average, checked), right=float(steps)
    )
    rates = [(float(points[n].step), points[n].rate) for n in wanted]
    known = [(x, y) for x, y in rates if y is not None]
    rated = charts.frame(
        [x for x, _ in rates], max((y for _, y in known), default=0), right=at.right
    )
    there = [one for one in saved if not one.removed]
    return Drawn(
        steps=len(points),
        last=points[-1].step,
        raw=charts.line(at, [(points[n].step, points[n].loss or 0.0) for n in wanted]),
        smoothed=charts.line(at, [(points[n].step, average[n]) for n in wanted]),
        validation=charts.dots(at, checked) + charts.line(at, checked),
        saves=charts.upright(at, [one.step for one in there if one is not best]),
        best="" if best is None else charts.upright(at, [best.step]),
        rate=charts.line(rated, known),
        loss_letters=charts.letters(at.low, at.high),
        step_letters=charts.letters(at.left, at.right),
        rate_letters=charts.letters(rated.low, rated.high),
        said=_said(points, average, checked),
        facts={
            "left": at.left,
            "right": at.right,
            "steps": [points[n].step for n in wanted],
            "loss": [_json(points[n].loss) for n in wanted],
            "smoothed": [_json(average[n]) for n in wanted],
            "rate": [_json(points[n].rate) for n in wanted],
            "validation": [[step, _json(value)] for step, value in checked],
        },
    )


def _smoothed(points: list[Point], steps: int) -> list[float]:
    """As the monitor smooths: over every step, before any is left out for the drawing."""
    made = Smoothed(span_of(steps or points[-1].step))
    found = []
    for one in points:
        if one.loss is not None:
            made.add(one.loss, average=one.average)
        found.append(math.nan if made.value is None else made.value)
    return found


def _height(points: list[Point], average: list[float], checked: list[tuple[int, float]]) -> float:
    losses = sorted(one.loss for one in points if one.loss is not None and math.isfinite(one.loss))
    shown = losses[int((len(losses) - 1) * _SHOWN_SHARE)] if losses else 0.0
    means = [one for one in average if math.isfinite(one)]
    proofs = [value for _, value in checked if math.isfinite(value)]
    return max([shown, *means, *proofs], default=0.0)


def _said(points: list[Point], average: list[float], checked: list[tuple[int, float]]) -> str:
    """The drawing in one sentence, for whoever does not see it."""
    known = [one for one in average if math.isfinite(one)]
    if not known:
        return f"{len(points)} steps, none of whose losses is a number"
    said = (
        f"Smoothed loss from {charts.spoken(known[0])} to {charts.spoken(known[-1])}, lowest"
        f" {charts.spoken(min(known))}, over {points[-1].step} steps"
    )
    proofs = [value for _, value in checked if math.isfinite(value)]
    return said + (f"; validation loss last {charts.spoken(proofs[-1])}" if proofs else "")


def _json(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, 8)
