"""The verdicts of a studio by the picture they are about, each with its standing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import StudioError
from ategnatos.guard.gate import record, trust
from ategnatos.guard.gate.record import Judged, Standing

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.guard.gate.trust import Trust


class Book:
    """What the journal says of each picture. The first signed verdict counts; without one, the
    first unsigned one that was given while unsigned ones were taken.
    """

    def __init__(self, approvers: Trust | None, judged: list[Judged]) -> None:
        self.approvers = approvers
        self.judged = judged
        self._by_picture: dict[tuple[str, str], Judged] = {}
        for one in judged:
            if one.event.kind == record.VERDICT_EVENT:
                self._take(one)

    @property
    def signing(self) -> bool:
        """Whether the studio takes only signed verdicts now."""
        return self.approvers is not None and self.approvers.signing

    def of(self, candidate: str, sha256: str) -> Judged | None:
        """The verdict on those bytes of that candidate; None where there never was one."""
        return self._by_picture.get((candidate, sha256))

    def on_record(self, candidate: str, sha256: str, verdict: str | None) -> tuple[Standing, str]:
        """The standing of a verdict that another record claims, and why it is broken."""
        found = self.of(candidate, sha256)
        if found is None:
            return Standing.BROKEN, "the journal has no verdict on these bytes"
        if found.standing is Standing.BROKEN:
            return Standing.BROKEN, found.problem
        said = found.event.data.get("verdict")
        if said != verdict:
            return Standing.BROKEN, f"the journal says {said}"
        return found.standing, ""

    def _take(self, one: Judged) -> None:
        names = one.event.references
        picture = (str(names.get("candidate")), str(names.get("sha256")))
        standing = self._by_picture.get(picture)
        if standing is None or _RANK[one.standing] < _RANK[standing.standing]:
            self._by_picture[picture] = one


_RANK = {Standing.SIGNED: 0, Standing.UNSIGNED: 1, Standing.BROKEN: 2}


def read(project: Project) -> Book:
    """Every verdict of the studio, judged by approvers that this account knows.

    Raises StudioError: ``gate_broken``, ``gate_unpinned``, ``journal_corrupt``.
    """
    approvers = trust.known(project)
    return Book(approvers, list(record.judged(project, approvers, (record.VERDICT_EVENT,))))


def for_display(project: Project, about: Collection[str] | None = None) -> tuple[Book, str]:
    """The same for pages that must appear whatever is wrong, and what is wrong.

    ``about`` are the candidates (``j7#2``) that the page shows; None means all. Only a page may
    ask for less than everything: what counts is decided by :func:`read`.

    Where the approvers cannot be trusted, or this account does not know them, no signature
    counts on the page either.
    """
    kinds = (record.VERDICT_EVENT,)
    try:
        approvers = trust.known(project)
        return Book(approvers, list(record.judged(project, approvers, kinds, about=about))), ""
    except StudioError as error:
        try:
            judged = list(record.judged(project, None, kinds, about=about))
        except StudioError as damage:
            return Book(None, []), damage.message
        doubted = [replace(one, standing=Standing.BROKEN, problem=error.message) for one in judged]
        return Book(None, doubted), error.message


def as_facts(one: Judged) -> dict[str, Any]:
    """What goes with a shipped file: the standing and, where signed, statement and signature."""
    facts: dict[str, Any] = {"standing": one.standing.value, "event": one.event.id}
    if one.standing is Standing.SIGNED:
        facts["approver"] = one.approver
        facts |= {name: one.event.data[name] for name in ("statement", "signature")}
    return facts
