"""How to provoke every error code of the record of datasets."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from ategnatos.grimoire.project import Project
from ategnatos.train.dataset import record, store
from ategnatos.train.dataset.version import Picture, Source

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)


def made(folder: Path) -> Project:
    project = Project.create(folder / "studio")
    with record.edit(project, "ann", actor="user:ann", because="", now=NOW, new=True) as draft:
        source = Source("folder", "/in", "a.png", record.stamp(NOW))
        draft.pictures["a.png"] = Picture("a.png", "0" * 64, 1, 1, 1, source)
    return project


def dataset_unknown(folder: Path) -> None:
    record.load(made(folder), "bob")


def dataset_picture(folder: Path) -> None:
    project = made(folder)
    record.picture_path(project, record.load(project, "ann"), "b.png")


def dataset_damaged(folder: Path) -> None:
    project = made(folder)
    record.version_path(project, "ann", 1).unlink()
    record.load(project, "ann")


def dataset_file_missing(folder: Path) -> None:
    store.path_of(made(folder), "ann", "a.png", "0" * 64)


CASES: dict[str, Callable[[Path], None]] = {
    "dataset_unknown": dataset_unknown,
    "dataset_picture": dataset_picture,
    "dataset_damaged": dataset_damaged,
    "dataset_file_missing": dataset_file_missing,
}
