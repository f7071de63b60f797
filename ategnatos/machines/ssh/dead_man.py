"""The first net: a script on the machine that ends it when nobody else does.

It uses the machine's own key, where the provider gives it one, and knows nothing of the account.
Where there is no such key it only notes that the machine is due, and the reaper acts on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.guard.values.shown import shown
from ategnatos.machines.ssh.link import quote

if TYPE_CHECKING:
    from ategnatos.machines.ssh.link import Link

DEAD_MAN = ErrorCode("dead_man", "The dead-man script on the machine could not be started.")

FOLDER = ".ategnatos-dead-man"
IDLE_MINUTES = 30
SILENT_MINUTES = 240
_EVERY_SECONDS = 30
_FOREVER = 10**9


@dataclass(frozen=True, slots=True)
class Limits:
    """When the machine ends itself, in minutes. ``idle`` and ``silent`` 0: never for that."""

    cap: int
    idle: int = IDLE_MINUTES
    silent: int = SILENT_MINUTES


@dataclass(frozen=True, slots=True)
class Heard:
    """What the script says: does it run, seconds since the last work, and why the machine is due
    (``cap``, ``idle``, ``silent``) or "".
    """

    alive: bool
    idle_seconds: int
    due: str


def begin(link: Link, limits: Limits, *, self_end: str, every: float = _EVERY_SECONDS) -> None:
    """Start the script, or start it anew with other limits.

    ``self_end`` is :attr:`Terms.self_end <ategnatos.providers.values.Terms>`, "" where the machine
    has no key of its own. Raises StudioError (``dead_man``, ``machine_unreachable``).
    """
    body = resources.files(__package__).joinpath("dead_man.sh").read_text(encoding="utf-8")
    seconds = [limits.cap * 60, limits.idle * 60 or _FOREVER, limits.silent * 60 or _FOREVER]
    words = " ".join([*map(str, seconds), f"{every:g}"])
    # One journey: each file in place once it is whole, then the script begins.
    reply = link.shell(
        f"umask 077; mkdir -p ~/{FOLDER} && cd ~/{FOLDER} && {_put('dead_man.sh', body)}"
        f" && {_put('end.sh', self_end + chr(10) if self_end else '')}"
        f" && exec sh ./dead_man.sh begin {words}",
        seconds=60,
    )
    if reply.status != 0:
        raise _failed(link, reply.complaint)


def hear(link: Link) -> Heard:
    """Ask the script how things stand; that we asked is what it wants to know.

    Raises StudioError (``dead_man``, ``machine_unreachable``).
    """
    reply = link.shell(f"sh ~/{FOLDER}/dead_man.sh hear", seconds=60)
    words = reply.text.split()
    if reply.status != 0 or len(words) != 3 or not words[1].lstrip("-").isdecimal():
        raise _failed(link, reply.complaint or reply.text)
    return Heard(words[0] == "yes", max(0, int(words[1])), "" if words[2] == "-" else words[2])


def _put(name: str, text: str) -> str:
    return f"printf %s {quote(text)} > {name}.part && mv -f {name}.part {name}"


def _failed(link: Link, said: str) -> StudioError:
    name = link.address.alias
    return StudioError(
        DEAD_MAN,
        f"On {name} the dead-man script does not answer ({shown(said.strip()[:200])}). The machine"
        " would not end itself; the reaper here is what ends it.",
        hint="Keep 'ategnatos studio reaper' running, or end the machine: ategnatos studio provider"
        " down",
        machine=name,
    )
