"""The way to a rented machine: where its sshd is, kept beside its key in this account's folder.

A way is written when the machine was reached and prepared: from then on it is handed over, and the
reaper ends it only by its limits.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from ategnatos.grimoire import locks
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import write_atomic
from ategnatos.grimoire.jobs import database
from ategnatos.grimoire.spend import machines, rentals
from ategnatos.studio.renting import keys

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.grimoire.spend.machines import Ordered
    from ategnatos.grimoire.spend.records import Rental
    from ategnatos.machines.ssh.address import Address
    from ategnatos.machines.ssh.link import Link
    from ategnatos.providers.values import SshPlace

NO_WAY = ErrorCode("no_way", "This account has no key and no address for the machine.")
WHICH_MACHINE = ErrorCode("which_machine", "It is not clear which rented machine is meant.")

_FILE = "machine.json"
_UNREACHED = "unreached"


@dataclass(frozen=True, slots=True)
class Way:
    """Where a machine is: its provider's name for it, and its sshd."""

    name: str
    label: str
    host: str
    port: int
    user: str


def keep(name: str, label: str, place: SshPlace) -> Way:
    """Write the way down; the machine is handed over."""
    way = Way(name, label, place.host, place.port, place.user)
    text = json.dumps(asdict(way), sort_keys=True).encode()
    write_atomic(keys.folder_of(label) / _FILE, text + b"\n", 0o600)
    return way


def read(label: str) -> Way | None:
    """The way to the machine of that label, or None where it was never handed over here."""
    try:
        found = json.loads((keys.folder_of(label) / _FILE).read_bytes())
        return Way(**found)
    except (FileNotFoundError, ValueError, TypeError):
        return None


def forget(label: str) -> None:
    """Remove all that this account holds of a machine that is gone."""
    folder = keys.folder_of(label)
    for one in (_FILE, _UNREACHED):
        (folder / one).unlink(missing_ok=True)
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


def link(label: str, name: str, *, say: Callable[[str], None] = lambda text: None) -> Link:
    """The way as a link. Raises StudioError (``no_way``)."""
    from ategnatos.machines.ssh.address import KEY
    from ategnatos.machines.ssh.link import Link
    from ategnatos.providers.values import SshPlace

    way = read(label)
    if way is None or not (keys.folder_of(label) / KEY).exists():
        raise StudioError(
            NO_WAY,
            f"This account holds no key and address for {name}, so nothing was sent to it. It may"
            " have been rented elsewhere, or its set-up was cut off.",
            hint=f"Set it up: ategnatos studio reconnect {name}. Or end it: ategnatos studio"
            f" provider down {name}",
            machine=name,
        )
    return Link(address(label, SshPlace(way.host, way.port, way.user)), say=say)


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
    found = live(project)
    if name is not None:
        found = [
            (rental, order)
            for rental, order in found
            if name in {rental.name, rental.resource, None if order is None else order.label}
        ]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(rental.name for rental, _ in live(project)) or "none"
    said = f"{name!r} is no rented machine" if name is not None else "It is not said which machine"
    raise StudioError(
        WHICH_MACHINE,
        f"{said}; nothing was done. Rented now: {listed}.",
        hint="Name one of them; 'ategnatos studio provider status' shows more.",
        machines=[rental.name for rental, _ in live(project)],
    )
