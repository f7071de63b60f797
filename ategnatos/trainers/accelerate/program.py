"""The torch process that trains: steps, saves, a clean stop.

Exit status and files are those of the starter trainer's program: 0 all steps done, 1 it failed
(the last line says why), 128 + N stopped by signal N with a state saved.
"""

from __future__ import annotations

import math
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.files import write_atomic
from ategnatos.trainers import saves
from ategnatos.trainers.accelerate import order as orders
from ategnatos.trainers.starter import log
from ategnatos.trainers.starter.order import OrderError
from ategnatos.trainers.starter.program import Stop, say

_SAMPLE_FOLDER = "samples"


def main(arguments: Sequence[str]) -> int:
    """Carry out the order in the file that the one argument names."""
    stop = Stop()
    say("loading torch, the model and the pictures")
    try:
        if len(arguments) != 1:
            raise OrderError(
                "give one order file: python -m ategnatos.trainers.accelerate ORDER.json"
            )
        return Run(orders.read(Path(arguments[0])), stop).go()
    except OrderError as error:
        say(log.error(str(error)))
    except StudioError as error:
        say(log.error(f"{error.message} {error.hint}"))
    except ImportError as error:
        say(log.error(f"{error}. Install it: {sys.executable} -m pip install 'ategnatos[torch]'"))
    except RuntimeError as error:
        if "out of memory" not in str(error).lower():
            raise
        say(log.error(f"out of memory: {str(error).splitlines()[0]}"))
    return 1


class Run:
    """One order being carried out."""

    def __init__(self, order: orders.Order, stop: Stop) -> None:
        from ategnatos.trainers.accelerate import states
        from ategnatos.trainers.accelerate.course import Course
        from ategnatos.trainers.accelerate.model import Model

        _quiet()
        self._order, self._stop = order, stop
        accelerator, dtype = _accelerator(order)
        self._model = Model(order.pipeline, order.model, accelerator.device, dtype)
        self._course = Course(self._model, order.recipe, order.train, accelerator)
        self._mark = states.digest(self._course)
        self._saved_at = -1

    def go(self) -> int:
        """Train to the end, to a signal or to a failure; return the exit status."""
        course, order = self._course, self._order
        self._take_place()
        subject = sum(not one.prior for one in order.train)
        recipe = order.recipe
        say(
            log.begin(
                subject,
                len(order.train) - subject,
                len(course.pairs),
                course.pairs.count(),
                recipe.steps,
                recipe.batch * recipe.accumulation,
            )
        )
        course.encode()
        began, first = time.monotonic(), course.step
        epochs = course.epochs.epoch(recipe.steps - 1) + 1
        while not course.finished:
            if self._stop.asked:
                return self._stopped(self._stop.asked[0])
            rate, epoch = course.rate(), course.epochs.epoch(course.step) + 1
            loss = course.advance()
            gone = time.monotonic() - began
            each = gone / (course.step - first)
            say(log.step(course.step, recipe.steps, epoch, epochs, loss, rate, each, gone))
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
        from ategnatos.starter.training.states import StateError
        from ategnatos.trainers.accelerate import states

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
            states.restore(self._course, order.resume, self._mark)
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
            say(log.validated(self._course.validation_loss(order.validation), step))

    def _stopped(self, number: int) -> int:
        self._save()
        say(log.stopped(signal.Signals(number).name, self._course.step))
        return 128 + number

    def _save(self) -> None:
        """The LoRA file, then the state; and no more of them than are to be kept."""
        from ategnatos.trainers.accelerate import states

        step, order = self._course.step, self._order
        if step == self._saved_at:
            return
        weights = order.output / f"{order.name}-{step:06}.safetensors"
        write_atomic(weights, self._lora())
        say(log.saved("weights", str(weights), step))
        state = order.output / f"state-{step:06}.safetensors"
        states.write(self._course, state, self._mark)
        say(log.saved("state", str(state), step))
        self._saved_at = step
        saves.forget_old(order.output, order.name, order.keep)

    def _lora(self) -> bytes:
        from ategnatos.trainers.accelerate.lora_file import contents

        return contents(self._course, self._order)

    def _sample(self) -> None:
        """The plan's sample pictures with the LoRA as it stands."""
        from ategnatos.trainers.accelerate.samples import draw

        folder = self._order.output / _SAMPLE_FOLDER
        folder.mkdir(exist_ok=True)
        for number, sample in enumerate(self._order.samples):
            path = folder / f"{self._order.name}-{self._course.step:06}-{number + 1}.png"
            try:
                write_atomic(path, draw(self._course, sample))
            except (StudioError, ValueError, RuntimeError) as error:
                say(log.warning(f"no sample picture {number + 1}: {error}"))
            else:
                say(log.sampled(str(path)))


def _accelerator(order: orders.Order) -> tuple[Any, Any]:
    """The accelerator, and what the frozen weights are kept in."""
    import torch
    from accelerate import Accelerator

    kinds = {"fp16": torch.float16, "bf16": torch.bfloat16, "fp32": torch.float32}
    precision, given = order.recipe.precision, torch.cuda.is_available()
    if not given and order.pipeline == "starter":
        # torch's threads wait by spinning: so small a model is slower with more of them, and its
        # numbers would depend on how many there are.
        torch.set_num_threads(1)
    if not given and precision != "fp32":
        say(log.warning(f"there is no GPU here: it computes in fp32 instead of {precision}"))
        precision = "fp32"
    made = Accelerator(mixed_precision="no" if precision == "fp32" else precision)
    if made.num_processes > 1:
        raise OrderError("it trains in one process; start it without 'accelerate launch'")
    return made, kinds[precision]


def _quiet() -> None:
    """The libraries' bars and advice would stand between the lines of the log."""
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    import diffusers.utils.logging as of_diffusers
    import transformers.utils.logging as of_transformers

    for one in (of_diffusers, of_transformers):
        one.set_verbosity_error()
        one.disable_progress_bar()
