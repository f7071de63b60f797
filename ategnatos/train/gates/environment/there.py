"""Asking the machine: what it is, what the trainer is, which files are there.

Twice: :func:`look` for the check, whole, and :func:`now` for whether anything has changed since,
two short questions. Both give the same ``bound`` facts, and a gate holds for those alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import canonical_json, sha256_bytes
from ategnatos.train import placing
from ategnatos.train.gates import Now
from ategnatos.train.gates.environment import needs as needing
from ategnatos.train.gates.environment.probe import MARK
from ategnatos.train.machine import machine_of

if TYPE_CHECKING:
    from ategnatos.grimoire.journal import Event
    from ategnatos.grimoire.project import Project
    from ategnatos.machines import Machine, MachineFacts
    from ategnatos.train.gates.environment.needs import Needs
    from ategnatos.train.placing import Places
    from ategnatos.train.plan.store import Kept
    from ategnatos.trainers import Ask, Installed

TRAINER_PYTHON = ErrorCode("trainer_python", "The trainer's Python did not answer on the machine.")


_SECONDS = 120.0
# A base model of 12 GB takes its time to be read once.
_HASHING_SECONDS = 1800.0


@dataclass(frozen=True, slots=True)
class There:
    """A machine as it was found. ``probe`` is what the trainer's Python said (``probe.py``);
    ``processor``: it shall train on the processor, whatever GPUs there are.
    """

    machine: str
    facts: MachineFacts
    installed: Installed
    needs: Needs
    places: Places
    probe: Mapping[str, Any]
    processor: bool = False

    @property
    def bound(self) -> dict[str, Any]:
        """What the gates hold for."""
        return bound(self.facts, self.installed.home, self.probe)


def look(
    project: Project,
    kept: Kept,
    trainer: str,
    machine: Machine,
    *,
    home: str = "",
    python: str = "",
    gpu: int | None = 0,
) -> There:
    """Everything about the machine for this plan, files hashed where their hash is known.

    ``gpu`` is the one that shall train, by its index there; it comes first in ``facts``. None is
    the processor: the facts have no GPU then, and none is needed. ``home`` is the trainer's
    checkout there, ``python`` its interpreter where it is not the checkout's own.
    Raises StudioError: ``machine_unreachable``, ``machine_timeout``.
    """
    from ategnatos.trainers import load_trainer

    facts = before_others(machine.facts(), gpu)
    where = placing.places(project, machine.name, facts.home)
    plan = where.plan(kept.plan)
    needs = needing.of(plan, trainer)
    if gpu is None:
        needs = replace(needs, gpu=False)
    installed = load_trainer(trainer).detect(asker(machine), home, python)
    hashed = [plan.model] if plan.model_sha256 and plan.model in needs.files else []
    free = [str(where.training(plan.name)), "~/.cache/huggingface"]
    said: Mapping[str, Any] = {}
    if installed.python:
        try:
            said = ask_python(machine, installed, needs, hashed=hashed, free=free)
        except StudioError as error:
            if error.code is not TRAINER_PYTHON:
                raise
            installed = replace(installed, ok=False, message=error.message, hint=error.hint)
    return There(machine.name, facts, installed, needs, where, said, gpu is None)


def before_others(facts: MachineFacts, gpu: int | None) -> MachineFacts:
    """The facts with that GPU first; with none, and why, where it has others and not this one.
    None is the processor: no GPU, and nothing wrong with that.
    """
    if gpu is None:
        return replace(facts, gpus=(), problem="")
    chosen = [one for one in facts.gpus if one.index == gpu]
    if chosen or not facts.gpus:
        others = [one for one in facts.gpus if one.index != gpu]
        return replace(facts, gpus=(*chosen, *others))
    there = ", ".join(str(one.index) for one in facts.gpus)
    return replace(facts, gpus=(), problem=f"there is no GPU {gpu} (there are: {there})")


def asker(machine: Machine) -> Ask:
    """The machine as trainers ask it: a command's status and what it printed."""

    def ask(command: Sequence[str]) -> tuple[int, str]:
        ran = machine.run(command, timeout=_SECONDS)
        return ran.status, ran.output

    return ask


def ask_python(
    machine: Machine,
    installed: Installed,
    needs: Needs,
    *,
    hashed: Sequence[str] = (),
    free: Sequence[str] = (),
) -> dict[str, Any]:
    """What ``probe.py`` says there. Raises StudioError (``trainer_python``, ``machine_*``)."""
    source = resources.files(__package__).joinpath("probe.py").read_bytes()
    asked = {
        "home": installed.home,
        "packages": list(needs.watched),
        "modules": list(needs.modules),
        "files": list(needs.files),
        "hash": list(hashed),
        "repositories": dict(needs.repositories),
        "free": list(free),
    }
    ran = machine.run(
        [installed.python, "-", json.dumps(asked)],
        input=source,
        timeout=_HASHING_SECONDS if hashed else _SECONDS,
    )
    for line in ran.output.splitlines():
        if line.startswith(MARK):
            found: dict[str, Any] = json.loads(line[len(MARK) :])
            return found
    last = (ran.errors.strip().splitlines() or ran.output.strip().splitlines() or ["nothing"])[-1]
    raise StudioError(
        TRAINER_PYTHON,
        f"{installed.python} on {machine.name} ended with status {ran.status} instead of an"
        f" answer: {last[:300]}. Nothing was decided.",
        hint="Mend or make anew the trainer's virtual environment there, then run it again.",
        python=installed.python,
        machine=machine.name,
    )


def bound(facts: MachineFacts, home: str, probe: Mapping[str, Any]) -> dict[str, Any]:
    """What the gates hold for, in words that a person can compare."""
    checkout, torch = probe.get("checkout", {}), probe.get("torch", {})
    files = {
        path: f"{said['bytes']} bytes of {said['modified']}" if said.get("kind") else "missing"
        for path, said in probe.get("files", {}).items()
    }
    return {
        "GPU": ", ".join(f"{one.name} {one.memory_mib} MiB" for one in facts.gpus) or "none",
        "driver": facts.gpus[0].driver if facts.gpus else "",
        "CUDA": facts.gpus[0].cuda if facts.gpus else "",
        "trainer's folder": home,
        "trainer's commit": checkout.get("commit", ""),
        "trainer's own changes": checkout.get("changed", ""),
        "Python": f"{probe.get('python', '')} {probe.get('executable', '')}".strip(),
        "torch": f"{torch.get('version')} for {_built_for(torch)}" if torch else "",
        **{f"package {name}": text for name, text in probe.get("packages", {}).items()},
        **{f"file {path}": text for path, text in files.items()},
    }


def _built_for(torch: Mapping[str, str]) -> str:
    if torch.get("hip"):
        return f"ROCm {torch['hip']}"
    return f"CUDA {torch['cuda']}" if torch.get("cuda") else "the processor"


def binding(bound_to: Mapping[str, Any]) -> str:
    """The hash of :func:`bound`."""
    return sha256_bytes(canonical_json(dict(bound_to)))


def now(project: Project, kept: Kept, trainer: str, machine: str, event: Event | None) -> Now:
    """Whether what ``event`` found still stands. Never raises StudioError."""
    from ategnatos.trainers import Installed

    if event is None:
        return Now(None)
    was = event.data
    try:
        reached = machine_of(project, machine)
        gpu = None if was.get("processor") else int(was.get("gpu_index", 0))
        facts = before_others(reached.facts(), gpu)
        plan = placing.places(project, reached.name, facts.home).plan(kept.plan)
        installed = Installed(True, "", str(was.get("home", "")), str(was.get("python", "")))
        said = ask_python(reached, installed, needing.of(plan, trainer)) if installed.python else {}
    except StudioError as error:
        return Now(event, problem=f"it could not be looked at: {error.message}".rstrip("."))
    found = bound(facts, installed.home, said)
    return Now(event, binding(found), difference(was.get("bound", {}), found))


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """The first thing that differs, as a sentence's end; "" where nothing does."""
    for name in sorted({*before, *after}):
        one, other = before.get(name, ""), after.get(name, "")
        if one != other:
            was, is_now = one or "nothing", other or "nothing"
            return f"{name} was {was} when it was checked and is {is_now} now"
    return ""
