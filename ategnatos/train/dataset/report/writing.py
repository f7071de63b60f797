"""Write the report of a dataset into the grimoire, and its verdict into the journal.

``grimoire/training/<name>/dataset-report.md`` with its pictures in ``report/`` beside it. The
journal event ``dataset.report`` is what gate 1 reads; the page is for people.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire import journal
from ategnatos.grimoire.files import explained, sha256_bytes, write_atomic
from ategnatos.train.dataset import measured, record, rights, store
from ategnatos.train.dataset.audit import auditing
from ategnatos.train.dataset.captions import lint
from ategnatos.train.dataset.coach import coaching
from ategnatos.train.dataset.report import EVENT, sheets
from ategnatos.train.dataset.report import decision as deciding
from ategnatos.train.dataset.report.page import page
from ategnatos.train.dataset.structure.prepare import look

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.guard.policy import Policy
    from ategnatos.train.dataset.version import Version

NAME = "dataset-report.md"
_PICTURES = "report"


@dataclass(frozen=True, slots=True)
class Weighed:
    """Everything that a report says, before it is written."""

    version: Version
    digest: str
    decision: deciding.Decision
    judged: lint.Judged
    allowed: rights.Judgement
    coached: coaching.Coached
    broken: tuple[tuple[str, str], ...]

    def facts(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "dataset": self.version.dataset,
            "version": self.version.number,
            "digest": self.digest,
            **self.decision.facts(),
            "pictures": len(self.version.pictures),
            "broken": [{"picture": name, "why": why} for name, why in self.broken],
            "captions": self.judged.metrics,
            "rights": self.allowed.facts(),
            "coach": self.coached.facts(),
        }


def weigh(project: Project, version: Version, policy: Policy) -> Weighed:
    """Look at everything and decide; nothing is written but what was measured.

    Raises StudioError (``dataset_file_missing``, ``tokenizer_unreadable``, ...).
    """
    audited = auditing.audit(project, version)
    facts = measured.of(project, version, audited.passed)
    stopping = audited.stopping()
    broken = tuple(
        (one.name, why)
        for one in version.pictures
        if (why := stopping.get(one.name) or _moves(project, version, one.name, one.sha256))
    )
    judged = lint.of_version(version, facts)
    allowed = rights.judge(version, policy)
    coached = coaching.coach(project, version, audited)
    looks = [one for one in audited.findings if one.level == "look" and one.code != "duplicate"]
    made = deciding.decide(version, judged, allowed, coached, broken, looks)
    return Weighed(version, version.digest(), made, judged, allowed, coached, broken)


def write(project: Project, weighed: Weighed, *, actor: str, now: datetime) -> Path:
    """Write page and pictures, then the event; where the page lies.

    Raises StudioError (``write_failed``, ``disk_full``, ``sheet_*``).
    """
    version = weighed.version
    home = record.version_path(project, version.dataset, 1).parents[1]
    files = {
        one.name: store.path_of(project, version.dataset, one.name, one.sha256)
        for one in version.pictures
    }
    folder = home / _PICTURES
    with explained(folder, "The report was not written."):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
    links: dict[str, str] = {}
    overview = sheets.overview(files, version.dataset)
    if overview is not None:
        write_atomic(folder / "overview.png", overview)
        links["overview"] = f"{_PICTURES}/overview.png"
    captions = {one.name: one.caption.text for one in version.pictures if one.caption}
    shown = []
    for number, (name, raw) in enumerate(sheets.samples(files, captions).items(), 1):
        write_atomic(folder / f"sample-{number}.png", raw)
        shown.append((name, f"{_PICTURES}/sample-{number}.png", captions[name]))
    related = [
        (
            f"{'Series' if one.kind == 'series' else 'Copies'}: keep {one.best or one.keep}",
            one.pictures,
        )
        for one in weighed.coached.related
    ]
    grouped = []
    for number, (title, raw) in enumerate(sheets.groups(files, related).items(), 1):
        write_atomic(folder / f"same-{number}.png", raw)
        grouped.append((title, f"{_PICTURES}/same-{number}.png"))
    text = page(
        version,
        weighed.digest,
        record.stamp(now),
        weighed.decision,
        weighed.judged,
        weighed.allowed,
        weighed.coached,
        weighed.broken,
        links,
        shown,
        grouped,
    ).encode()
    path = home / NAME
    write_atomic(path, text)
    journal.append(
        project,
        EVENT,
        actor=actor,
        references={
            "dataset": version.dataset,
            "version": version.number,
            "digest": weighed.digest,
            "report_sha256": sha256_bytes(text),
        },
        data=weighed.decision.facts(),
        now=now,
    )
    return path


def _moves(project: Project, version: Version, name: str, sha256: str) -> str:
    header = look(store.path_of(project, version.dataset, name, sha256))
    return "it moves: more than one frame" if header is not None and header.moves else ""
