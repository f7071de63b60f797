"""The process that trains in numpy; ``trainers.own.program`` drives it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.files import write_atomic
from ategnatos.starter.model import StarterModel, load_model
from ategnatos.starter.training import lora_file, states
from ategnatos.starter.training.course import Course
from ategnatos.trainers.own import log
from ategnatos.trainers.own.program import Draw, Run, SampleError, Size, Stop, carry_out, say
from ategnatos.trainers.starter.order import Order, read

if TYPE_CHECKING:
    from typing import Any


def main(arguments: Sequence[str]) -> int:
    """Carry out the order in the file that the one argument names."""
    stop = Stop()
    # A number that grows beyond all bounds is said as a loss that is none; numpy would say it
    # for every product.
    warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"ategnatos\.starter")
    say(log.loading("the starter model and the pictures"))

    def begun(path: Path) -> Run:
        order = read(path)
        model = load_model(Path(order.model) if order.model else None)
        return Run(order, StarterTraining(order, model), stop)

    return carry_out("ategnatos.trainers.starter", arguments, begun)


class StarterTraining:
    """See :class:`ategnatos.trainers.own.program.Training`."""

    def __init__(self, order: Order, model: StarterModel) -> None:
        self._order, self._model = order, model
        self.course = Course(model, order.recipe, order.train)

    def size(self) -> Size:
        """How large it is."""
        adapters = self.course.adapters
        return Size(len(adapters), len(adapters.parameters), self._order.recipe.batch)

    def prepare(self) -> None:
        """The pictures are as the model sees them since they were read."""

    def lora(self) -> bytes:
        """The LoRA file as the course stands."""
        precision = np.float16 if self._order.save_precision == "fp16" else np.float32
        return lora_file.contents(self.course, self._order.metadata, precision)

    def write_state(self, path: Path) -> None:
        """Save what a later process goes on from."""
        states.write(self.course, path)

    def restore(self, path: Path) -> None:
        """Go on from a state. Raises StateError."""
        states.restore(self.course, path)

    def validation_loss(self) -> float:
        """The loss over the order's validation pictures."""
        return self.course.validation_loss(self._order.validation)

    @contextmanager
    def drawing(self, folder: Path) -> Iterator[Draw]:
        """Draws samples with the LoRA as it stands, from a file as any other LoRA."""
        current = folder / ".current.safetensors"
        write_atomic(current, self.lora())

        def draw(sample: dict[str, Any], path: Path) -> None:
            try:
                write_atomic(path, _picture(self._model, sample, current))
            except StudioError as error:
                raise SampleError(error.message) from error

        yield draw
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
