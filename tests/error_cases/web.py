"""The refusals of the page."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

from ategnatos.grimoire.project import Project
from ategnatos.web import desk, running
from tests.guard import keys


def _port_taken(folder: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        project = Project.create(folder / "studio")
        with running.prepared(project, other.getsockname()[1]):
            raise AssertionError("the port is somebody else's")


def _choices_changed(folder: Path) -> None:
    project = Project.create(folder / "studio")
    one = keys.made(project)[0]
    desk.choose(project, one.reference, one.sha256, "approved", "")
    shown = desk.waiting(project)["choices"]
    desk.choose(project, one.reference, one.sha256, "rejected", "too dark")
    desk.sign(project, shown, None)


CASES: dict[str, Callable[[Path], None]] = {
    "web_port_taken": _port_taken,
    "choices_changed": _choices_changed,
}
