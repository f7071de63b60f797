"""The way to a rented machine: where its sshd is, kept beside its key in this account's folder.

The record knows which machines there are, this account's state folder how to reach them. Both lie
below the rooms, so that whoever trains or draws on a machine finds it without the room that rents.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.jobs import database
from ategnatos.grimoire.spend import machines, rentals

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.grimoire.spend.machines import Ordered
    from ategnatos.grimoire.spend.records import Rental
    from ategnatos.machines.ssh.link import Link

NO_WAY = ErrorCode("no_way", "This account has no key and no address for the machine.")
WHICH_MACHINE = ErrorCode("which_machine", "It is not clear which rented machine is meant.")

FILE = "machine.json"
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class Way:
    """Where a machine is: its provider's name for it, and its sshd."""

    name: str
    label: str
    host: str
    port: int
    user: str


def folder_of(label: str) -> Path:
    """Where what belongs to the machine lies here: its key, its pinned host key."""
    from platformdirs.unix import Unix

    named = os.environ.get("ATEGNATOS_MACHINES", "")
    state = Unix("ategnatos", appauthor=False).user_state_path
    return (Path(named) if named else state / "machines") / label


def label_of(rental: Rental, order: Ordered | None) -> str:
    """What the machine is called here: by its order, or, rented by hand, by its provider's id.

    It is the name of a folder of ours, so an id with odd characters in it is replaced.
    """
    if order is not None:
        return order.label
    if _PLAIN.fullmatch(rental.resource):
        return rental.resource
    return f"machine-{hashlib.sha256(rental.resource.encode()).hexdigest()[:16]}"


def read(label: str) -> Way | None:
    """The way to the machine of that label, or None where it was never handed over here."""
    try:
        found = json.loads((folder_of(label) / FILE).read_bytes())
        return Way(**found)
    except (FileNotFoundError, ValueError, TypeError):
        return None


def link(label: str, name: str, *, say: Callable[[str], None] = lambda text: None) -> Link:
    """The way as a link. Raises StudioError (``no_way``)."""
    from ategnatos.machines.ssh.address import KEY, parse_address
    from ategnatos.machines.ssh.link import Link

    way, folder = read(label), folder_of(label)
    if way is None or not (folder / KEY).exists():
        raise StudioError(
            NO_WAY,
            f"This account holds no key and address for {name}, so nothing was sent to it. It may"
            " have been rented elsewhere, or its set-up was cut off.",
            hint=f"Set it up: ategnatos studio reconnect {name}. Or end it: ategnatos studio"
            f" provider down {name}",
            machine=name,
        )
    place = parse_address(host=way.host, port=way.port, user=way.user, home=folder, alias=label)
    return Link(place, say=say)


def live(project: Project) -> list[tuple[Rental, Ordered | None]]:
    """Every machine that may bill, with the order that made it."""
    if not database.exists(project):
        return []
    with database.connect(project) as db:
        return [
            (one, machines.of_resource(db, one.provider, one.resource)) for one in rentals.live(db)
        ]


def one(project: Project, name: str | None) -> tuple[Rental, Ordered | None]:
    """The machine called ``name`` (its name, its id, its label), or the only one there is.

    Raises StudioError (``which_machine``).
    """
    every = live(project)
    found = every
    if name is not None:
        found = [
            (rental, order)
            for rental, order in every
            if name in {rental.name, rental.resource, None if order is None else order.label}
        ]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(rental.name for rental, _ in every) or "none"
    said = f"{name!r} is no rented machine" if name is not None else "It is not said which machine"
    raise StudioError(
        WHICH_MACHINE,
        f"{said}; nothing was done. Rented now: {listed}.",
        hint="Name one of them; 'ategnatos studio provider status' shows more.",
        machines=[rental.name for rental, _ in every],
    )
