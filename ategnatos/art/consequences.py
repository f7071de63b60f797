"""What follows from a verdict: the pages of the asset, and for an approval the library."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.jobs import database, store

if TYPE_CHECKING:
    from datetime import datetime

    from ategnatos.grimoire.project import Project


def of_verdict(
    project: Project, job_id: int, verdict: str, *, actor: str, now: Callable[[], datetime]
) -> tuple[str, ...]:
    """Draw what a verdict changed; what a person should know of it.

    The verdict stands by then, whatever happens here: a page that cannot be written is said, and
    comes with the next verdict or with ``art library sync``.
    """
    from ategnatos.art import pages

    told: list[str] = []
    try:
        if verdict == store.APPROVED:
            from ategnatos.art import library
            from ategnatos.guard.gate import book

            for entry in library.keep(project, book.read(project), actor=actor, now=now):
                page, _ = library.page_and_thumbnail(project, entry)
                told.append(f"In the library: {page.relative_to(project.root)}")
        with database.connect(project) as db:
            pages.after(project, db, job_id)
    except StudioError as error:
        told.append(
            f"The verdict is recorded. Its pages are behind: {error.message}"
            " Draw them with 'ategnatos art library sync' and 'ategnatos art brief render'."
        )
    return tuple(told)
