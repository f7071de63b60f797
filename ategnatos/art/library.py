"""The library: every prompt that gave an approved picture, as a page with its thumbnail.

An approval puts its prompt in by itself; its page is ``grimoire/library/<family>/<name>.md``. What
was approved before, or by a process that died in between, comes in with the next approval or with
:func:`keep`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.art import iterations
from ategnatos.grimoire import journal
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import binding_hash
from ategnatos.grimoire.jobs import assets, database, library, store
from ategnatos.grimoire.jobs.folded import words_of
from ategnatos.grimoire.locks import hold
from ategnatos.grimoire.zones import Zone, resolve
from ategnatos.guard.gate.record import Standing

if TYPE_CHECKING:
    from datetime import datetime

    from ategnatos.grimoire.jobs.database import Database
    from ategnatos.grimoire.jobs.library import Entry
    from ategnatos.grimoire.project import Project
    from ategnatos.guard.gate.book import Book

LIBRARY_UNKNOWN = ErrorCode("library_unknown", "The library has no such entry, or several.")
LIBRARY_NOTE = ErrorCode("library_note", "A note for the library is empty or too long.")

KEPT, NOTED, REMOVED = "art.library_kept", "art.library_noted", "art.library_removed"
LONGEST_NOTE = 1000

_NAME_WORDS = 5
_NAME_LENGTH = 60


@dataclass(frozen=True, slots=True)
class Shown:
    """An entry with the job it began with and its approved pictures."""

    entry: Entry
    job: store.Job
    pictures: tuple[store.Candidate, ...]


def keep(project: Project, given: Book, *, actor: str, now: Callable[[], datetime]) -> list[Entry]:
    """Put every approved prompt in that is not there; the entries that are new or grew.

    An approval that the gate calls broken counts for nothing. Raises StudioError (those of the
    journal, of the job store and of writing).
    """
    changed: dict[int, Entry] = {}
    with hold(project, "library"), database.connect(project) as db:
        for job_id, number in library.not_kept(db):
            one = store.get_candidate(db, job_id, number)
            standing, _ = given.on_record(one.reference, one.sha256, one.verdict)
            if standing is Standing.BROKEN:
                continue
            entry = _kept(project, db, store.get(db, job_id), one, actor, now)
            changed[entry.id] = entry
        for entry in changed.values():
            _draw(project, db, entry)
    return list(changed.values())


def find(db: Database, text: str) -> Entry:
    """The entry that ``sdxl/owl`` or ``owl`` names. Raises StudioError (``library_unknown``)."""
    found = library.named(db, text)
    if len(found) == 1:
        return found[0]
    several = ", ".join(one.full_name for one in found)
    raise StudioError(
        LIBRARY_UNKNOWN,
        f"{text!r} is the name of {len(found)} entries: {several}. Nothing was done."
        if found
        else f"The library has no entry {text!r}; nothing was done.",
        hint=f"Name its family too, like {found[0].full_name}."
        if found
        else "See them: ategnatos art library list",
        given=text,
    )


def show(db: Database, entry: Entry) -> Shown:
    """An entry with what made it."""
    pictures = tuple(
        store.get_candidate(db, job, number) for job, number in library.pictures(db, entry.id)
    )
    return Shown(entry, store.get(db, entry.job), pictures)


def note(
    project: Project, name: str, text: str, *, actor: str, now: Callable[[], datetime]
) -> Entry:
    """Say something of an entry. Raises StudioError (``library_unknown``, ``library_note``)."""
    said = " ".join(text.split())
    if not 0 < len(said) <= LONGEST_NOTE:
        raise StudioError(
            LIBRARY_NOTE,
            f"A note has 1 to {LONGEST_NOTE} characters, this one {len(said)}; nothing was"
            " written.",
            hint="ategnatos art library note owl 'the outline holds at 16 pixels'",
        )
    with hold(project, "library"), database.connect(project) as db:
        entry = find(db, name)
        event = journal.append(
            project,
            NOTED,
            actor=actor,
            references={"entry": entry.full_name},
            data={"text": said},
            now=now(),
        )
        written = {"text": event.data["text"], "actor": actor, "time": store.iso(now())}
        entry = library.note(db, entry, written, event=event.id)
        _draw(project, db, entry)
    return entry


def remove(project: Project, name: str, *, actor: str, now: Callable[[], datetime]) -> Entry:
    """Take an entry out of the library: its page goes, the record of it stays.

    Approving another picture of the same prompt brings it back. Raises StudioError
    (``library_unknown``).
    """
    with hold(project, "library"), database.connect(project) as db:
        entry = find(db, name)
        event = journal.append(
            project, REMOVED, actor=actor, references={"entry": entry.full_name}, now=now()
        )
        library.remove(db, entry, event=event.id, now=store.iso(now()))
        for path in page_and_thumbnail(project, entry):
            path.unlink(missing_ok=True)
    return entry


def render(project: Project) -> int:
    """Draw every page and thumbnail anew; how many entries there are."""
    with hold(project, "library"), database.connect(project) as db:
        entries = library.find(db)
        for entry in entries:
            _draw(project, db, entry)
    return len(entries)


def page_and_thumbnail(project: Project, entry: Entry) -> tuple[Path, Path]:
    """Where an entry's page and picture lie. Raises StudioError (``zone_escape``)."""
    folder = resolve(project, Zone.STATE, f"library/{entry.family}")
    return folder / f"{entry.name}.md", folder / f"{entry.name}.png"


def family_of(job: store.Job) -> str:
    """The family under which a job's prompt is kept: its model's, else its engine."""
    return str(job.request.get("family") or job.engine).partition("/")[0]


def _kept(
    project: Project,
    db: Database,
    job: store.Job,
    one: store.Candidate,
    actor: str,
    now: Callable[[], datetime],
) -> Entry:
    identity = _identity(job)
    standing = library.by_identity(db, identity)
    if standing is None or standing.removed_at is not None:
        family = family_of(job)
        name = (
            standing.name
            if standing
            else library.free_name(_called(db, job), library.names(db, family))
        )
        event = journal.append(
            project,
            KEPT,
            actor=actor,
            references={
                "candidate": one.reference,
                "sha256": one.sha256,
                "verdict_event": one.verdict_event,
            },
            data={"family": family, "name": name, "prompt": job.asked, "identity": identity},
            now=now(),
        )
        owners = [
            assets.get(db, version.asset).full_name
            for version in assets.versions_of_jobs(db, [job.id]).get(job.id, ())
        ]
        standing = library.add(
            db,
            family,
            name,
            identity=identity,
            job=job.id,
            texts=[family, name, job.asked, job.request["prompt"], job.change, *owners],
            event=event.id,
            now=store.iso(now()),
        )
    library.add_picture(db, standing.id, one.job, one.number)
    again = library.by_identity(db, identity)
    assert again is not None
    return again


def _identity(job: store.Job) -> str:
    """What makes two prompts the same: their model's family, their words, their LoRAs."""
    request = job.request
    return binding_hash(
        {
            "family": request.get("family") or job.engine,
            "prompt": job.asked,
            "negative": request["negative"],
            "loras": sorted(one["sha256"] for one in request.get("loras") or ()),
        }
    )


def _called(db: Database, job: store.Job) -> str:
    """A file name: the asset's where the job was made for one, else the first words."""
    versions = assets.versions_of_jobs(db, [job.id]).get(job.id)
    if versions:
        return assets.get(db, versions[0].asset).name
    words = words_of(job.asked)[:_NAME_WORDS]
    slug = re.sub(r"[^\w-]", "", "-".join(words))[:_NAME_LENGTH].strip("-")
    return slug or "prompt"


def _draw(project: Project, db: Database, entry: Entry) -> None:
    from ategnatos.art import pages

    shown = show(db, entry)
    page, thumbnail = page_and_thumbnail(project, entry)
    drawn = _thumbnail(project, thumbnail, shown.pictures)
    facts = iterations.facts(shown.job, shown.pictures)
    body = _body(shown, facts, thumbnail.name if drawn else None)
    pages.write(page, [facts, list(entry.notes)], body, "ategnatos art library")


def _thumbnail(project: Project, path: Path, pictures: Sequence[store.Candidate]) -> bool:
    """Draw the newest approved picture small; False where none of them is on disk."""
    from ategnatos.art.thumbnail import thumbnail
    from ategnatos.grimoire.files import explained, read_whole, write_atomic

    for one in reversed(pictures):
        source = project.root / one.path
        if source.is_file():
            png = thumbnail(source)
            with explained(path, "The library is complete; the thumbnail is as it was."):
                path.parent.mkdir(parents=True, exist_ok=True)
                if read_whole(str(path)) != png:
                    write_atomic(path, png, 0o444)
            return True
    return path.is_file()


def _body(shown: Shown, facts: dict[str, Any], picture: str | None) -> str:
    from ategnatos.art.pages import fact, quoted
    from ategnatos.grimoire.markdown import escape

    entry, job = shown.entry, shown.job
    parts = [
        f"# {escape(entry.full_name)}\n\n",
        f"![{escape(job.asked)}]({picture})\n\n" if picture else "",
        quoted(job.asked),
        fact("Prompt as used", facts["prompt_used"] if facts["prompt_used"] != job.asked else ""),
        fact("Negative", facts["negative"]),
        fact("Engine", job.engine),
        *(fact(name, value) for name, value in facts["settings"].items() if name != "count"),
        *(fact(f"SHA-256 of {escape(name)}", one) for name, one in facts["hashes"].items()),
        fact("Came from", f"{job.parent}, changed: {job.change}" if job.change else ""),
        fact("Because", job.reason),
        f"\n## Approved pictures: {len(shown.pictures)}\n\n",
        "| Picture | Seed | Approved | Journal | SHA-256 |\n|---|---|---|---|---|\n",
        *(
            f"| {one.reference} | {one.seed} | {one.decided_at} | {one.verdict_event}"
            f" | {one.sha256} |\n"
            for one in shown.pictures
        ),
    ]
    if entry.notes:
        parts.append("\n## Notes\n\n")
        parts += [
            f"- {escape(one['text'])} ({escape(one['actor'])}, {one['time'][:10]})\n"
            for one in entry.notes
        ]
    return "".join(parts)
