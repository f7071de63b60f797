"""Progress of reading or downloading on stderr: bytes, speed, time left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ategnatos.commands.contract import Call


@contextmanager
def bytes_bar(call: Call, title: str) -> Iterator[Callable[[int, int | None], None]]:
    """Bytes done and in all, drawn with speed and time left where a person watches."""
    if not call.live:
        yield lambda done, whole: None
        return
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    from ategnatos.commands.terminal import console

    columns: list[Any] = [
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    ]
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, whole: bar.update(task, completed=done, total=whole)
