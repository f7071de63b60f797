"""Checks of the record: documents, pages, journal, database, and the files they speak of."""

from __future__ import annotations

from collections.abc import Iterator

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.project import Project
from ategnatos.studio.checks.finding import Finding, failed, note, well


def documents(project: Project) -> Iterator[Finding]:
    """Is every document whole and does it fit its schema?"""
    from ategnatos.grimoire import documents, schemas

    sound = []
    for name in schemas.names():
        try:
            documents.read(project, name)
            sound.append(name)
        except StudioError as error:
            yield failed(
                "documents",
                error.message,
                "Commands that need this document are refused until it is whole.",
                error.hint,
            )
    if len(sound) == len(schemas.names()):
        yield well("documents", ", ".join(sound))


def pages(project: Project) -> Iterator[Finding]:
    """Do the pages that people read say what is recorded?"""
    from ategnatos.grimoire import drift
    from ategnatos.grimoire.drift import State

    found = [one for one in drift.check(project) if one.state is not State.CLEAN]
    for one in found:
        if one.state is State.DAMAGED:
            continue  # said by the check of the documents
        if one.state is State.HANDWRITTEN:
            yield note(
                "pages",
                one.message,
                "The studio does not know yet what it says.",
                f"ategnatos grimoire migrate {one.document}",
            )
        else:
            yield failed(
                "pages",
                one.message,
                "Somebody reads something else than what the studio works with.",
                "See where with 'ategnatos grimoire check', then"
                f" 'ategnatos grimoire render {one.document}' (an edited page is kept beside).",
            )
    if not found:
        yield well("pages", "they say what is recorded")


def journal(project: Project) -> Iterator[Finding]:
    """Is the journal still what was written, to the last line?"""
    from ategnatos.grimoire import journal_check

    report = journal_check.verify(project)
    for problem in report.problems[:3]:
        yield failed(
            "journal",
            f"Line {problem.line}: {problem.problem}",
            "The history of verdicts and exports can no longer be trusted from there on.",
            "ategnatos grimoire verify",
        )
    if len(report.problems) > 3:
        yield failed(
            "journal",
            f"and {len(report.problems) - 3} more problems",
            "One broken line breaks the chain after it.",
            "ategnatos grimoire verify",
        )
    if report.torn_bytes:
        yield note(
            "journal",
            f"{report.torn_bytes} bytes of an event that a crash cut off",
            "That event was never confirmed to anybody; the next one moves it aside.",
            "Nothing to do.",
        )
    if report.sound and not report.torn_bytes:
        yield well("journal", f"{report.events} events, the chain is unbroken")


def database(project: Project) -> Iterator[Finding]:
    """Is the database of jobs whole?"""
    from ategnatos.grimoire.jobs import database

    if not database.exists(project):
        yield well("database", "no job was ordered yet")
        return
    with database.connect(project) as connection:
        jobs = connection.execute("SELECT COUNT(*) FROM job").fetchone()[0]
        if database.on_server():
            # The server checks its own pages and references.
            yield well("database", f"{jobs} job{'' if jobs == 1 else 's'} in Postgres")
            return
        said = [str(row[0]) for row in connection.execute("PRAGMA quick_check(3)")]
        orphans = len(connection.execute("PRAGMA foreign_key_check").fetchall())
    if said != ["ok"] or orphans:
        yield failed(
            "database",
            "; ".join([*(line for line in said if line != "ok"), f"{orphans} orphans"]),
            "Jobs and verdicts in it may be wrong or lost.",
            "ategnatos grimoire backup --list, then: ategnatos grimoire restore --all",
        )
    else:
        yield well("database", f"{jobs} job{'' if jobs == 1 else 's'}, schema up to date")


def pictures(project: Project) -> Iterator[Finding]:
    """Are the pictures that wait, or were approved, still on disk as they were made?"""
    from ategnatos.grimoire.files import sha256_file
    from ategnatos.grimoire.jobs import database, store

    if not database.exists(project):
        yield well("pictures", "none yet")
        return
    with database.connect(project) as connection:
        kept = [one for one in store.all_candidates(connection) if one.cleaned_at is None]
    missing, changed = [], []
    for one in kept:
        path = project.root / one.path
        if not path.is_file():
            missing.append(one.reference)
        elif sha256_file(path) != one.sha256:
            changed.append(one.reference)
    for references, what in ((missing, "missing"), (changed, "changed since they were made")):
        if references:
            first = references[0].partition("#")[0]
            shown = ", ".join(references[:5]) + (" ..." if len(references) > 5 else "")
            yield failed(
                "pictures",
                f"{len(references)} {what}: {shown}",
                "They cannot be approved or exported as they are.",
                f"ategnatos art show {first}, then run its 'art generate' command again.",
            )
    if not missing and not changed:
        yield well("pictures", f"{len(kept)} on disk, each as it was made")


def exports(project: Project) -> Iterator[Finding]:
    """Is every frozen file what the manifest says?"""
    from ategnatos.grimoire import manifest

    problems = manifest.verify_exports(project)
    for problem in problems:
        mend = (
            f"chmod 444 '{project.root / problem.path}'"
            if problem.problem == "writable"
            else f"Bring {problem.path} back from a backup, or export it again:"
            " it becomes a new version."
        )
        yield failed(
            "exports",
            f"{problem.path}: {problem.problem}",
            "Whoever uses this file gets something that nobody approved."
            if problem.problem != "writable"
            else "A frozen file can be overwritten by accident.",
            mend,
        )
    if not problems:
        count = len(manifest.manifest_read(project).entries)
        yield well("exports", f"{count} frozen file{'' if count == 1 else 's'}, each as approved")


def verdicts(project: Project) -> Iterator[Finding]:
    """Does every verdict on record hold, by its signature where there is one?"""
    from ategnatos.guard.gate import audit, trust

    report = audit.audit(project, trust.known(project))
    # What is wrong with a file itself is said by the check of the exports.
    broken = [one for one in report.broken if not one.problem.startswith("the file is")]
    for one in broken[:3]:
        yield failed(
            "verdicts",
            f"{one.where} {one.about}: {one.problem}",
            "This verdict counts for nothing; what it freed was approved by nobody.",
            "ategnatos gate verify",
        )
    if len(broken) > 3:
        yield failed(
            "verdicts",
            f"and {len(broken) - 3} more that do not hold",
            "They count for nothing.",
            "ategnatos gate verify",
        )
    if not broken:
        counts = report.counts().get(audit.JOURNAL, {})
        told = ", ".join(f"{number} {kind}" for kind, number in sorted(counts.items()))
        yield well("verdicts", told or "none yet")
