"""A job and its candidates, for a machine and for a person's terminal."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.commands.terminal import plain

if TYPE_CHECKING:
    from rich.console import Console

    from ategnatos.grimoire.jobs.store import Candidate, Job
    from ategnatos.grimoire.project import Project


def standings(project: Project, candidates: Iterable[Candidate]) -> tuple[dict[str, str], str]:
    """What each verdict is worth, by reference (``signed by ada``, ``unsigned``, ``broken: ...``),
    and what is wrong with the gate itself.
    """
    decided = [one for one in candidates if one.verdict is not None]
    if not decided:
        return {}, ""
    from ategnatos.guard.gate import book

    given, problem = book.for_display(project, [one.reference for one in decided])
    words = {}
    for one in decided:
        standing, why = given.on_record(one.reference, one.sha256, one.verdict)
        found = given.of(one.reference, one.sha256)
        who = f" by {found.approver}" if found is not None and found.approver else ""
        words[one.reference] = f"{standing.value}: {why}" if why else f"{standing.value}{who}"
    return words, problem


def candidate_facts(
    project: Project, candidate: Candidate, standing: str | None = None
) -> dict[str, Any]:
    """A candidate as JSON values; ``path`` is absolute, so that an agent can read the file.

    ``standing`` is what its verdict is worth, in the words of :func:`standings`.
    """
    return {
        "candidate": candidate.reference,
        "path": str(project.root / candidate.path),
        "on_disk": (project.root / candidate.path).is_file(),
        "sha256": candidate.sha256,
        "width": candidate.width,
        "height": candidate.height,
        "seed": candidate.seed,
        "verdict": candidate.verdict,
        "reason": candidate.reason,
        "decided_at": candidate.decided_at,
        "standing": standing,
    }


def state_words(job: Job) -> str:
    """How a job stands, in the words of its saga."""
    from ategnatos.grimoire.jobs import saga

    return saga.load(job.saga).states[job.state].says


def recipe_facts(job: Job) -> dict[str, Any]:
    """Which recipe and levers a job comes from, where one made it."""
    from ategnatos.art.recipes import origin

    found = origin.of(job)
    return {} if found is None else found.data()


def job_facts(job: Job) -> dict[str, Any]:
    """A job as JSON values."""
    return {
        "job": job.name,
        "state": job.state,
        "engine": job.engine,
        "recipe_id": job.recipe_id,
        "binding": job.binding,
        "take": job.take,
        "prompt": job.asked,
        "prompt_used": job.request["prompt"],
        "parent": job.parent,
        "change": job.change,
        "reason": job.reason,
        "created_at": job.created_at,
        "error": job.error,
        **recipe_facts(job),
    }


def draws_colour() -> bool:
    """Whether stdout is a terminal that shows 24-bit colour."""
    return sys.stdout.isatty() and os.environ.get("COLORTERM") in {"truecolor", "24bit"}


def draw_candidates(console: Console, project: Project, candidates: Sequence[Candidate]) -> None:
    """Draw the pictures themselves where the terminal can; else name their files."""
    there = [one for one in candidates if (project.root / one.path).is_file()]
    columns = shutil.get_terminal_size().columns
    if not draws_colour() or columns < 34 or not there:
        for one in candidates:
            note = f"  {one.verdict}" if one.verdict else ""
            console.print(f"  #{one.number}  seed {one.seed}  {one.path}{note}")
        return
    from ategnatos.pictures.terminal_art import draw_row

    side = 32
    per_row = max(1, (columns + 2) // (side + 2))
    for start in range(0, len(there), per_row):
        row = there[start : start + per_row]
        labels = [f"#{one.number}{' ' + one.verdict if one.verdict else ''}" for one in row]
        pngs = [(project.root / one.path).read_bytes() for one in row]
        console.print(draw_row(pngs, labels, side=side))


def relative(path: Path) -> str:
    """``path`` as seen from the working directory where that is shorter."""
    try:
        return plain(str(path.relative_to(Path.cwd())))
    except ValueError:
        return plain(str(path))
