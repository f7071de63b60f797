"""The way to a rented machine: where its sshd is, kept beside its key in this account's folder.

A way is written when the machine was reached and prepared: from then on it is handed over, and the
reaper ends it only by its limits.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

from ategnatos.grimoire import locks
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.files import write_atomic
from ategnatos.grimoire.jobs import database
from ategnatos.grimoire.spend import machines
from ategnatos.machines.rented import (
    FILE,
    NO_WAY,
    WHICH_MACHINE,
    Way,
    label_of,
    link,
    live,
    one,
    read,
)
from ategnatos.studio.renting import keys

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.grimoire.spend.records import Rental
    from ategnatos.machines.ssh.address import Address
    from ategnatos.providers.values import SshPlace

__all__ = [
    "NO_WAY",
    "WHICH_MACHINE",
    "Way",
    "abandoned",
    "address",
    "being_made",
    "forget",
    "keep",
    "label_of",
    "link",
    "live",
    "one",
    "read",
]

_UNREACHED = "unreached"


def keep(name: str, label: str, place: SshPlace) -> Way:
    """Write the way down; the machine is handed over."""
    way = Way(name, label, place.host, place.port, place.user)
    text = json.dumps(asdict(way), sort_keys=True).encode()
    write_atomic(keys.folder_of(label) / FILE, text + b"\n", 0o600)
    return way


def forget(label: str) -> None:
    """Remove all that this account holds of a machine that is gone."""
    folder = keys.folder_of(label)
    for name in (FILE, _UNREACHED):
        (folder / name).unlink(missing_ok=True)
    for log in folder.glob("tunnel-*.log"):
        log.unlink(missing_ok=True)
    keys.forget(label)


def address(label: str, place: SshPlace) -> Address:
    """The place as ssh takes it, checked. Raises StudioError (``ssh_address``)."""
    from ategnatos.machines.ssh.address import parse_address

    return parse_address(
        host=place.host,
        port=place.port,
        user=place.user,
        home=keys.folder_of(label),
        alias=label,
    )


@contextmanager
def being_made(project: Project, label: str) -> Iterator[None]:
    """Held by the one process that orders and sets up the machine; it dies with it."""
    with locks.hold(project, label, wait=0.0):
        yield


def abandoned(project: Project, rental: Rental) -> str:
    """Why a machine ordered from this account is nobody's, or "": its maker died in between."""
    with database.connect(project) as db:
        order = machines.of_resource(db, rental.provider, rental.resource)
    if order is None or not keys.folder_of(order.label).exists() or read(order.label) is not None:
        return ""
    try:
        with being_made(project, order.label):
            # Handed over between the look and the lock: then it has an owner.
            if read(order.label) is not None:
                return ""
            return "its set-up was cut off before anyone was handed it"
    except StudioError as error:
        if error.code is not locks.LOCKED:
            raise
        return ""
