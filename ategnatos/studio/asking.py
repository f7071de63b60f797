"""The reaper's question to a machine that runs: does it idle, and can it be reached at all?

Asking is also what the machine's dead-man script waits for: it knows that somebody is there.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.files import write_atomic
from ategnatos.grimoire.jobs import database
from ategnatos.grimoire.spend import machines
from ategnatos.machines import MACHINE_TIMEOUT, MACHINE_UNREACHABLE
from ategnatos.studio import ways
from ategnatos.studio.renting import keys

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.grimoire.spend.records import Rental

# A machine that runs, by its provider's word, and is not reached for so long is ended.
UNREACHED_MINUTES = 30

_FILE = "unreached"
_REASONS = {
    "cap": "its own clock says that its time is over",
    "idle": "it has done nothing for longer than it was allowed to",
    "silent": "nobody had asked for it for longer than it was allowed to wait",
}


def ask(project: Project, rental: Rental, *, now: datetime) -> str:
    """Why the machine should be ended, or "". A machine of another account is not asked."""
    from ategnatos.machines.ssh import dead_man
    from ategnatos.machines.ssh.link import Link

    with database.connect(project) as db:
        order = machines.of_resource(db, rental.provider, rental.resource)
    label = ways.label_of(rental, order)
    if ways.read(label) is None:
        return ""
    mark = keys.folder_of(label) / _FILE
    try:
        # One try a round: the next round is the next try.
        link = Link(ways.link(label, rental.name).address, waits=())
        heard = dead_man.hear(link)
    except StudioError as error:
        if error.code not in {MACHINE_UNREACHABLE, MACHINE_TIMEOUT}:
            return ""  # It answers, without the script: its timer is here all the same.
        try:
            since = datetime.fromisoformat(mark.read_text(encoding="ascii").strip())
        except (FileNotFoundError, ValueError):
            write_atomic(mark, now.isoformat().encode(), 0o600)
            return ""
        minutes = (now - since).total_seconds() / 60
        if minutes < UNREACHED_MINUTES:
            return ""
        return f"it was not reached over ssh for {minutes:.0f} minutes"
    mark.unlink(missing_ok=True)
    return _REASONS.get(heard.due, "")
