"""Losses as diffusion trainings make them, healthy and not: seeded, and known by how they are made.

The loss of a step is the level of the run times a factor of its own: log-normal noise of 0.3 to
1.1 (the noise level that was drawn decides it), sometimes with heavy tails and spikes. Figures of
the noise: SD 1.5 and SDXL runs print single losses from 0.03 to 0.4 around 0.1.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator

from ategnatos.train.watching.monitor import Monitor
from ategnatos.train.watching.values import Finding
from ategnatos.trainers.events import Fact, Progress, Validated

Level = Callable[[float], float]


def healthy(kind: str, draw: random.Random) -> Level:
    """The level at a share of the run, 0 to 1."""
    start, gain = draw.choice((0.12, 0.35, 1.1)), draw.uniform(0.25, 0.7)
    if kind == "falling":
        # Falls all the way, by at least a quarter over each third.
        rate = draw.uniform(0.9, 2.2)
        return lambda share: start * math.exp(-rate * share)
    if kind == "settling":
        return lambda share: start * (1 - gain * (1 - math.exp(-6 * share)))
    if kind == "flat":
        return lambda share: start
    raise ValueError(kind)


def sick(kind: str, draw: random.Random) -> Level:
    """The level of a run that leaves it at 0.6 of its length."""
    base = healthy("settling", draw)
    factor = draw.uniform(5, 12)
    shapes: dict[str, Level] = {
        "jumps": lambda share: base(share) * (factor if share > 0.6 else 1.0),
        "climbs": lambda share: base(share) * math.exp(max(0.0, share - 0.6) * 10),
        "from the start": lambda share: base(0) * (1.0 if share < 0.012 else 400.0),
    }
    return shapes[kind]


def losses(level: Level, steps: int, noise: float, draw: random.Random) -> Iterator[float]:
    """One loss a step; one in a thousand is a spike."""
    for step in range(1, steps + 1):
        tail = draw.gauss(0, noise) if draw.random() < 0.95 else draw.gauss(0, 2 * noise)
        spike = draw.uniform(5, 40) if draw.random() < 0.001 else 1.0
        yield level(step / steps) * math.exp(tail - noise * noise / 2) * spike


def averaged(single: Iterator[float], epoch: int) -> Iterator[float]:
    """As kohya prints them: the mean over the steps since an epoch ago, three digits."""
    window: list[float] = []
    for number, loss in enumerate(single):
        if number < epoch:
            window.append(loss)
        else:
            window[number % epoch] = loss
        yield float(f"{sum(window) / len(window):.3g}")


def watch(single: Iterator[float], steps: int, *, epoch: int = 0) -> list[Finding]:
    """What a monitor says of them, with the step at which it says it in ``evidence``.

    ``epoch``: the losses are running averages over so many steps.
    """
    monitor = Monitor(steps)
    found: list[Finding] = []
    if epoch:
        monitor.feed(Fact("batches_an_epoch", epoch), 0.0)
    for step, loss in enumerate(single, 1):
        event = Progress(step, steps, loss, "average" if epoch else "step", 1e-4)
        found += monitor.feed(event, float(step))
    return found + monitor.close()


def validated(
    training: Level, validation: Level, steps: int, looks: int, draw: random.Random, scatter: float
) -> list[Finding]:
    """The same with ``looks`` validations; ``scatter`` is their own noise, as a share."""
    monitor = Monitor(steps)
    found: list[Finding] = []
    every = steps // looks
    for step, loss in enumerate(losses(training, steps, 0.5, draw), 1):
        found += monitor.feed(Progress(step, steps, loss), float(step))
        if step % every == 0:
            held = validation(step / steps) * (1 + draw.gauss(0, scatter))
            found += monitor.feed(Validated(held, step), float(step))
    return found + monitor.close()
