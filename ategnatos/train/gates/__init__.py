"""The four gates before a training: dataset, configuration, environment, dry run.

A gate is no flag. Its state is worked out each time from the journal and from what is there now:
the dataset's bytes, the plan, the machine, the trainer. Any change closes what was bound to it.

    for one in gates.states(project, kept, "kohya", "local"): print(one.number, one.open, one.why)
    opened = gates.require(project, kept, "kohya", "local")      # or a refusal with the command
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
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


def states(project: Project, kept: Kept, trainer: str, machine: str) -> tuple[Gate, ...]:
    """All four, in order. Looks at files, at the trainer and at the machine; what cannot be
    looked at closes its gate, with why. Never raises for a closed one.
    """
    from ategnatos.train.gates import configuration, dry_run, environment, pictures

    now = environment.looked(project, kept, trainer, machine)
    return (
        _state(0, lambda: pictures.state(project, kept), pictures.command(kept)),
        _state(
            1,
            lambda: configuration.state(project, kept, trainer),
            configuration.command(kept, trainer),
        ),
        _state(
            2,
            lambda: environment.state(project, kept, trainer, machine, now),
            environment.command(kept, trainer, machine),
        ),
        _state(
            3,
            lambda: dry_run.state(project, kept, trainer, machine, now),
            dry_run.command(kept, trainer, machine),
        ),
    )


def require(
    project: Project,
    kept: Kept,
    trainer: str,
    machine: str,
    upto: int = 4,
    only: tuple[int, ...] = (),
) -> Opened:
    """What the gates found, where all are open (``upto`` a number, or ``only`` those).

    Raises StudioError (``train_gate``) for the first that is closed, with the command to run.
    """
    found = states(project, kept, trainer, machine)
    asked = [one for one in found if (one.number in only if only else one.number <= upto)]
    for one in asked:
        if not one.open:
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
                closed=[other.number for other in asked if not other.open],
            )
    there, tried = found[2].facts, found[3].facts
    return Opened(
        found,
        home=there.get("home", ""),
        python=there.get("python", ""),
        gpu=there.get("gpu", ""),
        seconds_a_step=tried.get("seconds_a_step"),
        peak_mib=tried.get("peak_mib"),
        environment=there,
    )


def _state(place: int, look: Callable[[], Gate], command: str) -> Gate:
    try:
        return look()
    except StudioError as error:
        why = error.message.rstrip(".")
        return Gate(place + 1, NAMES[place], False, why, error.hint or command)
