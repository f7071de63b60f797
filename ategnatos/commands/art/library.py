"""``art library``: prompts that gave approved pictures, to look at and to build on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.art import present
from ategnatos.commands.contract import Answer, Call, command, room
from ategnatos.commands.page import Line, Row, draw

if TYPE_CHECKING:
    from ategnatos.art.library import Shown
    from ategnatos.grimoire.project import Project

Name = Annotated[str, typer.Argument(help="An entry, like sdxl/owl or owl.")]


def register(app: typer.Typer) -> None:
    """Add the noun of this module to the art room."""
    noun = room("Prompts that gave approved pictures.")
    command(noun, "list", example="ategnatos art library list owl --family sdxl")(list_entries)
    command(noun, "show", example="ategnatos art library show sdxl/owl")(show)
    command(
        noun,
        "note",
        example="ategnatos art library note owl 'the outline holds at 16 pixels'",
        dry_run=True,
    )(note)
    command(noun, "remove", example="ategnatos art library remove owl", dry_run=True)(remove)
    command(noun, "sync", example="ategnatos art library sync", dry_run=True)(sync)
    app.add_typer(noun, name="library")


def list_entries(
    call: Call,
    words: Annotated[
        list[str] | None, typer.Argument(help="Only those that hold all of these words.")
    ] = None,
    family: Annotated[str | None, typer.Option("--family", help="Only this family.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 50,
) -> Answer:
    """Proven prompts, the most approved first."""
    from ategnatos.art import library as room
    from ategnatos.grimoire.jobs import database, library

    project = call.project()
    found: list[Shown] = []
    if database.exists(project):
        wanted = None if family is None else family.partition("/")[0]
        with database.connect(project) as db:
            entries = library.find(db, words=" ".join(words or ()), family=wanted, limit=limit)
            found = [room.show(db, entry) for entry in entries]
    rows = [
        Row(
            ((one.entry.full_name, "bold"),),
            [
                Line(one.job.asked),
                Line(
                    f"{one.entry.approvals} approved, {one.entry.created_at[:10]}"
                    + "".join(f"  {note['text']}" for note in one.entry.notes[-1:]),
                    "dim",
                ),
            ],
        )
        for one in found
    ]

    def words_of_it(console: Any) -> None:
        draw(console, rows)
        if not rows:
            console.print("No proven prompt of that kind yet: an approval puts its prompt in.")

    return Answer({"entries": [_facts(project, one) for one in found]}, words_of_it)


def show(call: Call, name: Name) -> Answer:
    """A proven prompt with its settings, pictures and notes."""
    from ategnatos.art import library as room
    from ategnatos.grimoire.jobs import database

    project = call.project()
    with database.connect(project) as db:
        found = room.show(db, room.find(db, name))
    page, _ = room.page_and_thumbnail(project, found.entry)
    facts = _facts(project, found)

    def words(console: Any) -> None:
        draw(
            console,
            [
                Row((("prompt", "dim"),), [Line(found.job.asked)]),
                *(
                    Row(((label, "dim"),), [Line(str(value))])
                    for label, value in (
                        ("negative", facts["negative"]),
                        *facts["settings"].items(),
                    )
                    if value not in ("", None)
                ),
                *(
                    Row(
                        (("approved", "dim"),),
                        [Line(f"{one.reference}  seed {one.seed}  {one.decided_at}  {one.path}")],
                    )
                    for one in found.pictures
                ),
                *(
                    Row((("note", "dim"),), [Line(f"{one['text']} ({one['actor']})")])
                    for one in found.entry.notes
                ),
            ],
        )
        console.print(f"Page: {present.relative(page)}")

    last = found.pictures[-1].reference if found.pictures else found.job.name
    return Answer(facts, words, (f"ategnatos art vary '{last}' --change '...'",))


def note(
    call: Call,
    name: Name,
    text: Annotated[str, typer.Argument(help="What is worth knowing of it.")],
) -> Answer:
    """Say something of a proven prompt; it stands on its page and is searched."""
    from ategnatos.art import library as room
    from ategnatos.grimoire.jobs import database
    from ategnatos.guard.actor import actor

    project = call.project()
    if call.dry_run:
        with database.connect(project) as db:
            entry = room.find(db, name)
        return Answer(
            {"dry_run": True, "entry": entry.full_name}, f"Would note of {entry.full_name}: {text}"
        )
    entry = room.note(project, name, text, actor=actor(), now=_now)
    return Answer(
        {"entry": entry.full_name, "notes": list(entry.notes)},
        f"Noted of {entry.full_name}: {entry.notes[-1]['text']}",
    )


def remove(call: Call, name: Name) -> Answer:
    """Take a prompt out of the library; the record keeps that it was there."""
    from ategnatos.art import library as room
    from ategnatos.grimoire.jobs import database
    from ategnatos.guard.actor import actor

    project = call.project()
    if call.dry_run:
        with database.connect(project) as db:
            entry = room.find(db, name)
        return Answer(
            {"dry_run": True, "entry": entry.full_name}, f"Would take out {entry.full_name}."
        )
    entry = room.remove(project, name, actor=actor(), now=_now)
    return Answer(
        {"entry": entry.full_name, "removed": True},
        f"{entry.full_name} is out of the library. Approving another picture of the same prompt"
        " brings it back.",
    )


def sync(call: Call) -> Answer:
    """Put every approved prompt in that is missing, and draw all pages anew."""
    from ategnatos.art import library as room
    from ategnatos.grimoire.jobs import database, library
    from ategnatos.guard.actor import actor
    from ategnatos.guard.gate import book

    project = call.project()
    if call.dry_run:
        with database.connect(project) as db:
            missing = [f"j{job}#{number}" for job, number in library.not_kept(db)]
        return Answer(
            {"dry_run": True, "missing": missing},
            f"{len(missing)} approved pictures are not in the library: {', '.join(missing)}"
            if missing
            else "Every approved picture is in the library.",
        )
    kept = room.keep(project, book.read(project), actor=actor(), now=_now)
    total = room.render(project)
    return Answer(
        {"kept": [one.full_name for one in kept], "entries": total},
        f"{len(kept)} entries are new or grew; {total} pages are as recorded.",
    )


def _facts(project: Project, one: Shown) -> dict[str, Any]:
    from ategnatos.art import iterations
    from ategnatos.art import library as room

    page, thumbnail = room.page_and_thumbnail(project, one.entry)
    facts = iterations.facts(one.job, one.pictures)
    return {
        "entry": one.entry.full_name,
        "family": one.entry.family,
        "name": one.entry.name,
        "approvals": one.entry.approvals,
        "page": str(page),
        "thumbnail": str(thumbnail),
        "prompt": facts["prompt"],
        "prompt_used": facts["prompt_used"],
        "negative": facts["negative"],
        "settings": facts["settings"],
        "hashes": facts["hashes"],
        "job": facts["job"],
        "pictures": [picture.reference for picture in one.pictures],
        "notes": list(one.entry.notes),
        "created_at": one.entry.created_at,
    }


def _now() -> datetime:
    return datetime.now(UTC)
