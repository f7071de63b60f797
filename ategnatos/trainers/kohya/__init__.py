"""kohya sd-scripts: SD 1.5, SDXL and its kin, SD 3.5, FLUX.1, Chroma, Lumina 2, Anima."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from ategnatos.trainers import (
    Ask,
    Checkpoint,
    Dataset,
    Installed,
    Supported,
    Translation,
    check,
    installs,
    known,
    lines,
    toml,
)
from ategnatos.trainers.kohya import config
from ategnatos.trainers.kohya_ss import settings, starting
from ategnatos.trainers.kohya_ss.files import began, checkpoints
from ategnatos.trainers.losing import Losses, cannot
from ategnatos.trainers.saving import COUNTED_ANEW

if TYPE_CHECKING:
    from typing import Any

    from ategnatos.trainers import Parser
    from ategnatos.trainers.plan import Plan

_OURS = "Written by ategnatos from the plan {name}; a change here is lost when it is written again."
# What train_network.py imports before it has read a setting; without any of them it dies at once.
_MODULES = (
    *("torch", "torchvision", "accelerate", "diffusers", "transformers", "safetensors"),
    *("voluptuous", "toml", "imagesize", "cv2", "einops"),
)
_DRY = "dry-run"
# In a dry run nothing is saved but the end, nothing drawn, nothing measured.
_NOT_DRY = frozenset(
    {
        "max_train_epochs",
        "save_every_n_epochs",
        "save_every_n_steps",
        "save_last_n_epochs",
        "save_last_n_steps",
        "save_state",
        "sample_prompts",
        "sample_every_n_epochs",
        "sample_every_n_steps",
        "sample_sampler",
        "validate_every_n_epochs",
    }
)


class Kohya:
    """sd-scripts, started as ``accelerate launch SCRIPT --config_file kohya.toml``."""

    name = "kohya"
    label = "kohya sd-scripts: SD 1.5, SDXL, SD 3.5, FLUX.1, Chroma, Lumina 2, Anima"
    layout = "kohya"
    bar_counts_from_resume = True

    def trains(self, plan: Plan) -> str:
        """As :meth:`ategnatos.trainers.Trainer.trains`."""
        knows = known.trainer(self.name)
        why = knows.why_not(plan)
        if why:
            return why
        family = knows.family_of(plan)
        if plan.network in ("loha", "lokr", "dora") and not family.lycoris:
            return f"it trains no {plan.network} of {plan.base_family}"
        if plan.network == "locon" and family.flow:
            return f"{plan.base_family} has no convolutions for a locon"
        if plan.text_encoder and not family.text:
            return f"it cannot train the text encoders of {plan.base_family}"
        return ""

    def translate(self, plan: Plan, dataset: Dataset, folder: PurePath) -> Translation:
        """As :meth:`ategnatos.trainers.Trainer.translate`."""
        keys, data, losses = self._prepared(plan, dataset, folder)
        files = {
            "kohya.toml": toml.document(keys, _OURS.format(name=plan.name)),
            "dataset.toml": toml.datasets(data, _OURS.format(name=plan.name)),
        }
        if "sample_prompts" in keys:
            prompts = config.samples(plan, known.trainer(self.name).family_of(plan))
            files["samples.json"] = json.dumps(prompts, indent=1, ensure_ascii=False).encode()
        notes = []
        if "save_every_n_steps" in keys:
            notes.append(
                "Saves fall inside epochs: kohya can go on from one only by training that epoch"
                " from its beginning."
            )
        return Translation(
            files,
            self._command(plan, folder / "kohya.toml"),
            "output",
            dataset.steps,
            lines.ENVIRONMENT,
            "{home}",
            losses.all(),
            tuple(notes),
        )

    def dry_run(
        self, plan: Plan, dataset: Dataset, folder: PurePath, steps: int = 2
    ) -> Translation:
        """As :meth:`ategnatos.trainers.Trainer.dry_run`."""
        keys, data, losses = self._prepared(plan, dataset, folder)
        keys = {name: value for name, value in keys.items() if name not in _NOT_DRY}
        keys |= {
            "max_train_steps": steps,
            "lr_warmup_steps": min(keys["lr_warmup_steps"], steps - 1),
            "output_dir": str(folder / _DRY),
            "logging_dir": str(folder / _DRY / "logs"),
            "dataset_config": str(folder / f"{_DRY}-dataset.toml"),
        }
        data["datasets"] = [one for one in data["datasets"] if "validation_split" not in one]
        files = {
            f"{_DRY}.toml": toml.document(keys, _OURS.format(name=plan.name)),
            f"{_DRY}-dataset.toml": toml.datasets(data, _OURS.format(name=plan.name)),
        }
        command = self._command(plan, folder / f"{_DRY}.toml")
        return Translation(files, command, _DRY, steps, lines.ENVIRONMENT, "{home}", losses.all())

    def resume(
        self, plan: Plan, dataset: Dataset, folder: PurePath, point: Checkpoint
    ) -> Translation:
        """As :meth:`ategnatos.trainers.Trainer.resume`: ``--resume STATE --initial_epoch E+1``."""
        if point.state is None or point.final:
            why = "the training is complete" if point.final else "the checkpoint has no state"
            raise cannot(self, plan, f"{why}: nothing can be resumed", "Name another checkpoint.")
        whole = self.translate(plan, dataset, folder)
        epoch = point.epoch
        notes: tuple[str, ...] = ()
        begins: int | None = None
        files, output = dict(whole.files), whole.output
        if epoch is not None and epoch * dataset.steps_an_epoch >= dataset.steps:
            why = "every epoch of it is trained: nothing is left"
            raise cannot(self, plan, why, "Evaluate what there is.")
        if epoch is None:
            if point.step is None:
                raise cannot(
                    self,
                    plan,
                    f"the state {point.state} tells neither epoch nor step",
                    "Name another checkpoint.",
                )
            an_epoch = max(1, dataset.steps_an_epoch)
            # After a resume it counts from the beginning of the epoch that was resumed.
            done = began(point.state) // an_epoch * an_epoch + point.step
            epoch = done // an_epoch
            begins = epoch * an_epoch
            # Steps are counted from 0 again: in the same folder earlier saves were overwritten.
            output = f"{COUNTED_ANEW}{done:08d}"
            keys, _, _ = self._prepared(plan, dataset, folder)
            keys |= {
                "output_dir": str(folder / output),
                "logging_dir": str(folder / output / "logs"),
            }
            files["kohya.toml"] = toml.document(keys, _OURS.format(name=plan.name))
            notes = (
                f"Epoch {epoch + 1} begins anew: {done - begins} steps are trained a second time;"
                f" steps are counted from 0 in {output}.",
            )
        command = (*whole.command, "--resume", str(point.state), "--initial_epoch", str(epoch + 1))
        return replace(
            whole,
            files=files,
            command=command,
            output=output,
            notes=(*whole.notes, *notes),
            begins=begins,
        )

    def parser(self) -> Parser:
        """As :meth:`ategnatos.trainers.Trainer.parser`."""
        from ategnatos.trainers.kohya.parser import KohyaParser

        return KohyaParser()

    def checkpoints(self, output: Path, name: str) -> tuple[Checkpoint, ...]:
        """As :meth:`ategnatos.trainers.Trainer.checkpoints`."""
        return checkpoints(output, name)

    def detect(self, ask: Ask, home: str = "", python: str = "") -> Installed:
        """As :meth:`ategnatos.trainers.Trainer.detect`."""
        return installs.checkout(
            ask,
            home,
            python,
            title="kohya sd-scripts",
            marks=("train_network.py", "sdxl_train_network.py", "library/train_util.py"),
            modules=_MODULES,
            get="git clone https://github.com/kohya-ss/sd-scripts",
        )

    def versions(self) -> Supported:
        """As :meth:`ategnatos.trainers.Trainer.versions`."""
        return known.trainer(self.name).supported()

    def _prepared(
        self, plan: Plan, dataset: Dataset, folder: PurePath
    ) -> tuple[dict[str, Any], dict[str, Any], Losses]:
        check(self, plan, dataset)
        family = known.trainer(self.name).family_of(plan)
        if not family.repository:
            starting.require_model(self, plan, "kohya loads this family")
        needed = [part for part, must in family.parts.items() if must]
        starting.require_parts(self, plan, "kohya", needed)
        losses = Losses(plan)
        keys = config.settings(plan, family, dataset, folder, losses)
        data = config.datasets(plan, dataset, losses)
        starting.drop_parts(plan, losses, "kohya", family.parts)
        return {name: value for name, value in keys.items() if value is not None}, data, losses

    def _command(self, plan: Plan, file: PurePath) -> tuple[str, ...]:
        script = known.trainer(self.name).family_of(plan).script
        return starting.command(script, settings.MIXED[plan.precision], file)
