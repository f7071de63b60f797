"""``ategnatos knowledge pages|search|check|render``: what is written for people and agents."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ategnatos.commands.contract import Answer, Call, command
from ategnatos.commands.page import Line, Row, draw
from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from rich.console import Console

    from ategnatos.knowledge.failures import Diagnosis
    from ategnatos.knowledge.pages.checking import Finding
    from ategnatos.knowledge.pages.finding import Hit
    from ategnatos.knowledge.pages.page import Page

PAGES_WRONG = ErrorCode("pages_wrong", "A page of the pack is not as it should be.")
NOT_A_CHECKOUT = ErrorCode("not_a_checkout", "Pages are rendered in a checkout of the program.")

_SHOWN_CHARACTERS = 400
_SHOWN_FAULTS = 8


def register(app: typer.Typer) -> None:
    """Add the commands to the room."""

    @command(app, "pages", example="ategnatos knowledge pages")
    def list_pages(call: Call) -> Answer:
        """Every page: what it explains; read one with 'knowledge show NAME'."""
        from ategnatos.knowledge.pages.page import pages

        found = pages()
        return Answer(
            {"pages": [{"name": one.name, "title": one.title, "path": one.path} for one in found]},
            lambda console: draw(
                console, [Row(((one.name, "bold"),), [Line(one.title)]) for one in found]
            ),
            ("ategnatos knowledge search 'purple fringes'",),
        )

    @command(app, "search", example="ategnatos knowledge search 'purple fringes'")
    def search(
        call: Call,
        words: Annotated[list[str], typer.Argument(help="What you want to know.")],
        most: Annotated[int, typer.Option("--most", min=1, max=50, help="At most so many.")] = 5,
    ) -> Answer:
        """Find the answer: failures with their fixes, and parts of pages, best first."""
        from ategnatos.knowledge.pages import finding
        from ategnatos.knowledge.pages.entries import everything

        hits = finding.search(" ".join(words), list(everything()), most)
        return Answer(
            {
                "hits": [
                    {
                        "where": hit.entry.where,
                        "title": hit.entry.title,
                        "text": hit.entry.text,
                        "by": list(hit.by),
                        "score": round(hit.score, 3),
                    }
                    for hit in hits
                ]
            },
            lambda console: _draw_hits(console, hits),
            tuple(hit.entry.command for hit in hits[:1]) or ("ategnatos knowledge pages",),
        )

    @command(app, "diagnose", example="ategnatos knowledge diagnose train.log")
    def diagnose(
        call: Call,
        log: Annotated[Path, typer.Argument(help="The log of a run, or what a trainer printed.")],
    ) -> Answer:
        """Why a run failed: the cause, the line of its log that shows it, and what mends it."""
        from ategnatos.knowledge import failures
        from ategnatos.knowledge.log_end import lines_of

        told = failures.diagnose(lines_of(log))
        return Answer(
            {
                "log": str(log),
                "causes": [
                    {
                        "name": one.name,
                        "title": one.failure.title,
                        "cause": one.failure.cause,
                        "fix": list(one.failure.fix),
                        "smaller_batch_helps": one.failure.smaller_batch_helps,
                        "line": one.line,
                        "line_number": one.number,
                        "seen": one.seen,
                    }
                    for one in told
                ],
            },
            lambda console: _draw_causes(console, told),
        )

    @command(app, "check", example="ategnatos knowledge check")
    def check(call: Call) -> Answer:
        """Are the pages right: parts, tables, links, commands, sources, and the age of their facts?

        Exit 1 where one is wrong; facts that are due to be looked at again only warn.
        """
        from datetime import UTC, datetime

        from typer._click.globals import get_current_context

        from ategnatos.commands.known_commands import wrong_commands
        from ategnatos.knowledge.pages import checking
        from ategnatos.knowledge.pages.page import pages
        from ategnatos.studio import pack

        known = {one.path for one in pack.load()}
        root = get_current_context().find_root().command
        found = []
        for page in pages():
            found += checking.check(page, known, datetime.now(UTC).date())
            found += [checking.Finding(page.name, said) for said in wrong_commands(page.text, root)]
        for one in found:
            if not one.fatal:
                call.warn(f"{one.page}: {one.said}.")
        refuse([one for one in found if one.fatal])
        count = len(pages())
        return Answer(
            {"pages": count, "warnings": len(found)},
            lambda console: console.print(f"{count} pages, none of them wrong."),
        )

    @command(app, "render", example="ategnatos knowledge render", dry_run=True)
    def render(call: Call) -> Answer:
        """Make the tables of the pages anew from the data files. For a checkout of the program."""
        from ategnatos.grimoire.files import write_atomic
        from ategnatos.knowledge.pages import tables
        from ategnatos.knowledge.pages.page import pages
        from ategnatos.knowledge.pages.place import home

        place = checkout(home())
        changed: list[Page] = []
        for page in pages():
            text = tables.rendered(page.text)
            if text != page.text:
                changed.append(page)
                if not call.dry_run:
                    write_atomic(place / page.path, text.encode())
        told = ", ".join(one.name for one in changed) or "none"
        return Answer(
            {"changed": [one.name for one in changed]},
            lambda console: console.print(f"Pages with new tables: {told}."),
            ("ategnatos knowledge check",),
        )


def _draw_causes(console: Console, told: list[Diagnosis]) -> None:
    if not told:
        console.print("The log shows no failure that is known here.")
        return
    rows = []
    for place, one in enumerate(told):
        lines = [Line(one.failure.cause), *(Line(f"- {step}") for step in one.failure.fix)]
        where = f"line {one.number}: " if one.number else ""
        lines.append(Line(f"{where}{one.line[:200]}", "dim"))
        head = one.failure.title if place == 0 else f"Also seen: {one.failure.title}"
        rows.append(Row(((head, "bold"),), lines if place == 0 else lines[-1:]))
    draw(console, rows)


def refuse(faults: list[Finding]) -> None:
    """Raise StudioError (``pages_wrong``) where there is any."""
    if faults:
        told = "; ".join(f"{one.page}: {one.said}" for one in faults[:_SHOWN_FAULTS])
        raise StudioError(
            PAGES_WRONG,
            f"Faults in the pages: {len(faults)}. {told}"
            + ("; ..." if len(faults) > _SHOWN_FAULTS else "."),
            hint="Mend the pages; 'ategnatos knowledge render' makes their tables anew.",
            faults=[{"page": one.page, "said": one.said} for one in faults],
        )


def checkout(place: Traversable) -> Path:
    """``place`` as a folder of a checkout. Raises StudioError (``not_a_checkout``)."""
    if isinstance(place, Path) and place.name != "_pack":
        return place
    raise StudioError(
        NOT_A_CHECKOUT,
        "The pages of an installed program are part of it; nothing was written.",
        hint="Work in a checkout: git clone the repository, pip install -e '.[test]'.",
    )


def _draw_hits(console: Console, hits: list[Hit]) -> None:
    if not hits:
        console.print("Nothing was found. Try other words, or see 'ategnatos knowledge pages'.")
        return
    rows = []
    for hit in hits:
        text = hit.entry.text
        short = text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + " ..."
        rows.append(Row(((hit.entry.where, "bold"),), [Line(one) for one in short.splitlines()]))
    draw(console, rows)
