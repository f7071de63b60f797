"""What a person signs: one sentence in data, with one text as bytes.

A signature covers a fixed first line and the canonical JSON of the statement, so that it can
be read as nothing else. The statement names the studio, the gate, what it is about, the verdict
and a number used once: it holds for that thing, in that studio, one time.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.files import canonical_json, sha256_bytes
from ategnatos.grimoire.outgoing import redacted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

DOMAIN = b"ategnatos human gate, statement version 1\n"

Subject = dict[str, "str | int | bool | None"]

# Ed25519: 32 bytes of public key, 64 of signature (RFC 8032), in hex.
_KEY_HEX = 64
_SIGNATURE_HEX = 128
_NONCE_HEX = 32


@dataclass(frozen=True, slots=True)
class Statement:
    """One decision.

    ``studio`` is the id that ``gate init`` gave the studio, ``gate`` the gate's name such as
    ``art.review``, ``subject`` what is decided on (an asset's id and hash, a budget's caps),
    ``verdict`` a word such as ``approved``, ``approver`` the public key in hex, ``time`` ISO
    8601 in UTC, ``nonce`` 32 hex digits used once.
    """

    studio: str
    gate: str
    subject: Subject
    verdict: str
    reason: str | None
    approver: str
    time: str
    nonce: str

    def data(self) -> dict[str, Any]:
        """The statement as JSON values."""
        return asdict(self)

    def to_sign(self) -> bytes:
        """The bytes that a signature covers."""
        return DOMAIN + canonical_json(self.data())

    def digest(self) -> str:
        """SHA-256 of :meth:`to_sign`: the statement's name in a chain."""
        return sha256_bytes(self.to_sign())


@dataclass(frozen=True, slots=True)
class Signed:
    """A statement and its signature (128 hex digits), not checked yet."""

    statement: Statement
    signature: str

    def data(self) -> dict[str, Any]:
        """Both as JSON values."""
        return {"statement": self.statement.data(), "signature": self.signature}


def make(
    *,
    studio: str,
    gate: str,
    subject: Subject,
    verdict: str,
    approver: str,
    now: datetime,
    reason: str | None = None,
    nonce: str | None = None,
) -> Statement:
    """A statement to sign; ``nonce`` is random unless given.

    Credentials in it are masked first, as in everything that goes into the record: what is
    signed must be what is written down.
    """
    time = now.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return Statement(
        studio,
        gate,
        redacted(dict(subject)),
        verdict,
        redacted(reason),
        approver,
        time,
        nonce or os.urandom(_NONCE_HEX // 2).hex(),
    )


def make_many(
    wanted: Sequence[tuple[Subject, str, str | None]],
    *,
    studio: str,
    gate: str,
    approver: str,
    now: datetime,
) -> list[Statement]:
    """A statement for each (subject, verdict, reason); as :func:`make`."""
    return [
        make(
            studio=studio,
            gate=gate,
            subject=subject,
            verdict=verdict,
            reason=reason,
            approver=approver,
            now=now,
        )
        for subject, verdict, reason in wanted
    ]


def parse(value: Any) -> Statement | None:
    """The statement that JSON values say; None where they say none.

    Strict: no field more or less, no other type. What parses has exactly the text it had.
    """
    if not isinstance(value, dict) or set(value) != set(Statement.__slots__):
        return None
    subject, reason = value["subject"], value["reason"]
    texts = [value[name] for name in Statement.__slots__ if name not in {"subject", "reason"}]
    if not all(isinstance(text, str) for text in texts) or not isinstance(subject, dict):
        return None
    if reason is not None and not isinstance(reason, str):
        return None
    if not all(isinstance(one, str | int | bool | None) for one in subject.values()):
        return None
    if not _is_hex(value["approver"], _KEY_HEX) or not _is_hex(value["nonce"], _NONCE_HEX):
        return None
    return Statement(**value)


def parse_signed(value: Any) -> Signed | None:
    """The signed statement in ``value`` (keys ``statement``, ``signature``; others are let be)."""
    if not isinstance(value, dict):
        return None
    statement = parse(value.get("statement"))
    signature = value.get("signature")
    if statement is None or not _is_hex(signature, _SIGNATURE_HEX):
        return None
    return Signed(statement, str(signature))


def is_genuine(signed: Signed) -> bool:
    """Whether the signature was made over this statement by the key that it names."""
    from cryptography.exceptions import InvalidSignature

    try:
        _public_key(signed.statement.approver).verify(
            bytes.fromhex(signed.signature), signed.statement.to_sign()
        )
    except (InvalidSignature, ValueError, StudioError):
        return False
    return True


def fingerprint(key: str) -> str:
    """What people compare instead of a key: 32 hex digits of its SHA-256, in groups of four."""
    digits = sha256_bytes(bytes.fromhex(key))[:32]
    return "-".join(digits[place : place + 4] for place in range(0, 32, 4))


def is_key(text: Any) -> bool:
    """Whether ``text`` has the form of a public key."""
    return _is_hex(text, _KEY_HEX)


_known: dict[str, Ed25519PublicKey] = {}


def _public_key(key: str) -> Ed25519PublicKey:
    # A studio has few approvers and many verdicts.
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if key not in _known:
        _known[key] = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
    return _known[key]


def _is_hex(value: Any, length: int) -> bool:
    return (
        isinstance(value, str)
        and len(value) == length
        and all(character in "0123456789abcdef" for character in value)
    )
