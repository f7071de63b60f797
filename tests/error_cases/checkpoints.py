"""Codes of what a run saved: a ledger that is damaged, a name that is not there, a way back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from ategnatos.commands.contract import Call
from ategnatos.commands.train.checkpoints import checkpoints
from ategnatos.commands.train.clean import clean
from ategnatos.grimoire.project import Project
from ategnatos.train.checkpoints import aside, ledger, verifying
from tests.train.checkpoints import saves
from tests.train.checkpoints.runs import saved

LATER = datetime.now(UTC) + timedelta(hours=1)


def _damaged(folder: Path) -> None:
    (folder / "ledger.json").write_text('{"version": 1')
    ledger.read(folder)


def _in_the_way(folder: Path) -> None:
    made = ledger.record(folder, saves.starter(folder / "output"), now=LATER)
    assert made is not None
    (folder / made.weights).write_bytes(b"damaged")
    verifying.verify(folder)
    aside.move(folder, [made.name], now=LATER)
    (folder / made.weights).write_bytes(b"another")
    aside.bring_back(folder, made.name)


def _project(folder: Path, state: str = "finished") -> Call:
    project = Project.create(folder / "studio")
    saved(project, (0.1,), state=state)
    return Call("train", project_option=project.root)


def _verify(folder: Path) -> None:
    call = _project(folder)
    (call.project().workspace / "training/owl/runs/owl-1/output/owl-000001.safetensors").unlink()
    answer = checkpoints(call, "owl", verify=True)
    assert answer.failed is not None
    raise answer.failed


CASES = {
    "checkpoints_what": lambda folder: checkpoints(_project(folder), "owl", best=True, clean=True),
    "checkpoint_broken": _verify,
    "run_at_work": lambda folder: checkpoints(_project(folder, "training"), "owl", clean=True),
    "clean_kind": lambda folder: clean(_project(folder), only=["everything"]),
    "ledger_broken": _damaged,
    "checkpoint_unknown": lambda folder: ledger.find(folder, "best"),
    "not_aside": lambda folder: aside.bring_back(folder, "checkpoint-1-20261121-1200"),
    "in_the_way": _in_the_way,
}
