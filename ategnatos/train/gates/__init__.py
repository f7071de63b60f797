"""The four gates before a training: dataset, configuration, environment, dry run.

A gate is no flag. Its state is worked out each time from the journal and from what is there now:
the dataset's bytes, the plan, the machine, the trainer. Any change closes what was bound to it.

    for one in gates.states(project, kept, "kohya", "local"): print(one.number, one.open, one.why)
    opened = gates.require(project, kept, "kohya", "local")      # or a refusal with the command
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from ategnatos.grimoire.journal import Event
    from ategnatos.grimoire.project import Project
    from ategnatos.train.plan.store import Kept

TRAIN_GATE = ErrorCode("train_gate", "A gate of the training is closed.")

NAMES = ("dataset", "configuration", "environment", "dry run")


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate as it stands. ``why`` says what closes it ("" where it is open), ``command`` what
    opens it; ``event`` is its record in the journal ("" where there is none) and ``at`` its time.
    ``facts`` is what was found when it was opened.
    """

    number: int
    name: str
    open: bool
    why: str
    command: str
    event: str = ""
    at: str = ""
    facts: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Now:
    """Whether what gate 3 found still stands. ``binding`` is the hash of what is there now (""
    where nobody could look), ``changed`` what differs in words, ``problem`` why nobody could.
    """

    event: Event | None
    binding: str = ""
    changed: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """All four gates, open, and what they found: where a run begins.

    ``home`` and ``python`` are the trainer's on that machine. ``seconds_a_step`` and ``peak_mib``
    are the dry run's, None where there was nothing to measure. ``environment`` is the snapshot.
    """

    gates: tuple[Gate, ...]
    home: str
    python: str
    gpu: str
    seconds_a_step: float | None
    peak_mib: int | None
    environment: dict[str, Any]


def states(
    project: Project,
    kept: Kept,
    trainer: str,
    machine: str,
    only: Sequence[int] = (1, 2, 3, 4),
) -> tuple[Gate, ...]:
    """All four in order, or ``only`` those. Looks at files, at the trainer and at the machine (for
    3 and 4, once there is a record of it); what cannot be looked at closes its gate, with why.
    Never raises for a closed one.
    """
    from ategnatos.train.gates import configuration, dry_run, environment, pictures
    from ategnatos.train.machine import name_of

    machine = name_of(project, machine)
    asks_machine = any(number in only for number in (3, 4))
    now = environment.looked(project, kept, trainer, machine) if asks_machine else Now(None)
    made: dict[int, tuple[Callable[[], Gate], str]] = {
        1: (lambda: pictures.state(project, kept), pictures.command(kept)),
        2: (
            lambda: configuration.state(project, kept, trainer),
            configuration.command(kept, trainer),
        ),
        3: (
            lambda: environment.state(project, kept, trainer, machine, now),
            environment.command(kept, trainer, machine),
        ),
        4: (
            lambda: dry_run.state(project, kept, trainer, machine, now),
            dry_run.command(kept, trainer, machine),
        ),
    }
    return tuple(_state(number, *made[number]) for number in sorted(only))


def require(
    project: Project,
    kept: Kept,
    trainer: str,
    machine: str,
    only: Sequence[int] = (1, 2, 3, 4),
) -> Opened:
    """What the gates found, where all of ``only`` are open.

    Raises StudioError (``train_gate``) for the first that is closed, with the command to run.
    """
    found = states(project, kept, trainer, machine, only)
    closed = [one for one in found if not one.open]
    if closed:
        one = closed[0]
        raise StudioError(
            TRAIN_GATE,
            f"Gate {one.number} ({one.name}) of the plan {kept.name!r} is closed: {one.why}."
            " Nothing was started.",
            hint=one.command,
            plan=kept.name,
            trainer=trainer,
            machine=machine,
            gate=one.number,
            why=one.why,
            closed=[other.number for other in closed],
        )
    facts = {one.number: one.facts for one in found}
    there, tried = facts.get(3, {}), facts.get(4, {})
    return Opened(
        found,
        home=there.get("home", ""),
        python=there.get("python", ""),
        gpu=there.get("gpu", ""),
        seconds_a_step=tried.get("seconds_a_step"),
        peak_mib=tried.get("peak_mib"),
        environment=there,
    )


def _state(number: int, look: Callable[[], Gate], command: str) -> Gate:
    try:
        return look()
    except StudioError as error:
        why = error.message.rstrip(".")
        return Gate(number, NAMES[number - 1], False, why, error.hint or command)
