"""Trainer ``accelerate``: LoRAs with torch, peft, diffusers and accelerate, on CPU or GPU.

It trains the starter model as the trainer ``starter`` does, number for number, and the UNets of
Stable Diffusion 1.5 and SDXL from folders in diffusers' layout. Everything that torch is needed
for happens in a process of its own (``program``), so that no command of the studio loads it.
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


class Accelerate:
    """See :class:`ategnatos.trainers.Trainer`."""

    name = "accelerate"
    label = "torch, peft and diffusers: Stable Diffusion 1.5, SDXL and the starter model"
    layout = "accelerate"
    bar_counts_from_resume = False

    def trains(self, plan: Plan) -> str:
        """It knows UNets in diffusers' layout and plain low-rank pairs."""
        from ategnatos.trainers import known

        if plan.base_family != "starter" and (why := known.trainer(self.name).why_not(plan)):
            return why
        if plan.network not in _NETWORKS:
            return f"it trains {' and '.join(_NETWORKS)}, not {plan.network}"
        if plan.model.lower().endswith((".safetensors", ".ckpt", ".pt", ".bin")):
            return "it loads a folder in diffusers' layout, and the plan names a single file"
        return ""

    def translate(self, plan: Plan, dataset: Dataset, folder: PurePath) -> Translation:
        """The order file and the command that carries it out."""
        from ategnatos.trainers.accelerate.translation import translate

        check(self, plan, dataset)
        return translate(plan, dataset, folder)

    def dry_run(
        self, plan: Plan, dataset: Dataset, folder: PurePath, steps: int = 2
    ) -> Translation:
        """The same for so many steps, into ``dry-run``."""
        from ategnatos.trainers.accelerate.translation import translate

        check(self, plan, dataset)
        return translate(plan, dataset, folder, dry_steps=steps)

    def resume(
        self, plan: Plan, dataset: Dataset, folder: PurePath, point: Checkpoint
    ) -> Translation:
        """The run again from a state: same order, same noise, same weights."""
        from ategnatos.trainers.accelerate.translation import translate

        check(self, plan, dataset)
        state = saves.state_of(point, self.name, plan.name)
        return translate(plan, dataset, folder, resume=state)

    def parser(self) -> LogParser:
        """A parser for the log of one process; it says what the starter trainer's says."""
        from ategnatos.trainers.own.log import LogParser

        return LogParser()

    def checkpoints(self, output: Path, name: str) -> tuple[Checkpoint, ...]:
        """A state and the LoRA file beside it at each save, and the finished LoRA."""
        return saves.checkpoints(output, name)

    def detect(self, ask: Ask, home: str = "", python: str = "") -> Installed:
        """Whether a Python where ``ask`` runs commands has this package and torch with it."""
        from ategnatos.trainers.accelerate.detection import detect

        return detect(ask, python)

    def versions(self) -> Supported:
        """The versions of the libraries that the parity tests ran with."""
        from ategnatos.trainers import known

        return known.trainer(self.name).supported()
