"""Look at a machine, judge it, and write down what was found: an event and a page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire import journal
from ategnatos.grimoire.files import explained, sha256_bytes, write_atomic
from ategnatos.train.gates import configuration
from ategnatos.train.gates.environment import EVENT, checks, graphics, there
from ategnatos.train.gates.environment.page import page
from ategnatos.train.machine import machine_of

if TYPE_CHECKING:
    from ategnatos.grimoire.journal import Event
    from ategnatos.grimoire.project import Project
    from ategnatos.train.gates.configuration import Configuration
    from ategnatos.train.gates.environment.checks import Check
    from ategnatos.train.gates.environment.there import There
    from ategnatos.train.plan.store import Kept

NAME = "environment.md"


@dataclass(frozen=True, slots=True)
class Checked:
    """A machine that was looked at. ``data`` is what the record keeps of it."""

    made: Configuration
    machine: str
    there: There
    checks: tuple[Check, ...]
    data: dict[str, Any]

    @property
    def fits(self) -> bool:
        """Whether nothing stops the run."""
        return not any(one.level == "stop" for one in self.checks)


def check(
    project: Project,
    kept: Kept,
    trainer: str,
    machine: str,
    *,
    home: str = "",
    python: str = "",
    gpu: int | None = 0,
    say: Callable[[str], None] = lambda text: None,
) -> Checked:
    """Look and judge; nothing is written. ``home`` and ``python`` default to what was found there
    before, by any plan. ``gpu`` None is the processor, by a person's word.

    Raises StudioError: ``train_machine_unknown``, ``machine_unreachable``, ``machine_timeout``, and
    as :func:`ategnatos.train.gates.configuration.translated`.
    """
    made = configuration.translated(project, kept, trainer)
    reached = machine_of(project, machine, say=say)
    before = remembered(project, made.trainer, machine)
    say(f"Looking at {reached.name} ...")
    found = there.look(
        project,
        kept,
        made.trainer,
        reached,
        home=home or before.get("home", ""),
        # Another checkout has another Python.
        python=python or ("" if home else before.get("python_given", "")),
        gpu=gpu,
    )
    told = tuple(checks.judge(project, made, found))
    return Checked(made, machine, found, told, _data(made, machine, found, told, python, before))


def remembered(project: Project, trainer: str, machine: str) -> dict[str, str]:
    """Where a trainer lay on a machine when it was last looked at; {} where it never was."""
    found: dict[str, str] = {}
    for event in journal.read(project, {EVENT}):
        said = event.references
        if (said.get("trainer"), said.get("machine")) == (trainer, machine):
            found = {key: str(event.data.get(key, "")) for key in ("home", "python_given")}
    return found


def write(project: Project, found: Checked, *, actor: str, now: datetime) -> tuple[Path, Event]:
    """The page, then the event that is gate 3. Raises StudioError (``write_failed``,
    ``disk_full``).
    """
    kept = found.made.kept
    text = page(found, now).encode()
    path = folder(project, kept.name) / NAME
    with explained(path, "The gate is as it was."):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, text)
    event = journal.append(
        project,
        EVENT,
        actor=actor,
        references={
            "plan": kept.name,
            "digest": kept.digest,
            "trainer": found.made.trainer,
            "machine": found.machine,
            "page_sha256": sha256_bytes(text),
        },
        data=found.data,
        now=now,
    )
    return path, event


def folder(project: Project, plan: str) -> Path:
    """Where the pages of a LoRA lie: ``grimoire/training/<name>``."""
    return project.grimoire / "training" / plan


def _data(
    made: Configuration,
    machine: str,
    found: There,
    told: tuple[Check, ...],
    python: str,
    before: dict[str, str],
) -> dict[str, Any]:
    facts, installed, probe = found.facts, found.installed, found.probe
    bound = found.bound
    first = facts.gpus[0] if facts.gpus else None
    checkout = probe.get("checkout", {})
    return {
        "fits": not any(one.level == "stop" for one in told),
        "stops": [f"{one.what}: {one.found}" for one in told if one.level == "stop"],
        "checks": [one.as_json() for one in told],
        "binding": there.binding(bound),
        "bound": bound,
        "label": graphics.label(machine, facts),
        "host": facts.host,
        "system": facts.system,
        "cores": facts.cores,
        "memory": facts.memory,
        "disk_free": min(probe.get("free", {}).values(), default=facts.disk_free),
        "gpu": first.name if first else "",
        "gpu_index": first.index if first else 0,
        "processor": found.processor,
        "gpu_memory_mib": first.memory_mib if first else 0,
        "gpu_free_mib": first.free_mib if first else 0,
        "gpus": [f"{one.name} {one.memory_mib} MiB" for one in facts.gpus],
        "driver": first.driver if first else "",
        "cuda": first.cuda if first else "",
        "torch": dict(probe.get("torch", {})),
        "packages": dict(probe.get("packages", {})),
        "home": installed.home,
        "python": installed.python,
        "python_given": python or before.get("python_given", ""),
        "python_version": probe.get("python", ""),
        "version": installed.version or checkout.get("tag", ""),
        "commit": installed.commit or checkout.get("commit", ""),
        "changed": checkout.get("changed", ""),
        "hub": probe.get("hub", ""),
        "base": str(found.places.base),
        "dataset_digest": made.dataset.digest,
    }
