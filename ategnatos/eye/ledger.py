"""Reads every act of a studio out of its journal: its own, and those that were imported.

An event whose line is not the one that was named counts for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ategnatos.eye.acts import (
    ACTS,
    IMPORTED_EVENT,
    STATEMENT_EVENT,
    Act,
    Proof,
    identity_of,
    session_of,
)
from ategnatos.grimoire import journal
from ategnatos.guard.gate import book
from ategnatos.guard.gate.record import VERDICT_EVENT, Standing

if TYPE_CHECKING:
    from ategnatos.grimoire.journal import Event
    from ategnatos.grimoire.project import Project
    from ategnatos.guard.gate.record import Judged


@dataclass(frozen=True, slots=True)
class Known:
    """An event that may be evidence, with its studio and how it came here."""

    studio: str
    event: Event
    sha256: str
    via: str = ""
    via_sha256: str = ""


@dataclass(slots=True)
class Ledger:
    """What the journal says of taste. ``studio`` is this studio's own mark.

    ``events`` are those that matter by (studio, event id, hash); ``acts`` in the order in which
    they came; ``judged`` the standing of this studio's verdicts by event id and hash;
    ``studios`` the names of the others.
    """

    studio: str
    events: dict[tuple[str, str, str], Known] = field(default_factory=dict)
    acts: list[Act] = field(default_factory=list)
    judged: dict[tuple[str, str], Judged] = field(default_factory=dict)
    studios: dict[str, str] = field(default_factory=dict)

    def own(self, event_id: str) -> Known | None:
        """This studio's event of that id."""
        return next(
            (
                known
                for (studio, name, _), known in self.events.items()
                if studio == self.studio and name == event_id
            ),
            None,
        )

    def holds(self, proof: Proof) -> str:
        """Why ``proof`` is no evidence; "" where it is."""
        known = self.events.get((proof.studio, proof.event, proof.sha256))
        if known is None:
            return "no such event is in the journal"
        if proof.kind == "verdict" and proof.studio == self.studio:
            judged = self.judged.get((proof.event, proof.sha256))
            if judged is None or judged.standing is Standing.BROKEN:
                return "the verdict is broken: " + (judged.problem if judged else "unknown")
        return ""


def read(
    project: Project,
    *,
    verdicts: Collection[str] = (),
    judging: bool = True,
    to_write: bool = False,
) -> Ledger:
    """Every act, with the verdicts that an act names, or that ``verdicts`` does, by event id.

    Other verdicts are left alone: there may be many. ``judging`` False looks at none, for who
    asks only what is said. ``to_write``: what is folded from it is for everybody, so where this
    account cannot judge verdicts that stand behind a preference, the gate's own refusal is
    raised. Raises StudioError (``journal_corrupt``).
    """
    ledger = Ledger(studio_mark(project))
    said = list(journal.read(project, (STATEMENT_EVENT, IMPORTED_EVENT)))
    named = {
        str(entry.get("event"))
        for event in said
        if event.kind == STATEMENT_EVENT
        for entry in _entries(event.data)
    }
    if judging and (named or verdicts):
        given, problem = book.for_display(project)
        wanted = named | set(verdicts)
        for one in given.judged:
            if one.event.id in wanted:
                known = Known(ledger.studio, one.event, one.event.sha256())
                ledger.judged[known.event.id, known.sha256] = one
                enter(ledger, known)
        if problem and to_write and any(name in named for name, _ in ledger.judged):
            book.read(project)
    for event in said:
        enter(ledger, Known(ledger.studio, event, event.sha256()))
        if event.kind == IMPORTED_EVENT:
            for known in foreign_events(event):
                enter(ledger, known)
                if known.studio == event.data.get("studio"):
                    ledger.studios[known.studio] = str(event.data.get("from", ""))
    return ledger


def studio_mark(project: Project) -> str:
    """Which studio a journal is: the first 16 hex of the hash of its first line; "" if empty."""
    for _, line in journal.lines(project):
        event = journal.parse(line)
        return "" if event is None else event.sha256()[:16]
    return ""


def foreign_events(event: Event) -> Iterable[Known]:
    """The events that an import brought: only those whose line is a whole event."""
    found = event.data.get("events")
    for entry in found if isinstance(found, list) else []:
        if isinstance(entry, dict) and isinstance(entry.get("line"), str):
            inner = journal.parse(entry["line"].encode())
            if inner is not None and isinstance(entry.get("studio"), str):
                yield Known(
                    entry["studio"], inner, inner.sha256(), via=event.id, via_sha256=event.sha256()
                )


def act_of(known: Known, find: Callable[[str, str, str], Known | None]) -> Act | None:
    """The act that a statement says; None where it says none. Proofs that are not there are
    left out.
    """
    data = known.event.data
    identity = identity_of(data)
    if known.event.kind != STATEMENT_EVENT or identity is None or data.get("act") not in ACTS:
        return None
    words = data.get("words")
    if not (isinstance(words, list) and all(isinstance(one, str) for one in words)):
        words = None
    named = [_named(entry, known.studio, find) for entry in _entries(data)]
    return Act(
        studio=known.studio,
        event=known.event.id,
        sha256=known.sha256,
        at=known.event.time,
        act=str(data["act"]),
        identity=identity,
        session=session_of(known.event),
        said_by=str(data.get("said_by") or ""),
        actor=known.event.actor,
        because=str(data.get("because") or ""),
        words=None if words is None else tuple(words),
        into=identity_of(data.get("into")),
        proofs=tuple(one for one in named if one is not None),
        earlier=str(data.get("earlier") or ""),
        via=known.via,
        via_sha256=known.via_sha256,
    )


def proof_of(known: Known) -> Proof:
    """A verdict or statement as the evidence of another act."""
    event = known.event
    verdict = event.kind == VERDICT_EVENT
    return Proof(
        studio=known.studio,
        event=event.id,
        sha256=known.sha256,
        at=event.time,
        kind="verdict" if verdict else "statement",
        session=session_of(event),
        by=str(event.data.get("said_by") or event.actor),
        verdict=str(event.data.get("verdict") or ""),
        candidate=str(event.references.get("candidate") or ""),
        because=str(event.data.get("reason" if verdict else "because") or ""),
        via=known.via,
        via_sha256=known.via_sha256,
    )


def line_of(event: Event) -> str:
    """An event's line as it travels."""
    return event.line().decode()


def enter(ledger: Ledger, known: Known) -> None:
    """Take an event into the ledger, and the act that it says; one that is there counts once."""
    at = (known.studio, known.event.id, known.sha256)
    if at in ledger.events:
        return
    ledger.events[at] = known
    act = act_of(known, lambda studio, name, sha: ledger.events.get((studio, name, sha)))
    if act is not None:
        kept = tuple(proof for proof in act.proofs if not ledger.holds(proof))
        ledger.acts.append(replace(act, proofs=kept))


def _entries(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = data.get("evidence")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _named(
    entry: Mapping[str, Any], studio: str, find: Callable[[str, str, str], Known | None]
) -> Proof | None:
    whose = str(entry.get("studio") or studio)
    known = find(whose, str(entry.get("event")), str(entry.get("sha256")))
    return None if known is None else proof_of(known)
