"""The one way to write the eye: an act into the journal, and the document folded anew from it.

The journal comes first, so that a crash between the two loses nothing: the next act, of anybody,
folds both in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ategnatos.eye import ledger as ledgers
from ategnatos.eye.acts import STANCE, STATEMENT_EVENT, Act, Identity, Proof
from ategnatos.eye.fold import Taste, fold
from ategnatos.grimoire import documents, journal
from ategnatos.grimoire.outgoing import redacted

if TYPE_CHECKING:
    from datetime import datetime

    from ategnatos.eye.ledger import Ledger
    from ategnatos.grimoire.journal import Event
    from ategnatos.grimoire.project import Project
    from ategnatos.grimoire.schemas.eye import EyeDocument, Preference


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who says it. ``said_by`` is the person, ``actor`` who wrote it down, ``session`` when."""

    said_by: str
    actor: str
    session: str


def state(
    project: Project,
    act: str,
    identity: Identity,
    speaker: Speaker,
    *,
    now: datetime,
    because: str = "",
    words: tuple[str, ...] | None = None,
    into: Identity | None = None,
    proofs: tuple[Proof, ...] = (),
    earlier: str = "",
    suggestion: dict[str, Any] | None = None,
) -> tuple[Event, Preference]:
    """Write one act down; the event and the preference as it then stands.

    Raises StudioError: those of :func:`ategnatos.grimoire.journal.append` (an unknown event id
    among the proofs is ``event_unknown``) and of :func:`ategnatos.grimoire.documents.edit`.
    """
    own = [proof for proof in proofs if not proof.via]
    data: dict[str, Any] = {
        "act": act,
        **identity.facts(),
        "said_by": speaker.said_by,
        "session": speaker.session,
        "because": because,
        "words": None if words is None else list(words),
        "into": None if into is None else into.facts(),
        "earlier": earlier,
        "suggestion": suggestion,
        "evidence": [
            {"studio": one.studio if one.via else "", "event": one.event, "sha256": one.sha256}
            for one in proofs
        ],
    }
    # What is masked in the journal would be another preference there.
    identity = Identity(**redacted(identity.facts()))
    with documents.edit(project, "eye", now=now) as document:
        # Before the journal: what this account cannot judge must not be folded by it.
        ledger = ledgers.read(project, verdicts=[one.event for one in own], to_write=True)
        event = journal.append(
            project,
            STATEMENT_EVENT,
            actor=speaker.actor,
            # The journal itself refuses an event that never happened.
            references={f"evidence_{n}_event": one.event for n, one in enumerate(own, start=1)},
            data={name: value for name, value in data.items() if value not in (None, "", [])},
            now=now,
        )
        if not ledger.studio:
            ledger = ledgers.read(project)
        ledgers.enter(ledger, ledgers.Known(ledger.studio, event, event.sha256()))
        refold(document, ledger)
        found = by_key(document, identity.key)
    assert found is not None
    return event, found


def refold(document: EyeDocument, ledger: Ledger) -> None:
    """Make the document what the acts say; what is not folded (notes, earlier) stays."""
    from ategnatos.knowledge.taste import knowledge

    document.titles = {name: one.title for name, one in knowledge().categories.items()}
    tastes = fold(ledger.acts)
    numbers = numbering(ledger.acts)
    document.preferences = [
        _row(tastes[key], name, numbers) for key, name in numbers.items() if key in tastes
    ]
    for act in ledger.acts:
        place = act.earlier.removeprefix("old")
        if act.studio == ledger.studio and place.isdigit():
            row = int(place) - 1
            if 0 <= row < len(document.earlier):
                document.earlier[row].adopted = numbers[act.identity.key]


def numbering(acts: list[Act]) -> dict[str, str]:
    """The short name of each preference, by its key: in the order in which they came here."""
    keys: dict[str, str] = {}
    for act in acts:
        for one in (act.identity, act.into):
            if one is not None and one.key not in keys:
                keys[one.key] = f"p{len(keys) + 1}"
    return keys


def by_key(document: EyeDocument, key: str) -> Preference | None:
    """The preference of that key."""
    return next((one for one in document.preferences if one.key == key), None)


def _own_words(taste: Taste) -> Identity:
    """The preference as it was said here; as somebody else said it where nobody here did."""
    said = (act.identity for act in taste.acts if not act.via and act.identity.key == taste.key)
    return next(said, taste.identity)


def _row(taste: Taste, name: str, numbers: dict[str, str]) -> Preference:
    from ategnatos.grimoire.schemas.eye import Evidence, Preference

    behind: dict[tuple[str, str], Evidence] = {}
    for act in taste.acts:
        own = Proof(
            act.studio,
            act.event,
            act.sha256,
            act.at,
            "statement",
            act.session,
            act.said_by,
            because=act.because,
            via=act.via,
            via_sha256=act.via_sha256,
        )
        for one in (*act.proofs, own):
            behind[one.studio, one.sha256] = Evidence.model_validate(
                {
                    "studio": one.studio,
                    "event": one.event,
                    "sha256": one.sha256,
                    "at": one.at,
                    "kind": one.kind,
                    "stance": STANCE[act.act],
                    "session": one.session,
                    "by": one.by,
                    "because": one.because,
                    "candidate": one.candidate,
                    "via": one.via,
                    "via_sha256": one.via_sha256,
                }
            )
    return Preference.model_validate(
        {
            "id": name,
            "key": taste.key,
            **_own_words(taste).facts(),
            "words": None if taste.words is None else list(taste.words),
            "confirmations": taste.confirmations,
            "contradictions": taste.contradictions,
            "approvals": taste.approvals,
            "standing": taste.standing,
            "merged_into": numbers.get(taste.merged_into, ""),
            "last": taste.last,
            "evidence": list(behind.values()),
        }
    )
