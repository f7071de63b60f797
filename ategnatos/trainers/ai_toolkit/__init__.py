"""ai-toolkit: SDXL to FLUX.2, Qwen-Image, Z-Image, Wan 2.2, Krea 2 and more."""

from __future__ import annotations

import copy
import re
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
from ategnatos.trainers.ai_toolkit import config
from ategnatos.trainers.losing import Losses, cannot

if TYPE_CHECKING:
    from ategnatos.trainers import Parser
    from ategnatos.trainers.plan import Plan

_DRY = "dry-run"
_FILE = "ai-toolkit.yaml"


class AiToolkit:
    """ai-toolkit, started as ``python run.py ai-toolkit.yaml``.

    It goes on from the newest file in its folder whose name begins with the job's, of whatever
    kind: so a dry run has another folder, and nothing of ours lies in the run's.
    """

    name = "ai-toolkit"
    label = "ai-toolkit: SDXL to FLUX.2, Qwen-Image, Z-Image, Wan 2.2, Krea 2"
    layout = "ai-toolkit"
    bar_counts_from_resume = False

    def trains(self, plan: Plan) -> str:
        """As :meth:`ategnatos.trainers.Trainer.trains`."""
        knows = known.trainer(self.name)
        why = knows.why_not(plan)
        if why:
            return why
        if plan.network in ("loha", "dora"):
            return f"it trains lora, locon and lokr, no {plan.network}"
        if plan.text_encoder and not knows.family_of(plan).text:
            return f"it cannot train the text encoders of {plan.base_family}"
        if not re.fullmatch(r"[\w.-]+", plan.name):
            return "the plan's name must be letters, digits, '.', '_' and '-'"
        own = next((file for file in _OWN if file.startswith(plan.name)), "")
        if own:
            return f"it would take its own {own} for a save of {plan.name}: give it another name"
        return ""

    def translate(self, plan: Plan, dataset: Dataset, folder: PurePath) -> Translation:
        """As :meth:`ategnatos.trainers.Trainer.translate`."""
        job, losses = self._prepared(plan, dataset, folder)
        return Translation(
            {_FILE: _yaml(job)},
            ("{python}", "run.py", str(folder / _FILE)),
            f"output/{plan.name}",
            dataset.steps,
            lines.ENVIRONMENT,
            "{home}",
            losses.all(),
        )

    def dry_run(
        self, plan: Plan, dataset: Dataset, folder: PurePath, steps: int = 2
    ) -> Translation:
        """As :meth:`ategnatos.trainers.Trainer.dry_run`: another training folder."""
        job, losses = self._prepared(plan, dataset, folder)
        job = copy.deepcopy(job)
        process = job["config"]["process"][0]
        process["training_folder"] = str(folder / _DRY)
        process.pop("sample", None)
        process["train"] |= {"steps": steps, "disable_sampling": True}
        if "num_warmup_steps" in process["train"].get("lr_scheduler_params", {}):
            process["train"]["lr_scheduler_params"]["num_warmup_steps"] = 0
        # The end is saved in any case; a save at the last step would be the same twice.
        process["save"]["save_every"] = steps + 1
        return Translation(
            {f"{_DRY}.yaml": _yaml(job)},
            ("{python}", "run.py", str(folder / f"{_DRY}.yaml")),
            f"{_DRY}/{plan.name}",
            steps,
            lines.ENVIRONMENT,
            "{home}",
            losses.all(),
        )

    def resume(
        self, plan: Plan, dataset: Dataset, folder: PurePath, point: Checkpoint
    ) -> Translation:
        """As :meth:`ategnatos.trainers.Trainer.resume`: the same job again in the same folder.

        It takes up the newest file there: whatever is newer than ``point`` must be gone.
        """
        if point.weights is None or point.final:
            why = "the training is complete" if point.final else "the checkpoint has no weights"
            raise cannot(self, plan, f"{why}: nothing can be resumed", "Name another checkpoint.")
        whole = self.translate(plan, dataset, folder)
        # By its own count it was at that step, and had done it.
        notes = [f"The step after {point.step} is trained a second time."] if point.step else []
        if point.state is None:
            notes.append(
                "The optimizer's state of that save is not there, or not whole: it begins anew."
            )
        return replace(whole, notes=(*whole.notes, *notes))

    def parser(self) -> Parser:
        """As :meth:`ategnatos.trainers.Trainer.parser`."""
        from ategnatos.trainers.ai_toolkit.parser import AiToolkitParser

        return AiToolkitParser()

    def checkpoints(self, output: Path, name: str) -> tuple[Checkpoint, ...]:
        """As :meth:`ategnatos.trainers.Trainer.checkpoints`.

        There is one ``optimizer.pt``, of the last save: only the newest checkpoint has a state.
        """
        steps: dict[int, Path] = {}
        for path in output.glob("*.safetensors") if output.is_dir() else ():
            found = re.fullmatch(re.escape(name) + r"_(\d{9})\.safetensors", path.name)
            if found is not None:
                steps[int(found[1])] = path
        final = output / f"{name}.safetensors"
        optimizer = output / "optimizer.pt"
        state = optimizer if optimizer.is_file() else None
        newest = max(steps, default=None)
        made = [
            Checkpoint(path, state if step == newest else None, step, None)
            for step, path in sorted(steps.items())
        ]
        if final.is_file():
            made.append(Checkpoint(final, state, None, None, final=True))
        return tuple(made)

    def detect(self, ask: Ask, home: str = "", python: str = "") -> Installed:
        """As :meth:`ategnatos.trainers.Trainer.detect`."""
        return installs.checkout(
            ask,
            home,
            python,
            title="ai-toolkit",
            marks=("run.py", "toolkit/config_modules.py", "extensions_built_in/sd_trainer"),
            # All of these are imported at its start, whatever is trained.
            modules=(
                *("torch", "torchaudio", "torchao", "diffusers", "transformers", "optimum"),
                *("lycoris", "av", "lpips", "oyaml", "albumentations"),
            ),
            get="git clone --recurse-submodules https://github.com/ostris/ai-toolkit",
            version_in="version.py",
        )

    def versions(self) -> Supported:
        """As :meth:`ategnatos.trainers.Trainer.versions`."""
        return known.trainer(self.name).supported()

    def _prepared(
        self, plan: Plan, dataset: Dataset, folder: PurePath
    ) -> tuple[dict[str, Any], Losses]:
        check(self, plan, dataset)
        knows = known.trainer(self.name)
        if not plan.model and plan.family.partition("/")[2] not in (
            knows.family_of(plan).repositories
        ):
            raise cannot(
                self,
                plan,
                "it names no model, and there is no repository of this family's base",
                f"ategnatos train plan set {plan.name} model=/models/FILE.safetensors",
            )
        lost = _unseen(plan.name, folder)
        if lost:
            why = f"it finds no save again below {folder}, for the {lost!r} in it, and begins anew"
            raise cannot(self, plan, why, "Move the studio to a folder without it.")
        losses = Losses(plan)
        job = config.job(plan, knows, dataset, folder, losses)
        taken = next((mark for mark in _TAKEN if mark in _yaml(job).decode()), "")
        if taken:
            why = f"{taken!r} stands in a path or a prompt, and ai-toolkit puts another text there"
            raise cannot(self, plan, why, "Write it in another way.")
        if plan.parts:
            losses.dropped("parts", "ai-toolkit takes the further files from the model's folder")
        return job, losses


def _unseen(name: str, folder: PurePath) -> str:
    """What of the folder's path hides its saves from it; "" where it finds them.

    It looks for them by a pattern of the shell, and then leaves out every path that has one of
    these marks anywhere, unless the job's name has it too.
    """
    marks = (mark for mark in ("_LoRA", "_refiner", "_t2i", "_cn") if mark not in name)
    return next((one for one in (*"*?[", *marks) if one in str(folder)), "")


# What it writes beside its saves. It goes on from whatever begins with the job's name.
_OWN = ("config.yaml", "samples", "optimizer.pt", "learnable_snr.json", "loss_log.db")
# Replaced before the file is read: by a variable of the environment, by the job's name.
_TAKEN = ("${", "[name]")


def _yaml(job: dict[str, Any]) -> bytes:
    import yaml

    class _Quoting(yaml.SafeDumper):
        """As safe_dump, and never with anchors."""

        def ignore_aliases(self, data: Any) -> bool:
            return True

    text: str = yaml.dump(job, Dumper=_Quoting, sort_keys=False, allow_unicode=True, width=10_000)
    return text.encode()
