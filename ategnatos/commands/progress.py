"""Progress of long work on stderr: a bar with an estimate for a person, silence for a machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ategnatos.commands.terminal import console, plain

if TYPE_CHECKING:
    from ategnatos.commands.contract import Call
    from ategnatos.engines import Progress


@contextmanager
def progress(call: Call, title: str) -> Iterator[Callable[[Progress], None] | None]:
    """A callback for ``Engine.generate`` that draws on a terminal; None where nobody watches."""
    if not call.live:
        yield None
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bar

    with Bar(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("so far,"),
        TimeRemainingColumn(),
        TextColumn("left"),
        console=console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task(plain(title), total=None)

        def show(step: Progress) -> None:
            bar.update(task, completed=step.done, total=step.total)

        yield show
