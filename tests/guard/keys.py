"""Approvers for tests: real keys with a cheap seal, made without a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ategnatos.grimoire.project import Project
from ategnatos.guard.gate import acts, keyfile, statements, trust
from ategnatos.guard.gate.statements import Signed, Subject

PASSPHRASE = "seven green lanterns hum"
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@contextmanager
def account(folder: Path) -> Iterator[None]:
    """Be the account whose configuration lies in ``folder``."""
    with mock.patch.dict("os.environ", {"XDG_CONFIG_HOME": str(folder)}):
        yield


def make_key(
    name: str = "ada", passphrase: str = PASSPHRASE
) -> tuple[keyfile.KeyFile, Ed25519PrivateKey]:
    """A key in the present account. The file names its cost, so that opening it is cheap too."""
    with mock.patch.object(keyfile, "SCRYPT_N", 1 << 4):
        return keyfile.create(name, bytearray(passphrase.encode()), now=NOW)


def founded(project: Project, name: str = "ada") -> Ed25519PrivateKey:
    """Put a studio into signed mode; return the first approver's private key."""
    key, private = make_key(name)
    acts.found(project, key, private, name, now=NOW)
    return private


def signed_act(
    project: Project, private: Ed25519PrivateKey, act: str, reason: str | None = None, **more: str
) -> Signed:
    """An act signed by ``private``, as the command makes it."""
    approvers = trust.load(project)
    assert approvers is not None
    subject = acts.subject_of(project, approvers, act, **more)
    return signature(
        private, approvers.studio, trust.APPROVERS, subject, trust.AGREED, reason=reason
    )


def signature(
    private: Ed25519PrivateKey,
    studio: str,
    gate: str,
    subject: Subject,
    verdict: str,
    *,
    reason: str | None = None,
    nonce: str | None = None,
) -> Signed:
    """A genuine signature over those words."""
    statement = statements.make(
        studio=studio,
        gate=gate,
        subject=subject,
        verdict=verdict,
        reason=reason,
        approver=private.public_key().public_bytes_raw().hex(),
        now=NOW,
        nonce=nonce,
    )
    return Signed(statement, private.sign(statement.to_sign()).hex())
