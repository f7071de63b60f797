"""One checkpoint as the ledger knows it."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

_STEP = re.compile(r"(?:^|[^0-9])(?:step|checkpoint|state)?[-_]?0*(\d{1,12})(?=\D|$)")
_CANONICAL = re.compile(r"checkpoint-(\d+)-\d{8}-\d{4}(?:-\d+)?")


@dataclass(frozen=True, slots=True)
class Entry:
    """One save. ``weights`` and ``state`` are paths relative to the run's folder, "" where there
    is none; ``sha256`` and ``bytes`` are those of the weights, ``state_sha256`` and
    ``state_bytes`` of what can be resumed from.

    ``whole``: the weights can be used; ``state_whole``: it can be resumed from; ``why`` says what
    is wrong. ``loss``, ``smoothed``, ``validation``, ``rate``, ``epoch``, ``effort`` and ``level``
    are as they stood at the save, ``mean`` is the mean loss since the save before. ``facts`` say
    what was trained (plan, dataset, trainer). ``removed`` files are gone for the reason ``why``.
    ``aside`` is the folder that a broken one was moved to. ``used`` says by whom it was used, and
    when. ``health`` is what :mod:`ategnatos.train.checkpoints.health` found.
    """

    name: str
    step: int
    epoch: int | None
    weights: str
    state: str
    sha256: str
    bytes: int
    at: str
    loss: float | None = None
    smoothed: float | None = None
    validation: float | None = None
    rate: float | None = None
    effort: float | None = None
    level: int | None = None
    mean: float | None = None
    samples: tuple[str, ...] = ()
    whole: bool = True
    why: str = ""
    final: bool = False
    removed: bool = False
    state_sha256: str = ""
    state_bytes: int = 0
    state_whole: bool = True
    aside: str = ""
    health: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    used: tuple[dict[str, str], ...] = ()
    stamp: tuple[int, ...] = (0, 0, 0, 0)

    @property
    def usable(self) -> bool:
        """Whether its weights are there and whole."""
        return bool(self.weights) and self.whole and not self.removed

    @property
    def resumable(self) -> bool:
        """Whether the run can go on from it."""
        there = bool(self.state) and self.state_whole and not self.removed
        return there and not self.final and (self.whole or not self.weights)

    def facts_of_it(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {**asdict(self), "usable": self.usable, "resumable": self.resumable}


_NAMES = {one.name for one in fields(Entry)}
_TUPLES = ("samples", "used", "stamp")


def from_json(said: dict[str, Any]) -> Entry:
    """An entry as it was written; what is not known is left out. Raises TypeError, KeyError."""
    known = {name: value for name, value in said.items() if name in _NAMES}
    for name in _TUPLES:
        if name in known:
            known[name] = tuple(known[name])
    return Entry(**known)


def canonical(step: int, now: datetime, taken: set[str]) -> str:
    """``checkpoint-{step}-{YYYYMMDD}-{HHMM}``, in UTC; a second one of the same minute gets -2.

    >>> canonical(500, datetime(2026, 11, 21, 18, 4, tzinfo=UTC), set())
    'checkpoint-500-20261121-1804'
    """
    name = f"checkpoint-{step}-{now.astimezone(UTC):%Y%m%d-%H%M}"
    found, number = name, 1
    while found in taken:
        number += 1
        found = f"{name}-{number}"
    return found


def extract_step(name: str) -> int | None:
    """The step in any name of a checkpoint; None where it has none.

    >>> [extract_step(one) for one in (
    ...     "checkpoint-500-20261121-1804", "checkpoint-1500", "owl-step00000500.safetensors",
    ...     "owl_000000250.safetensors", "state-000012.safetensors", "owl.safetensors")]
    [500, 1500, 500, 250, 12, None]
    """
    whole = _CANONICAL.search(name)
    if whole:
        return int(whole[1])
    found = _STEP.findall(name.removesuffix(".safetensors"))
    return int(found[-1]) if found else None
