"""The process that trains: steps, saves, a clean stop.

Exit status: 0 all steps done, 1 it failed (the last line says why), 128 + N stopped by signal N
with a state saved. A save is the LoRA file and then the state, each whole or not there, so that
whatever moment the process dies at, the newest state is good and less than one save interval old.
"""

from __future__ import annotations

import math
import signal
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import numpy as np

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.files import write_atomic
from ategnatos.starter.model import StarterModel, load_model
from ategnatos.starter.training import lora_file, states
from ategnatos.starter.training.course import Course
from ategnatos.trainers import saves
from ategnatos.trainers.starter import log
from ategnatos.trainers.starter.order import Order, OrderError, read

if TYPE_CHECKING:
    from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SAMPLE_FOLDER = "samples"


def main(arguments: Sequence[str]) -> int:
    """Carry out the order in the file that the one argument names."""
    stop = Stop()
    # A number that grows beyond all bounds is said as a loss that is none; numpy would say it
    # for every product.
    warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"ategnatos\.starter")
    say(log.loading())
    try:
        if len(arguments) != 1:
            raise OrderError("give one order file: python -m ategnatos.trainers.starter ORDER.json")
        order = read(Path(arguments[0]))
        run = Run(order, load_model(order.model), stop)
        return run.go()
    except OrderError as error:
        say(log.error(str(error)))
    except StudioError as error:
        say(log.error(f"{error.message} {error.hint}"))
    return 1


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


class Run:
    """One order being carried out."""

    def __init__(self, order: Order, model: StarterModel, stop: Stop) -> None:
        self._order, self._model, self._stop = order, model, stop
        self._course = Course(model, order.recipe, order.train)
        self._saved_at = -1

    def go(self) -> int:
        """Train to the end, to a signal or to a failure; return the exit status."""
        course, order = self._course, self._order
        self._take_place()
        subject = sum(not one.prior for one in order.train)
        say(
            log.begin(
                subject,
                len(order.train) - subject,
                len(course.adapters),
                len(course.adapters.parameters),
                order.recipe.steps,
                order.recipe.batch,
            )
        )
        began, first = time.monotonic(), course.step
        epochs = course.order.epoch(order.recipe.steps - 1) + 1
        while not course.finished:
            if self._stop.asked:
                return self._stopped(self._stop.asked[0])
            rate, epoch = course.rate(), course.order.epoch(course.step) + 1
            loss = course.advance()
            gone = time.monotonic() - began
            each = gone / (course.step - first)
            say(log.step(course.step, order.recipe.steps, epoch, epochs, loss, rate, each, gone))
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
        write_atomic(path, self._lora())
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
            states.restore(self._course, order.resume)
        except states.StateError as error:
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
            say(log.validated(self._course.validation_loss(order.validation), step))

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
        write_atomic(weights, self._lora())
        say(log.saved("weights", str(weights), step))
        state = order.output / f"state-{step:06}.safetensors"
        states.write(self._course, state)
        say(log.saved("state", str(state), step))
        self._saved_at = step
        saves.forget_old(order.output, order.name, order.keep)

    def _lora(self) -> bytes:
        precision = np.float16 if self._order.half else np.float32
        return lora_file.contents(self._course, self._order.metadata, precision)

    def _sample(self) -> None:
        """The plan's sample pictures with the LoRA as it stands."""
        folder = self._order.output / _SAMPLE_FOLDER
        folder.mkdir(exist_ok=True)
        current = folder / ".current.safetensors"
        write_atomic(current, self._lora())
        for number, sample in enumerate(self._order.samples):
            path = folder / f"{self._order.name}-{self._course.step:06}-{number + 1}.png"
            try:
                write_atomic(path, _picture(self._model, sample, current))
            except StudioError as error:
                say(log.warning(f"no sample picture {number + 1}: {error.message}"))
            else:
                say(log.sampled(str(path)))
        current.unlink()


def _picture(model: StarterModel, sample: dict[str, Any], lora: Path) -> bytes:
    import io

    from PIL import Image

    from ategnatos.starter.pipeline import generate
    from ategnatos.starter.request import LoraWeight, StarterRequest

    made = generate(
        StarterRequest(
            sample["prompt"],
            sample["seed"],
            negative=sample["negative"],
            width=sample["width"] or None,
            height=sample["height"] or None,
            steps=sample["steps"] or None,
            guidance=sample["cfg"],
            loras=(LoraWeight(lora),),
        ),
        model=model,
    )
    raw = io.BytesIO()
    Image.fromarray(made.pictures[0].pixels()).save(raw, "PNG")
    return raw.getvalue()
