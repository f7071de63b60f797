"""What can be said about a taste: add it, confirm it, contradict it, retire it, merge two."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ategnatos.eye import record
from ategnatos.eye.acts import (
    ADD,
    CONFIRM,
    CONTRADICT,
    LONGEST_TEXT,
    MERGE,
    POLARITIES,
    RETIRE,
    STANCE,
    Identity,
    Proof,
)
from ategnatos.eye.evidence import gather
from ategnatos.eye.fold import ACTIVE, MERGED, RETIRED
from ategnatos.eye.wording import tokens
from ategnatos.grimoire import documents
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.knowledge.taste import knowledge

if TYPE_CHECKING:
    from datetime import datetime

    from ategnatos.eye.record import Speaker
    from ategnatos.grimoire.journal import Event
    from ategnatos.grimoire.project import Project
    from ategnatos.grimoire.schemas.eye import EarlierPreference, EyeDocument, Preference

EYE_UNKNOWN = ErrorCode("eye_unknown", "There is no preference of that name.")
EYE_WORDS = ErrorCode("eye_words", "A preference was not said in a form the eye keeps.")
EYE_STANDING = ErrorCode("eye_standing", "The preference no longer counts, or cannot be merged.")
EYE_SPEAKER = ErrorCode("eye_speaker", "An agent must name the person whose taste it writes down.")

_SCOPE = re.compile(r"(project|family|subject):(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Said:
    """What was said and what it made. ``event`` is None where nothing new was said."""

    act: str
    event: Event | None
    preference: Preference
    before: int


def identity(category: str, text: str, polarity: str, scope: str, *, own: bool = False) -> Identity:
    """A preference as it may be written; ``own`` allows a category that the data lacks.

    Raises StudioError (``eye_words``, ``family_unknown``).
    """
    said = " ".join(text.split())
    if not said or len(said) > LONGEST_TEXT:
        raise _unsaid(
            "A preference is a sentence of at most 1000 characters",
            "Say it in the person's own words: ategnatos eye add 'warm light'",
        )
    if polarity not in POLARITIES:
        raise _unsaid(f"{polarity!r} is no polarity", f"Choose one of: {', '.join(POLARITIES)}.")
    known = knowledge().categories
    category = " ".join(category.split())
    if not own and category not in known:
        near = difflib.get_close_matches(category, known, 1)
        raise _unsaid(
            f"There is no category {category!r}",
            (f"Did you mean {near[0]!r}? " if near else "")
            + f"There are: {', '.join(known)}. For one of your own add --new-category.",
        )
    if not category:
        raise _unsaid("A category has a name", f"There are: {', '.join(known)}.")
    return Identity(category, said, polarity, _scope(scope))


def add(
    project: Project,
    what: Identity,
    speaker: Speaker,
    *,
    now: datetime,
    words: Sequence[str] | None = None,
    evidence: Sequence[str] = (),
    because: str = "",
    suggestion: dict[str, Any] | None = None,
) -> Said:
    """Write a preference down; the statement itself is evidence, beside what is named.

    One that is there already is confirmed, one that was retired counts again. Raises StudioError
    (``eye_evidence``, ``eye_words``, and those of writing).
    """
    proofs = gather(project, evidence)
    chosen = None if words is None else checked_words(words)
    there = record.by_key(documents.read(project, "eye"), what.key)
    if there is not None and there.standing == ACTIVE and chosen in (None, _tuple(there.words)):
        return _again(project, CONFIRM, there, speaker, now, because, proofs)
    before = 0 if there is None else there.confirmations
    event, made = record.state(
        project,
        ADD,
        what,
        speaker,
        now=now,
        because=because,
        words=chosen,
        proofs=proofs,
        suggestion=suggestion,
    )
    return Said(ADD, event, made, before)


def confirm(
    project: Project,
    name: str,
    speaker: Speaker,
    *,
    now: datetime,
    because: str = "",
    evidence: Sequence[str] = (),
) -> Said:
    """Say that it holds still; ``oldN`` adopts one from before evidence was kept.

    Said twice in one session it counts once, and nothing new is written. Raises StudioError
    (``eye_unknown``, ``eye_standing``, ``eye_evidence``).
    """
    return _speak(project, CONFIRM, name, speaker, now, because, evidence)


def contradict(
    project: Project,
    name: str,
    speaker: Speaker,
    *,
    now: datetime,
    because: str = "",
    evidence: Sequence[str] = (),
) -> Said:
    """Say that it did not hold this time. Raises StudioError as :func:`confirm`."""
    return _speak(project, CONTRADICT, name, speaker, now, because, evidence)


def retire(
    project: Project, name: str, speaker: Speaker, *, now: datetime, because: str = ""
) -> Said:
    """Say that it counts no longer; it stays in the record. Raises StudioError as above."""
    return _speak(project, RETIRE, name, speaker, now, because, ())


def merge(project: Project, into: str, other: str, speaker: Speaker, *, now: datetime) -> Said:
    """Make ``other`` a part of ``into``: one preference with the evidence of both.

    Raises StudioError (``eye_unknown``, ``eye_standing`` where they are one, of different
    polarity, or no longer count).
    """
    document = documents.read(project, "eye")
    target, source = find(document, into), find(document, other)
    if target.id == source.id:
        raise _stands(f"{target.id} and {source.id} are one preference")
    for one in (target, source):
        _refuse_gone(one)
    if target.polarity != source.polarity:
        raise _stands(
            f"{target.id} says {target.polarity} and {source.id} says {source.polarity}: they"
            " contradict each other"
        )
    event, _ = record.state(
        project, MERGE, _identity(source), speaker, now=now, into=_identity(target)
    )
    made = find(documents.read(project, "eye"), target.id)
    return Said(MERGE, event, made, target.confirmations)


def find(document: EyeDocument, name: str) -> Preference:
    """The preference called ``name`` (``p3``). Raises StudioError (``eye_unknown``)."""
    for one in document.preferences:
        if one.id == name.strip().lower():
            return one
    raise unknown(name, len(document.preferences))


def find_earlier(document: EyeDocument, name: str) -> EarlierPreference | None:
    """The row called ``old3`` of those from before evidence was kept, if it waits still."""
    digits = name.strip().lower().removeprefix("old")
    if digits == name.strip().lower() or not (digits.isascii() and digits.isdigit()):
        return None
    place = int(digits)
    rows = document.earlier
    if not 1 <= place <= len(rows):
        raise unknown(name, len(document.preferences))
    return None if rows[place - 1].adopted else rows[place - 1]


def unknown(name: str, count: int) -> StudioError:
    """The refusal of a name that no preference has."""
    there = f"There are p1 to p{count}." if count else "There is none yet."
    return StudioError(
        EYE_UNKNOWN,
        f"There is no preference {name!r}; nothing was written. {there}",
        hint="See them: ategnatos eye show --all",
        given=name,
    )


def checked_words(words: Sequence[str]) -> tuple[str, ...]:
    """Words for a prompt, one term each. Raises StudioError (``eye_words``)."""
    found = tuple(
        " ".join(term.split()) for one in words for term in one.split(",") if term.strip()
    )
    if not found or any(len(term) > 100 or not tokens(term) for term in found):
        raise _unsaid("--words takes a few words with commas", "For instance: --words 'warm light'")
    return found


def _speak(
    project: Project,
    act: str,
    name: str,
    speaker: Speaker,
    now: datetime,
    because: str,
    evidence: Sequence[str],
) -> Said:
    document = documents.read(project, "eye")
    proofs = gather(project, evidence)
    old = find_earlier(document, name)
    if old is not None:
        what = identity(old.category, old.text, old.polarity, "all", own=True)
        event, made = record.state(
            project,
            ADD if act == CONFIRM else act,
            what,
            speaker,
            now=now,
            because=because,
            proofs=proofs,
            earlier=name.strip().lower(),
        )
        return Said(act, event, made, 0)
    if name.strip().lower().startswith("old"):
        place = int(name.strip().lower().removeprefix("old"))
        name = document.earlier[place - 1].adopted
    one = find(document, name)
    _refuse_gone(one)
    return _again(project, act, one, speaker, now, because, proofs)


def _again(
    project: Project,
    act: str,
    one: Preference,
    speaker: Speaker,
    now: datetime,
    because: str,
    proofs: tuple[Proof, ...],
) -> Said:
    behind = {(proof.studio, proof.sha256) for proof in one.evidence}
    fresh = tuple(proof for proof in proofs if (proof.studio, proof.sha256) not in behind)
    if act in (CONFIRM, CONTRADICT) and not fresh and _last_word(one, speaker) == STANCE[act]:
        return Said(act, None, one, one.confirmations)
    event, made = record.state(
        project, act, _identity(one), speaker, now=now, because=because, proofs=fresh
    )
    return Said(act, event, made, one.confirmations)


def _last_word(one: Preference, speaker: Speaker) -> str:
    """What this session has said of it so far."""
    said = [
        proof
        for proof in one.evidence
        if proof.session == speaker.session and proof.kind == "statement" and not proof.via
    ]
    return max(said, key=lambda proof: (len(proof.event), proof.event)).stance if said else ""


def _refuse_gone(one: Preference) -> None:
    if one.standing == RETIRED:
        raise _stands(f"{one.id} was retired; add it again if it counts once more")
    if one.standing == MERGED:
        raise _stands(f"{one.id} is a part of {one.merged_into} now")


def _identity(one: Preference) -> Identity:
    return Identity(one.category, one.text, one.polarity, one.scope)


def _tuple(words: list[str] | None) -> tuple[str, ...] | None:
    return None if words is None else tuple(words)


def _scope(text: str) -> str:
    said = " ".join(text.split())
    if said == "all":
        return said
    match = _SCOPE.fullmatch(said)
    name = match[2].strip() if match else ""
    if match is None or not name:
        raise _unsaid(
            f"{text!r} is no scope",
            "Write all, project:NAME, family:NAME (like family:sdxl) or subject:WORDS.",
        )
    if match[1] == "family":
        from ategnatos.knowledge import families
        from ategnatos.knowledge.feedback import STARTER_FAMILY

        if name.lower() != STARTER_FAMILY:
            found = families.find(name)
            name = found.key if "/" in name else found.family
        name = name.lower()
    return f"{match[1]}:{name}"


def _unsaid(why: str, hint: str) -> StudioError:
    return StudioError(EYE_WORDS, f"{why}; nothing was written.", hint=hint)


def _stands(why: str) -> StudioError:
    return StudioError(
        EYE_STANDING,
        f"{why}. Nothing was written.",
        hint="See all of them: ategnatos eye show --all",
    )
