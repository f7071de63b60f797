"""Which events may stand behind a preference, and whether they still do.

A verdict that the gate calls broken is no evidence; neither is an id that the journal does not
have (S-112: a preference without evidence cannot be written).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ategnatos.eye import ledger as ledgers
from ategnatos.eye.acts import STATEMENT_EVENT, Proof
from ategnatos.grimoire import journal
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import sha256_bytes
from ategnatos.guard.gate.record import VERDICT_EVENT

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.grimoire.schemas.eye import Preference

EYE_EVIDENCE = ErrorCode("eye_evidence", "An event named as evidence of a taste is none.")


def gather(project: Project, names: Sequence[str]) -> tuple[Proof, ...]:
    """The events of this studio called ``names``, as proofs.

    Raises StudioError (``eye_evidence``) for one that is not in the journal, is neither a
    verdict nor a statement about taste, or is a broken verdict.
    """
    if not names:
        return ()
    ledger = ledgers.read(project, verdicts=names)
    found: dict[str, Proof] = {}
    for name in names:
        known = ledger.own(name)
        if known is None or known.event.kind not in (VERDICT_EVENT, STATEMENT_EVENT):
            why = "the journal has no verdict and no statement of that id"
            raise _refused(name, why)
        proof = ledgers.proof_of(known)
        problem = ledger.holds(proof)
        if problem:
            raise _refused(name, problem)
        found[name] = proof
    return tuple(found.values())


def standing(project: Project, preferences: Sequence[Preference]) -> dict[str, str]:
    """Why a preference may not act, by its id; those that may are not in it.

    Looks at the lines of the journal that are named, and at no other: this runs before every
    picture.
    """
    wanted: dict[str, set[str]] = {}
    for one in preferences:
        for proof in one.evidence:
            name, sha = (proof.via, proof.via_sha256) if proof.via else (proof.event, proof.sha256)
            wanted.setdefault(name, set()).add(sha)
    numbers = {journal.event_number(name) for name in wanted}
    there = {
        (f"e{number:08d}", sha256_bytes(line))
        for number, line in journal.lines(project)
        if number in numbers
    }
    problems = {}
    for one in preferences:
        missing = [
            proof.event
            for proof in one.evidence
            if ((proof.via, proof.via_sha256) if proof.via else (proof.event, proof.sha256))
            not in there
        ]
        if missing:
            problems[one.id] = (
                f"its evidence {missing[0]} is not in the journal as it was written"
                " (see 'ategnatos grimoire check eye')"
            )
    return problems


def _refused(name: str, why: str) -> StudioError:
    return StudioError(
        EYE_EVIDENCE,
        f"{name!r} cannot be evidence: {why}. Nothing was written.",
        hint="Verdicts and their events: ategnatos art history 'j1#2'. Without --evidence your"
        " own statement is the evidence.",
        evidence=name,
    )
