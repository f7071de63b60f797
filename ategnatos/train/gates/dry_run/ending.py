"""How a dry run ends: together with whoever asked for it, or by the next one."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import StudioError
from ategnatos.train.machine import MACHINE_UNKNOWN, machine_of
from ategnatos.train.run.keeper import Keeper, Signal

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project

ATTEMPT = 1
# Where a dry run lies and which Python keeps it, in its folder.
ABOUT = "place.json"
# Between two looks at a process of this computer.
NEAR_SECONDS = 0.2
# What a trainer may take to end by itself before it is killed.
_GRACE_SECONDS = 10.0


@contextmanager
def together() -> Iterator[None]:
    """A request to end, or a closed terminal, is what Ctrl-C is; and Ctrl-C is heard though the
    shell that started this in the background had it ignored.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: dict[int, Any] = {
        one: signal.signal(one, stop) for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def end(keeper: Keeper) -> None:
    """End the trainer and all it started; what does not end by itself is killed. One that is only
    about to begin is waited for: it would begin after whoever asked for it is gone.
    """
    names: tuple[Signal, ...] = ("TERM", "KILL")
    for name in names:
        sent, limit = False, time.monotonic() + _GRACE_SECONDS
        while time.monotonic() < limit:
            look = keeper.look(ATTEMPT, 0)
            if look.over or not look.began:
                return
            sent = sent or keeper.signal(ATTEMPT, name)
            time.sleep(NEAR_SECONDS)


def leftovers(project: Project, base: Path, say: Callable[[str], None]) -> None:
    """End trainers of dry runs whose command was killed. Only one dry run of a plan is at work at
    a time (the lock of :mod:`recording`), so none of them is somebody's.
    """
    for one in sorted(base.iterdir()) if base.is_dir() else ():
        about = _about(one)
        if about is None or (one / "verdict.json").exists():
            continue
        try:
            keeper = Keeper(machine_of(project, about["machine"]), about["there"], about["python"])
            if keeper.look(ATTEMPT, 0).alive:
                say(f"Ending what is left of dry run {one.name} ...")
                end(keeper)
        except StudioError as error:
            if error.code is not MACHINE_UNKNOWN:
                where = about["machine"]
                say(f"Dry run {one.name} on {where} could not be looked at: {error.message}")
                continue
        # Nothing of it lives, or its machine is gone: it is not looked at again.
        (one / ABOUT).unlink(missing_ok=True)


def _about(folder: Path) -> dict[str, str] | None:
    try:
        found: dict[str, str] = json.loads((folder / ABOUT).read_bytes())
    except (OSError, ValueError):
        return None
    return found
