"""kohya's and musubi-tuner's bar of the training: a running average behind every step.

The bar moves first, with the loss of the step before; then it is drawn again with its own.
"""

from __future__ import annotations

import math

from ategnatos.trainers import bars
from ategnatos.trainers.events import Event, Warned


class AverageBar:
    """Turns drawings of one bar into progress; the first loss that is no number is told once."""

    def __init__(self) -> None:
        self.step = 0
        self._loss: float | None = None
        self._nan = False

    def progress(self, bar: bars.Bar, epoch: int | None, epochs: int | None) -> tuple[Event, ...]:
        """What one drawing says, in the epoch that was announced last."""
        figures = bars.values(bar.after)
        loss = figures.get("avr_loss", figures.get("loss"))
        moved = bar.done != self.step
        same = loss == self._loss or (_nan(loss) and _nan(self._loss))
        of = None if loss is None else bar.done - 1 if moved and same else bar.done
        self.step, self._loss = bar.done, loss
        made = bars.progress(
            bar, loss, "average", of, figures.get("lr"), epoch=epoch, epochs=epochs
        )
        return (made, *self._diverged(loss))

    def _diverged(self, loss: float | None) -> tuple[Event, ...]:
        if self._nan or not _nan(loss):
            return ()
        self._nan = True
        return (Warned("The loss is not a number.", "nan"),)


def _nan(loss: float | None) -> bool:
    return loss is not None and math.isnan(loss)
