"""Change who may sign: found, add, revoke, leave, return. Each is a signed act of an approver.

The chain is written first, then this account's pin, then the journal. What a crash leaves out
of the last two is made up for by the next act or by ``gate trust``; the chain alone decides.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire import journal
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import sha256_bytes
from ategnatos.grimoire.locks import hold
from ategnatos.guard.gate import pins, record, statements, terminal, trust
from ategnatos.guard.gate.trust import Anchor, Trust

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from ategnatos.grimoire.project import Project
    from ategnatos.guard.gate.keyfile import KeyFile
    from ategnatos.guard.gate.statements import Signed, Subject

APPROVER_TAKEN = ErrorCode("approver_taken", "That key or that name is an approver's already.")
APPROVER_MISSING = ErrorCode("approver_missing", "There is no approver of that name or key.")
LAST_APPROVER = ErrorCode("last_approver", "The last approver cannot be revoked.")
REQUEST_INVALID = ErrorCode("request_invalid", "That is no request to become an approver.")


def found(
    project: Project, key: KeyFile, private: Ed25519PrivateKey, name: str, *, now: datetime
) -> Trust:
    """Begin signed mode in a studio that never had approvers, with ``key`` as the first.

    Raises StudioError (``gate_broken``, ``not_confirmed``, ``write_failed``, ...).
    """
    studio = os.urandom(16).hex()
    possession = request(studio, key, private, name, now=now)
    subject = subject_of(project, None, trust.FOUNDED, name=name, public=key.public)
    statement = statements.make(
        studio=studio,
        gate=trust.APPROVERS,
        subject=subject,
        verdict=trust.AGREED,
        approver=key.public,
        now=now,
    )
    signed = statements.Signed(statement, private.sign(statement.to_sign()).hex())
    return append(project, signed, now=now, possession=possession)


def request(
    studio: str, key: KeyFile, private: Ed25519PrivateKey, name: str, *, now: datetime
) -> Signed:
    """The key's own wish to be an approver of that studio under that name."""
    statement = statements.make(
        studio=studio,
        gate=trust.JOIN,
        subject={"name": name, "public": key.public},
        verdict=trust.AGREED,
        approver=key.public,
        now=now,
    )
    return statements.Signed(statement, private.sign(statement.to_sign()).hex())


def check_request(approvers: Trust, signed: Signed | None) -> tuple[str, str]:
    """Name and key of a request that may be granted.

    Raises StudioError (``request_invalid``, ``approver_taken``).
    """
    subject = {} if signed is None else signed.statement.subject
    name, key = subject.get("name"), subject.get("public")
    if (
        not isinstance(name, str)
        or not isinstance(key, str)
        or not trust.is_request(signed, approvers.studio, name, key)
    ):
        raise StudioError(
            REQUEST_INVALID,
            "That is not a request to join this studio, or it was changed on the way; nobody was"
            " added.",
            hint="The one who wants to join runs 'ategnatos gate init' in this studio and sends"
            " you the line that it prints.",
        )
    check_free(approvers, name, key)
    return name, key


def check_free(approvers: Trust, name: str, key: str) -> None:
    """Refuse a name or key that is taken. Raises StudioError (``approver_taken``)."""
    if approvers.approver(key) is None and all(one.name != name for one in approvers.active()):
        return
    raise StudioError(
        APPROVER_TAKEN,
        f"The key, or the name {name!r}, is or was an approver's of this studio; nobody was added.",
        hint="See them with 'ategnatos gate list'. A revoked key stays revoked: make a new one."
        " Another name: ategnatos gate init --name NAME",
        name=name,
    )


def find(approvers: Trust, wanted: str) -> trust.Approver:
    """The active approver of that name, key or fingerprint. Raises StudioError
    (``approver_missing``).
    """
    for one in approvers.active():
        if wanted in {one.name, one.key, statements.fingerprint(one.key)}:
            return one
    raise StudioError(
        APPROVER_MISSING,
        f"No approver of this studio is called {wanted!r} or has that key; nothing was changed.",
        hint="See them with 'ategnatos gate list'.",
        approvers=[one.name for one in approvers.active()],
    )


def check_not_last(approvers: Trust) -> None:
    """Refuse to leave a studio without anybody who may sign. Raises StudioError
    (``last_approver``).
    """
    if len(approvers.active()) < 2:
        raise StudioError(
            LAST_APPROVER,
            "This is the only approver; without one nobody could sign again, so nothing was"
            " changed.",
            hint="Add another first (they run 'ategnatos gate init', you 'ategnatos gate add'),"
            " or end signed mode with 'ategnatos gate leave'.",
        )


def subject_of(project: Project, approvers: Trust | None, act: str, **more: str) -> Subject:
    """What an act is about: what is done, the act before it, and the journal now."""
    here = anchor(project)
    previous = "" if approvers is None else approvers.head
    return {
        "act": act,
        **more,
        "previous": previous,
        "line": here.line,
        "line_sha256": here.sha256,
    }


def anchor(project: Project) -> Anchor:
    """The journal as it stands."""
    count, last = 0, b""
    for count, last in journal.lines(project):  # noqa: B007 - the last pair is what is wanted
        pass
    return Anchor(count, sha256_bytes(last) if count else journal.FIRST_PREVIOUS)


def append(
    project: Project, signed: Signed, *, now: datetime, possession: Signed | None = None
) -> Trust:
    """Add a signed act to the chain, if it may follow what stands there now.

    Raises StudioError: ``gate_broken`` for an act that may not, ``not_confirmed`` where a
    verdict came in between, ``write_failed``, ``disk_full``.
    """
    from ategnatos.grimoire import documents
    from ategnatos.grimoire.schemas.approvers import Act, ApproversDocument

    one: dict[str, Any] = signed.data()
    one["possession"] = {} if possession is None else possession.data()
    with hold(project, "verdicts"):
        standing = trust.known(project)
        earlier = [] if standing is None else _raw(project)
        after = trust.verified([*earlier, one])
        _refuse_if_overtaken(project, int(signed.statement.subject["line"] or 0))
        with documents.edit(project, ApproversDocument, now=now) as document:
            document.acts.append(Act.model_validate(one))
        after.pins = [] if standing is None else standing.pins
        pins.remember(after.pin(str(project.root)))
        _write_down(project, after, now)
    return after


def complete(project: Project, approvers: Trust, *, now: datetime, mark_here: bool = False) -> None:
    """Write down what a crash left out: acts in the journal, and this account's pin.

    ``mark_here`` gives up the account's mark in an earlier journal for the present last line.
    """
    with hold(project, "verdicts"):
        pin = approvers.pin(str(project.root))
        if mark_here:
            here = anchor(project)
            pin = replace(pin, line=here.line, line_sha256=here.sha256)
        pins.remember(pin)
        _write_down(project, approvers, now)


def _raw(project: Project) -> list[dict[str, Any]]:
    from ategnatos.grimoire import documents
    from ategnatos.grimoire.schemas.approvers import ApproversDocument

    acts: Sequence[Any] = documents.read(project, ApproversDocument).acts
    return [act.model_dump(mode="json") for act in acts]


def _refuse_if_overtaken(project: Project, line: int) -> None:
    kinds = {record.VERDICT_EVENT, trust.AUTHORISED_EVENT}
    if any((journal.event_number(one.id) or 0) > line for one in journal.read(project, kinds)):
        raise StudioError(
            terminal.NOT_CONFIRMED,
            "Somebody gave a verdict while you answered, so yours would come too late or too"
            " early; nothing was changed.",
            hint="Run the same command again.",
        )


def _write_down(project: Project, approvers: Trust, now: datetime) -> None:
    from ategnatos.guard.actor import person

    written = {one.data.get("digest") for one in journal.read(project, {trust.ACT_EVENT})}
    for signed in approvers.acts:
        digest = signed.statement.digest()
        if digest in written:
            continue
        event = journal.append(
            project,
            trust.ACT_EVENT,
            actor=person(),
            data={
                "act": signed.statement.subject["act"],
                "name": signed.statement.subject.get("name"),
                "digest": digest,
                **signed.data(),
            },
            now=now,
        )
        pins.mark(project, approvers.studio, journal.event_number(event.id) or 0, event.sha256())
