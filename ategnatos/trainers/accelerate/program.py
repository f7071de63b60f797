"""The torch process that trains; ``trainers.own.program`` drives it as it drives the starter's."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.files import write_atomic
from ategnatos.trainers.accelerate import order as orders
from ategnatos.trainers.own import log
from ategnatos.trainers.own.order import OrderError
from ategnatos.trainers.own.program import Draw, Run, SampleError, Size, Stop, carry_out, say


def main(arguments: Sequence[str]) -> int:
    """Carry out the order in the file that the one argument names."""
    stop = Stop()
    say(log.loading("torch, the model and the pictures"))

    def begun(path: Path) -> Run:
        order = orders.read(path)
        return Run(order, TorchTraining(order), stop)

    try:
        return carry_out("ategnatos.trainers.accelerate", arguments, begun)
    except ImportError as error:
        say(log.error(f"{error}. Install it: {sys.executable} -m pip install 'ategnatos[torch]'"))
    except RuntimeError as error:
        if "out of memory" not in str(error).lower():
            raise
        say(log.error(f"out of memory: {str(error).splitlines()[0]}"))
    return 1


class TorchTraining:
    """See :class:`ategnatos.trainers.own.program.Training`."""

    def __init__(self, order: orders.Order) -> None:
        from ategnatos.trainers.accelerate import states
        from ategnatos.trainers.accelerate.course import Course
        from ategnatos.trainers.accelerate.model import Model

        _quiet()
        self._order = order
        accelerator, dtype = _accelerator(order)
        model = Model(order.pipeline, order.model, accelerator.device, dtype)
        self.course = Course(model, order.recipe, order.train, accelerator)
        self._mark = states.digest(self.course)

    def size(self) -> Size:
        """How large it is; a step is every batch whose gradients it adds up."""
        pairs, recipe = self.course.pairs, self._order.recipe
        return Size(len(pairs), pairs.count(), recipe.batch * recipe.accumulation)

    def prepare(self) -> None:
        """Make the latents of every picture."""
        self.course.encode()

    def lora(self) -> bytes:
        """The LoRA file as the course stands."""
        from ategnatos.trainers.accelerate.lora_file import contents

        return contents(self.course, self._order)

    def write_state(self, path: Path) -> None:
        """Save what a later process goes on from."""
        from ategnatos.trainers.accelerate import states

        states.write(self.course, path, self._mark)

    def restore(self, path: Path) -> None:
        """Go on from a state. Raises StateError."""
        from ategnatos.trainers.accelerate import states

        states.restore(self.course, path, self._mark)

    def validation_loss(self) -> float:
        """The loss over the order's validation pictures."""
        return self.course.validation_loss(self._order.validation)

    @contextmanager
    def drawing(self, folder: Path) -> Iterator[Draw]:
        """Draws samples with the networks as they stand in memory."""
        from ategnatos.trainers.accelerate.samples import draw as drawn

        def draw(sample: dict[str, Any], path: Path) -> None:
            try:
                write_atomic(path, drawn(self.course, sample))
            except (StudioError, ValueError, RuntimeError) as error:
                raise SampleError(str(error)) from error

        yield draw


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
