"""Codes of training runs."""

from __future__ import annotations

from pathlib import Path

from ategnatos.grimoire.project import Project
from ategnatos.machines.local import LocalMachine
from ategnatos.train.run import record
from ategnatos.train.run.keeper import Keeper


def _unknown(folder: Path) -> None:
    record.load(Project.create(folder / "studio"), "nobody-1")


def _no_keeper(folder: Path) -> None:
    Keeper(LocalMachine(), str(folder), "python3").look(1, 0)


CASES = {
    "keeper_odd": _no_keeper,
    "run_unknown": _unknown,
}
