"""The tries of a run: each a start of the trainer, written down before it begins.

They stand in ``training-state.json``; what each started and said lies in ``attempts/N``.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ategnatos.train.run import state

LOG = "log.txt"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try. ``begins`` is the step of the plan that it goes on from, ``point`` the checkpoint
    ("" from the start). ``output`` is relative to the run's folder. ``end`` is how it ended ("":
    nobody knows yet), ``code`` and ``why`` as in an outcome. ``before_mib`` is the GPU memory that
    others had in use before it began.
    """

    number: int
    begins: int
    point: str
    output: str
    steps: int
    started_at: str
    ended_at: str = ""
    status: int | None = None
    end: str = ""
    code: str = ""
    why: str = ""
    asked: str = ""
    change: dict[str, Any] = field(default_factory=dict)
    before_mib: int = 0

    def folder(self, run: Path) -> Path:
        """Its folder here."""
        return run / "attempts" / str(self.number)

    def log(self, run: Path) -> Path:
        """What it said, whole."""
        return self.folder(run) / LOG


def every(run: Path) -> list[Attempt]:
    """All tries, in order."""
    known = Attempt.__dataclass_fields__
    return [
        Attempt(**{name: value for name, value in one.items() if name in known})
        for one in state.read(run).get("attempts", [])
    ]


def last(run: Path) -> Attempt | None:
    """The newest try, or None before the first."""
    found = every(run)
    return found[-1] if found else None


def outputs(run: Path) -> list[Attempt]:
    """The tries since the training last began anew, newest first, one for each output folder.

    What a try that was resumed has not saved yet, an earlier one in another folder has.
    """
    found: dict[str, Attempt] = {}
    for one in reversed(every(run)):
        found.setdefault(one.output, one)
        if not one.point:
            break
    return list(found.values())


def put(run: Path, attempt: Attempt, **also: Any) -> None:
    """Write a try down, or what became of it; ``also`` are values of the state beside it."""
    others = [asdict(one) for one in every(run) if one.number != attempt.number]
    state.change(run, attempts=[*others, asdict(attempt)], **also)


def ended(run: Path, attempt: Attempt, **values: Any) -> Attempt:
    """Note what became of a try."""
    made = replace(attempt, **values)
    put(run, made)
    return made
