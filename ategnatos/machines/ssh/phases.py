"""Long work on a machine: it goes on when the line breaks, and says where to go on from.

A phase is a shell script that may be run again. It runs on the machine in a tmux session, apart
from any line; ``~/.ategnatos-phases/<phase>.done`` is written when it is whole. Starting a phase
that runs or is done starts nothing, so a start whose answer was lost may be asked again.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.guard.values.shown import shown
from ategnatos.machines import MACHINE_UNREACHABLE
from ategnatos.machines.ssh.link import quote

if TYPE_CHECKING:
    from ategnatos.machines.ssh.link import Link, Reply

PHASE_NAME = ErrorCode("phase_name", "The text is no name of a phase.")
PHASE_LOST = ErrorCode("phase_lost", "The machine's answer about a phase was not understood.")
PHASE_FAILED = ErrorCode("phase_failed", "A phase ended with an error on the machine.")

FOLDER = ".ategnatos-phases"
# In the order in which a machine goes through them.
PHASES = ("setup", "data", "comfyui", "train")

_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
_STATES = frozenset({"waiting", "running", "done", "failed", "interrupted"})
_PIECE = 256 << 10
# Between two looks at a phase that runs.
LOOK_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Phase:
    """Where a phase stands: waiting (never begun), running, done, failed (with ``status``), or
    interrupted (begun, and neither whole nor alive: the machine was restarted). ``logged`` is
    the length of its log in bytes.
    """

    name: str
    state: str
    status: int | None = None
    logged: int = 0


def start(link: Link, name: str, script: str, *, again: bool = False) -> Phase:
    """Start a phase unless it runs or is done (``again``: also when done); returns how it stands.

    ``logged`` is how long its log was before. Safe to call again after any failure.
    Raises StudioError (``phase_name``, ``phase_lost``,
    ``machine_unreachable``, ``machine_timeout``).
    """
    _check(name)
    body = resources.files(__package__).joinpath("phase.sh").read_text(encoding="utf-8")
    words = ["start", name, *(["again"] if again else [])]
    reply = link.shell(
        f"umask 077; mkdir -p ~/{FOLDER} && cd ~/{FOLDER} && command -v flock >/dev/null"
        f" && printf %s {quote(body)} > phase.sh.$$ && mv -f phase.sh.$$ phase.sh"
        f" && exec sh phase.sh {' '.join(words)}",
        stdin=script.encode(),
        seconds=120,
    )
    if reply.status != 0:
        raise _odd(name, reply.complaint or f"status {reply.status}: it may lack flock")
    return _phase(name, reply.text)


def read(link: Link, names: Sequence[str] = PHASES) -> list[Phase]:
    """How the phases stand, by their markers on the machine, in the order given."""
    for name in names:
        _check(name)
    reply = link.shell(
        f"cd ~/{FOLDER} 2>/dev/null && test -e phase.sh || {{ echo none; exit; }};"
        f" exec sh phase.sh state {' '.join(names)}",
        seconds=60,
    )
    if reply.status != 0:
        raise _odd(names[0], reply.complaint or f"status {reply.status}")
    if reply.text == "none\n":
        return [Phase(name, "waiting") for name in names]
    found = {}
    for line in reply.text.splitlines():
        name, _, rest = line.partition(" ")
        found[name] = _phase(name, rest)
    if missing := [name for name in names if name not in found]:
        raise _odd(missing[0], "nothing")
    return [found[name] for name in names]


def go_on(phases: Sequence[Phase]) -> Phase | None:
    """The first phase that is not done: where to go on. None: all are done."""
    begun = [one for one in phases if one.state not in {"waiting", "done"}]
    waiting = [one for one in phases if one.state == "waiting"]
    return next(iter(begun + waiting), None)


def follow(
    link: Link,
    name: str,
    *,
    offset: int = 0,
    sleep: Callable[[float], None] = time.sleep,
    patience: int = 1000,
) -> Iterator[tuple[bytes, Phase]]:
    """The phase's log from ``offset`` on, a piece at a time with how it stands, to its end.

    A line that breaks meanwhile is only looked through again; after ``patience`` looks in a row
    that did not get through, the last refusal is raised.
    """
    _check(name)
    missed, wait = 0, min(0.25, LOOK_SECONDS)
    while True:
        try:
            reply = _asked(link, ["read", name, str(offset), str(_PIECE)])
        except StudioError as error:
            missed += 1
            if error.code is not MACHINE_UNREACHABLE or missed > patience:
                raise
            sleep(LOOK_SECONDS)
            continue
        missed = 0
        head, _, piece = reply.out.partition(b"\n")
        phase = _phase(name, head.decode("ascii", "replace"))
        offset += len(piece)
        yield piece, Phase(name, phase.state, phase.status, offset)
        if len(piece) == _PIECE:
            continue
        if phase.state != "running":
            return
        # What is short is seen to end soon; what lasts is not asked all the time.
        wait = min(wait * 2, LOOK_SECONDS)
        sleep(wait)


def tail(link: Link, name: str, logged: int, *, most: int = 20_000) -> bytes:
    """The end of the phase's log, ``logged`` bytes long, at most ``most`` of it."""
    _check(name)
    if not logged:
        return b""
    reply = _asked(link, ["read", name, str(max(0, logged - most)), str(most)])
    return reply.out.partition(b"\n")[2]


def failure(phase: Phase, machine: str) -> StudioError:
    """The refusal that a failed phase is reported as."""
    how = f"with status {phase.status}" if phase.status is not None else "before its end"
    return StudioError(
        PHASE_FAILED,
        f"The phase {phase.name} on {machine} ended {how}. The machine still costs money.",
        hint=f"Its log: ategnatos studio provider phase {phase.name} {machine} --log. It may be"
        " started again.",
        machine=machine,
        phase=phase.name,
        status=phase.status,
    )


def _asked(link: Link, words: Sequence[str]) -> Reply:
    reply = link.shell(f"sh ~/{FOLDER}/phase.sh {' '.join(words)}", seconds=120)
    if reply.status != 0:
        raise _odd(words[1], f"status {reply.status} {reply.complaint}")
    return reply


def _phase(name: str, text: str) -> Phase:
    """Of ``failed 3 1042``, ``running 17``, ``done``."""
    words = text.split()
    if not words or words[0] not in _STATES:
        raise _odd(name, text)
    numbers = [int(one) for one in words[1:] if one.isdecimal()]
    failed = words[0] == "failed"
    status = numbers.pop(0) if failed and numbers else None
    return Phase(name, words[0], status, numbers[0] if numbers else 0)


def _check(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise StudioError(
            PHASE_NAME,
            f"{shown(name)} is no name of a phase; nothing was sent.",
            hint=f"One of {', '.join(PHASES)}, or small letters, digits and hyphens.",
        )


def _odd(name: str, said: str) -> StudioError:
    return StudioError(
        PHASE_LOST,
        f"The machine did not say how the phase {name} stands ({shown(said.strip()[:200])});"
        " nothing more was done.",
        hint="It needs a POSIX shell and flock (util-linux). Look at it with 'ategnatos studio"
        " provider validate'.",
    )
