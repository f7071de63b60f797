"""One picture that shows a job: its candidates numbered, with seeds and verdicts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import write_atomic
from ategnatos.grimoire.jobs.records import RECIPE_DATA

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ategnatos.grimoire.jobs.store import Candidate, Job
    from ategnatos.grimoire.project import Project

NO_PICTURES = ErrorCode("no_pictures", "The job has no pictures to show.")

SHEET_NAME = "sheet.png"


def write_job_sheet(project: Project, job: Job, candidates: Sequence[Candidate]) -> Path:
    """Draw the contact sheet of ``job`` beside its candidates and return its path.

    Candidates whose file was cleaned away are left out. Raises StudioError (``no_pictures``).
    """
    from ategnatos.pictures.sheet import SheetItem, contact_sheet

    there = [one for one in candidates if (project.root / one.path).is_file()]
    if not there:
        raise StudioError(
            NO_PICTURES,
            f"Job {job.name} has no pictures on disk; no sheet was drawn.",
            hint="Make them: run its 'art generate' command again "
            f"(see 'ategnatos art show {job.name}').",
            job=job.name,
        )
    items = [
        SheetItem(
            picture=project.root / one.path,
            label=f"#{one.number}",
            caption=f"seed {one.seed}",
            badge=one.verdict,
        )
        for one in there
    ]
    request = job.request
    # A workflow of one's own may have no steps and no CFG; what is made has a size.
    facts = [job.engine, f"{there[0].width}x{there[0].height}"]
    for words, value in (("{} steps", request["steps"]), ("CFG {:g}", request["cfg"])):
        if value is not None:
            facts.append(words.format(value))
    if job.change:
        facts.append(f"{job.parent} changed: {job.change}")
    sheet = contact_sheet(
        items,
        title=f"{job.name}  {job.asked}",
        subtitle="  ·  ".join(facts),
        footer=f"{there[0].settings.get('made_by', job.engine)}  ·  binding {job.binding}",
    )
    first = project.root / there[0].path
    # What a recipe made lies in one folder with its siblings, which have sheets of their own.
    shared = job.data.get(RECIPE_DATA) is not None
    path = first.parent / (f"sheet-{first.stem}.png" if shared else SHEET_NAME)
    write_atomic(path, sheet)
    return path
