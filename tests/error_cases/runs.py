"""Codes of training runs."""

from __future__ import annotations

from pathlib import Path

from ategnatos.grimoire.project import Project
from ategnatos.train.run import record


def _unknown(folder: Path) -> None:
    record.load(Project.create(folder / "studio"), "nobody-1")


CASES = {
    "run_unknown": _unknown,
}
