"""Codes of LoRAs in use."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ategnatos.art import loras
from ategnatos.engines import Request
from ategnatos.grimoire import documents
from ategnatos.grimoire.project import Project
from ategnatos.grimoire.schemas.loras import LoraRow
from ategnatos.guard.policy import Policy
from ategnatos.train.registering import registering, undoing
from tests.train.registering import chosen


def _studio(folder: Path, family: str = "sdxl/base", content: bytes = b"x") -> Project:
    project = Project.create(folder / "studio")
    path = folder / "ink.safetensors"
    path.write_bytes(content)
    row = LoraRow(
        name="ink", family=family, weight=0.8, weight_low=0.5, weight_high=1.0,
        sha256=hashlib.sha256(b"x").hexdigest(), location=str(path),
    )  # fmt: skip
    with documents.edit(project, "loras") as document:
        document.loras = [row]
    return project


def _another(folder: Path) -> None:
    project = chosen.studio(folder)
    chosen.decided(project)
    with documents.edit(project, "loras") as document:
        document.loras = [
            LoraRow(
                name="owl", family="starter", weight=1.0, weight_low=1.0, weight_high=1.0,
                sha256="0" * 64, location="/nowhere",
            )
        ]  # fmt: skip
    registering.plan(project, "owl", Policy(), name="", folder=lambda engine: folder)


def _other_family(folder: Path) -> None:
    project = _studio(folder)
    found = [loras.find(project, "ink")]
    loras.check_family(project, found, "starter", Request("an owl", 1))


CASES = {
    "lora_registered": _another,
    "lora_not_registered": lambda folder: undoing.unregister(
        Project.create(folder / "studio"), "owl", because="", actor="user:ann", now=chosen.NOW
    ),
    "lora_unknown": lambda folder: loras.find(_studio(folder), "nobody"),
    "lora_changed": lambda folder: loras.find(_studio(folder, content=b"y"), "ink"),
    "lora_family": _other_family,
}
