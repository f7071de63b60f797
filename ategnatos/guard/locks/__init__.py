"""Locks on what only one may use at a time: a ComfyUI server, a GPU, a training run.

``with resource("gpu:local:0", who="/train") as held:`` holds it for the block; ``held.verify()``
before each step that must not happen twice. A holder whose process has ended holds nothing.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.guard.locks.holder import BEAT_SECONDS, LEASE_SECONDS, Holder
from ategnatos.guard.locks.names import parse_resource
from ategnatos.guard.locks.process import Process, this
from ategnatos.guard.locks.store import Store

RESOURCE_HELD = ErrorCode("resource_held", "Somebody else uses what was asked for.")
LOCK_LOST = ErrorCode("lock_lost", "The lock is no longer ours; somebody else may hold it.")

WAIT_SECONDS = 30.0
_LONGEST_COMMAND = 200
_FIRST_POLL, _LONGEST_POLL = 0.01, 0.2
_PROGRESS_SECONDS = 5.0

# Which thread of this process holds what: waiting for oneself would never end.
_ours: dict[tuple[Store, str], int] = {}


def _now() -> datetime:
    return datetime.now(UTC)


def _silent(_text: str) -> None:
    return None


class Held:
    """A resource in our hands. ``token`` is greater than that of every holder before."""

    def __init__(self, store: Store, holder: Holder, now: Callable[[], datetime]) -> None:
        self.holder = holder
        self._store = store
        self._now = now

    @property
    def token(self) -> int:
        """The fencing token: what takes effect elsewhere can refuse a smaller one."""
        return self.holder.token

    def verify(self) -> None:
        """Make sure that it is still ours. Raises StudioError (``lock_lost``)."""
        facts = self._store.look(self.holder.resource)
        if facts.holder is None or facts.token != self.token:
            other = facts.holder.words(self._now()) if facts.holder else "nobody"
            raise StudioError(
                LOCK_LOST,
                f"The lock on {self.holder.resource} was taken away (token {self.token}); it is"
                f" now held by {other}. Nothing more was done.",
                hint="See 'ategnatos lock list', then run the command again.",
                resource=self.holder.resource,
                token=self.token,
            )

    def renew(self) -> None:
        """Say that this holder lives, for watchers on other machines."""
        self._store.renew(self.holder.resource, self.token, self._now())

    def hand_over(self, process: Process | None) -> None:
        """Let it last as long as ``process`` does, whatever becomes of this one.

        Raises StudioError (``lock_lost``).
        """
        moment = self._now()
        holder = self._store.hand_over(self.holder.resource, self.token, process, moment)
        if holder is None:
            self.verify()
            raise AssertionError(self.holder.resource)  # pragma: no cover - verify has raised
        self.holder = holder

    def give_back(self) -> None:
        """End the holding; quietly where it was taken away before."""
        self._store.give_back(self.holder.resource, self.token)


@contextmanager
def resource(
    name: str,
    *,
    who: str,
    timeout: float = WAIT_SECONDS,
    progress: Callable[[str], None] = _silent,
    warn: Callable[[str], None] = _silent,
    store: Store | None = None,
    now: Callable[[], datetime] = _now,
) -> Iterator[Held]:
    """Hold ``name`` (``comfyui:HOST:PORT``, ``gpu:PROVIDER:ID``, ``training:RUN``) for the block.

    ``who`` is a name for people, such as ``/train``. Waits at most ``timeout`` seconds, saying
    so to ``progress``; ``warn`` is told where a holder that had died was replaced. Not
    re-entrant in one thread. Raises StudioError (``resource_held`` with the holder's facts,
    ``resource_invalid``, ``lock_damaged``).
    """
    place = store or Store.of_account()
    key = (place, parse_resource(name))
    if _ours.get(key) == threading.get_ident():
        raise StudioError(
            RESOURCE_HELD,
            f"{key[1]} is already held by this very command. Nothing was done.",
            hint="This is a mistake of the program; please report it.",
            resource=key[1],
        )
    held = acquire(
        key[1],
        who=who,
        process=this(),
        timeout=timeout,
        progress=progress,
        warn=warn,
        store=place,
        now=now,
    )
    _ours[key] = threading.get_ident()
    owner = os.getpid()
    over = threading.Event()
    beat = threading.Thread(
        target=_beat, args=(held, over, owner), name=f"lock {name}", daemon=True
    )
    beat.start()
    try:
        yield held
    finally:
        # A forked child that leaves the block must not end what its parent holds.
        if os.getpid() == owner:
            over.set()
            beat.join()
            _ours.pop(key, None)
            held.give_back()


def standing(
    name: str,
    who: str,
    *,
    store: Store | None = None,
    now: Callable[[], datetime] = _now,
) -> Held | None:
    """The holding of ``name`` that ``who`` has already, to be carried on by whoever takes its work
    over; None where it has none. ``who`` must be a name that only one work has.
    """
    place = store or Store.of_account()
    found = place.look(parse_resource(name)).holder
    if found is None or found.who != who or found.gone(now()):
        return None
    return Held(place, found, now)


@contextmanager
def resources(
    *names: str,
    who: str,
    timeout: float = WAIT_SECONDS,
    progress: Callable[[str], None] = _silent,
    warn: Callable[[str], None] = _silent,
    store: Store | None = None,
) -> Iterator[tuple[Held, ...]]:
    """Hold several for the block, taken in one order by everybody, so that no two can block each
    other. Arguments and errors as :func:`resource`; in the order of the names' spelling.
    """
    with ExitStack() as stack:
        yield tuple(
            stack.enter_context(
                resource(name, who=who, timeout=timeout, progress=progress, warn=warn, store=store)
            )
            for name in sorted({parse_resource(name) for name in names})
        )


def acquire(
    name: str,
    *,
    who: str,
    process: Process | None,
    lease: float = LEASE_SECONDS,
    timeout: float = WAIT_SECONDS,
    progress: Callable[[str], None] = _silent,
    warn: Callable[[str], None] = _silent,
    store: Store | None = None,
    now: Callable[[], datetime] = _now,
    command: str | None = None,
) -> Held:
    """Hold ``name`` until it is given back, ``process`` ends or, without one, ``lease`` is over.

    For holdings that outlive the call; work in this process goes through :func:`resource`.
    ``lease`` is in seconds. Raises as :func:`resource`.
    """
    place = store or Store.of_account()
    name = parse_resource(name)
    began = next_word = time.monotonic()
    poll = _FIRST_POLL
    while True:
        moment = now()
        wanted = Holder(name, who, process, command or _command(), moment, moment, lease, 0)
        held, other = place.take(wanted, moment)
        if held is not None:
            if other is not None:
                warn(
                    f"The holder before, {other.who}, did not release {name}:"
                    f" {other.gone(moment) or 'it is gone'}. Its lock was taken over."
                )
            return Held(place, held, now)
        if other is None:  # pragma: no cover - one of the two is always there
            raise AssertionError(name)
        waited = time.monotonic() - began
        if waited >= timeout:
            raise held_by(other, moment, waited)
        if time.monotonic() >= next_word:
            next_word = time.monotonic() + _PROGRESS_SECONDS
            progress(f"Waiting for {name}: in use by {other.words(moment)}. {waited:.0f} s")
        time.sleep(min(poll, max(timeout - waited, 0.0)))
        poll = min(poll * 1.5, _LONGEST_POLL)


def held_by(other: Holder, moment: datetime, waited: float = 0.0) -> StudioError:
    """The refusal that names who holds it."""
    after = f" It did not become free in {waited:.0f} s." if waited >= 1 else ""
    if other.process is not None:
        cancel = f"end PID {other.process.pid}" + (
            f" on {other.process.host}" if other.process.host != this().host else ""
        )
    else:
        cancel = f"release it with 'ategnatos lock release {other.resource} --token {other.token}'"
    return StudioError(
        RESOURCE_HELD,
        f"{other.resource} is in use by {other.words(moment)}. Wait or cancel?{after}"
        " Nothing was done.",
        hint=f"To wait, run it again later. To cancel, {cancel}; its lock ends with it."
        f" See 'ategnatos lock check {other.resource}'.",
        resource=other.resource,
        holder=other.facts(),
    )


def _beat(held: Held, over: threading.Event, owner: int) -> None:
    while not over.wait(BEAT_SECONDS):
        if os.getpid() != owner:
            return
        try:
            held.renew()
        except StudioError:
            # A full disk or a lost mount: the holder's own steps will meet it and say so, and
            # verify() tells whether the lock was lost meanwhile.
            continue


def _command() -> str:
    """The command line of this program, redacted and cut."""
    from ategnatos.guard.redaction import redact

    words = [os.path.basename(sys.argv[0]) if sys.argv else "", *sys.argv[1:]]  # noqa: PTH119
    return redact(" ".join(words))[:_LONGEST_COMMAND]
