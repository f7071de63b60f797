"""How a picture came to be: the chain of jobs it descends from, each with its events."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

from ategnatos.art.references import parse_candidate
from ategnatos.grimoire import journal
from ategnatos.grimoire.jobs import database, store
from ategnatos.guard.gate import book, record

if TYPE_CHECKING:
    from ategnatos.grimoire.journal import Event
    from ategnatos.grimoire.project import Project
    from ategnatos.guard.gate.record import Judged

_MOST_MARKS = 40


def steps_to(project: Project, job_id: int) -> list[dict[str, Any]]:
    """The jobs from the first ancestor to ``job_id``, with what the journal says of each.

    Raises StudioError (``job_unknown``, ``journal_corrupt``).
    """
    chain: list[store.Job] = []
    with database.connect(project) as db:
        job = store.get(db, job_id)
        chain.append(job)
        # A parent is always older, so the walk ends.
        while job.parent is not None:
            job = store.get(db, parse_candidate(job.parent)[0])
            chain.append(job)
    steps: list[dict[str, Any]] = [
        {
            "job": job.name,
            "prompt": job.asked,
            "parent": job.parent,
            "change": job.change,
            "reason": job.reason,
            "state": job.state,
            "events": [],
        }
        for job in reversed(chain)
    ]
    by_job = {step["job"]: step for step in steps}
    events = [event for event in _about(project, by_job) if _job_of(event) in by_job]
    worth: dict[tuple[str, str], Judged] = {}
    if any(event.kind == record.VERDICT_EVENT for event in events):
        shown = {str(event.references.get("candidate")) for event in events}
        given, _ = book.for_display(project, shown)
        worth = {(one.event.id, one.event.previous): one for one in given.judged}
    for event in events:
        name = _job_of(event)
        if name is not None:
            by_job[name]["events"].append(
                {
                    "event": event.id,
                    "time": event.time,
                    "actor": event.actor,
                    "what": _words(event, worth.get((event.id, event.previous))),
                }
            )
    return steps


def _about(project: Project, names: Collection[str]) -> Iterator[Event]:
    """The events whose line mentions one of the jobs: a long journal is not parsed for a short
    story. Raises StudioError (``journal_corrupt``).
    """
    marks = [f'"{name}{end}'.encode() for name in names for end in ('"', "#")]
    # Each mark is a search of its own: for a long story reading everything is quicker.
    long = len(marks) > _MOST_MARKS
    for number, line in journal.lines(project) if long else journal.lines_with(project, marks):
        event = journal.parse(line)
        if event is None:
            raise journal.corrupt(project, number)
        yield event


def _job_of(event: Event) -> str | None:
    references = event.references
    if "job" in references:
        return str(references["job"])
    if "candidate" in references:
        return str(references["candidate"]).partition("#")[0]
    return None


def _words(event: Event, judged: Judged | None) -> str:
    candidate = event.references.get("candidate", "")
    match event.kind:
        case "art.ordered":
            version = event.references.get("version")
            called = f" as {event.references['asset']}/{version}" if version else ""
            return f"ordered{called}{_by_taste(event)}"
        case "art.imported":
            made = f", made with {event.data['tool']}" if event.data.get("tool") else ""
            return f"imported from {event.data.get('file', '')}{made}"
        case "art.reproduced":
            agree = event.data.get("agreement")
            how = "nothing agrees" if agree == "nothing" else f"the {agree} agree"
            return f"{candidate} made again: {how}"
        case "art.rights_said":
            return f"rights said: {event.data.get('rights', '')}"
        case "art.delivered":
            return f"made {len(event.references['sha256'])} pictures"
        case "art.failed":
            return f"failed: {event.data.get('message', '')}"
        case "art.verdict":
            reason = event.data.get("reason")
            because = f" because {reason}" if reason else ""
            standing = "broken" if judged is None else judged.standing.value
            by = f" by {judged.approver}" if judged is not None and judged.approver else ""
            return f"{candidate} {event.data.get('verdict')}{because} ({standing}{by})"
        case "art.review_requested":
            return f"{candidate}: asked to look: {event.data.get('note', '')}"
        case "art.assigned":
            return f"counts as {event.references['asset']}/{event.references['version']}"
        case "art.library_kept":
            kept = f"{event.data['family']}/{event.data['name']}"
            return f"{candidate} put its prompt into the library: {kept}"
        case "art.exported":
            return f"{candidate} exported as {event.data['name']} v{event.data['version']}"
        case "art.promoted":
            return f"{candidate} promoted to {event.data['path']}"
        case _:
            return event.kind


def _by_taste(event: Event) -> str:
    """What the eye had to do with an order."""
    taste = event.data.get("taste")
    if not isinstance(taste, dict):
        return ""
    if taste.get("left_out"):
        return ", the eye left out"
    added = [f"{one['written']} ({one['preference']})" for one in taste.get("added", ())]
    return f", the eye added: {', '.join(added)}"
