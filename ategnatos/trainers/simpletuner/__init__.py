"""SimpleTuner: SD 1.5 to FLUX.2, Qwen-Image, Z-Image, HiDream, Krea 2 and more."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

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
)
from ategnatos.trainers.losing import Losses, cannot
from ategnatos.trainers.simpletuner import config

if TYPE_CHECKING:
    from ategnatos.trainers import Parser
    from ategnatos.trainers.plan import Plan

_DRY = "dry-run"


class SimpleTuner:
    """SimpleTuner, started as ``accelerate launch simpletuner/train.py`` with its options in
    ``simpletuner.json``, which it finds through ``CONFIG_PATH``.
    """

    name = "simpletuner"
    label = "SimpleTuner: SD 1.5 to FLUX.2, Qwen-Image, Z-Image, HiDream, Krea 2"
    layout = "simpletuner"
    bar_counts_from_resume = False

    def trains(self, plan: Plan) -> str:
        """As :meth:`ategnatos.trainers.Trainer.trains`."""
        why = known.trainer(self.name).why_not(plan)
        if why:
            return why
        if plan.network == "locon":
            return "it trains lora, dora, loha and lokr, no locon"
        if plan.text_encoder:
            return "it trains no text encoders together with a LoRA"
        return ""

    def translate(self, plan: Plan, dataset: Dataset, folder: PurePath) -> Translation:
        """As :meth:`ategnatos.trainers.Trainer.translate`."""
        options, data, losses = self._prepared(plan, dataset, folder)
        files = {
            "simpletuner.json": _json(options),
            "multidatabackend.json": _json(data),
            **self._further(plan, options),
        }
        return Translation(
            files,
            self._command(plan),
            "output",
            dataset.steps,
            self._environment(folder / "simpletuner"),
            "{home}",
            losses.all(),
        )

    def dry_run(
        self, plan: Plan, dataset: Dataset, folder: PurePath, steps: int = 2
    ) -> Translation:
        """As :meth:`ategnatos.trainers.Trainer.dry_run`: one checkpoint, after the last step."""
        options, data, losses = self._prepared(plan, dataset, folder)
        kept = {
            name: value
            for name, value in options.items()
            if not name.startswith(("validation_", "user_prompt"))
        }
        kept |= {
            "validation_disable": True,
            "max_train_steps": steps,
            "lr_warmup_steps": steps if kept["lr_scheduler"] == "cosine" else 0,
            "checkpoint_step_interval": steps,
            "output_dir": str(folder / _DRY),
            "data_backend_config": str(folder / f"{_DRY}-multidatabackend.json"),
        }
        if kept["lr_scheduler"] == "constant_with_warmup":
            kept["lr_scheduler"] = "constant"
        files = {
            f"{_DRY}.json": _json(kept),
            f"{_DRY}-multidatabackend.json": _json(data),
            **{
                name: raw
                for name, raw in self._further(plan, kept).items()
                if name != "samples.json"
            },
        }
        return Translation(
            files,
            self._command(plan),
            _DRY,
            steps,
            self._environment(folder / _DRY),
            "{home}",
            losses.all(),
        )

    def resume(
        self, plan: Plan, dataset: Dataset, folder: PurePath, point: Checkpoint
    ) -> Translation:
        """As :meth:`ategnatos.trainers.Trainer.resume`: the checkpoint by its name, never
        ``latest``, which would load a broken one.
        """
        if point.state is None:
            raise cannot(
                self, plan, "the checkpoint has no state to resume from", "Name another checkpoint."
            )
        if point.step is not None and point.step >= dataset.steps:
            raise cannot(
                self,
                plan,
                "every step of it is trained: nothing is left",
                "Evaluate what there is.",
            )
        whole = self.translate(plan, dataset, folder)
        options = json.loads(whole.files["simpletuner.json"])
        options["resume_from_checkpoint"] = point.state.name
        return replace(whole, files={**whole.files, "simpletuner.json": _json(options)})

    def parser(self) -> Parser:
        """As :meth:`ategnatos.trainers.Trainer.parser`."""
        from ategnatos.trainers.simpletuner.parser import SimpleTunerParser

        return SimpleTunerParser()

    def checkpoints(self, output: Path, name: str) -> tuple[Checkpoint, ...]:
        """As :meth:`ategnatos.trainers.Trainer.checkpoints`: ``checkpoint-STEP`` folders, and
        the weights beside them at the end.
        """
        found = []
        for path in output.glob("checkpoint-*") if output.is_dir() else ():
            number = path.name.removeprefix("checkpoint-")
            if path.is_dir() and number.isascii() and number.isdigit():
                weights = _weights(path)
                found.append(Checkpoint(weights, path, int(number), None))
        found.sort(key=lambda one: one.step or 0)
        final = _weights(output)
        if final is not None:
            found.append(Checkpoint(final, None, None, None, final=True))
        return tuple(found)

    def detect(self, ask: Ask, home: str = "", python: str = "") -> Installed:
        """As :meth:`ategnatos.trainers.Trainer.detect`."""
        return installs.checkout(
            ask,
            home,
            python,
            title="SimpleTuner",
            marks=("simpletuner/train.py", "simpletuner/helpers/configuration/cmd_args.py"),
            # It imports its speech models too, and itself by its name.
            modules=(
                *("torch", "accelerate", "diffusers", "transformers", "peft"),
                *("torchaudio", "simpletuner"),
            ),
            get="git clone https://github.com/bghira/SimpleTuner",
            packages="-e {home} torchaudio",
            # At the commit that was read its newest tag is one version behind.
            version_in="simpletuner/__init__.py",
        )

    def versions(self) -> Supported:
        """As :meth:`ategnatos.trainers.Trainer.versions`."""
        return known.trainer(self.name).supported()

    def _prepared(
        self, plan: Plan, dataset: Dataset, folder: PurePath
    ) -> tuple[dict[str, Any], list[dict[str, Any]], Losses]:
        check(self, plan, dataset)
        knows = known.trainer(self.name)
        flavour = knows.family_of(plan).flavours[plan.family.partition("/")[2]]
        if not plan.model and not flavour:
            raise cannot(
                self,
                plan,
                f"it names no model, and SimpleTuner has none of {plan.base_family} by itself",
                f"ategnatos train plan set {plan.name} model=/models/FILE.safetensors",
            )
        losses = Losses(plan)
        options = config.options(plan, knows, dataset, folder, losses)
        data = config.backends(plan, dataset, losses)
        if plan.parts:
            losses.dropped("parts", "SimpleTuner takes the further files from the model's folder")
        if plan.conv_rank:
            losses.dropped("conv_rank", "SimpleTuner trains no convolutions in a LoRA")
        return {name: value for name, value in options.items() if value is not None}, data, losses

    def _further(self, plan: Plan, options: dict[str, Any]) -> dict[str, bytes]:
        files = {}
        if "user_prompt_library" in options:
            files["samples.json"] = _json(config.samples(plan))
        if "lycoris_config" in options:
            files["lycoris.json"] = _json(config.lycoris(plan))
        return files

    def _command(self, plan: Plan) -> tuple[str, ...]:
        return (
            "{python}",
            "-m",
            "accelerate.commands.launch",
            "--num_processes",
            "1",
            "--num_machines",
            "1",
            "--dynamo_backend",
            "no",
            "--mixed_precision",
            config.MIXED[plan.precision],
            "simpletuner/train.py",
        )

    def _environment(self, path: PurePath) -> dict[str, str]:
        return {
            "CONFIG_BACKEND": "json",
            "CONFIG_PATH": str(path),
            **lines.ENVIRONMENT,
        }


def _weights(folder: Path) -> Path | None:
    path = folder / "pytorch_lora_weights.safetensors"
    return path if path.is_file() else None


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=False).encode() + b"\n"
