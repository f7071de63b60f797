"""The process that trains, whatever computes its steps: the loop, saves, a clean stop.

Exit status: 0 all steps done, 1 it failed (the last line says why), 128 + N stopped by signal N
with a state saved. A save is the LoRA file and then the state, each whole or not there, so that
whatever moment the process dies at, the newest state is good and less than one save interval old.
"""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple, Protocol

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.files import write_atomic
from ategnatos.starter.training.states import StateError
from ategnatos.trainers import saves
from ategnatos.trainers.own import log
from ategnatos.trainers.own.order import Order, OrderError, Picture, Settings

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SAMPLE_FOLDER = "samples"

Draw = Callable[[dict[str, Any], Path], None]


class SampleError(Exception):
    """A sample picture that could not be made; the text says why."""


class Size(NamedTuple):
    """How large a training is: the layers and numbers that it trains, the pictures of a step."""

    layers: int
    numbers: int
    batch: int


class Course(Protocol):
    """A training, step by step, as ``ategnatos.starter.training.steps`` counts them."""

    @property
    def step(self) -> int:
        """Steps done."""

    @property
    def finished(self) -> bool:
        """Whether every step is done."""

    def rate(self) -> float:
        """The learning rate of the coming step."""

    def epoch(self, step: int) -> int:
        """The epoch of a step, both counted from 0."""

    def advance(self) -> float:
        """Do one step and return its loss."""


class Training(Protocol):
    """What a trainer's own program brings: its course, and how that is kept and shown."""

    @property
    def course(self) -> Course:
        """The training and how far it is."""

    def size(self) -> Size:
        """How large it is."""

    def prepare(self) -> None:
        """What is done once before the first step."""

    def lora(self) -> bytes:
        """The LoRA file as the course stands."""

    def write_state(self, path: Path) -> None:
        """Save what a later process goes on from."""

    def restore(self, path: Path) -> None:
        """Go on from a state. Raises StateError; the course is then as it was."""

    def validation_loss(self) -> float:
        """The loss over the order's validation pictures."""

    def drawing(self, folder: Path) -> AbstractContextManager[Draw]:
        """Draws samples with the LoRA as it stands: one of the order's into a PNG file at a time.

        Raises SampleError there. What it needs meanwhile lies in ``folder``.
        """


def say(line: str) -> None:
    """One line of the log, at once."""
    print(line, flush=True)  # noqa: T201 - the log is what this program is read by


@dataclass
class Stop:
    """Signals that ask for a stop, taken between two steps.

    Set even where the shell that started the process in the background had them ignored.
    """

    asked: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        for number in _SIGNALS:
            signal.signal(number, self._ask)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.asked.append(number)


def carry_out(module: str, arguments: Sequence[str], begun: Callable[[Path], Run]) -> int:
    """Carry out the order in the file that the one argument names; return the exit status."""
    try:
        if len(arguments) != 1:
            raise OrderError(f"give one order file: python -m {module} ORDER.json")
        return begun(Path(arguments[0])).go()
    except OrderError as error:
        say(log.error(str(error)))
    except StudioError as error:
        say(log.error(f"{error.message} {error.hint}"))
    return 1


class Run:
    """One order being carried out."""

    def __init__(self, order: Order[Settings, Picture], training: Training, stop: Stop) -> None:
        self._order, self._training, self._stop = order, training, stop
        self._course = training.course
        self._saved_at = -1

    def go(self) -> int:
        """Train to the end, to a signal or to a failure; return the exit status."""
        course, order = self._course, self._order
        steps = order.recipe.steps
        self._take_place()
        subject = sum(not one.prior for one in order.train)
        size = self._training.size()
        prior = len(order.train) - subject
        say(log.begin(subject, prior, size.layers, size.numbers, steps, size.batch))
        self._training.prepare()
        began, first = time.monotonic(), course.step
        epochs = course.epoch(steps - 1) + 1
        while not course.finished:
            if self._stop.asked:
                return self._stopped(self._stop.asked[0])
            rate, epoch = course.rate(), course.epoch(course.step) + 1
            loss = course.advance()
            gone = time.monotonic() - began
            each = gone / (course.step - first)
            say(log.step(course.step, steps, epoch, epochs, loss, rate, each, gone))
            if not math.isfinite(loss):
                say(
                    log.error(
                        f"the loss of step {course.step} is not a number, so nothing that comes "
                        "after it would be of use; the last saved state is from before"
                    )
                )
                return 1
            self._due()
        self._save()
        path = order.output / f"{order.name}.safetensors"
        write_atomic(path, self._training.lora())
        say(log.finished(str(path), course.step))
        return 0

    # --- inside -------------------------------------------------------------------------------

    def _take_place(self) -> None:
        """Make the output folder, or go on from a state in it."""
        order = self._order
        order.output.mkdir(parents=True, exist_ok=True)
        if order.resume is None:
            if any(order.output.glob("state-*.safetensors")):
                raise OrderError(
                    f"{order.output} holds a training already; name the state to resume from, or "
                    "another output"
                )
            return
        try:
            self._training.restore(order.resume)
        except StateError as error:
            raise OrderError(f"nothing was resumed from {order.resume}: {error}") from error
        self._saved_at = self._course.step
        say(log.resumed(self._course.step, str(order.resume)))

    def _due(self) -> None:
        """What this step is the time for: a save, sample pictures, a validation."""
        step, order = self._course.step, self._order
        if order.save_every and step % order.save_every == 0:
            self._save()
        if order.sample_every and step % order.sample_every == 0:
            self._sample()
        if order.validation and order.validate_every and step % order.validate_every == 0:
            say(log.validated(self._training.validation_loss(), step))

    def _stopped(self, number: int) -> int:
        self._save()
        say(log.stopped(signal.Signals(number).name, self._course.step))
        return 128 + number

    def _save(self) -> None:
        """The LoRA file, then the state; and no more of them than are to be kept."""
        step, order = self._course.step, self._order
        if step == self._saved_at:
            return
        weights = order.output / f"{order.name}-{step:06}.safetensors"
        write_atomic(weights, self._training.lora())
        say(log.saved("weights", str(weights), step))
        state = order.output / f"state-{step:06}.safetensors"
        self._training.write_state(state)
        say(log.saved("state", str(state), step))
        self._saved_at = step
        saves.forget_old(order.output, order.name, order.keep)

    def _sample(self) -> None:
        """The plan's sample pictures with the LoRA as it stands."""
        folder = self._order.output / _SAMPLE_FOLDER
        folder.mkdir(exist_ok=True)
        with self._training.drawing(folder) as draw:
            for number, sample in enumerate(self._order.samples):
                path = folder / f"{self._order.name}-{self._course.step:06}-{number + 1}.png"
                try:
                    draw(sample, path)
                except SampleError as error:
                    say(log.warning(f"no sample picture {number + 1}: {error}"))
                else:
                    say(log.sampled(str(path)))
