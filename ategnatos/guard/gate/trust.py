"""Whose signature counts in a studio, and since when it takes one.

The record is a chain of acts (:mod:`ategnatos.grimoire.schemas.approvers`): ``founded`` by the
first approver, then ``added``, ``revoked``, ``left`` and ``returned``, each signed by somebody
who was an approver then and naming the digest of the act before it. An act also names the
journal's last line at its time, so that "before" and "after" are facts and not claims.

Signed mode, once entered, is remembered in four places: this chain, its backups, the journal,
and the pins outside the studio. If any of them knows of it and the chain is gone, nothing is
taken for unsigned: it is refused.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.guard.gate import pins, statements
from ategnatos.guard.gate.pins import Pin
from ategnatos.guard.gate.statements import Signed, Statement

if TYPE_CHECKING:
    from ategnatos.grimoire.journal import Event
    from ategnatos.grimoire.project import Project

GATE_BROKEN = ErrorCode("gate_broken", "The record of approvers is not what was signed.")
GATE_UNPINNED = ErrorCode("gate_unpinned", "This account does not know these approvers yet.")

# Names of gates that are about the gate itself.
APPROVERS = "gate.approvers"
JOIN = "gate.join"

FOUNDED, ADDED, REVOKED, LEFT, RETURNED = "founded", "added", "revoked", "left", "returned"
AGREED = "agreed"

# Kinds of journal events that only a studio with keys has.
ACT_EVENT = "gate.act"
AUTHORISED_EVENT = "gate.authorised"


@dataclass(frozen=True, slots=True)
class Anchor:
    """The journal at a moment: its number of lines, and the SHA-256 of the last of them."""

    line: int
    sha256: str


@dataclass(slots=True)
class Approver:
    """One key. ``revoked`` is the journal at its revocation: signatures before it stay valid."""

    name: str
    key: str
    since: str
    revoked: Anchor | None = None
    revoked_at: str = ""
    revoked_because: str = ""

    @property
    def active(self) -> bool:
        """Whether it may sign now."""
        return self.revoked is None


@dataclass(slots=True)
class Trust:
    """What the chain says. ``spans`` are the stretches of the journal in signed mode.

    ``pins`` are the memories outside the studio that agree with it.
    """

    studio: str
    approvers: list[Approver] = field(default_factory=list)
    spans: list[tuple[Anchor, Anchor | None]] = field(default_factory=list)
    acts: list[Signed] = field(default_factory=list)
    pins: list[Pin] = field(default_factory=list)

    @property
    def signing(self) -> bool:
        """Whether the studio is in signed mode now."""
        return bool(self.spans) and self.spans[-1][1] is None

    @property
    def head(self) -> str:
        """The digest of the last act."""
        return self.acts[-1].statement.digest()

    def approver(self, key: str) -> Approver | None:
        """Whoever has that key, revoked or not."""
        return next((one for one in self.approvers if one.key == key), None)

    def active(self) -> list[Approver]:
        """Those who may sign now."""
        return [one for one in self.approvers if one.active]

    def pin(self, root: str) -> Pin:
        """What to remember of this chain; an earlier mark in the journal is kept."""
        marked = max(self.pins, key=lambda pin: pin.line, default=None)
        line, digest = (marked.line, marked.line_sha256) if marked else (0, "")
        return Pin(self.studio, root, len(self.acts), self.head, line, digest)


def load(project: Project) -> Trust | None:
    """The approvers, every signature checked and held against the pins; None where the studio
    never had any.

    Raises StudioError: ``gate_broken``, ``pins_damaged``, ``key_unsafe``, and as
    :func:`ategnatos.grimoire.documents.read`.
    """
    if not (project.state / "approvers.json").exists() and _never_founded(project):
        return None
    from ategnatos.grimoire import documents
    from ategnatos.grimoire.schemas.approvers import ApproversDocument

    document = documents.read(project, ApproversDocument)
    raw: list[dict[str, Any]] = [act.model_dump(mode="json") for act in document.acts]
    if not raw:
        raise _broken("its list of acts is empty")
    trust = verified(raw)
    trust.pins = _held_against_pins(project, trust)
    return trust


def known(project: Project) -> Trust | None:
    """As :func:`load`, and this account must know the studio.

    Raises StudioError: ``gate_unpinned`` too.
    """
    trust = load(project)
    if trust is not None and not trust.pins:
        keys = "; ".join(f"{one.name} {statements.fingerprint(one.key)}" for one in trust.active())
        raise StudioError(
            GATE_UNPINNED,
            "This studio takes signatures, and this account has not seen its approvers before:"
            f" {keys}. Nothing was done.",
            hint="Compare the fingerprints with the approvers themselves, then run in a"
            " terminal: ategnatos gate trust",
            approvers=[one.key for one in trust.active()],
        )
    if trust is not None and any(pin.acts < len(trust.acts) for pin in trust.pins):
        # The chain grew rightly since: from now on it cannot be taken back here either. A home
        # that cannot be written, as on a build server, remembers what it did before.
        with contextlib.suppress(StudioError, OSError):
            pins.remember(trust.pin(str(project.root)))
    return trust


def remember_signature(project: Project, event: Event, signed: Signed) -> str:
    """Let this account remember the journal's line with a signature; the signer's name."""
    from ategnatos.grimoire.journal import event_number

    approvers = load(project)
    if approvers is None:
        return ""
    pins.mark(project, approvers.studio, event_number(event.id) or 0, event.sha256())
    who = approvers.approver(signed.statement.approver)
    return "" if who is None else who.name


def verified(raw: list[dict[str, Any]]) -> Trust:
    """Read a chain of acts from its first to its last. Raises StudioError (``gate_broken``)."""
    trust: Trust | None = None
    for place, one in enumerate(raw):
        signed = statements.parse_signed(one)
        if signed is None or not statements.is_genuine(signed):
            raise _broken(f"act {place + 1} does not carry the signature of its text")
        statement = signed.statement
        if statement.gate != APPROVERS or statement.verdict != AGREED:
            raise _broken(f"act {place + 1} is no act of a gate")
        if trust is None:
            trust = Trust(statement.studio)
        expected = (trust.studio, trust.head if trust.acts else "")
        if (statement.studio, statement.subject.get("previous")) != expected:
            raise _broken(f"act {place + 1} does not follow the act before it")
        try:
            _apply(trust, statement, one.get("possession"))
        except (KeyError, TypeError, ValueError) as error:
            raise _broken(f"act {place + 1}: {error}") from error
        trust.acts.append(signed)
    assert trust is not None
    return trust


def _apply(trust: Trust, statement: Statement, possession: Any) -> None:
    """Carry one act out. Raises KeyError, TypeError, ValueError where it may not be."""
    subject = statement.subject
    act = subject["act"]
    anchor = _anchor(subject)
    last = trust.spans[-1][1] or trust.spans[-1][0] if trust.spans else None
    if last is not None and anchor.line < last.line:
        raise ValueError("it claims to be older than an act before it")
    signer = trust.approver(statement.approver)
    if act == FOUNDED:
        if trust.acts or subject["public"] != statement.approver:
            raise ValueError("a studio is founded once, by its first approver")
    elif signer is None or not signer.active:
        raise ValueError("it is not signed by an approver")
    if act in {FOUNDED, ADDED}:
        trust.approvers.append(_joined(trust, statement, possession))
    elif act == REVOKED:
        leaving = trust.approver(str(subject["public"]))
        if leaving is None or not leaving.active or len(trust.active()) == 1:
            raise ValueError("nobody is left to be revoked, or nobody would be left")
        leaving.revoked, leaving.revoked_at = anchor, statement.time
        leaving.revoked_because = statement.reason or ""
    elif act == LEFT and trust.signing:
        trust.spans[-1] = (trust.spans[-1][0], anchor)
    elif act == RETURNED and not trust.signing:
        trust.spans.append((anchor, None))
    elif act != FOUNDED:
        raise ValueError(f"{act!r} cannot be done there")
    if act == FOUNDED:
        trust.spans.append((anchor, None))


def _joined(trust: Trust, statement: Statement, possession: Any) -> Approver:
    key, name = statement.subject["public"], statement.subject["name"]
    if not statements.is_key(key) or not isinstance(name, str) or not name:
        raise ValueError("it names no key")
    key = str(key)
    if trust.approver(key) is not None or any(one.name == name for one in trust.active()):
        raise ValueError("that key or name is taken")
    # Without it an approver could be made to stand in a studio they never asked to join.
    if not is_request(statements.parse_signed(possession), trust.studio, name, key):
        raise ValueError("the key that joins did not ask for it")
    return Approver(name, key, statement.time)


def is_request(signed: Signed | None, studio: str, name: str, key: str) -> bool:
    """Whether ``signed`` is a key's own genuine request to join that studio by that name."""
    return (
        signed is not None
        and signed.statement.gate == JOIN
        and signed.statement.studio == studio
        and signed.statement.approver == key
        and signed.statement.subject == {"name": name, "public": key}
        and statements.is_genuine(signed)
    )


def _anchor(subject: statements.Subject) -> Anchor:
    line, digest = subject["line"], subject["line_sha256"]
    if not isinstance(line, int) or isinstance(line, bool) or line < 0:
        raise ValueError("it names no line of the journal")
    if not isinstance(digest, str):
        raise TypeError("it names no hash of the journal")
    return Anchor(line, digest)


def _held_against_pins(project: Project, trust: Trust) -> list[Pin]:
    found = pins.find(project, trust.studio)
    for pin in found:
        if pin.studio != trust.studio:
            raise _broken(
                "the studio in this folder had other approvers when this account last saw it"
                f" (studio {pin.studio[:8]}, now {trust.studio[:8]})"
            )
        if not 0 < pin.acts <= len(trust.acts):
            raise _broken(
                f"it has {len(trust.acts)} acts, and this account has seen {pin.acts}: somebody"
                " took acts back"
            )
        if trust.acts[pin.acts - 1].statement.digest() != pin.head:
            raise _broken("its acts are not the ones that this account has seen")
    return found


def _never_founded(project: Project) -> bool:
    """Whether no place remembers signed mode; the list of approvers is known to be missing."""
    from ategnatos.grimoire import journal

    if (project.state / "backups" / "approvers").exists():
        return False  # reading the document then says what is missing and what brings it back
    if pins.find(project, None):
        raise _broken("grimoire/.state/approvers.json is gone, and this account remembers it")
    if next(journal.read(project, kinds={ACT_EVENT}), None) is not None:
        raise _broken("grimoire/.state/approvers.json is gone, and the journal remembers it")
    return True


def _broken(why: str) -> StudioError:
    return StudioError(
        GATE_BROKEN,
        f"The record of this studio's approvers cannot be trusted: {why}. No verdict counts and"
        " none is taken until that is mended.",
        hint="See what is kept with 'ategnatos grimoire backup --list'; a person brings the"
        " approvers back with 'ategnatos grimoire restore approvers' or from version control.",
        why=why,
    )
