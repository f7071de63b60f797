"""The steps of a training: how many are done, how fast each learns, what an average keeps."""

from __future__ import annotations

from ategnatos.starter.training.optimizer import Schedule

_EMA_WARMUP = 10  # the average follows quickly at first: (1 + step) / (10 + step)


class Steps:
    """How far a training is. ``losses`` holds the loss of every step so far."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.losses: list[float] = []

    @property
    def step(self) -> int:
        """Steps done."""
        return len(self.losses)

    @property
    def finished(self) -> bool:
        """Whether every step of the schedule is done."""
        return self.step >= self.schedule.steps

    def rate(self) -> float:
        """The learning rate of the coming step."""
        return self.schedule.at(self.step)


def kept_by_average(decay: float, step: int) -> float:
    """The share of a running mean of the weights that stays after ``step``, counted from 0."""
    return min(decay, (1 + step) / (_EMA_WARMUP + step))
