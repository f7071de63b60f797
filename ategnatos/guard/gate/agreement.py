"""What other rooms call where a person has to agree: a cap raised, an override, a launch.

    gate.authorise(
        project, "budget.caps", {"sha256": digest},
        lines=["Daily ceiling 25.00 -> 50.00 USD"],
        redo="ategnatos studio budget set daily 50", now=now,
    )

Without keys a person is asked at the terminal; in signed mode they sign. A person on the page is
asked there (:mod:`ategnatos.guard.gate.at_page`). Either way the answer is an event of the
journal, and :func:`authorisations` reads back only those that hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.guard.gate import at_page, terminal

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.guard.gate.statements import Signed, Subject
    from ategnatos.guard.gate.trust import Trust

SIGNATURE_NEEDED = ErrorCode("signature_needed", "This needs a signature, and there are no keys.")


@dataclass(frozen=True, slots=True)
class Authorisation:
    """A person's agreement, checked. ``event`` is its id in the journal, ``line`` its place.

    ``approver`` is the signer's name; for an unsigned one, who was at the terminal.
    """

    event: str
    line: int
    gate: str
    subject: Subject
    reason: str | None
    signed: bool
    approver: str
    time: str


def authorise(
    project: Project,
    gate: str,
    subject: Subject,
    *,
    lines: Sequence[str],
    redo: str,
    now: datetime,
    reason: str | None = None,
    needs_signature: bool = False,
) -> Authorisation:
    """Have a person agree to ``subject`` at ``gate``, and write it down.

    ``subject`` holds texts, whole numbers, truths and None: what is agreed to, complete (bind
    a file by its hash). ``lines`` is what the person reads, ``redo`` the command that brings
    them back here. ``needs_signature`` refuses where the studio has no keys: for what may cost
    money against the caps. Raises StudioError: ``needs_person``, ``not_confirmed``,
    ``signature_needed``, ``no_key``, ``passphrase_wrong``, ``approver_unknown``,
    ``gate_broken``, ``gate_unpinned``, on the page ``agreement_wanted`` and ``key_closed``;
    nothing is recorded then.
    """
    from ategnatos.guard.gate import record, trust

    approvers = trust.known(project)
    facts: dict[str, Any] = {"for": gate, "subject": dict(subject), "reason": reason}
    signing = approvers is not None and approvers.signing
    if needs_signature and not signing:
        raise _signature_needed(redo)
    reader = at_page.reader()
    if reader is not None:
        at_page.require_read(reader, gate, subject, lines=lines, reason=reason, signing=signing)
        if approvers is not None and signing:
            signed = at_page.signed(
                reader,
                approvers,
                gate=gate,
                subject=subject,
                verdict=trust.AGREED,
                reason=reason,
                now=now,
            )
            return _write_down(project, facts, signed, now)
        facts["gate"] = record.UNSIGNED
        return _write_down(project, facts, None, now)
    if approvers is not None and signing:
        from ategnatos.guard.gate.signing import sign

        signed = sign(
            project,
            approvers,
            gate=gate,
            subject=subject,
            verdict=trust.AGREED,
            reason=reason,
            lines=lines,
            redo=redo,
            now=now,
        )
        return _write_down(project, facts, signed, now)
    terminal.confirm([*lines, *(_because(reason)), "Do you agree?"], redo=redo)
    facts["gate"] = record.UNSIGNED
    return _write_down(project, facts, None, now)


def authorisations(project: Project, gate: str) -> list[Authorisation]:
    """Every agreement at ``gate`` that holds, oldest first; what does not hold is left out.

    Raises StudioError: ``gate_broken``, ``gate_unpinned``, ``journal_corrupt``.
    """
    from ategnatos.guard.gate import record, trust

    approvers = trust.known(project)
    if approvers is not None:
        problem = record.behind_a_mark(project, approvers)
        if problem:
            raise StudioError(
                trust.GATE_BROKEN,
                f"What was agreed to cannot be read: {problem}. Nothing was done.",
                hint="Bring the journal back from a backup ('ategnatos grimoire restore --all'),"
                " or accept it as it is with a signature: ategnatos gate trust --journal",
                why=problem,
            )
    found = []
    for one in record.judged(project, approvers, (trust.AUTHORISED_EVENT,)):
        data = one.event.data
        if one.standing is record.Standing.BROKEN or data.get("for") != gate:
            continue
        signed = one.standing is record.Standing.SIGNED
        found.append(
            Authorisation(
                one.event.id,
                one.line,
                gate,
                dict(one.statement.subject if one.statement else data.get("subject") or {}),
                data.get("reason"),
                signed,
                one.approver if signed else one.event.actor,
                one.event.time,
            )
        )
    return found


def require_signed_mode(project: Project, *, redo: str) -> None:
    """Refuse where the studio takes unsigned verdicts. Raises StudioError
    (``signature_needed``, ``gate_broken``, ``gate_unpinned``).
    """
    from ategnatos.guard.gate import trust

    approvers = trust.known(project)
    if approvers is None or not approvers.signing:
        raise _signature_needed(redo)


def _write_down(
    project: Project, facts: dict[str, Any], signed: Signed | None, now: datetime
) -> Authorisation:
    from ategnatos.grimoire import journal
    from ategnatos.grimoire.locks import hold
    from ategnatos.guard.actor import person
    from ategnatos.guard.gate import record, trust

    with hold(project, "verdicts"):
        approvers = trust.known(project)
        check_still_counts(approvers, signed)
        if signed is not None:
            facts = {**facts, "gate": record.SIGNED, **signed.data()}
        event = journal.append(project, trust.AUTHORISED_EVENT, actor=person(), data=facts, now=now)
        name = event.actor
        if signed is not None:
            name = trust.remember_signature(project, event, signed)
    return Authorisation(
        event.id,
        journal.event_number(event.id) or 0,
        event.data["for"],
        event.data["subject"],
        event.data["reason"],
        signed is not None,
        name,
        event.time,
    )


def check_still_counts(approvers: Trust | None, signed: Signed | None) -> None:
    """Refuse an answer that the gate outran: keys came, went or were revoked meanwhile.

    To be called with the lock ``verdicts`` held, just before the answer is recorded. Raises
    StudioError (``not_confirmed``).
    """
    from ategnatos.guard.gate import statements

    signing = approvers is not None and approvers.signing
    if signing is (signed is not None):
        if signed is None or approvers is None:
            return
        who = approvers.approver(signed.statement.approver)
        if who is not None and who.active and statements.is_genuine(signed):
            return
    raise StudioError(
        terminal.NOT_CONFIRMED,
        "The gate changed while you answered (a key was added, revoked, or signing began or"
        " ended); nothing was recorded.",
        hint="Look with 'ategnatos gate status', then run the same command again.",
    )


def _because(reason: str | None) -> list[str]:
    return [] if reason is None else [f"  because {reason}"]


def _signature_needed(redo: str) -> StudioError:
    return StudioError(
        SIGNATURE_NEEDED,
        "This needs a person's signature, and this studio has no approvers' keys yet; nothing"
        " was done and nothing was sent.",
        hint=f"A person runs, in their own terminal: ategnatos gate init   Then: {redo}",
    )
