"""Approvers for tests: real keys with a cheap seal, made without a terminal."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ategnatos import cli
from ategnatos.art import generate, order, verdicts
from ategnatos.engines import Request
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.jobs import store
from ategnatos.grimoire.project import Project
from ategnatos.guard.gate import acts, keyfile, record, statements, trust
from ategnatos.guard.gate.statements import Signed, Subject
from tests.engines.painter import Painter

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


def made(project: Project, count: int = 2) -> list[store.Candidate]:
    """One job with ``count`` candidates, painted at once."""
    painter = Painter()
    planned = order.plan(painter, Request("a square", 0, count=count), explicit_seed=1)
    done = generate.carry_out(project, painter, planned, now=lambda: NOW, actor="test")
    return list(done.candidates)


def approved(project: Project) -> store.Candidate:
    """A job whose first candidate is approved, without a signature."""
    first = made(project)[0]
    give(project, first, None)
    return first


def give(project: Project, candidate: store.Candidate, signed: Signed | None) -> verdicts.Verdict:
    """Record an approval as the command does once the person has answered."""
    return verdicts.record_choice(
        project,
        candidate.job,
        candidate.number,
        store.APPROVED,
        sha256=candidate.sha256,
        reason=None,
        actor="person:test",
        now=lambda: NOW,
        signed=signed,
    )


def approval(
    project: Project,
    private: Ed25519PrivateKey,
    candidate: store.Candidate,
    *,
    verdict: str = store.APPROVED,
    studio: str | None = None,
    nonce: str | None = None,
) -> Signed:
    """A genuine signature over the approval of a candidate."""
    approvers = trust.load(project)
    assert approvers is not None
    return signature(
        private,
        studio or approvers.studio,
        record.REVIEW,
        {"asset": candidate.reference, "sha256": candidate.sha256},
        verdict,
        nonce=nonce,
    )


def through_cli(*arguments: str) -> None:
    """Run the front door and raise what its envelope says."""
    printed = io.StringIO()
    with (
        mock.patch("sys.argv", ["ategnatos", *arguments, "--json"]),
        contextlib.redirect_stdout(printed),
        contextlib.suppress(SystemExit),
    ):
        cli.main()
    error = json.loads(printed.getvalue())["error"]
    if error is not None:
        raise StudioError(ErrorCode(error["code"], ""), error["message"], hint=error["hint"])


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
