"""One real refusal for every error code of the gates before a training."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from ategnatos.commands.contract import Call
from ategnatos.commands.train.gates import dry_run as dry_run_command
from ategnatos.commands.train.gates import environment as environment_command
from ategnatos.grimoire import documents
from ategnatos.grimoire.project import Project
from ategnatos.grimoire.schemas.models import ModelFile
from ategnatos.machines.local import LocalMachine
from ategnatos.train import gates, processor
from ategnatos.train.gates.environment import needs, recording, setting_up, there
from ategnatos.train.machine import machine_of
from ategnatos.train.plan import base_model
from ategnatos.train.plan.store import Kept
from ategnatos.trainers import Installed
from tests.train.gates import ready

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def _studio(folder: Path, **values: object) -> tuple[Project, Kept]:
    project = Project.create(folder / "studio")
    ready.pictures(project)
    return project, ready.plan(project, **values)


def _machine(folder: Path) -> None:
    machine_of(Project.create(folder / "studio"), "runpod:nobody")


def _no_gpu_of_that_name(folder: Path) -> None:
    processor.chosen("the fast one")


def _gate(folder: Path) -> None:
    project, kept = _studio(folder)
    gates.require(project, kept, "starter", "local")


def _unfit(folder: Path) -> None:
    project = Project.create(folder / "studio")
    ready.pictures(project)
    ready.sdxl(project, folder / "none.safetensors")
    call = Call("test", json=True, project_option=project.root)
    failed = environment_command.environment(call, "owl", trainer="kohya").failed
    assert failed is not None
    raise failed


def _failed(folder: Path) -> None:
    """It is given no time at all."""
    project, kept = _studio(folder)
    found = recording.check(project, kept, "starter", "local")
    recording.write(project, found, actor="a", now=NOW)
    call = Call("test", json=True, project_option=project.root)
    failed = dry_run_command.dry_run(call, "owl", minutes=0.0).failed
    assert failed is not None
    raise failed


def _python(folder: Path) -> None:
    broken = folder / "python"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    wanted = needs.Needs(False, (), {}, {}, {})
    there.ask_python(LocalMachine(), Installed(True, "", "", str(broken)), wanted)


def _here(folder: Path) -> None:
    project, kept = _studio(folder)
    found = recording.check(project, kept, "starter", "local")
    setting_up.set_up(project, found, say=lambda text: None)


def _models(folder: Path) -> None:
    project = Project.create(folder / "studio")
    ready.pictures(project)
    kept = ready.plan(project, "sdxl/base")
    files = []
    for name in ("one", "two"):
        path = folder / f"{name}.safetensors"
        path.write_bytes(name.encode())
        files.append(ModelFile(name=path.name, kind="checkpoint", family="sdxl", path=str(path)))
    with documents.edit(project, "models", now=NOW) as document:
        document.files = files
    base_model.settled(project, kept, "kohya", actor="a", now=NOW)


CASES: dict[str, Callable[[Path], None]] = {
    "train_machine_unknown": _machine,
    "gpu_choice": _no_gpu_of_that_name,
    "train_gate": _gate,
    "environment_unfit": _unfit,
    "dry_run_failed": _failed,
    "trainer_python": _python,
    "set_up_cannot": _here,
    "model_ambiguous": _models,
}
