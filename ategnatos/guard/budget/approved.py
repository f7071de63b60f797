"""The configuration that counts: the file, held against what a person last approved.

The journal carries every approval. A file that differs from the last one, edited by hand or by
an agent, is refused, and nothing billable is sent, unless it is only stricter: fewer dollars,
fewer minutes or fewer units never need anybody's leave. Before the first approval the built-in
caps count as approved.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import canonical_json
from ategnatos.guard.budget import comparison, consent, values
from ategnatos.guard.budget.config import (
    FILE,
    Config,
    canonical,
    fingerprint,
    from_canonical,
    path_of,
    read,
    text_of,
)

if TYPE_CHECKING:
    from datetime import datetime

    from ategnatos.grimoire.project import Project

BUDGET_NOT_APPROVED = ErrorCode(
    "budget_not_approved", "The budget's file allows more than a person approved."
)

LOWERED = "budget.lowered"


@dataclass(frozen=True, slots=True)
class Baseline:
    """What counts as approved. ``event`` is the journal's id of it; None: the built-in caps."""

    config: Config
    event: str | None
    actor: str | None
    time: str | None


def load(project: Project, *, now: datetime | None = None, actor: str = "") -> Config:
    """The caps that count now.

    With ``now`` and ``actor`` a file that is only stricter than the approval is put on record,
    so that it cannot be raised again without a person. Raises StudioError: ``budget_missing``,
    ``budget_invalid``, ``budget_not_approved``.
    """
    config = read(project)
    found = baseline(project)
    changes = comparison.differences(found.config, config)
    more = [one for one in changes if one.looser]
    if more:
        raise StudioError(
            BUDGET_NOT_APPROVED,
            f"grimoire/{FILE} allows more than was approved"
            f" ({'; '.join(str(one) for one in more)}). Somebody or something edited it, so"
            " nothing that costs money is done.",
            hint="If you want these caps, run 'ategnatos studio budget approve' at your"
            " terminal; if not, run 'ategnatos studio budget restore'.",
            fields=[one.field for one in more],
            approved_sha256=fingerprint(found.config),
            file_sha256=fingerprint(config),
        )
    if changes and now is not None:
        _lower(project, config, found, actor=actor, now=now)
    return config


def baseline(project: Project) -> Baseline:
    """The last approval that holds, with what was lowered since.

    An approval names the event that it follows, so that an old one copied to the journal's end
    is not taken again; a lowering that does not lower is not taken at all. Raises StudioError
    where the journal or the gate is not sound.
    """
    from ategnatos.grimoire import journal

    found = Baseline(Config(), None, None, None)
    for said in sorted(_said(project), key=lambda one: journal.event_number(one.event) or 0):
        config = _config_of(said.subject)
        if config is None:
            continue
        if said.consented:
            counts = said.subject.get("follows") == found.event
        else:
            counts = not comparison.looser(found.config, config)
        if counts:
            found = Baseline(config, said.event, said.who, said.time)
    return found


@dataclass(frozen=True, slots=True)
class _Said:
    """One approval or lowering as the journal has it, in one form."""

    event: str
    consented: bool
    subject: dict[str, Any]
    who: str
    time: str


def _said(project: Project) -> list[_Said]:
    from ategnatos.grimoire import journal

    agreed = [
        _Said(one.event, True, dict(one.subject), one.approver, one.time)
        for one in consent.given(project, consent.CAPS)
    ]
    lowered = [
        _Said(event.id, False, event.data, event.actor, event.time)
        for event in journal.read(project, (LOWERED,))
    ]
    return agreed + lowered


def _config_of(subject: dict[str, Any]) -> Config | None:
    """The configuration that an event carries; None where it is not what its hash says."""
    try:
        config = from_canonical(json.loads(str(subject.get("config"))))
    except (ValueError, RecursionError, values.BadValueError):
        return None
    return config if subject.get("sha256") == fingerprint(config) else None


def put(
    project: Project, config: Config, *, actor: str, now: datetime, redo: str
) -> list[comparison.Difference]:
    """Make ``config`` the one that counts: with a person's consent where it allows more.

    The approval is in the journal before the file changes: a crash between leaves a file that
    is stricter than what was approved. Returns what changed against the last approval. Raises
    StudioError (``needs_person``, ``not_confirmed``, and what the journal and disk refuse).
    """
    from ategnatos.grimoire.files import write_atomic

    before = baseline(project)
    changes = comparison.differences(before.config, config)
    more = [one for one in changes if one.looser]
    if more:
        # A lowering that is recorded while the person thinks makes this approval follow the
        # wrong event: it then counts for nothing, which load() says.
        lines = ["This allows more spending than before:", *(f"  {one}" for one in more)]
        consent.ask(
            project, consent.CAPS, _subject(config, before), lines=lines, redo=redo, now=now
        )
    elif changes:
        _lower(project, config, before, actor=actor, now=now)
    write_atomic(path_of(project), text_of(config))
    return changes


def _subject(config: Config, before: Baseline) -> dict[str, str | int | bool | None]:
    """What is agreed to: the whole configuration, and after which event."""
    text = canonical_json(canonical(config)).decode()
    return {"config": text, "sha256": fingerprint(config), "follows": before.event}


def _lower(
    project: Project, config: Config, before: Baseline, *, actor: str, now: datetime
) -> None:
    from ategnatos.grimoire import journal

    journal.append(project, LOWERED, actor=actor, data=_subject(config, before), now=now)


def ensure_file(project: Project) -> bool:
    """Write the file where it is missing, with the caps that count; True if it was written."""
    from ategnatos.grimoire.files import write_atomic

    if path_of(project).exists():
        return False
    write_atomic(path_of(project), text_of(baseline(project).config))
    return True
