"""A studio whose evaluation has a verdict: made once, copied for each test."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

from ategnatos.grimoire.project import Project
from ategnatos.starter.model import load_model
from ategnatos.train.dataset.version import Rights
from ategnatos.train.evaluation import choosing, making, planning
from ategnatos.train.evaluation.record import Prompt
from ategnatos.train.plan import store
from tests.starter.lora_files import random_pairs, write_kohya
from tests.terminal import at_a_terminal
from tests.train.dataset.pictures import dataset
from tests.train.evaluation.blender import Blender

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TRIGGER = "zrvk owl"


def studio(folder: Path, rights: Rights = Rights("own")) -> Project:  # noqa: B008 - frozen
    """A plan, two LoRAs that the starter model takes, and an evaluation of them."""
    project = Project.create(folder / "studio")
    version = dataset(
        project, captioned=True, rights=rights, settings={"trigger": TRIGGER, "training": "object"}
    )
    bound = (version.dataset, version.number, version.digest())
    store.new(
        project,
        "owl",
        family="starter",
        preset="quick",
        dataset=bound,
        values={"trigger": TRIGGER, "training": "object"},
        actor="user:ann",
        now=NOW,
    )
    output = project.root / "workspace" / "training" / "owl" / "output"
    output.mkdir(parents=True)
    facts = {"ss_base_model_version": "ategnatos_starter", "modelspec.trigger_phrase": TRIGGER}
    files = [
        write_kohya(
            output / f"{name}.safetensors",
            random_pairs(load_model(), ("unet",), seed=seed, only="mid_block"),
            facts,
        )
        for seed, name in enumerate(("early", "late"))
    ]
    engine = Blender(name="starter")
    found = choosing.of_files(project, files)
    subject = planning.Subject("owl", "starter", "object", TRIGGER, bound)
    prompts = (Prompt("p1", "near", f"a {TRIGGER}"), Prompt("p2", "other", "a chest"))
    ask = planning.Ask(found, (0.0, 0.5, 0.8, 1.0), prompts, (7,), {})
    where = {one.name: choosing.file_of(project, one) for one in found}
    planned = planning.plan(project, engine, subject, ask, where, NOW)
    making.carry_out(project, engine, planned, actor="user:ann", now=lambda: NOW)
    return project


def decided(project: Project, winner: str = "late@0.8") -> None:
    """Have somebody at a terminal say which."""
    words = ["train", "verdict", "owl", "--winner", winner, "--because", "its eyes are right"]
    done = at_a_terminal(words, cwd=project.root, answers=["yes", "yes"])
    assert done.code == 0, done.out


def copied(project: Project, folder: Path) -> Project:
    """The same studio somewhere else."""
    shutil.copytree(project.root, folder / "studio", symlinks=True)
    return Project.find(explicit=folder / "studio")
