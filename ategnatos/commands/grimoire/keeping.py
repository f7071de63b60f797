"""``grimoire backup``, ``restore`` and ``migrate``: keep the record, and bring it back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ategnatos.commands.contract import USAGE, Answer, Call, command
from ategnatos.grimoire.errors import StudioError

if TYPE_CHECKING:
    from ategnatos.grimoire.migrate import Migrated
    from ategnatos.grimoire.project import Project
    from ategnatos.grimoire.restore_all import RestoredAll

Name = Annotated[str | None, typer.Argument(help="A document, such as studio.")]
All = Annotated[
    bool, typer.Option("--all", help="Documents, journal, database and exports together.")
]


def register(app: typer.Typer) -> None:
    """Add the verbs of this module to the grimoire room."""
    command(app, "backup", example="ategnatos grimoire backup --all")(backup)
    command(app, "restore", example="ategnatos grimoire restore studio", dry_run=True)(restore)
    command(app, "migrate", example="ategnatos grimoire migrate studio", dry_run=True)(migrate)


def backup(
    call: Call,
    name: Name = None,
    all: All = False,
    list: Annotated[bool, typer.Option("--list", help="Only name the backups there are.")] = False,
) -> Answer:
    """Keep a copy: of one document and its page, or of the whole record with --all."""
    from ategnatos.grimoire import restore, snapshot

    project = call.project()
    if list:
        return _listed(project, name)
    if all == (name is not None):
        raise _either()
    if name is not None:
        paths = [str(path.relative_to(project.root)) for path in restore.save(project, name)]
        return Answer({"document": name, "files": paths}, f"Kept {' and '.join(paths)}.")
    taken = snapshot.take(project)
    for text in taken.warnings:
        call.warn(text)
    place = str(taken.path.relative_to(project.root))
    return Answer(
        {
            "snapshot": taken.name,
            "path": place,
            "files": len(taken.files),
            "bytes": taken.size,
            "created_at": taken.created_at,
        },
        f"Kept {len(taken.files)} files ({taken.size / 1e6:.1f} MB) in {place}.\n"
        "Copy that folder to another disk to be safe from this one.",
    )


def restore(
    call: Call,
    name: Annotated[
        str | None, typer.Argument(help="A document, or 'journal' for the journal alone.")
    ] = None,
    all: All = False,
    source: Annotated[
        str | None, typer.Option("--from", help="With --all: which backup; else the newest.")
    ] = None,
    revision: Annotated[
        int | None, typer.Option("--revision", help="With a document: which kept state.")
    ] = None,
) -> Answer:
    """Bring back a document, the journal, or everything. What is replaced is kept."""
    from ategnatos.grimoire import restore as restoring

    if all == (name is not None):
        raise _either()
    project = call.project()
    if name is None:
        return _restore_all(call, project, source)
    if name == "journal":
        return _restore_journal(call, project)
    if call.dry_run:
        chosen = restoring.choose(project, name, revision)
        return Answer(
            {"document": name, "revision": chosen.revision, "dry_run": True},
            f"Nothing was written. Revision {chosen.revision} of {chosen.generated_at} would"
            " come back.",
        )
    done = restoring.restore(project, name, revision=revision)
    data = {
        "document": name,
        "revision": done.revision,
        "generated_at": done.generated_at,
        "changed": done.changed,
        "kept": str(done.kept.relative_to(project.root)) if done.kept else None,
        "dry_run": False,
    }
    if not done.changed:
        return Answer(data, f"The document {name} already is in its newest kept state.")
    kept = f" What was there is kept in {data['kept']}." if done.kept else ""
    return Answer(data, f"The document {name} is back as it was on {done.generated_at}.{kept}")


def migrate(
    call: Call,
    name: Annotated[str | None, typer.Argument(help="studio or eye; without it: both.")] = None,
    source: Annotated[
        Path | None, typer.Option("--from", help="The hand-written file; default: its page.")
    ] = None,
) -> Answer:
    """Import hand-written studio.md and eye.md into the record; the originals are kept."""
    from ategnatos.grimoire import journal, migrate, views
    from ategnatos.guard.actor import actor

    project = call.project()
    if source is not None and name is None:
        raise StudioError(
            USAGE,
            "--from names one file, and no document was named; nothing was imported.",
            hint="Run: ategnatos grimoire migrate studio --from FILE",
        )
    wanted = [name] if name is not None else _handwritten(project)
    done: list[Migrated] = []
    for one in wanted:
        done.append(migrate.migrate(project, one, source=source, dry_run=call.dry_run))
        if not call.dry_run:
            journal.append(
                project,
                "document_migrated",
                actor=actor(),
                references={"document": one, "kept": done[-1].kept.name if done[-1].kept else ""},
                data={"imported": done[-1].imported, "notes": len(done[-1].notes)},
            )
    for result in done:
        if result.notes:
            call.warn(
                f"{len(result.notes)} lines of {result.source.name} fitted no field; they are in"
                f" the notes of {result.document!r}, word for word."
            )
        if result.named:
            call.warn(
                f"Machines without an id were named {', '.join(result.named)}: set the real id,"
                " or nothing can stop them."
            )
    if done and not call.dry_run:
        call.warn(
            "From now on the record is the JSON; the pages are rendered from it and edits made in"
            " them are overwritten. The hand-written originals are kept."
        )
    pages = {one: str(views.path_of(project, one).relative_to(project.root)) for one in wanted}
    return Answer(
        {
            "dry_run": call.dry_run,
            "migrated": [
                {
                    "document": result.document,
                    "source": str(result.source),
                    "kept": str(result.kept.relative_to(project.root)) if result.kept else None,
                    "imported": result.imported,
                    "notes": result.notes,
                    "named": result.named,
                    "page": pages[result.document],
                }
                for result in done
            ],
        },
        "\n".join(_migrated(result, call.dry_run) for result in done)
        or "No hand-written page is waiting to be imported.",
    )


def _handwritten(project: Project) -> list[str]:
    from ategnatos.grimoire import migrate, views

    pages = {name: views.read(views.path_of(project, name)) for name in migrate.names()}
    return [name for name, page in pages.items() if page is not None and views.is_handwritten(page)]


def _migrated(result: Migrated, dry_run: bool) -> str:
    counts = ", ".join(f"{count} {what}" for what, count in result.imported.items() if count)
    verb = "Would import" if dry_run else "Imported"
    kept = f" The original is kept in {result.kept.name}." if result.kept else ""
    return f"{verb} into {result.document}: {counts or 'nothing'}.{kept}"


def _listed(project: Project, name: str | None) -> Answer:
    from ategnatos.grimoire import history, schemas, snapshot

    names = [name] if name is not None else schemas.names()
    kept = {
        one: [
            {"revision": b.revision, "generated_at": b.generated_at, "file": b.path.name}
            for b in history.good(project, schemas.load(one))
        ]
        for one in names
    }
    whole = snapshot.listed(project) if name is None else []
    lines = [f"whole record: {one}" for one in whole] or (
        ["whole record: none"] if not name else []
    )
    for one, states in kept.items():
        lines += [f"{one}: revision {s['revision']}, {s['generated_at']}" for s in states]
    return Answer({"snapshots": whole, "documents": kept}, "\n".join(lines))


def _restore_all(call: Call, project: Project, source: str | None) -> Answer:
    from ategnatos.grimoire import restore_all
    from ategnatos.guard.actor import actor

    if call.dry_run:
        done = restore_all.plan(project, source)
    else:
        done = restore_all.restore_all(project, source, actor=actor())
    return Answer(_all_data(call, done), _all_words(call, done))


def _all_data(call: Call, done: RestoredAll) -> dict[str, object]:
    return {
        "snapshot": done.source.name,
        "before": done.before.name if done.before else None,
        "restored": done.restored,
        "unchanged": len(done.unchanged),
        "only_here": done.only_here,
        "dry_run": call.dry_run,
    }


def _all_words(call: Call, done: RestoredAll) -> str:
    if call.dry_run:
        return "\n".join(
            [f"Nothing was written. {len(done.restored)} files would come back:", *done.restored]
        )
    before = done.before.name if done.before else ""
    return (
        f"Brought back {len(done.restored)} files of {done.source.name};"
        f" {len(done.unchanged)} were as they should be.\n"
        f"To undo: ategnatos grimoire restore --all --from {before}"
    )


def _restore_journal(call: Call, project: Project) -> Answer:
    from ategnatos.grimoire import journal, journal_check
    from ategnatos.guard.actor import actor

    report = journal.verify(project)
    data = {"events": report.events, "dry_run": call.dry_run, "kept": None, "saved": report.events}
    if report.sound:
        return Answer(data, f"The journal is whole ({report.events} events); nothing was done.")
    first = report.problems[0]
    if call.dry_run:
        return Answer(
            data | {"saved": max(first.line - 1, 0)},
            f"Nothing was written. The events before line {first.line} would be kept.",
        )
    saved, kept = journal_check.salvage(project, actor=actor())
    return Answer(
        data | {"saved": saved, "kept": kept},
        f"{saved} of {report.events} events are unbroken and were kept; the damaged journal is"
        f" {kept}.\nIf a backup knows more: ategnatos grimoire restore --all",
    )


def _either() -> StudioError:
    return StudioError(
        USAGE,
        "Name a document, or give --all for everything; not both, not neither. Nothing was done.",
        hint="For instance: ategnatos grimoire backup --all",
    )
