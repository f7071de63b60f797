"""How the rented machines are, from inside, and their disks kept free of what is home already.

A checkpoint is removed on a machine only where newer ones stay and this studio has brought it
home; a log only where nothing writes it and it is old.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.guard.values.shown import shown

if TYPE_CHECKING:
    from ategnatos.machines.ssh.link import Link, Reply

FLEET_ODD = ErrorCode("fleet_odd", "A machine did not say how it is.")

KEEP = 10
LOG_DAYS = 7
# From so much used on, a disk is worth a warning.
FULL = 0.9


@dataclass(frozen=True, slots=True)
class Health:
    """How one machine is. Shares are 0 to 1, memory in MiB; ``runs`` are names with "trains",
    "unbrought" (over, and what it made is not all home) or "over".
    """

    disk_used: float
    disk_free: int
    load: float
    gpus: tuple[tuple[int, int, int], ...] = ()
    runs: dict[str, str] = field(default_factory=dict)

    def facts(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {
            "disk_used": round(self.disk_used, 3),
            "disk_free": self.disk_free,
            "load": self.load,
            "gpus": [
                {"busy_percent": busy, "used_mib": used, "memory_mib": whole}
                for busy, used, whole in self.gpus
            ],
            "runs": self.runs,
        }


@dataclass(frozen=True, slots=True)
class Removed:
    """One thing that was, or would be, removed there: checkpoint, log, part or pid. Bytes."""

    kind: str
    path: str
    size: int

    def facts(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {"kind": self.kind, "path": self.path, "bytes": self.size}


def look(link: Link) -> Health:
    """How the machine is. Raises StudioError (``fleet_odd``, ``machine_unreachable``)."""
    disk, load = (0, 0), 0.0
    gpus: list[tuple[int, int, int]] = []
    runs: dict[str, str] = {}
    for kind, *words in _lines(link, "look"):
        match kind, words:
            case "disk", [used, free] if used.isdecimal() and free.isdecimal():
                disk = int(used), int(free)
            case "load", [text]:
                load = _number(text)
            case "gpu", [text]:
                found = [one.strip() for one in text.split(",")]
                if len(found) == 3 and all(one.isdecimal() for one in found):
                    gpus.append((int(found[0]), int(found[1]), int(found[2])))
            case "run", [how, _, name]:
                runs[name] = how
    whole = sum(disk)
    share = disk[0] / whole if whole else 0.0
    return Health(share, disk[1] * 1024, load, tuple(gpus), runs)


def tidy(link: Link, *, keep: int = KEEP, days: int = LOG_DAYS, dry: bool) -> list[Removed]:
    """Remove what is home already beyond the newest ``keep`` of each run, and what is stale.

    Raises StudioError (``fleet_odd``, ``machine_unreachable``).
    """
    found = _lines(link, f"tidy {max(1, keep)} {max(0, days)} {int(dry)}")
    return [
        Removed(one[0], one[2], int(one[1]) * 1024 if one[1].isdecimal() else 0)
        for one in found
        if len(one) == 3
    ]


def _lines(link: Link, words: str) -> list[list[str]]:
    script = resources.files("ategnatos.studio").joinpath("fleet.sh").read_bytes()
    reply = link.shell(f"sh -s -- {words}", stdin=script, seconds=300)
    if reply.status != 0:
        raise _odd(link, reply)
    return [line.split("\t") for line in reply.text.splitlines()]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _odd(link: Link, reply: Reply) -> StudioError:
    name = link.address.alias
    said = shown(reply.complaint.strip()[-200:])
    return StudioError(
        FLEET_ODD,
        f"{name} did not say how it is ({said}); nothing there was removed.",
        hint=f"Look at it: ategnatos studio provider validate {name}",
        machine=name,
    )
