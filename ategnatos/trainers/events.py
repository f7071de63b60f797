"""What a trainer's log says, as facts. One line may say several things or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Progress:
    """A progress bar of the training itself. ``step`` and ``total`` are as the bar counts them:
    ``Trainer.bar_counts_from_resume`` tells whether that is from the start of the plan or of this
    process.

    ``loss`` is None before the first; NaN where it is not a number. ``loss_is`` says whether it
    is that of one step or a running average. ``loss_step`` is the step that it belongs to: bars
    are drawn between a step and its loss, so it is often the one before or after ``step``. The
    same step may be drawn several times. ``rate`` is the learning rate where it is said,
    ``seconds_a_step`` the bar's own figure. ``elapsed`` and ``remaining`` are seconds.
    """

    step: int
    total: int
    loss: float | None = None
    loss_is: Literal["step", "average"] = "step"
    rate: float | None = None
    seconds_a_step: float | None = None
    elapsed: float | None = None
    remaining: float | None = None
    epoch: int | None = None
    epochs: int | None = None
    loss_step: int | None = None


@dataclass(frozen=True, slots=True)
class Epoch:
    """An epoch begins; counted from 1."""

    epoch: int
    epochs: int | None = None


@dataclass(frozen=True, slots=True)
class Phase:
    """What it does before or beside the training (``caching``, ``loading`` ...), how far.

    ``training`` says that what other programs did before is over: the memory that counts is the
    training's own.
    """

    name: str
    done: int | None = None
    total: int | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something the trainer counted or settled: ``name`` of ``images``, ``steps``, ``epochs``,
    ``batches_an_epoch``, ``batch``, ``accumulation``, ``modules`` or ``resumed_at``.
    """

    name: str
    value: int


@dataclass(frozen=True, slots=True)
class Saved:
    """A save was announced. It is not whole because it was announced: check it.

    ``kind`` is ``weights`` or ``state`` (weights with optimizer, to resume from). ``path`` is as
    the trainer wrote it, "" where it named none.
    """

    kind: Literal["weights", "state"]
    path: str = ""
    step: int | None = None
    epoch: int | None = None
    final: bool = False


@dataclass(frozen=True, slots=True)
class Sampled:
    """Sample pictures are being made; ``path`` where the trainer says one."""

    path: str = ""


@dataclass(frozen=True, slots=True)
class Validated:
    """A loss over pictures that are not trained on."""

    loss: float
    step: int | None = None
    epoch: int | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """A step was left out because GPU memory ran out; ``number`` of ``most`` before it stops."""

    number: int
    most: int


@dataclass(frozen=True, slots=True)
class Warned:
    """A warning in the trainer's words. ``code`` is a short name where it is one we know
    (``nan``, ``no_captions``, ``optimizer_not_loaded`` ...), "" otherwise.
    """

    text: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """The trainer says that it failed. Why, :mod:`ategnatos.knowledge.failures` tells from the
    whole log; ``code`` is its name for it where one line is enough.
    """

    text: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class Finished:
    """The trainer says that it is done: a claim, to be held against the files."""

    text: str = ""


Event = (
    Progress
    | Epoch
    | Phase
    | Fact
    | Saved
    | Sampled
    | Validated
    | Skipped
    | Warned
    | Failed
    | Finished
)
