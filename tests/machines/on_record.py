"""A rented machine on a studio's record, and the way to it: as an order leaves them."""

from __future__ import annotations

import getpass
import json
from datetime import datetime
from pathlib import Path

from ategnatos.grimoire.jobs import database
from ategnatos.grimoire.project import Project
from ategnatos.grimoire.spend import machines, rentals
from tests.machines import sshd

LABEL, NAME = "ateg-r7f3c2ab-a1", "runpod:p1"


def put(project: Project, now: datetime, *, timer: bool = True) -> None:
    """The machine ``NAME`` was made, for an hour; without ``timer`` nothing ends it."""
    hour = {"rate": 1, "minutes": 60, "spend_key": "k", "now": now}
    with database.connect(project) as db, database.writing(db):
        order = {"label": LABEL, "provider": "runpod", "run": "r7f3c2ab", "attempt": 1}
        machines.add(db, **order, asked={}, **hour)
        machines.mark_sent(db, LABEL, now=now)
        machines.mark_made(db, LABEL, "p1")
        if timer:
            rentals.start(db, provider="runpod", resource="p1", **hour)


def way(machines_folder: Path, server: sshd.Server) -> None:
    """Our key for it, and where it is: it is that ssh server."""
    folder = machines_folder / LABEL
    folder.mkdir(parents=True)
    (folder / "key").write_bytes((server.mine / "key").read_bytes())
    (folder / "key").chmod(0o600)
    said = {
        "name": NAME,
        "label": LABEL,
        "host": server.address_text,
        "port": server.port,
        "user": getpass.getuser(),
    }
    (folder / "machine.json").write_text(json.dumps(said))
