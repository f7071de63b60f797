"""A person agrees on the page to what they read there, as they would at a terminal.

Inside of :func:`reading` the gate asks nobody at a terminal. What is to be agreed to is refused
first, with its lines for the page to show and the hash of all that it means; asked again with that
hash, and with the key that the person opened, it is agreed to. What changed in between is refused
again with its new lines, so nothing is agreed to that was not read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import canonical_json, sha256_bytes

if TYPE_CHECKING:
    from ategnatos.guard.gate.held import HeldKey
    from ategnatos.guard.gate.statements import Signed, Subject
    from ategnatos.guard.gate.trust import Trust

AGREEMENT_WANTED = ErrorCode("agreement_wanted", "A person has to read this and agree to it.")
KEY_CLOSED = ErrorCode("key_closed", "No key is open in this browser.")


@dataclass(frozen=True, slots=True)
class Reader:
    """The person at the page: the hash of what they read and agreed to ("": nothing yet), and
    their opened key.
    """

    agreed: str
    held: HeldKey | None


_reader: ContextVar[Reader | None] = ContextVar("reader", default=None)


@contextmanager
def reading(agreed: str, held: HeldKey | None) -> Iterator[None]:
    """Ask the person at the page, and no terminal, while the block lasts."""
    token = _reader.set(Reader(agreed, held))
    try:
        yield
    finally:
        _reader.reset(token)


def reader() -> Reader | None:
    """Who reads, where a page asks; None at a terminal."""
    return _reader.get()


def require_read(
    who: Reader,
    gate: str,
    subject: Subject,
    *,
    lines: Sequence[str],
    reason: str | None,
    signing: bool,
) -> None:
    """Refuse what the person has not read as it is now. Raises StudioError
    (``agreement_wanted``), whose details are ``lines``, ``agreed`` and ``signs``.
    """
    shown = [*lines, *([] if reason is None else [f"because {reason}"])]
    meant = {"gate": gate, "subject": dict(subject), "reason": reason, "lines": list(lines)}
    digest = sha256_bytes(canonical_json(meant))
    if who.agreed == digest:
        return
    raise StudioError(
        AGREEMENT_WANTED,
        "This needs your agreement to what is shown; nothing was changed.",
        hint="Read it, and agree to it or go back.",
        lines=shown,
        agreed=digest,
        signs=signing,
    )


def signed(
    who: Reader,
    approvers: Trust,
    *,
    gate: str,
    subject: Subject,
    verdict: str,
    reason: str | None,
    now: datetime,
) -> Signed:
    """The signature of the key that the person opened on the page. Raises StudioError
    (``key_closed`` and those of :meth:`ategnatos.guard.gate.held.HeldKey.sign_many`).
    """
    if who.held is None:
        raise StudioError(
            KEY_CLOSED,
            "This studio takes signed agreements, and no key is open in this browser; nothing was"
            " changed.",
            hint="Type your passphrase.",
        )
    wanted = [(subject, verdict, reason)]
    (made,) = who.held.sign_many(approvers, gate=gate, wanted=wanted, now=now)
    return made
