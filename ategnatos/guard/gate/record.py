"""What the journal's verdicts are worth: each one signed, unsigned, or broken, and why."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire import journal
from ategnatos.grimoire.files import sha256_bytes
from ategnatos.guard.gate import statements, trust
from ategnatos.guard.gate.statements import Statement

if TYPE_CHECKING:
    from ategnatos.grimoire.journal import Event
    from ategnatos.grimoire.project import Project
    from ategnatos.guard.gate.trust import Anchor, Trust

VERDICT_EVENT = "art.verdict"
REVIEW = "art.review"

# What an event's data say under "gate".
UNSIGNED, SIGNED = "unsigned", "signed"

# As the journal writes a reference; the event is parsed and judged like any other.
_CANDIDATE = re.compile(rb'"candidate":"(j[0-9]+#[0-9]+)"')
_PREVIOUS = re.compile(rb'"previous":"([0-9a-f]{64})"')


class Standing(StrEnum):
    """``broken`` counts for nothing: it is not what a person said, or nobody can tell."""

    SIGNED = "signed"
    UNSIGNED = "unsigned"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Judged:
    """An event and its standing. ``approver`` is the signer's name, ``problem`` why broken."""

    event: Event
    line: int
    standing: Standing
    approver: str = ""
    problem: str = ""
    statement: Statement | None = None


def judged(
    project: Project,
    approvers: Trust | None,
    kinds: Collection[str] = (VERDICT_EVENT, trust.AUTHORISED_EVENT),
    *,
    about: Collection[str] | None = None,
) -> Iterator[Judged]:
    """Every event of ``kinds`` in order, with its standing; with ``about`` only those that name
    one of these candidates (``j7#2``).

    ``approvers`` is what :func:`ategnatos.guard.gate.trust.load` said. Raises StudioError
    (``journal_corrupt``) at a line that is not an event.
    """
    # Read where there is something to judge: it takes a walk through the journal.
    prefix: Prefix | None = None
    used: set[str] = set()
    marks = {kind: f'"kind":"{kind}"'.encode() for kind in kinds}
    wanted = None if about is None else {reference.encode() for reference in about}
    for line, raw in journal.lines_with(project, marks.values()):
        if wanted is not None and wanted.isdisjoint(_CANDIDATE.findall(raw)):
            continue
        event = journal.parse(raw)
        if event is None:
            raise journal.corrupt(project, line)
        if event.kind in marks:
            prefix = prefix or Prefix(project, approvers)
            yield _judge(event, line, approvers, prefix, used)


def behind_a_mark(project: Project, approvers: Trust) -> str:
    """Why the journal is not the one in which this account saw signatures; "" where it is."""
    prefix = Prefix(project, approvers)
    for pin in approvers.pins:
        if pin.line and prefix.hash_at.get(pin.line) != pin.line_sha256:
            return (
                f"line {pin.line} of the journal held a signature and is not what it was:"
                " the journal was changed or taken back"
            )
    return ""


class Prefix:
    """The hashes of the journal's lines where an act or a pin names one.

    ``linked`` is the number of lines, from the first, in which each names the one before it.
    """

    def __init__(self, project: Project, approvers: Trust | None) -> None:
        self.hash_at: dict[int, str] = {0: journal.FIRST_PREVIOUS}
        self.linked = 0
        wanted = _wanted(approvers)
        if not wanted:
            return
        furthest, previous, whole = max(wanted), journal.FIRST_PREVIOUS, True
        for line, raw in journal.lines(project):
            if line > furthest:
                break
            whole = whole and _names_before(raw) == previous
            previous = sha256_bytes(raw)
            if whole:
                self.linked = line
            if line in wanted:
                self.hash_at[line] = previous

    def holds(self, anchor: Anchor) -> bool:
        """Whether the journal up to ``anchor`` is, to the byte, what it was then."""
        return self.linked >= anchor.line and self.hash_at.get(anchor.line) == anchor.sha256


def _names_before(raw: bytes) -> str | None:
    """The hash that a line gives for the one before it.

    A line is parsed only where that is not plain to see: a long journal is read for every
    signature. Whatever is taken here is bound by the hash of the line it stands in.
    """
    found = _PREVIOUS.findall(raw)
    if len(found) == 1:
        return str(found[0], "ascii")
    event = journal.parse(raw)
    return None if event is None else event.previous


def _wanted(approvers: Trust | None) -> set[int]:
    if approvers is None:
        return set()
    lines = {one.revoked.line for one in approvers.approvers if one.revoked is not None}
    for start, end in approvers.spans:
        lines |= {start.line} if end is None else {start.line, end.line}
    return (lines | {pin.line for pin in approvers.pins}) - {0}


def _judge(
    event: Event, line: int, approvers: Trust | None, prefix: Prefix, used: set[str]
) -> Judged:
    def broken(why: str) -> Judged:
        return Judged(event, line, Standing.BROKEN, problem=why)

    if event.data.get("gate") == UNSIGNED and "signature" not in event.data:
        problem = _why_not_unsigned(line, approvers, prefix)
        return broken(problem) if problem else Judged(event, line, Standing.UNSIGNED)
    signed = statements.parse_signed(event.data)
    if signed is None:
        return broken("it carries no signed statement that can be read")
    statement = signed.statement
    if approvers is None:
        return broken("it is signed, and this studio has no approvers")
    if statement.studio != approvers.studio:
        return broken("it was signed for another studio")
    approver = approvers.approver(statement.approver)
    if approver is None:
        return broken("its key is nobody's in this studio")
    if not statements.is_genuine(signed):
        return broken("its signature is not over these words")
    if approver.revoked is not None:
        if line > approver.revoked.line:
            return broken(f"it was recorded after the key of {approver.name} was revoked")
        if not prefix.holds(approver.revoked):
            return broken(
                f"the key of {approver.name} is revoked, and the journal before that was changed"
            )
    matches = _MATCHES.get(event.kind)
    if matches is None or not matches(event, statement):
        return broken("its signature is about something else than it says")
    if statement.nonce in used:
        return broken("the same signature was used before")
    used.add(statement.nonce)
    return Judged(event, line, Standing.SIGNED, approver.name, statement=statement)


def _why_not_unsigned(line: int, approvers: Trust | None, prefix: Prefix) -> str:
    if approvers is None:
        return ""
    for start, end in approvers.spans:
        if line <= start.line:
            # Between spans or before the first: the act that follows vouches for it.
            return "" if prefix.holds(start) else "the journal before the gate's act was changed"
        if end is None or line <= end.line:
            return "it has no signature, and the studio took only signed ones by then"
    return ""


def _is_verdict(event: Event, statement: Statement) -> bool:
    subject: dict[str, Any] = {
        "asset": event.references.get("candidate"),
        "sha256": event.references.get("sha256"),
    }
    return (
        statement.gate == REVIEW
        and statement.subject == subject
        and statement.verdict == event.data.get("verdict")
        and statement.reason == event.data.get("reason")
    )


def _is_authorisation(event: Event, statement: Statement) -> bool:
    return (
        statement.gate == event.data.get("for")
        and statement.subject == event.data.get("subject")
        and statement.verdict == trust.AGREED
        and statement.reason == event.data.get("reason")
    )


_MATCHES: dict[str, Callable[[Event, Statement], bool]] = {
    VERDICT_EVENT: _is_verdict,
    trust.AUTHORISED_EVENT: _is_authorisation,
}
