"""Who may look, and who may decide: codes from the terminal, cookies, read-only tokens.

A person comes in with a code that was written to their terminal and nowhere else; it works once.
Whoever has the read-only token may look. Nothing here is kept on disk, so that a server which
ends takes every session with it.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

from ategnatos.grimoire.files import sha256_bytes

if TYPE_CHECKING:
    from ategnatos.guard.gate.held import HeldKey

# 12 of 32 signs are 60 bits, and ten wrong ones void a code.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_CODE_LENGTH = 12
_WRONG_CODES = 10
CODE_SECONDS = 600.0
SESSION_SECONDS = 12 * 3600.0
# As an unlocked key of the terminal: docs/gate.md.
KEY_SECONDS = 900.0

PERSON, READER = "person", "reader"


@dataclass(slots=True)
class Session:
    """One browser. ``csrf`` goes with each of its forms; ``held`` is its opened key, if any."""

    role: str
    csrf: str
    seen: float
    held: HeldKey | None = None
    held_until: float = 0.0
    busy: Lock = field(default_factory=Lock)

    @property
    def may_decide(self) -> bool:
        """Whether a person came in with a code from the terminal."""
        return self.role == PERSON

    def key(self, now: float) -> HeldKey | None:
        """The opened key, if its time is not over."""
        if self.held is not None and now >= self.held_until:
            self.held = None
        return self.held

    def hold(self, key: HeldKey | None, now: float) -> None:
        """Keep an opened key for this browser, or let it go."""
        self.held, self.held_until = key, now + KEY_SECONDS


class Doorkeeper:
    """Every session of a running page. ``now`` is in seconds and only ever grows."""

    def __init__(self, read_token: str) -> None:
        self._read = read_token
        self._sessions: dict[str, Session] = {}
        self._code = ""
        self._code_until = 0.0
        self._wrong = 0
        self._lock = Lock()

    def new_code(self, now: float) -> str:
        """A code that works once, within ``CODE_SECONDS``; the one before it works no more."""
        with self._lock:
            self._code = "".join(secrets.choice(_ALPHABET) for _ in range(_CODE_LENGTH))
            self._code_until, self._wrong = now + CODE_SECONDS, 0
            return self._code

    def code_stands(self, now: float) -> bool:
        """Whether a code was given that still works."""
        return bool(self._code) and now <= self._code_until

    def enter(self, code: str, now: float) -> tuple[str, Session] | None:
        """The cookie and session for a code from the terminal or the read-only token."""
        if self.reads(code):
            return self._open(READER, now)
        said = code.strip().lower().replace("-", "")
        with self._lock:
            fits = bool(self._code) and hmac.compare_digest(said.encode(), self._code.encode())
            if not fits:
                self._wrong += 1
                if self._wrong >= _WRONG_CODES:
                    self._code = ""
                return None
            self._code = ""
            if now > self._code_until:
                return None
        return self._open(PERSON, now)

    def reads(self, token: str) -> bool:
        """Whether this is the read-only token."""
        return hmac.compare_digest(token.encode(), self._read.encode())

    def find(self, cookie: str, now: float) -> Session | None:
        """The session of a cookie, while it is used at least every ``SESSION_SECONDS``."""
        found = self._sessions.get(_digest(cookie))
        if found is None or now - found.seen > SESSION_SECONDS:
            return None
        found.seen = now
        return found

    def leave(self, cookie: str) -> None:
        """End a session, and with it its opened key."""
        found = self._sessions.pop(_digest(cookie), None)
        if found is not None:
            found.held = None

    def _open(self, role: str, now: float) -> tuple[str, Session]:
        cookie = secrets.token_urlsafe(32)
        session = Session(role, secrets.token_urlsafe(24), now)
        with self._lock:
            stale = [k for k, one in self._sessions.items() if now - one.seen > SESSION_SECONDS]
            for key in stale:
                del self._sessions[key]
            self._sessions[_digest(cookie)] = session
        return cookie, session


def _digest(cookie: str) -> str:
    return sha256_bytes(cookie.encode())


def spoken(code: str) -> str:
    """A code as a person reads it: ``abcd-efgh-jkmn``."""
    return "-".join(code[place : place + 4] for place in range(0, len(code), 4))
