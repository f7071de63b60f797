"""One real refusal for every error code of the locks and their command."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from ategnatos.commands import lock
from ategnatos.commands.contract import Call
from ategnatos.guard import locks
from ategnatos.guard.locks import store
from ategnatos.guard.locks.names import parse_resource
from ategnatos.guard.locks.process import this

NAME = "gpu:local:0"


def resource_held(folder: Path) -> None:
    place = store.Store(folder / "locks")
    locks.acquire(NAME, who="/train", process=this(), store=place)
    locks.acquire(NAME, who="/art", process=this(), store=place, timeout=0)


def lock_lost(folder: Path) -> None:
    place = store.Store(folder / "locks")
    held = locks.acquire(NAME, who="/train", process=this(), store=place)
    place.give_back(NAME, held.token)
    held.verify()


def lock_damaged(folder: Path) -> None:
    place = store.Store(folder / "locks")
    locks.acquire(NAME, who="/train", process=this(), store=place)
    next(place.folder.glob("*.json")).write_text("{")
    place.look(NAME)


def lock_busy(folder: Path) -> None:
    place = store.Store(folder / "locks")
    locks.acquire(NAME, who="/train", process=this(), store=place).give_back()
    gate = next(place.folder.glob("*.gate"))
    code = "import fcntl, sys; f = open(sys.argv[1]); fcntl.flock(f, 2); print(flush=True); input()"
    usual, store._GATE_SECONDS = store._GATE_SECONDS, 0.05
    with subprocess.Popen(
        [sys.executable, "-c", code, str(gate)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        try:
            locks.acquire(NAME, who="/art", process=this(), store=place)
        finally:
            store._GATE_SECONDS = usual
            other.communicate(b"\n")


def _leased() -> None:
    lock.acquire(Call("lock acquire"), NAME, 0.0, "/train", None, 5, None)


def lock_not_yours(folder: Path) -> None:
    _leased()
    lock.release(Call("lock release"), NAME, None)


def force_token(folder: Path) -> None:
    _leased()
    lock.force_release(Call("lock force-release"), NAME, None)


def process_unknown(folder: Path) -> None:
    lock.acquire(Call("lock acquire"), NAME, 0.0, None, 2**22 + 1, None, None)


CASES: dict[str, Callable[[Path], None]] = {
    "resource_held": resource_held,
    "lock_lost": lock_lost,
    "lock_damaged": lock_damaged,
    "lock_busy": lock_busy,
    "resource_invalid": lambda _: parse_resource("printer:1") and None,
    "lock_not_yours": lock_not_yours,
    "force_token": force_token,
    "process_unknown": process_unknown,
}
