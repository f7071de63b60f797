"""The configuration that counts: the file, held against what a person last approved.

The journal carries every approval. A file that differs from the last one, edited by hand or by
an agent, is refused, and nothing billable is sent, unless it is only stricter: fewer dollars,
fewer minutes or fewer units never need anybody's leave. Before the first approval the built-in
caps count as approved.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import ErrorCode, StudioError
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

APPROVED = "budget.approved"
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
        _record(project, LOWERED, config, found, actor=actor, now=now)
    return config


def baseline(project: Project) -> Baseline:
    """The last approval that holds, with what was lowered since.

    An approval names the event that it follows, so that an old one copied to the journal's end
    is not taken again; a lowering that does not lower is not taken at all.
    """
    from ategnatos.grimoire import journal

    found = Baseline(Config(), None, None, None)
    for event in journal.read(project, (APPROVED, LOWERED)):
        try:
            config = from_canonical(event.data.get("config") or {})
        except values.BadValueError:
            continue
        if event.data.get("sha256") != fingerprint(config):
            continue
        if event.kind == LOWERED:
            counts = not comparison.looser(found.config, config)
        else:
            follows = event.data.get("follows") == found.event
            counts = follows and consent.holds(project, event)
        if counts:
            found = Baseline(config, event.id, event.actor, event.time)
    return found


def put(
    project: Project, config: Config, *, actor: str, now: datetime, redo: str
) -> list[comparison.Difference]:
    """Make ``config`` the one that counts: with a person's consent where it allows more.

    The approval is in the journal before the file changes: a crash between leaves a file that
    is stricter than what was approved. Returns what changed against the last approval. Raises
    StudioError (``needs_person``, ``not_confirmed``, and what the journal and disk refuse).
    """
    from ategnatos.grimoire.files import write_atomic
    from ategnatos.grimoire.locks import hold

    while True:
        before = baseline(project)
        changes = comparison.differences(before.config, config)
        more = [one for one in changes if one.looser]
        agreed = None
        if more:
            lines = ["This allows more spending than before:", *(f"  {one}" for one in more)]
            said = _statement(APPROVED, config, before)
            agreed = consent.ask(project, lines, redo=redo, statement=said)
        with hold(project, "budget"):
            # The person may have thought for an hour: what was shown must still be so.
            if baseline(project).event != before.event:
                continue
            if agreed is not None:
                _record(project, APPROVED, config, before, agreed=agreed, now=now)
            elif changes:
                _record(project, LOWERED, config, before, actor=actor, now=now)
            write_atomic(path_of(project), text_of(config))
        return changes


def _statement(act: str, config: Config, before: Baseline) -> dict[str, Any]:
    """What a person agrees to who approves ``config``, and what a signature covers."""
    return {
        "act": act,
        "config": canonical(config),
        "sha256": fingerprint(config),
        "follows": before.event,
    }


def _record(
    project: Project,
    act: str,
    config: Config,
    before: Baseline,
    *,
    now: datetime,
    actor: str = "",
    agreed: consent.Consent | None = None,
) -> None:
    from ategnatos.grimoire import journal

    data = _statement(act, config, before)
    if agreed is not None:
        actor, data = agreed.actor, {**data, "consent": agreed.proof}
    journal.append(project, act, actor=actor, data=data, now=now)


def ensure_file(project: Project) -> bool:
    """Write the file where it is missing, with the caps that count; True if it was written."""
    from ategnatos.grimoire.files import write_atomic

    if path_of(project).exists():
        return False
    write_atomic(path_of(project), text_of(baseline(project).config))
    return True
