"""Trainer ``starter``: LoRAs for the starter model, on this machine's processor, in numpy alone.

The plan is the one that the large trainers get, and so are gates, log, saves and resume; only the
model is small. ``translation`` says in an order file what a plan means here, ``order`` reads it,
``program`` is the process that trains. What they share with the torch trainer is in ``own``.
"""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from ategnatos.trainers import Checkpoint, Installed, Supported, check, saves

if TYPE_CHECKING:
    from ategnatos.trainers import Ask, Dataset, Translation
    from ategnatos.trainers.own.log import LogParser
    from ategnatos.trainers.plan import Plan

_NETWORKS = ("lora", "locon")


class StarterTrainer:
    """See :class:`ategnatos.trainers.Trainer`."""

    name = "starter"
    label = "the starter model's own trainer: 32x32 pixel art on the processor, no GPU, no torch"
    layout = "starter"
    bar_counts_from_resume = False

    def trains(self, plan: Plan) -> str:
        """It knows the family ``starter`` and plain low-rank pairs."""
        if plan.base_family != "starter":
            return f"it trains the starter model alone, not {plan.base_family}"
        if plan.network not in _NETWORKS:
            return f"it trains {' and '.join(_NETWORKS)}, not {plan.network}"
        return ""

    def translate(self, plan: Plan, dataset: Dataset, folder: PurePath) -> Translation:
        """The order file and the command that carries it out."""
        from ategnatos.trainers.starter.translation import translate

        check(self, plan, dataset)
        return translate(plan, dataset, folder)

    def dry_run(
        self, plan: Plan, dataset: Dataset, folder: PurePath, steps: int = 2
    ) -> Translation:
        """The same for so many steps, into ``dry-run``."""
        from ategnatos.trainers.starter.translation import translate

        check(self, plan, dataset)
        return translate(plan, dataset, folder, dry_steps=steps)

    def resume(
        self, plan: Plan, dataset: Dataset, folder: PurePath, point: Checkpoint
    ) -> Translation:
        """The run again from a state, to the very bytes that it would have ended in."""
        from ategnatos.trainers.starter.translation import translate

        check(self, plan, dataset)
        state = saves.state_of(point, self.name, plan.name)
        return translate(plan, dataset, folder, resume=state)

    def parser(self) -> LogParser:
        """A parser for the log of one process."""
        from ategnatos.trainers.own.log import LogParser

        return LogParser()

    def checkpoints(self, output: Path, name: str) -> tuple[Checkpoint, ...]:
        """A state and the LoRA file beside it at each save, and the finished LoRA."""
        return saves.checkpoints(output, name)

    def detect(self, ask: Ask, home: str = "", python: str = "") -> Installed:
        """Whether this package can be run where ``ask`` runs commands; ``home`` is not needed."""
        from ategnatos.trainers.starter.detection import detect

        return detect(ask, python)

    def versions(self) -> Supported:
        """It comes with the package, so there is one version: the package's own."""
        from ategnatos._version import __version__

        return Supported((__version__,), python=">=3.11", source="this package")
