"""Trains LoRAs. One Protocol, :class:`Trainer`; one module a trainer, found by entry point.

A trainer gets a plan that belongs to no trainer and says in files and a command line of its own
what it means. What it cannot say stands in ``Translation.losses``, never nowhere.
``tests/trainers/contract.py`` holds every trainer to that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.knowledge import plug_ins

if TYPE_CHECKING:
    from ategnatos.trainers.events import Event
    from ategnatos.trainers.plan import Plan

TRAINER_UNKNOWN = ErrorCode("trainer_unknown", "No trainer of that name is installed.")
TRAINER_CANNOT = ErrorCode("trainer_cannot", "The trainer cannot do what the plan asks.")
TRAINER_UNAVAILABLE = ErrorCode("trainer_unavailable", "The trainer is declared and does not load.")

ENTRY_POINT_GROUP = "ategnatos.trainers"


@dataclass(frozen=True, slots=True)
class Subset:
    """One folder of pictures: ``folder`` relative to the dataset's root, with '/'.

    ``pictures`` are shown ``repeats`` times an epoch each.
    """

    folder: str
    concept: str
    repeats: int
    pictures: int
    captions: int
    regularisation: bool = False
    validation: bool = False
    masks: str = ""


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset laid out for one trainer (``layout``), as its folder on the training machine.

    ``root`` is absolute there. ``buckets`` are ``(width, height, pictures, shown an epoch)``.
    ``batches_an_epoch`` counts batches before accumulation, ``steps_an_epoch`` updates;
    ``steps`` is the whole run. ``config`` is the trainer's own dataset file, read
    (``dataset.toml``, ``multidatabackend.json``, ``datasets.yaml``), with the same paths.
    """

    name: str
    version: int
    digest: str
    layout: str
    root: PurePath
    subsets: tuple[Subset, ...]
    buckets: tuple[tuple[int, int, int, int], ...]
    batches_an_epoch: int
    steps_an_epoch: int
    steps: int
    config: Any = None
    warnings: tuple[str, ...] = ()

    @property
    def pictures(self) -> int:
        """Pictures that are trained on, without regularisation and validation."""
        return sum(
            one.pictures for one in self.subsets if not (one.regularisation or one.validation)
        )


@dataclass(frozen=True, slots=True)
class Loss:
    """What a trainer does not do as the plan says. ``kind``: ``dropped`` is not done at all,
    ``approximated`` is done in another way, ``fixed`` cannot be chosen there.

    ``field`` is the plan's name for it, ``asked`` and ``gets`` are values as text.
    """

    field: str
    kind: Literal["dropped", "approximated", "fixed"]
    asked: str
    gets: str
    why: str


@dataclass(frozen=True, slots=True)
class Step:
    """A command that must have been done before the training: ``name`` says what it does.

    ``mark`` is a file (absolute, on the training machine) that is made once ``command`` ended with
    status 0; where it stands, the step is passed over. Its name changes with all that the step's
    result depends on. ``leaves`` says what must lie there then: in a folder (absolute), of files
    like a pattern (without blanks), so many at least. Without them it was not done.
    """

    name: str
    command: tuple[str, ...]
    mark: str
    leaves: tuple[tuple[str, str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Translation:
    """The plan in a trainer's own words.

    ``files`` are by path relative to the run's folder. ``command`` is an argument list, to be
    started in ``cwd`` ("": the run's folder; "{home}": the trainer's checkout) with
    ``environment`` added, once every step of ``before`` is done, in the same folder and
    environment. ``{home}`` and ``{python}`` in them are filled in by :meth:`placed`.
    ``output`` is the folder, relative to the run's, that the trainer writes into; ``steps`` what
    its bar should count to.
    """

    files: Mapping[str, bytes]
    command: tuple[str, ...]
    output: str
    steps: int
    environment: Mapping[str, str] = field(default_factory=dict)
    cwd: str = ""
    losses: tuple[Loss, ...] = ()
    notes: tuple[str, ...] = ()
    before: tuple[Step, ...] = ()
    # Of a resume: the step that it really begins at, where that is not the checkpoint's.
    begins: int | None = None

    def placed(self, home: str, python: str) -> tuple[tuple[str, ...], str, dict[str, str]]:
        """Command, working folder and environment for a checkout at ``home`` and a Python."""

        def fill(text: str) -> str:
            return text.replace("{home}", home).replace("{python}", python)

        return (
            tuple(map(fill, self.command)),
            fill(self.cwd),
            {key: fill(value) for key, value in self.environment.items()},
        )

    def placed_before(self, home: str, python: str) -> tuple[Step, ...]:
        """The steps before the command, for the same checkout and Python."""
        return tuple(
            replace(
                one,
                command=tuple(
                    word.replace("{home}", home).replace("{python}", python) for word in one.command
                ),
            )
            for one in self.before
        )


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a trainer left in its output folder, as its names tell; whole or not is not said.

    ``weights`` is the file, None where there is a state alone. ``state`` is the folder or the
    file to resume from, None where there is none. ``step`` and ``epoch`` are as far as the names
    or the files beside say.
    """

    weights: Path | None
    state: Path | None
    step: int | None
    epoch: int | None
    final: bool = False


@dataclass(frozen=True, slots=True)
class Installed:
    """Whether a trainer is there. ``version`` is its own number, ``commit`` of its checkout,
    ``python`` the interpreter that runs it. ``hint`` is the step that mends it.
    """

    ok: bool
    message: str
    home: str = ""
    python: str = ""
    version: str = ""
    commit: str = ""
    hint: str = ""
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Supported:
    """The versions whose sources a translation was read from and tested with.

    ``tested`` are version numbers, ``commit`` the checkout that was read, ``python`` what it
    needs (``>=3.11``).
    """

    tested: tuple[str, ...]
    commit: str = ""
    python: str = ""
    source: str = ""


# Runs a command on the training machine, not through a shell: its exit status and its output.
Ask = Callable[[Sequence[str]], tuple[int, str]]


@runtime_checkable
class Parser(Protocol):
    """Reads one log, line by line. A parser remembers: a new one for each process."""

    def parse(self, line: str) -> tuple[Event, ...]:
        """What one line says. A line ends at a line feed or a carriage return; colours may be
        in it still. :class:`ategnatos.trainers.lines.Lines` cuts bytes into such lines. An
        empty line ends what was begun: give one when the log is over.
        """
        ...


@runtime_checkable
class Trainer(Protocol):
    """What trains. Implementations are built without arguments and without work."""

    name: str
    label: str
    """One line for people: what trains here."""
    layout: str
    """Which folders it reads: a name of ``trainer_datasets.json``."""
    bar_counts_from_resume: bool
    """Whether the bar of a resumed run begins at 0 again."""

    def trains(self, plan: Plan) -> str:
        """ "" where it knows the plan's family and network, else why not, in one sentence."""
        ...

    def translate(self, plan: Plan, dataset: Dataset, folder: PurePath) -> Translation:
        """Files and command line for a run in ``folder`` (absolute, on the training machine).

        Nothing is written. Raises StudioError (``trainer_cannot``) for what would make the run
        worthless: an unknown family, no picture, a model that is not named.
        """
        ...

    def dry_run(
        self, plan: Plan, dataset: Dataset, folder: PurePath, steps: int = 2
    ) -> Translation:
        """The same for so many steps, with one save at the end, in an output of its own that
        the real run never looks at.
        """
        ...

    def resume(
        self, plan: Plan, dataset: Dataset, folder: PurePath, point: Checkpoint
    ) -> Translation:
        """The run again from ``point``, which was checked. Raises StudioError
        (``trainer_cannot``) where nothing can be resumed from it.
        """
        ...

    def parser(self) -> Parser:
        """A parser for the log of one process."""
        ...

    def checkpoints(self, output: Path, name: str) -> tuple[Checkpoint, ...]:
        """What lies in ``output`` of the plan called ``name``, oldest first."""
        ...

    def detect(self, ask: Ask, home: str = "", python: str = "") -> Installed:
        """Whether it is installed where ``ask`` runs commands; ``home`` is its checkout there,
        ``python`` the Python whose packages count, where it is not the checkout's own. Never
        raises.
        """
        ...

    def versions(self) -> Supported:
        """What this translation was tested with."""
        ...


def check(trainer: Trainer, plan: Plan, dataset: Dataset) -> None:
    """Refuse what no translation could save: every trainer calls this first.

    Raises StudioError (``trainer_cannot``): a family or network it does not know, a dataset that
    was laid out for another one, no picture, another dataset than the plan's.
    """
    why = trainer.trains(plan)
    if not why and dataset.layout != trainer.layout:
        why = f"the dataset is laid out for {dataset.layout}, not for {trainer.layout}"
    if not why and not dataset.pictures:
        why = f"no picture of {dataset.name!r} is left to train on"
    if not why and dataset.digest != plan.dataset_digest:
        why = f"the plan is for another version of {plan.dataset!r} than the one laid out"
    if why:
        raise StudioError(
            TRAINER_CANNOT,
            f"{trainer.name} cannot train the plan {plan.name!r}: {why}. Nothing was written.",
            hint=f"See it with 'ategnatos train plan show {plan.name} --explain'.",
            trainer=trainer.name,
            plan=plan.name,
            why=why,
        )


def installed_trainers() -> Sequence[str]:
    """Names of the trainers that entry points declare, sorted; none is imported."""
    return sorted({entry.name for entry in plug_ins.declared(ENTRY_POINT_GROUP)})


def load_trainer(name: str) -> Trainer:
    """The trainer called ``name`` (``ai_toolkit`` is ``ai-toolkit``).

    Raises StudioError (``trainer_unknown``, ``trainer_unavailable``).
    """
    said = name.strip().lower().replace("_", "-")
    found = [entry for entry in plug_ins.declared(ENTRY_POINT_GROUP) if entry.name == said]
    if not found:
        known = ", ".join(installed_trainers()) or "none"
        raise StudioError(
            TRAINER_UNKNOWN,
            f"There is no trainer called {name[:60]!r}; nothing was done.",
            hint=f"The trainers are: {known}. Choose one with --trainer.",
            trainer=name[:60],
            installed=list(installed_trainers()),
        )
    try:
        trainer_class = found[0].load()
    except ImportError as error:
        raise StudioError(
            TRAINER_UNAVAILABLE,
            f"The trainer {said!r} is declared but its module does not load: {error}.",
            hint="Install what it needs, or choose another --trainer.",
            trainer=said,
        ) from error
    trainer: Trainer = trainer_class()
    return trainer
