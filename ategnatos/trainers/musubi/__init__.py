"""musubi-tuner: Qwen-Image, Z-Image, FLUX.2, Krea 2, Ideogram 4, HiDream-O1, Wan 2.2 14B."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from ategnatos.trainers import (
    Ask,
    Checkpoint,
    Dataset,
    Installed,
    Loss,
    Supported,
    Translation,
    check,
    installs,
    known,
    lines,
    toml,
)
from ategnatos.trainers.kohya_ss import settings, starting
from ategnatos.trainers.kohya_ss.files import began, checkpoints
from ategnatos.trainers.losing import Losses, cannot
from ategnatos.trainers.musubi import config, encoding
from ategnatos.trainers.saving import COUNTED_ANEW

if TYPE_CHECKING:
    from ategnatos.trainers import Parser
    from ategnatos.trainers.plan import Plan

_OURS = "Written by ategnatos from the plan {name}; a change here is lost when it is written again."
_DRY = "dry-run"
# In a dry run nothing is saved but the end, and nothing drawn.
_NOT_DRY = frozenset(
    {
        "save_every_n_steps",
        "save_last_n_steps",
        "save_state",
        "sample_prompts",
        "sample_every_n_epochs",
        "sample_every_n_steps",
    }
)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A plan's settings and dataset file, and what they lose."""

    keys: dict[str, Any]
    data: dict[str, Any]
    losses: tuple[Loss, ...]


class Musubi:
    """musubi-tuner: two programs encode pictures and captions, a third one trains on that."""

    name = "musubi"
    label = "musubi-tuner: Qwen-Image, Z-Image, FLUX.2, Krea 2, Ideogram 4, HiDream-O1, Wan 2.2"
    layout = "musubi"
    bar_counts_from_resume = True

    def trains(self, plan: Plan) -> str:
        """As :meth:`ategnatos.trainers.Trainer.trains`."""
        knows = known.trainer(self.name)
        why = knows.why_not(plan)
        if why:
            return why
        family = knows.family_of(plan)
        if plan.network in ("dora", "locon") or (plan.network != "lora" and not family.lycoris):
            return f"it trains no {plan.network} of {plan.base_family}"
        if plan.text_encoder:
            return "it trains no text encoders: captions are encoded before"
        return ""

    def translate(self, plan: Plan, dataset: Dataset, folder: PurePath) -> Translation:
        """As :meth:`ategnatos.trainers.Trainer.translate`."""
        made = self._prepared(plan, dataset, folder)
        return self._translated(plan, dataset, folder, made, made.keys)

    def dry_run(
        self, plan: Plan, dataset: Dataset, folder: PurePath, steps: int = 2
    ) -> Translation:
        """As :meth:`ategnatos.trainers.Trainer.dry_run`. Everything is encoded for it, as its
        programs can leave nothing out.
        """
        made = self._prepared(plan, dataset, folder)
        keys = {name: value for name, value in made.keys.items() if name not in _NOT_DRY}
        keys |= {
            "max_train_steps": steps,
            "lr_warmup_steps": min(keys["lr_warmup_steps"], steps - 1),
            "output_dir": str(folder / _DRY),
            "dataset_config": str(folder / f"{_DRY}-dataset.toml"),
        }
        files = {
            f"{_DRY}.toml": toml.document(keys, _OURS.format(name=plan.name)),
            f"{_DRY}-dataset.toml": toml.datasets(made.data, _OURS.format(name=plan.name)),
        }
        said = (
            f"All {dataset.pictures} pictures and captions are encoded first, as for the run:"
            " musubi-tuner trains on nothing else."
        )
        return Translation(
            files,
            self._command(plan, folder / f"{_DRY}.toml"),
            _DRY,
            steps,
            lines.ENVIRONMENT,
            "{home}",
            made.losses,
            (said,),
            self._before(plan, dataset, folder, made, folder / f"{_DRY}-dataset.toml"),
        )

    def resume(
        self, plan: Plan, dataset: Dataset, folder: PurePath, point: Checkpoint
    ) -> Translation:
        """As :meth:`ategnatos.trainers.Trainer.resume`: ``--resume STATE``, for what is left.

        It counts steps from 0 again, so it writes into a folder of its own, named after the step.
        """
        if point.state is None or point.final:
            why = "the training is complete" if point.final else "the checkpoint has no state"
            raise cannot(self, plan, f"{why}: nothing can be resumed", "Name another checkpoint.")
        if point.step is None:
            why = f"the state {point.state} tells no step"
            raise cannot(self, plan, why, "Name another checkpoint.")
        done = began(point.state) + point.step
        if done >= dataset.steps:
            why = "every step of it is trained: nothing is left"
            raise cannot(self, plan, why, "Evaluate what there is.")
        made = self._prepared(plan, dataset, folder)
        output = f"{COUNTED_ANEW}{done:08d}"
        keys = {
            **config.going_on(plan, made.keys, dataset, done),
            "output_dir": str(folder / output),
        }
        whole = self._translated(plan, dataset, folder, made, keys)
        note = (
            f"musubi-tuner counts from 0 to {dataset.steps - done} again, in {output}, and begins"
            " an epoch: which pictures the last one had left is not kept."
        )
        return replace(
            whole,
            command=(*whole.command, "--resume", str(point.state)),
            output=output,
            notes=(*whole.notes, note),
        )

    def parser(self) -> Parser:
        """As :meth:`ategnatos.trainers.Trainer.parser`."""
        from ategnatos.trainers.musubi.parser import MusubiParser

        return MusubiParser()

    def checkpoints(self, output: Path, name: str) -> tuple[Checkpoint, ...]:
        """As :meth:`ategnatos.trainers.Trainer.checkpoints`: named as sd-scripts names them."""
        return checkpoints(output, name)

    def detect(self, ask: Ask, home: str = "", python: str = "") -> Installed:
        """As :meth:`ategnatos.trainers.Trainer.detect`."""
        return installs.checkout(
            ask,
            home,
            python,
            title="musubi-tuner",
            marks=(
                f"{encoding.SCRIPTS}/cache_latents.py",
                f"{encoding.SCRIPTS}/training/trainer_base.py",
                f"{encoding.SCRIPTS}/zimage_train_network.py",
            ),
            modules=(
                *("torch", "torchvision", "accelerate", "diffusers", "transformers"),
                # Its programs import each other as an installed package.
                *("voluptuous", "toml", "einops", "cv2", "av", "musubi_tuner"),
            ),
            get="git clone https://github.com/kohya-ss/musubi-tuner",
            packages="-e {home}",
        )

    def versions(self) -> Supported:
        """As :meth:`ategnatos.trainers.Trainer.versions`."""
        return known.trainer(self.name).supported()

    def _prepared(self, plan: Plan, dataset: Dataset, folder: PurePath) -> _Prepared:
        check(self, plan, dataset)
        family = known.trainer(self.name).family_of(plan)
        starting.require_model(self, plan, "musubi-tuner loads every model")
        starting.require_parts(self, plan, "musubi-tuner", family.parts)
        losses = Losses(plan)
        keys = config.settings(plan, family, dataset, folder, losses)
        data = config.datasets(plan, dataset, folder, losses)
        starting.drop_parts(plan, losses, "musubi-tuner", family.parts)
        if not family.guidance and any(one.cfg is not None for one in plan.samples):
            losses.dropped("samples", "its sampler of this family has a fixed guidance")
        keys = {name: value for name, value in keys.items() if value is not None}
        return _Prepared(keys, data, losses.all())

    def _translated(
        self,
        plan: Plan,
        dataset: Dataset,
        folder: PurePath,
        made: _Prepared,
        keys: Mapping[str, Any],
    ) -> Translation:
        files = {
            "musubi.toml": toml.document(keys, _OURS.format(name=plan.name)),
            "dataset.toml": toml.datasets(made.data, _OURS.format(name=plan.name)),
        }
        if "sample_prompts" in keys:
            prompts = config.samples(plan, known.trainer(self.name).family_of(plan))
            files["samples.json"] = json.dumps(prompts, indent=1, ensure_ascii=False).encode()
        use = known.trainer(self.name).family_of(plan).use
        return Translation(
            files,
            self._command(plan, folder / "musubi.toml"),
            "output",
            dataset.steps,
            lines.ENVIRONMENT,
            "{home}",
            made.losses,
            (use,) if use else (),
            before=self._before(plan, dataset, folder, made, folder / "dataset.toml"),
        )

    def _before(
        self, plan: Plan, dataset: Dataset, folder: PurePath, made: _Prepared, file: PurePath
    ) -> tuple[Any, ...]:
        family = known.trainer(self.name).family_of(plan)
        return encoding.steps(family, dataset, made.keys, made.data, file, folder)

    def _command(self, plan: Plan, file: PurePath) -> tuple[str, ...]:
        family = known.trainer(self.name).family_of(plan)
        precision = plan.precision if plan.precision in family.precisions else family.precisions[0]
        script = f"{encoding.SCRIPTS}/{family.script}"
        return starting.command(script, settings.MIXED[precision], file)
