"""What is said about a taste: an act of a person, kept as one event of a journal.

Every act carries the whole identity of its preference, so that any set of acts, of one studio or
of several, says what the taste is; see :mod:`ategnatos.eye.fold`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.files import canonical_json, sha256_bytes

if TYPE_CHECKING:
    from ategnatos.grimoire.journal import Event

STATEMENT_EVENT = "eye.statement"
IMPORTED_EVENT = "eye.imported"

ADD, CONFIRM, CONTRADICT, RETIRE, MERGE = "add", "confirm", "contradict", "retire", "merge"
ACTS = (ADD, CONFIRM, CONTRADICT, RETIRE, MERGE)
POLARITIES = ("prefer", "avoid", "never")
SCOPE = re.compile(r"all|(?:project|family|subject):.+", re.DOTALL)
LONGEST_TEXT = 1000
STANCE = {ADD: "for", CONFIRM: "for", MERGE: "for", CONTRADICT: "against", RETIRE: "retired"}


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes two statements be about one preference; ``text`` are the person's own words."""

    category: str
    text: str
    polarity: str
    scope: str

    @property
    def key(self) -> str:
        """The same anywhere: case and blanks of the words do not count."""
        plain = [self.category.casefold(), self.polarity, self.scope.casefold(), folded(self.text)]
        return sha256_bytes(canonical_json(plain))[:16]

    def facts(self) -> dict[str, str]:
        """As JSON values."""
        return {
            "category": self.category,
            "text": self.text,
            "polarity": self.polarity,
            "scope": self.scope,
        }


@dataclass(frozen=True, slots=True)
class Proof:
    """A verdict, or an earlier statement, that an act names as its evidence."""

    studio: str
    event: str
    sha256: str
    at: str
    kind: str
    session: str
    by: str = ""
    verdict: str = ""
    candidate: str = ""
    because: str = ""
    via: str = ""
    via_sha256: str = ""


@dataclass(frozen=True, slots=True)
class Act:
    """One act; ``event`` and ``sha256`` are those of its line in the journal of ``studio``.

    ``via`` is the event of this studio's journal that brought a foreign one in. ``words`` is
    None where none were given. ``into`` is what a merge goes into.
    """

    studio: str
    event: str
    sha256: str
    at: str
    act: str
    identity: Identity
    session: str
    said_by: str
    actor: str
    because: str = ""
    words: tuple[str, ...] | None = None
    into: Identity | None = None
    proofs: tuple[Proof, ...] = ()
    earlier: str = ""
    via: str = ""
    via_sha256: str = ""


def folded(text: str) -> str:
    """Words without case and doubled blanks."""
    return " ".join(text.split()).casefold()


def identity_of(facts: Any) -> Identity | None:
    """The identity that JSON values say, or None."""
    if not isinstance(facts, dict):
        return None
    found = [facts.get(name) for name in ("category", "text", "polarity", "scope")]
    if not all(isinstance(one, str) and one.strip() for one in found):
        return None
    category, text, polarity, scope = map(str, found)
    if polarity not in POLARITIES or SCOPE.fullmatch(scope) is None or len(text) > LONGEST_TEXT:
        return None
    return Identity(category, text, polarity, scope)


def session_of(event: Event) -> str:
    """Which session an event belongs to: the one it names, its actor's, else its day (UTC)."""
    named = event.data.get("session")
    if isinstance(named, str) and named:
        return named
    parts = event.actor.split(":", 2)
    if len(parts) == 3 and parts[0] == "agent":
        return f"session:{parts[2]}"
    return f"day:{event.time[:10]}"
