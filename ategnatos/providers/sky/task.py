"""A task for SkyPilot: what a training or a ComfyUI needs of a cloud, as its YAML.

Fields: https://docs.skypilot.co/en/latest/reference/yaml-spec.html, held against SkyPilot 0.14.1.
Each task of ours has a highest price and ends its cluster when it idles: without either, nothing
bounds what it costs, so it is not launched.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from ategnatos.grimoire.errors import StudioError
from ategnatos.providers.sky.program import SKY_TASK

_GPUS = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}(:[1-9][0-9]?)?")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
_CLOUD = re.compile(r"[a-z0-9]+(/[A-Za-z0-9*_-]+){0,2}")


@dataclass(frozen=True, slots=True)
class Task:
    """One task. ``gpus`` as SkyPilot writes it ("L4:1"); ``most`` USD an hour, at most;
    ``mounts`` are places on the machine with the files or folders here that go there;
    ``clouds`` ("aws", "gcp/us-central1") are tried as any of them, none: all that are set up.
    """

    name: str
    gpus: str
    most: Decimal
    setup: str
    run: str = ""
    mounts: Mapping[str, Path] = field(default_factory=dict)
    clouds: tuple[str, ...] = ()
    spot: bool = False
    disk_gb: int = 80
    idle_minutes: int = 30

    def text(self) -> str:
        """The YAML. Raises StudioError (``sky_task``)."""
        import yaml

        self._checked()
        resources: dict[str, Any] = {
            "accelerators": self.gpus if ":" in self.gpus else f"{self.gpus}:1",
            "use_spot": self.spot,
            "disk_size": self.disk_gb,
            "max_hourly_cost": float(self.most),
            "autostop": {"idle_minutes": self.idle_minutes, "down": True},
        }
        if self.clouds:
            resources["any_of"] = [{"infra": one} for one in self.clouds]
        task: dict[str, Any] = {"name": self.name, "num_nodes": 1, "resources": resources}
        if self.mounts:
            task["file_mounts"] = {far: str(near.resolve()) for far, near in self.mounts.items()}
        task["setup"] = self.setup
        if self.run:
            task["run"] = self.run
        return str(yaml.dump(task, Dumper=_dumper(), sort_keys=False, allow_unicode=True))

    def _checked(self) -> None:
        faults = []
        if not _NAME.fullmatch(self.name):
            faults.append("its name is not of small letters, digits and hyphens")
        if not _GPUS.fullmatch(self.gpus):
            faults.append(f"{self.gpus!r} names no GPU; write L4:1")
        faults += [f"{one!r} names no cloud" for one in self.clouds if not _CLOUD.fullmatch(one)]
        for far, near in self.mounts.items():
            if not far or any(letter in far for letter in "\0\n"):
                faults.append(f"{far!r} is no place on a machine")
            if not near.exists():
                faults.append(f"{near} is not there")
        if not (self.most.is_finite() and self.most > 0):
            faults.append("it has no highest price")
        if not (1 <= self.idle_minutes <= 1440 and 1 <= self.disk_gb <= 100_000):
            faults.append("idle minutes are 1 to 1440, GB of disk 1 to 100000")
        if faults:
            raise _odd("; ".join(faults))


@dataclass(frozen=True, slots=True)
class Bounds:
    """What of a task bounds its cost: USD an hour, minutes of idleness; and what it asks for."""

    most: Decimal
    idle_minutes: int
    gpus: str
    count: int
    spot: bool
    disk_gb: int


def bounds(text: str) -> Bounds:
    """Read from a task, ours or anybody's. Raises StudioError (``sky_task``) where it has none."""
    import yaml

    try:
        task = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise _odd(f"it is no YAML ({error})") from error
    resources = task.get("resources") if isinstance(task, dict) else None
    if not isinstance(resources, dict):
        raise _odd("it says nothing of resources")
    most = resources.get("max_hourly_cost")
    if isinstance(most, bool) or not isinstance(most, int | float) or not 0 < most < math.inf:
        raise _odd("resources.max_hourly_cost is missing, so nothing bounds its price")
    ends = resources.get("autostop")
    if not isinstance(ends, dict) or ends.get("down") is not True:
        raise _odd("resources.autostop.down is not true, so it would bill on when it idles")
    idle = ends.get("idle_minutes")
    if isinstance(idle, bool) or not isinstance(idle, int) or not 0 <= idle <= 1440:
        raise _odd("resources.autostop.idle_minutes is no number of minutes up to 1440")
    if task.get("num_nodes", 1) != 1:
        raise _odd("it asks for several machines, and max_hourly_cost bounds only one")
    if any("max_hourly_cost" in one for one in _choices(resources)):
        raise _odd("max_hourly_cost stands in one of its choices and would bound only that")
    gpus = resources.get("accelerators")
    gpus = gpus if isinstance(gpus, str) else str(gpus or "any")
    name, _, number = gpus.partition(":")
    disk = resources.get("disk_size")
    return Bounds(
        Decimal(str(most)),
        idle,
        name,
        int(number) if number.isdecimal() else 1,
        resources.get("use_spot") is True,
        disk if isinstance(disk, int) else 0,
    )


def _choices(resources: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = []
    for name in ("any_of", "ordered"):
        given = resources.get(name)
        found += [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    return found


def _dumper() -> Any:
    """The safe one, which writes a script as the lines that it is, for people."""
    import yaml

    class Readable(yaml.SafeDumper):
        pass

    def script(dumper: Any, text: str) -> Any:
        style = "|" if "\n" in text else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    Readable.add_representer(str, script)
    return Readable


def _odd(why: str) -> StudioError:
    return StudioError(
        SKY_TASK,
        f"The task cannot be launched: {why}. Nothing was launched.",
        hint="ategnatos studio provider sky task --help",
    )
