"""What to do about a dry run that failed: the missing file by its name, the next plan that fits,
the row of the CUDA table; for everything else what the knowledge of failures says first.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import StudioError
from ategnatos.train.gates.environment import graphics
from ategnatos.train.gates.environment import needs as needing

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.knowledge.failures import Diagnosis
    from ategnatos.train.gates import Opened
    from ategnatos.train.gates.dry_run.carry import Tried
    from ategnatos.train.plan.store import Kept

# A path or a repository in quotes, or a path that stands by itself.
_NAMED = re.compile(r"""['"`]([^'"`\n]{2,300}[/.][^'"`\n]{0,300})['"`]|(?<![\w/])(/[^\s'",:;]+)""")
# A plan that was expected to take all but so much may have been the one that did not fit.
_BELOW = 0.98
_MISSING = re.compile(r"FileNotFoundError|No such file|does not exist|not a (?:file|directory)")
_MODULE = re.compile(r"No module named ['\"]([\w.]+)['\"]")


@dataclass(frozen=True, slots=True)
class Mend:
    """``command`` is what to run or do; ``why`` says more than the failure's own words, or ""."""

    command: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """Everything that a mend may look at."""

    project: Project
    kept: Kept
    opened: Opened
    tried: Tried
    first: Diagnosis | None
    lines: Sequence[str]

    @property
    def line(self) -> str:
        """The line that tells of it, or the trainer's last words; "" where there are none."""
        return self.first.line if self.first is not None else self.tried.failed

    @property
    def trainer(self) -> str:
        """The trainer's name."""
        return self.tried.trainer.name


def mend(
    project: Project,
    kept: Kept,
    opened: Opened,
    tried: Tried,
    code: str,
    first: Diagnosis | None,
    lines: Sequence[str],
) -> Mend:
    """What to do about the failure called ``code``."""
    case = Case(project, kept, opened, tried, first, lines)
    special = _SPECIAL.get(code)
    found = special(case) if special else None
    if found is not None:
        return found
    if first is not None:
        return Mend(first.failure.fix[0])
    return Mend(f"ategnatos knowledge diagnose {tried.log}")


def _memory(case: Case) -> Mend:
    """The least harmful change after which it should fit this card."""
    plan, facts = case.kept.plan, case.opened.environment
    total = facts.get("gpu_memory_mib", 0) / 1024
    free = facts.get("gpu_free_mib", 0) / 1024 or total
    said = f"GPU memory ran out: {case.opened.gpu or 'the card'} has {total:.0f} GiB"
    said += f", {free:.1f} of them free" if total - free > 1 else ""
    values, costs = _smaller(case, free)
    if not values:
        return Mend(
            f"ategnatos train vram {case.kept.name} --trainer {case.trainer}",
            f"{said}, and no change of the plan is known that would make it fit",
        )
    changed = {name: value for name, value in values.items() if plan.facts()[name] != value}
    words = " ".join(f"{name}={_said(value)}" for name, value in changed.items())
    return Mend(
        f"ategnatos train plan set {case.kept.name} {words}",
        f"{said}. The next plan that fits: {costs}",
    )


def _smaller(case: Case, free: float) -> tuple[dict[str, Any], str]:
    """Values of the next plan that fits ``free`` GiB, and what they cost."""
    from ategnatos.train.run import memory
    from ategnatos.train.vram import advice, measured
    from ategnatos.train.vram.estimate import estimate
    from ategnatos.train.vram.workload import of_plan

    plan = case.kept.plan
    try:
        made = measured.calibration(case.project, str(case.opened.environment.get("label", "")))
        likely = estimate(of_plan(plan, case.trainer), made).likely
        # It took more than there is, whatever was reckoned: the next plan is held that much lower.
        found = advice.advise(plan, case.trainer, min(free, likely * _BELOW), made)
    except StudioError:
        found = None
    if found is not None and found.changes:
        return found.values, "; ".join(f"{one.name} ({one.costs})" for one in found.changes)
    step = memory.next_change(plan, case.trainer, ())
    return (step.values, step.name) if step is not None else ({}, "")


def _said(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _card(case: Case) -> Mend | None:
    """The row of the CUDA table that tells which build runs there."""
    from ategnatos.machines import MachineFacts, MachineGpu

    facts = case.opened.environment
    if not facts.get("gpu"):
        return None
    gpu = MachineGpu(
        0,
        facts["gpu"],
        facts["gpu_memory_mib"],
        facts["gpu_free_mib"],
        facts["driver"],
        facts["cuda"],
    )
    there = MachineFacts(facts["host"], facts["system"], "", 0, 0, "", 0, gpus=(gpu,))
    torch: Mapping[str, str] = facts.get("torch", {})
    python = shlex.quote(case.opened.python)
    own = needing.known().get(case.trainer)
    also = own.with_torch if own is not None else ()
    said = graphics.torch(torch, there, python, also)
    number = str(torch.get("version", ""))
    card = graphics.known(gpu)
    command = said.mend or graphics.install(number, card, gpu.driver, python, also)
    needs = graphics.needs(card)
    why = said.refused or (
        f"PyTorch {number} (CUDA {torch.get('cuda') or 'none'}) did not run on {gpu.name} with"
        f" driver {gpu.driver}" + (f"; {needs}" if needs else "")
    )
    return Mend(command, why)


def _file(case: Case) -> Mend | None:
    """The file that is missing, by its name."""
    plan = case.kept.plan
    fields = {"model": plan.model, "vae": plan.vae, **plan.parts}
    found = [(one or other).rstrip("/") for one, other in _NAMED.findall(case.line)]
    # A path of the plan before one of the trainer's own code.
    named = next((one for one in found if one in fields.values()), found[0] if found else "")
    if not named:
        return None
    field = next((name for name, path in fields.items() if path == named), "")
    command = (
        f"ategnatos train plan set {case.kept.name} {field}=/models/FILE.safetensors"
        if field in ("model", "vae")
        else f"Put {named} there, or correct what names it."
    )
    return Mend(command, f"the trainer does not find {named}")


def _package(case: Case) -> Mend | None:
    found = _MODULE.search(case.line)
    if found is None:
        return None
    from ategnatos.train.gates.environment.checks import PIP

    name = found[1].partition(".")[0]
    return Mend(
        f"{shlex.quote(case.opened.python)} -m pip install {PIP.get(name, name)}",
        f"the trainer's Python has no package {name}",
    )


def _no_pictures(case: Case) -> Mend:
    return Mend(
        f"ategnatos train dataset audit {case.kept.plan.dataset}",
        "the trainer found no picture to train on, and ended as if all were well"
        if case.tried.status == 0
        else "the trainer found no picture to train on",
    )


def _untrained(case: Case) -> Mend | None:
    """It said that all is well and left nothing of use."""
    return _no_pictures(case) if case.tried.drawn is None else None


def _other(case: Case) -> Mend | None:
    """No known failure: a file that is named as missing is the likeliest."""
    return _file(case) if _MISSING.search(case.line) else None


def _no_number(case: Case) -> Mend:
    plan = case.kept.plan
    if plan.precision == "fp16" and _bf16(case):
        command = f"ategnatos train plan set {case.kept.name} precision=bf16"
    elif plan.learning_rate > _HIGH_RATE.get(plan.optimizer, _USUAL_HIGH):
        command = (
            f"ategnatos train plan set {case.kept.name} learning-rate={plan.learning_rate / 10:g}"
        )
    else:
        command = f"ategnatos train plan set {case.kept.name} precision=fp32"
    return Mend(
        command,
        "the loss was no number from the first steps on: every further step would be worthless",
    )


# Prodigy reckons its own rate; its 1 is usual.
_HIGH_RATE = {"prodigy": 2.0}
_USUAL_HIGH = 1e-3


def _bf16(case: Case) -> bool:
    from ategnatos.knowledge import gpus

    card = gpus.known(case.opened.gpu) if case.opened.gpu else None
    return card is not None and card.bf16


_SPECIAL: Mapping[str, Callable[[Case], Mend | None]] = {
    "cuda_oom": _memory,
    "unsupported_gpu": _card,
    "no_cuda": _card,
    "missing_model": _file,
    "missing_config": _file,
    "missing_dataset": _file,
    "bad_output_path": _file,
    "missing_package": _package,
    "bitsandbytes_broken": _package,
    "no_training_data": _no_pictures,
    "untrained": _untrained,
    "failed": _other,
    "nan": _no_number,
    "nan_loss": _no_number,
    "divergence": _no_number,
}
