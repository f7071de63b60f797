"""Hold every verdict of a studio against its signature: journal, database and manifest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire import journal, manifest
from ategnatos.guard.gate import record, trust
from ategnatos.guard.gate.book import Book
from ategnatos.guard.gate.record import Standing

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.grimoire.schemas.manifest import ManifestEntry
    from ategnatos.guard.gate.trust import Trust

__all__ = ["JOURNAL", "Line", "Report", "Standing", "audit", "exports"]

JOURNAL, DATABASE, MANIFEST, APPROVERS = "journal", "database", "manifest", "approvers"

# What is wrong with a file whose approval is then worth nothing.
_LOST = frozenset({"missing", "changed", "outside", "unreadable"})


@dataclass(frozen=True, slots=True)
class Line:
    """One verdict as one of the records tells it. ``about`` is a candidate, a file or a gate."""

    where: str
    about: str
    standing: Standing
    problem: str = ""
    approver: str = ""


@dataclass(slots=True)
class Report:
    """Every line, and how many of each standing there are."""

    approvers: Trust | None
    lines: list[Line] = field(default_factory=list)

    @property
    def broken(self) -> list[Line]:
        """What does not count."""
        return [line for line in self.lines if line.standing is Standing.BROKEN]

    def counts(self) -> dict[str, dict[str, int]]:
        """Lines by place and standing."""
        found: dict[str, Counter[str]] = {}
        for line in self.lines:
            found.setdefault(line.where, Counter())[line.standing.value] += 1
        return {where: dict(counter) for where, counter in found.items()}


def audit(project: Project, approvers: Trust | None) -> Report:
    """Look at every verdict; ``approvers`` is what :mod:`trust` said of the studio.

    Raises StudioError (``journal_corrupt``, and of the database and the manifest).
    """
    judged = list(record.judged(project, approvers))
    book = Book(approvers, judged)
    report = Report(approvers)
    report.lines += _of_the_approvers(project, approvers)
    for one in judged:
        about = one.event.references.get("candidate") or one.event.data.get("for") or one.event.id
        report.lines.append(
            Line(JOURNAL, f"{one.event.id} {about}", one.standing, one.problem, one.approver)
        )
    report.lines += _of_the_database(project, book)
    report.lines += exports(project, book)
    return report


def exports(
    project: Project, book: Book, problems: Sequence[manifest.ExportProblem] | None = None
) -> Iterator[Line]:
    """The manifest: is each frozen file what a person approved?

    ``problems`` is what :func:`manifest.verify_exports` found, where it was asked already.
    """
    if problems is None:
        problems = manifest.verify_exports(project)
    changed = {one.path: one.problem for one in problems}
    entries = manifest.manifest_read(project).entries
    lines = {entry.id: _of_an_entry(book, entry, changed) for entry in entries if _is_own(entry)}
    for entry in entries:
        yield lines[entry.id] if entry.id in lines else _of_an_atlas(entry, lines, changed)


def _is_own(entry: ManifestEntry) -> bool:
    return entry.made != "atlas"


def _of_an_entry(book: Book, entry: ManifestEntry, changed: Mapping[str, str]) -> Line:
    facts = entry.provenance
    candidate = f"{facts.get('job')}#{facts.get('candidate')}"
    source = str(facts.get("source_sha256"))
    standing, problem = book.on_record(candidate, source, "approved")
    told = facts.get("verdict") or {}
    if not problem:
        standing, problem = _as_told(book, candidate, source, told)
    if not problem and entry.verdict == "signed" and standing is not Standing.SIGNED:
        standing, problem = Standing.BROKEN, "it calls itself signed, and is not"
    if changed.get(entry.path) in _LOST:
        standing, problem = Standing.BROKEN, f"the file is {changed[entry.path]}"
    who = str(told.get("approver", "")) if standing is Standing.SIGNED else ""
    return Line(MANIFEST, entry.path, standing, problem, who)


def _of_an_atlas(
    entry: ManifestEntry, lines: Mapping[str, Line], changed: Mapping[str, str]
) -> Line:
    """Nobody approves an atlas: it is worth what the worst of its pictures is."""
    if changed.get(entry.path) in _LOST:
        return Line(MANIFEST, entry.path, Standing.BROKEN, f"the file is {changed[entry.path]}")
    parts = [lines.get(str(part[0])) for part in entry.provenance.get("parts") or ()]
    for part in parts:
        if part is None or part.standing is Standing.BROKEN:
            why = "one of its pictures is not approved"
            return Line(MANIFEST, entry.path, Standing.BROKEN, why)
    if not parts:
        return Line(MANIFEST, entry.path, Standing.BROKEN, "it does not say what is on it")
    signed = all(part is not None and part.standing is Standing.SIGNED for part in parts)
    return Line(MANIFEST, entry.path, Standing.SIGNED if signed else Standing.UNSIGNED)


def _as_told(book: Book, candidate: str, source: str, told: dict[str, Any]) -> tuple[Standing, str]:
    """An entry carries the verdict itself: what it says must be what the journal says."""
    found = book.of(candidate, source)
    assert found is not None
    if "signature" not in told:
        return Standing.UNSIGNED, ""
    data = found.event.data
    if (told["signature"], told.get("statement")) != (data.get("signature"), data.get("statement")):
        return Standing.BROKEN, "it carries another signature than the journal"
    return found.standing, ""


def _of_the_database(project: Project, book: Book) -> Iterator[Line]:
    from ategnatos.grimoire.jobs import database, store

    if not database.exists(project):
        return
    with database.connect(project) as db:
        decided = [one for one in store.all_candidates(db) if one.verdict is not None]
    for one in decided:
        standing, problem = book.on_record(one.reference, one.sha256, one.verdict)
        found = book.of(one.reference, one.sha256)
        who = found.approver if found is not None and not problem else ""
        yield Line(DATABASE, one.reference, standing, problem, who)


def _of_the_approvers(project: Project, approvers: Trust | None) -> Iterator[Line]:
    if approvers is None:
        return
    problem = record.behind_a_mark(project, approvers)
    if problem:
        yield Line(APPROVERS, "journal", Standing.BROKEN, problem)
    written = {one.data.get("digest") for one in journal.read(project, {trust.ACT_EVENT})}
    for place, act in enumerate(approvers.acts, start=1):
        subject = act.statement.subject
        about = f"act {place}: {subject['act']} {subject.get('name') or ''}".strip()
        if act.statement.digest() in written:
            yield Line(APPROVERS, about, Standing.SIGNED)
        else:
            yield Line(
                APPROVERS,
                about,
                Standing.BROKEN,
                "the journal does not tell of it (a crash, or"
                " an edit): 'ategnatos gate trust' writes it down",
            )
