"""The audit of one version: every finding, the duplicates, and facts for whoever reads on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ategnatos.starter.threads import one_core_a_product
from ategnatos.train.dataset.audit import corners, findings
from ategnatos.train.dataset.audit.findings import Choose, Finding
from ategnatos.train.dataset.audit.passing import Passed, Progress, looks
from ategnatos.train.dataset.duplicates.of_version import duplicates
from ategnatos.train.dataset.importing import kohya_folders
from ategnatos.train.dataset.structure import buckets, layout

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.train.dataset.duplicates.groups import Compared, Group
    from ategnatos.train.dataset.version import Version


@dataclass(frozen=True, slots=True)
class Audited:
    """``findings`` worst first, ``groups`` of duplicates and series, and what was looked at."""

    findings: list[Finding]
    groups: list[Group]
    passed: Passed

    def stopping(self) -> dict[str, str]:
        """Pictures not to be trained on as they are, with why."""
        found: dict[str, str] = {}
        for one in self.findings:
            if one.level == "stop" and one.file and one.code != "leak":
                found.setdefault(one.file, f"{one.code}: {one.why}")
        return found


def audit(
    project: Project,
    version: Version,
    *,
    choose: Choose | None = None,
    workers: int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Audited:
    """Look at every picture, and say what is wrong. Raises StudioError (``write_failed``, ...)."""
    passed = looks(project, version, full=True, workers=workers, progress=progress)
    return judged(version, passed, duplicates(project, version, seen=passed.looks)[0], choose)


def judged(
    version: Version, passed: Passed, compared: Compared, choose: Choose | None = None
) -> Audited:
    """What the looks and the duplicates of a version come to."""
    found = findings.of_pictures(version, passed.looks, choose)
    found += findings.of_set(passed.looks)
    concepts = kohya_folders.recommended(version.pictures)
    if concepts:
        found.append(Finding("kohya_folders", "", f"--concepts {concepts}"))
    found += of_groups(compared.groups)
    alike = {
        name
        for group in compared.groups
        for name in group.files
        if group.kind == "series" or name != group.keep
    }
    with one_core_a_product():
        found += corners.repeated(passed.looks, alike)
    order = ("stop", "look", "note")
    found.sort(key=lambda one: order.index(one.level))
    return Audited(found, compared.groups, passed)


def of_groups(groups: list[Group]) -> list[Finding]:
    """Duplicates and leaks as findings."""
    found = []
    for group in groups:
        if group.leak:
            why = "training and validation hold frames of one series"
            if group.kind != "series":
                why = "training and validation hold " + ", ".join(group.files[:4])
            found.append(Finding("leak", group.files[0], why))
        if group.kind != "series":
            found += [
                Finding("duplicate", name, f"{group.how[name]}; {group.keep} is {group.why}")
                for name in group.files
                if name != group.keep
            ]
    return found


def chooser(trainer: str, resolution: int, family: str = "") -> Choose:
    """How a trainer puts a picture into a bucket. Raises StudioError (``structure_option``)."""
    trainer = layout.parse_trainer(trainer)
    step = layout.alignment(trainer, family)
    if trainer == "ai-toolkit":
        return buckets.ai_toolkit(resolution, divisibility=step)
    if trainer == "simpletuner":
        return buckets.simpletuner(resolution, alignment=step)
    if trainer == "musubi":
        return buckets.musubi(resolution, steps=step)
    from ategnatos.train.dataset.structure import kohya

    return kohya.chooser(layout.Frame(trainer, "", resolution, family=family))


def measured(passed: Passed, version: Version) -> Mapping[str, Mapping[str, float]]:
    """Facts by SHA-256 for those who hold captions against pictures: shares from 0 to 1."""
    found = {}
    for picture in version.pictures:
        facts = passed.looks[picture.name].facts
        if "light" in facts:
            found[picture.sha256] = {
                "brightness": facts["light"] / 255,
                "saturation": facts["saturation"],
                "transparent": facts.get("clear", 0.0),
            }
    return found
