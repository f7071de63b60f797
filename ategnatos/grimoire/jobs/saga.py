"""What may happen to a job, as data: states, moves, who makes them, and what costs money.

A saga is one JSON file in ``sagas/`` beside this module. ``states`` maps a name to what it says
to a person and, where it is more than a place to rest, ``runs`` (the step function that a worker
carries out in it), ``bills`` (that step sends something that costs money) or ``waits_for``
(``person``). ``moves`` are tried in their order: the first one that a worker may make and that
is meant for the job's kind is the way on. Every state that is worked in may also fail, and what
failed may be tried again from there; that needs no line in the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

SAGA_UNKNOWN = ErrorCode("saga_unknown", "There is no saga of that name.")
SAGA_BROKEN = ErrorCode("saga_broken", "The file of a saga does not describe one.")

PERSON = "person"
WORKER = "worker"


@dataclass(frozen=True, slots=True)
class State:
    """One state. ``says`` is for people; ``runs`` names a step function."""

    name: str
    says: str
    runs: str | None = None
    bills: bool = False
    waits_for: str | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """One way from a state to another. ``kinds`` empty means every kind of job."""

    before: str
    after: str
    by: str = WORKER
    kinds: tuple[str, ...] = ()

    def fits(self, kind: str) -> bool:
        """Whether a job of that kind may go this way."""
        return not self.kinds or kind in self.kinds


@dataclass(frozen=True, slots=True)
class Saga:
    """States and moves; made by :func:`load` or :func:`read`, which check that they hold."""

    name: str
    about: str
    start: str
    failed: str
    states: dict[str, State] = field(hash=False)
    moves: tuple[Move, ...] = ()

    def onward(self, state: str, kind: str) -> str | None:
        """Where a worker takes a job of ``kind`` from ``state``; None where it may not."""
        for move in self.moves:
            if move.before == state and move.by == WORKER and move.fits(kind):
                return move.after
        return None

    def runnable(self, state: str, kind: str) -> bool:
        """Whether a worker carries the job on from ``state``."""
        return self.states[state].runs is not None or (
            self.states[state].waits_for is None and self.onward(state, kind) is not None
        )

    def allows(self, before: str, after: str, by: str, kind: str) -> bool:
        """Whether ``by`` (a worker or a person) may take the job from ``before`` to ``after``."""
        return any(
            (one.before, one.after, one.by) == (before, after, by) and one.fits(kind)
            for one in self.moves
        )

    def ways_of_a_person(self, state: str, kind: str) -> list[str]:
        """Where a person's word may take a job of ``kind`` from ``state``."""
        return [
            one.after
            for one in self.moves
            if one.before == state and one.by == PERSON and one.fits(kind)
        ]

    def ends(self, state: str) -> bool:
        """Whether nothing follows by itself or by anybody's word; a failed job may be retried."""
        return not any(one.before == state for one in self.moves)

    def steps(self) -> set[str]:
        """The names of the step functions it needs."""
        return {state.runs for state in self.states.values() if state.runs is not None}


@cache
def load(name: str) -> Saga:
    """The saga called ``name`` that ships with the program. Raises StudioError
    (``saga_unknown``, ``saga_broken``).
    """
    home = _home()
    file = home.joinpath(f"{name}.json")
    if not name.isidentifier() or not file.is_file():
        raise StudioError(
            SAGA_UNKNOWN,
            f"There is no saga called {name!r}; nothing was done.",
            hint=f"The sagas are: {', '.join(names())}.",
            known=names(),
        )
    return _parsed(name, file.read_bytes())


def read(path: Path) -> Saga:
    """A saga from a file of its own, named like the file. Raises StudioError (``saga_broken``)."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _broken(path.stem, f"it cannot be read ({error.strerror})") from error
    return _parsed(path.stem, content)


def names() -> list[str]:
    """The sagas that ship with the program, sorted."""
    found = (one.name for one in _home().iterdir())
    return sorted(name.removesuffix(".json") for name in found if name.endswith(".json"))


def _home() -> Traversable:
    return files("ategnatos.grimoire.jobs").joinpath("sagas")


def _parsed(name: str, content: bytes) -> Saga:
    try:
        facts: dict[str, Any] = json.loads(content)
        saga = Saga(
            name,
            str(facts["about"]),
            str(facts["start"]),
            str(facts["failed"]),
            {key: State(key, **value) for key, value in facts["states"].items()},
            tuple(
                Move(one["from"], one["to"], one.get("by", WORKER), tuple(one.get("kinds", ())))
                for one in facts["moves"]
            ),
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise _broken(name, f"{type(error).__name__}: {error}") from error
    for problem in _problems(saga):
        raise _broken(name, problem)
    return saga


def _problems(saga: Saga) -> Iterable[str]:
    named = {saga.start, saga.failed, *(s for one in saga.moves for s in (one.before, one.after))}
    for unknown in sorted(named - set(saga.states)):
        yield f"it names a state {unknown!r} that it does not describe"
        return
    for one in saga.moves:
        if one.by not in (WORKER, PERSON):
            yield f"the move from {one.before} to {one.after} is by {one.by!r}"
    for state in saga.states.values():
        by = {one.by for one in saga.moves if one.before == state.name}
        if state.runs is not None and WORKER not in by:
            yield f"a worker finishes {state.name} and has nowhere to go"
        if state.waits_for is not None and (state.waits_for != PERSON or by != {PERSON}):
            yield f"{state.name} waits for {state.waits_for!r}, and moves by {sorted(by)}"
        if state.bills and state.runs is None:
            yield f"{state.name} bills and runs nothing"
    reached = {saga.start, saga.failed}
    for _ in saga.states:
        reached |= {one.after for one in saga.moves if one.before in reached}
    for lonely in sorted(set(saga.states) - reached):
        yield f"nothing leads to {lonely}"


def _broken(name: str, why: str) -> StudioError:
    return StudioError(
        SAGA_BROKEN,
        f"The saga {name!r} cannot be used: {why}. No job was touched.",
        hint="Mend its file, or install the program again: pip install --force-reinstall ategnatos",
        saga=name,
    )
