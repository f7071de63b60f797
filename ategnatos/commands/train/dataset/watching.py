"""Progress of looking at pictures: a bar with images a second on a terminal, lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ategnatos.commands.contract import Call

_LINE_EVERY_SECONDS = 10.0


@contextmanager
def watched(call: Call, title: str) -> Iterator[Callable[[Any], None]]:
    """A callback for something with ``done`` and ``total`` (pictures)."""
    begun = last = time.monotonic()
    if not call.live:

        def line(step: Any) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last >= _LINE_EVERY_SECONDS:
                last = now
                rate = step.done / max(now - begun, 1e-6)
                left = (step.total - step.done) / max(rate, 1e-6)
                call.say(
                    f"{title}: {step.done} of {step.total}, {rate:.0f} images/s, {left:.0f} s left"
                )

        yield line
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    from ategnatos.commands.terminal import console, plain

    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:.0f} images/s, left"),
        TimeRemainingColumn(),
        console=console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task(plain(title), total=None, rate=0.0)

        def show(step: Any) -> None:
            rate = step.done / max(time.monotonic() - begun, 1e-6)
            bar.update(task, completed=step.done, total=step.total, rate=rate)

        yield show
