"""Codes of evaluations: the record, votes, verdicts."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.project import Project
from ategnatos.guard.budget import approved
from ategnatos.train.evaluation import (
    choosing,
    embedding,
    making,
    pairs,
    planning,
    prompts,
    record,
    seen,
    verdict,
    votes,
)
from ategnatos.train.registering import placing
from tests.engines.toll import Toll, Vendor
from tests.train.evaluation.blender import Blender
from tests.train.evaluation.made import by_hand

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def _studio(folder: Path) -> Project:
    return Project.create(folder / "studio")


def _broken(folder: Path) -> None:
    project = _studio(folder)
    one = by_hand(project)
    (one.folder / record.FILE).write_text("{", encoding="utf-8")
    record.load(project, "owl")


def _unfinished(folder: Path) -> None:
    project = _studio(folder)
    record.require_finished(project, by_hand(project))


def _no_choice(folder: Path) -> None:
    project = _studio(folder)
    one = by_hand(project)
    votes.cast(project, one, "ann", votes.pairs(one, "ann")[0].id, "both", NOW)


def _after_the_reveal(folder: Path) -> None:
    project = _studio(folder)
    one = by_hand(project)
    verdict.reveal(project, one, actor="user:ann", now=NOW)
    votes.cast(project, one, "ann", votes.pairs(one, "ann")[0].id, "left", NOW)


def _no_such_winner(folder: Path) -> None:
    project = _studio(folder)
    verdict.decide(project, by_hand(project), "owl@9", now=NOW)


def _carried_out(project: Project, folder: Path, engine: Blender | Toll) -> None:
    file = folder / "one.safetensors"
    if not file.exists():
        _lora(file)
    found = choosing.of_files(project, [file])
    subject = planning.Subject("owl", "starter", "object", "zrvk")
    ask = planning.Ask(found, (0.0, 1.0), (record.Prompt("p1", "near", "zrvk"),), (7,), {})
    files = {found[0].name: choosing.file_of(project, found[0])}
    planned = planning.plan(project, engine, subject, ask, files, NOW)
    making.carry_out(project, engine, planned, actor="user:ann", now=lambda: NOW)


def _lora(path: Path) -> None:
    import numpy as np
    from safetensors.numpy import save_file

    pair = {"x.lora_down.weight": (1, 4), "x.lora_up.weight": (3, 1)}
    save_file({key: np.ones(shape, np.float32) for key, shape in pair.items()}, path)


def _unclear_bill(folder: Path) -> None:
    project = _studio(folder)
    approved.ensure_file(project)
    with Vendor() as vendor:
        vendor.mood = "lost"
        engine = Toll(vendor.port, painter=Blender())
        with suppress(StudioError):
            _carried_out(project, folder, engine)
        _carried_out(project, folder, engine)


def _no_picture(folder: Path) -> None:
    one = by_hand(_studio(folder))
    pairs.sheet(one, votes.pairs(one, "ann")[0])


CASES = {
    "evaluation_files": lambda folder: choosing.of_files(_studio(folder), [folder / "no"]),
    "evaluation_weights": lambda folder: choosing.parse_weights("none"),
    "evaluation_prompts": lambda folder: prompts.chosen(
        str(folder / "no"), training="style", family="sdxl", trigger="", version=None
    ),
    "evaluation_short": lambda folder: _carried_out(
        _studio(folder), folder, Blender(forget_one=True)
    ),
    "evaluation_bill": _unclear_bill,
    "evaluation_picture": _no_picture,
    "embedding_failed": lambda folder: embedding.embed([], folder, "python"),
    "sight_unknown": lambda folder: seen.find("mauve"),
    "lora_place": lambda folder: placing.folder_for(_studio(folder), "comfyui", None),
    "evaluation_unknown": lambda folder: record.load(_studio(folder), "nobody"),
    "evaluation_broken": _broken,
    "evaluation_unfinished": _unfinished,
    "vote_invalid": _no_choice,
    "votes_closed": _after_the_reveal,
    "lora_verdict_missing": lambda folder: verdict.require(_studio(folder), "owl"),
    "lora_verdict_winner": _no_such_winner,
}
