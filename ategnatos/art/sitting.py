"""A sitting of review: what one person chose so far, before any of it is a verdict.

A choice binds the bytes that were shown. It is put on disk at once, in a draft that decides
nothing, so that a terminal that closes loses no work; a verdict it becomes only when the person
signs at the end, after reading every line again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.files import sha256_bytes, write_atomic
from ategnatos.grimoire.jobs import store

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.guard.gate.statements import Signed

_FOLDER = "review"
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Choice:
    """What somebody means to say of one candidate. ``sha256`` is that of the bytes shown;
    ``signed`` the statement and signature, once there is one.
    """

    candidate: str
    sha256: str
    verdict: str
    reason: str | None = None
    signed: dict[str, Any] | None = None


@dataclass(slots=True)
class Sitting:
    """The choices in the order they were made; the last for a candidate counts.

    ``keep`` is called after every change, before anything is shown.
    """

    choices: list[Choice] = field(default_factory=list)
    keep: Callable[[Sequence[Choice]], None] = lambda choices: None

    def of(self, candidate: str) -> Choice | None:
        """The choice for a candidate."""
        return next((one for one in self.choices if one.candidate == candidate), None)

    def approve(self, candidate: str, sha256: str) -> None:
        """Mean to approve these bytes."""
        self._put(Choice(candidate, sha256, store.APPROVED))

    def reject(self, candidate: str, sha256: str, reason: str) -> None:
        """Mean to reject these bytes, for a reason."""
        self._put(Choice(candidate, sha256, store.REJECTED, reason))

    def skip(self, candidate: str) -> None:
        """Say nothing of a candidate, whatever was chosen before."""
        if self.of(candidate) is not None:
            self.choices = [one for one in self.choices if one.candidate != candidate]
            self.keep(self.choices)

    def undo(self) -> str | None:
        """Take the last choice back; the candidate it was about, None where there is none."""
        if not self.choices:
            return None
        last = self.choices.pop()
        self.keep(self.choices)
        return last.candidate

    def _put(self, choice: Choice) -> None:
        self.choices = [one for one in self.choices if one.candidate != choice.candidate]
        self.choices.append(choice)
        self.keep(self.choices)


def draft_of(project: Project, person: str) -> Path:
    """Where a person's draft lies."""
    return project.state / _FOLDER / f"{sha256_bytes(person.encode())[:16]}.json"


def read(path: Path) -> list[Choice]:
    """The choices of an earlier sitting; none where there is no draft or it cannot be read.

    A draft decides nothing, so a damaged one costs a person's work and no more.
    """
    try:
        content = json.loads(path.read_bytes())
        if content["format"] != _FORMAT:
            return []
        choices = [Choice(**one) for one in content["choices"]]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return []
    texts = (store.APPROVED, store.REJECTED)
    return [
        one
        for one in choices
        if all(isinstance(text, str) for text in (one.candidate, one.sha256))
        and one.verdict in texts
        and (one.reason is None if one.verdict == store.APPROVED else bool(one.reason))
    ]


def write(path: Path, choices: Iterable[Choice]) -> None:
    """Keep the choices; without any the draft goes. Raises StudioError (``disk_full``, ...)."""
    kept = [asdict(one) for one in choices]
    if not kept:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"format": _FORMAT, "choices": kept}, ensure_ascii=False, indent=1)
    write_atomic(path, text.encode(), 0o600)


def still_open(choices: Iterable[Choice], open_now: Iterable[store.Candidate]) -> list[Choice]:
    """Those choices that a candidate still waits for, with the bytes that were shown."""
    waiting = {one.reference: one.sha256 for one in open_now}
    return [one for one in choices if waiting.get(one.candidate) == one.sha256]


def signed_of(choice: Choice) -> Signed | None:
    """The signature that a draft holds for a choice, if it is one over just that."""
    from ategnatos.guard.gate import statements

    if choice.signed is None:
        return None
    found = statements.parse_signed(choice.signed)
    if found is None or not statements.is_genuine(found):
        return None
    said = found.statement
    subject = {"asset": choice.candidate, "sha256": choice.sha256}
    if (said.subject, said.verdict, said.reason) != (subject, choice.verdict, choice.reason):
        return None
    return found
