"""Progress bars as tqdm draws them, read into numbers.

    steps:  33%|###       | 4/12 [01:42<03:25, 25.66s/it, avr_loss=1.05]

The picture of the bar may be missing (a terminal without width), and text may be glued behind it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from ategnatos.trainers.events import Progress

_BAR = re.compile(
    r"(?P<label>[^|%\[\]]*?):?\s*(?P<percent>\d{1,3})%(?:\|(?P<drawn>[^|]*)\|)?\s*"
    r"(?P<done>\d+)/(?P<total>\d+)\s*"
    r"\[(?P<elapsed>[\d:]+)<(?P<remaining>[\d:?]+)"
    r"(?:,\s*(?P<speed>[\d.]+|\?)\s*(?P<unit>s/it|it/s))?(?:,\s*(?P<after>[^\]]*))?\]"
)


@dataclass(frozen=True, slots=True)
class Bar:
    """One drawing of a bar. ``after`` is what follows the speed; ``rest`` what is glued behind.

    ``seconds`` is the time a step takes, ``elapsed`` and ``remaining`` in seconds.
    """

    label: str
    done: int
    total: int
    elapsed: float | None
    remaining: float | None
    seconds: float | None
    after: str
    rest: str


def read(line: str) -> Bar | None:
    """The bar of a line, or None."""
    if "%" not in line or "[" not in line:
        return None
    found = _BAR.search(line)
    if found is None:
        return None
    return Bar(
        found["label"].strip(),
        int(found["done"]),
        int(found["total"]),
        seconds(found["elapsed"]),
        seconds(found["remaining"]),
        _speed(found["speed"], found["unit"]),
        (found["after"] or "").strip(),
        line[found.end() :],
    )


def progress(
    bar: Bar,
    loss: float | None,
    loss_is: Literal["step", "average"],
    loss_step: int | None,
    rate: float | None,
    *,
    epoch: int | None = None,
    epochs: int | None = None,
) -> Progress:
    """The event of a training's bar, with what was read of the text behind it."""
    return Progress(
        bar.done,
        bar.total,
        loss,
        loss_is,
        rate,
        bar.seconds,
        bar.elapsed,
        bar.remaining,
        epoch,
        epochs,
        loss_step,
    )


def seconds(text: str) -> float | None:
    """``27:02:03`` or ``02:03`` in seconds; None for ``?``.

    >>> seconds("1:02:03"), seconds("?")
    (3723.0, None)
    """
    if "?" in text:
        return None
    total = 0.0
    for part in text.split(":"):
        total = total * 60 + float(part or 0)
    return total


def number(text: str) -> float | None:
    """A figure as a trainer prints it (``1.1``, ``1e-4``, ``nan``); None where it is none."""
    try:
        return float(text)
    except ValueError:
        return None


def values(after: str) -> dict[str, float]:
    """``lr: 1.0e-04 loss: 1.184e+00`` or ``lr=0.0001, step_loss=1.07`` by name."""
    found = {}
    for name, text in re.findall(r"([A-Za-z_]\w*)\s*[:=]\s*([-+\w.]+)", after):
        figure = number(text)
        if figure is not None:
            found[name] = figure
    return found


def _speed(text: str | None, unit: str | None) -> float | None:
    if text is None or text == "?":
        return None
    figure = float(text)
    if unit == "it/s":
        return 1 / figure if figure else None
    return figure
