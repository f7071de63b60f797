"""Who holds a lease: a name for people, and enough to see that a process of ours is dead.

A lease runs out by itself. But whoever shares this machine with a dead owner need not wait for
that: process ids are compared together with the time the process started (against reuse), the
boot and the namespace (against another container with the same numbers). Where any of that is
not to be had, nobody is declared dead. It is a short cut and no more: the fence still decides.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path


def owner_name(number: int | str = 0) -> str:
    """``studio-pc:4711:0@<mark>``: machine, process, and which of its workers."""
    host = os.uname().nodename.partition(".")[0]
    mark = _mark(os.getpid())
    return f"{host}:{os.getpid()}:{number}" + (f"@{mark}" if mark else "")


def spoken(owner: str) -> str:
    """The name without its mark."""
    return owner.partition("@")[0]


def is_gone(owner: str | None) -> bool:
    """Whether that was a process of this machine, and it is certain that it has ended."""
    name, _, mark = (owner or "").partition("@")
    parts = name.split(":")
    if not mark or len(parts) < 3 or not parts[-2].isdigit():
        return False
    _, here = _surroundings()
    if mark.partition(".")[2] != here:
        return False
    return _mark(int(parts[-2])) != mark


def gone(owners: Iterable[str]) -> list[str]:
    """Those of the owners that :func:`is_gone`."""
    return [owner for owner in owners if is_gone(owner)]


def _mark(pid: int) -> str:
    """Start of the process, boot and namespace; "" where this system does not tell."""
    known, here = _surroundings()
    if not known:
        return ""
    try:
        # The name of the program, in brackets, may hold anything; the 22nd field is the start.
        facts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return f"ended.{here}"
    # A zombie has ended and only waits to be collected.
    return f"ended.{here}" if facts[0] in "ZX" else f"{facts[19]}.{here}"


@cache
def _surroundings() -> tuple[bool, str]:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
        space = Path("/proc/self/ns/pid").readlink().name.strip("pid:[]")
        Path("/proc/self/stat").read_text()
    except OSError:
        return False, ""
    return True, f"{boot}.{space}"
