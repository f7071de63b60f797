"""Have a person sign a statement: at their terminal with the passphrase, or with a key that
they unlocked in that terminal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.guard.gate import hardening, keyfile, statements, terminal
from ategnatos.guard.gate.statements import Signed, Statement, Subject

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from ategnatos.grimoire.project import Project
    from ategnatos.guard.gate.keyfile import KeyFile
    from ategnatos.guard.gate.trust import Trust

APPROVER_UNKNOWN = ErrorCode("approver_unknown", "This account's key is no approver here.")
SIGNATURE_REFUSED = ErrorCode("signature_refused", "The unlocked key did not sign.")

_TRIES = 3


def sign(
    project: Project,
    approvers: Trust,
    *,
    gate: str,
    subject: Subject,
    verdict: str,
    lines: Sequence[str],
    redo: str,
    now: datetime,
    reason: str | None = None,
) -> Signed:
    """Show ``lines`` and what is signed, and return the person's signature over it.

    Raises StudioError: ``needs_person``, ``not_confirmed``, ``no_key``, ``key_unsafe``,
    ``key_damaged``, ``approver_unknown``, ``passphrase_wrong``, ``signature_refused``.
    """
    key = keyfile.load()
    require_approver(approvers, key)
    statement = statements.make(
        studio=approvers.studio,
        gate=gate,
        subject=subject,
        verdict=verdict,
        reason=reason,
        approver=key.public,
        now=now,
    )
    return sign_statement(statement, key, lines, redo=redo)


def sign_statement(
    statement: Statement, key: KeyFile, lines: Sequence[str], *, redo: str
) -> Signed:
    """The same for a statement that stands already; it is shown below ``lines``."""
    from ategnatos.guard.gate import unlocked_client

    signature = unlocked_client.signature(statement, lines, redo=redo)
    if signature is None:
        shown = [*lines, *described(statement), "Your signature is final."]
        private = unsealed(key, shown, redo=redo)
        signature = private.sign(statement.to_sign()).hex()
    signed = Signed(statement, signature)
    if not statements.is_genuine(signed):
        raise StudioError(
            SIGNATURE_REFUSED,
            "What came back is not a signature of your key over this statement; nothing was"
            " recorded.",
            hint=f"Something else answered in the place of the unlocked key. End it with"
            f" 'ategnatos gate lock', then: {redo}",
        )
    return signed


def sign_many(
    project: Project,
    approvers: Trust,
    *,
    gate: str,
    wanted: Sequence[tuple[Subject, str, str | None]],
    lines: Sequence[str],
    redo: str,
    now: datetime,
) -> list[Signed]:
    """The person's signatures over several statements (subject, verdict, reason), with one
    passphrase. ``lines`` shows every one of them; what is signed is counted below.

    An unlocked key does not do here: it shows and asks for each. Raises StudioError as
    :func:`sign`, without ``signature_refused``.
    """
    key = keyfile.load()
    require_approver(approvers, key)
    made = statements.make_many(
        wanted, studio=approvers.studio, gate=gate, approver=key.public, now=now
    )
    counts = Counter(one.verdict for one in made)
    told = ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))
    shown = [
        *lines,
        f"To be signed at the gate {gate}, each on its own: {told}",
        f"  studio     {approvers.studio}",
        f"  key        {statements.fingerprint(key.public)}",
        "Your signatures are final.",
    ]
    private = unsealed(key, shown, redo=redo)
    return [Signed(one, private.sign(one.to_sign()).hex()) for one in made]


def unsealed(key: KeyFile, lines: Sequence[str], *, redo: str) -> Ed25519PrivateKey:
    """The private key, after the person typed its passphrase at the terminal.

    An empty line is a no. Raises StudioError: ``needs_person``, ``not_confirmed``,
    ``passphrase_wrong`` after three tries, ``key_damaged``.
    """
    hardening.close_to_others()
    with terminal.opened(redo) as screen:
        terminal.show(screen, lines)
        for left in reversed(range(_TRIES)):
            prompt = f"Passphrase of {key.name} (an empty line is no):"
            passphrase = terminal.hidden_line(screen, prompt)
            if not passphrase:
                raise terminal.unconfirmed(redo)
            try:
                return keyfile.unseal(key, passphrase)
            except StudioError as error:
                if error.code is not keyfile.PASSPHRASE_WRONG or not left:
                    raise
                terminal.show(screen, ["That is not the passphrase."])
            finally:
                terminal.wipe(passphrase)
    raise AssertionError("the loop returns or raises")


def require_approver(approvers: Trust, key: KeyFile) -> None:
    """Refuse a key that may not sign here. Raises StudioError (``approver_unknown``)."""
    found = approvers.approver(key.public)
    if found is not None and found.active:
        return
    state = "was revoked in" if found is not None else "is not among the approvers of"
    names = ", ".join(one.name for one in approvers.active())
    raise StudioError(
        APPROVER_UNKNOWN,
        f"This account's key ({statements.fingerprint(key.public)}) {state} this studio; nothing"
        " was signed.",
        hint=f"Its approvers are {names}. To become one: ategnatos gate init",
        approvers=[one.name for one in approvers.active()],
    )


def described(statement: Statement) -> list[str]:
    """What is signed, in lines: made from the statement itself, so that they cannot differ."""
    lines = [f"To be signed: {statement.verdict} at the gate {statement.gate}"]
    lines += [f"  {name:<10} {value}" for name, value in statement.subject.items()]
    if statement.reason is not None:
        lines.append(f"  {'reason':<10} {statement.reason}")
    lines.append(f"  {'studio':<10} {statement.studio}")
    lines.append(f"  {'key':<10} {statements.fingerprint(statement.approver)}")
    return lines
