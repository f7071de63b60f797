"""How to provoke the error codes of import, audit and quarantine."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

from PIL import Image

from ategnatos.commands.contract import Call
from ategnatos.commands.train.dataset.audit import audit
from ategnatos.grimoire.project import Project
from ategnatos.train.dataset import quarantine, record
from ategnatos.train.dataset.audit import passing
from ategnatos.train.dataset.audit.faces import count_faces
from ategnatos.train.dataset.importing import bring

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)


def made(folder: Path) -> Project:
    project = Project.create(folder / "studio")
    source = folder / "in"
    source.mkdir()
    Image.new("RGB", (64, 64), "red").save(source / "a.png")
    offered = bring.gather(project, [source], None)
    bring.bring(project, "ann", offered, actor="user:ann", now=NOW)
    return project


def import_source(folder: Path) -> None:
    bring.gather(Project.create(folder / "studio"), [folder / "nothing"], None)


def import_empty(folder: Path) -> None:
    (folder / "in").mkdir()
    bring.gather(Project.create(folder / "studio"), [folder / "in"], None)


def archive_refused(folder: Path) -> None:
    (folder / "a.zip").write_bytes(b"PK\x03\x04 and no more")
    bring.gather(Project.create(folder / "studio"), [folder / "a.zip"], None)


def not_set_aside(folder: Path) -> None:
    quarantine.bring_back(made(folder), "ann", ["b.png"], actor="user:ann", now=NOW)


def audit_stops(folder: Path) -> None:
    answer = audit(Call("train dataset audit", project_option=made(folder).root), "ann")
    assert answer.failed is not None
    raise answer.failed


def audit_folder(folder: Path) -> None:
    audit(Call("train dataset audit"), f"{folder}/", apply=True)


def no_face_detector(folder: Path) -> None:
    project = made(folder)
    version = record.load(project, "ann")
    with mock.patch.dict(sys.modules, {"cv2": None}):
        count_faces(version, passing.looks(project, version), lambda one: Path(one.name))


CASES: dict[str, Callable[[Path], None]] = {
    "import_source": import_source,
    "import_empty": import_empty,
    "archive_refused": archive_refused,
    "not_set_aside": not_set_aside,
    "audit_stops": audit_stops,
    "audit_folder": audit_folder,
    "no_face_detector": no_face_detector,
}
