"""``art compare``: pictures side by side, every setting that differs, the prompts word by word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.art import present
from ategnatos.commands.contract import Answer, Call, command
from ategnatos.commands.terminal import plain

if TYPE_CHECKING:
    from rich.console import Console

    from ategnatos.art.compare import Comparison, Side
    from ategnatos.grimoire.jobs.database import Database
    from ategnatos.grimoire.jobs.store import Job
    from ategnatos.prompts.diff import Difference
    from ategnatos.prompts.tree import Notation


def register(app: typer.Typer) -> None:
    """Add the verb of this module to the art room."""
    command(app, "compare", example="ategnatos art compare 'j1#1' 'j2#3'")(compare)


def compare(
    call: Call,
    names: Annotated[
        list[str],
        typer.Argument(help="Two to four candidates ('j1#2'), versions (v3) or jobs (j4)."),
    ],
) -> Answer:
    """Draw pictures side by side, and say exactly what differs in how they were made."""
    from ategnatos.art import compare as room
    from ategnatos.grimoire.jobs import database

    project = call.project()
    with database.connect(project) as db:
        sides = [
            _side(call, db, label, name)
            for label, name in zip(room.LABELS + "?" * len(names), names, strict=False)
        ]
    found = room.compare(sides, [notation_of(one.job) for one in sides])
    path = room.write_sheet(project, found)

    def words(console: Console) -> None:
        for one in found.sides:
            verdict = f"  {one.picture.verdict}" if one.picture.verdict else ""
            told = f"{one.label}  {one.name}  {one.job.asked}{verdict}"
            console.print(plain(told), soft_wrap=True)
        _draw(console, found)
        console.print(f"Picture: {present.relative(path)}")

    return Answer({**_facts(found), "sheet": str(path)}, words)


def _side(call: Call, db: Database, label: str, name: str) -> Side:
    from ategnatos.art import naming
    from ategnatos.art.compare import Side
    from ategnatos.grimoire.jobs import store

    one, note = naming.candidate(db, name)
    if note:
        call.warn(note)
    called = one.reference
    if naming.names_version(name):
        version = naming.named(db, name)
        assert version.asset is not None
        assert version.version is not None
        called = f"{version.asset.name} {version.version.name} ({one.reference})"
    return Side(label, called, store.get(db, one.job), one)


def notation_of(job: Job) -> Notation:
    """How the prompt of a job is written."""
    from ategnatos.art.manners import manner_of

    families = ("starter",) if job.engine == "starter" else ()
    return manner_of(families, job.request.get("family")).notation


def _facts(found: Comparison) -> dict[str, Any]:
    from ategnatos.prompts.diff import marked

    def told(words: dict[str, tuple[Difference, ...]]) -> dict[str, Any]:
        return {
            label: {
                "plain": marked(list(some)),
                "words": [
                    {
                        "change": one.kind,
                        "word": one.text,
                        "before": one.before,
                        "after": one.after,
                    }
                    for one in some
                    if one.kind != "same"
                ],
            }
            for label, some in words.items()
        }

    return {
        "pictures": [
            {
                "label": one.label,
                "name": one.name,
                "candidate": one.picture.reference,
                "prompt": one.job.asked,
                "prompt_used": one.job.request["prompt"],
                "negative": one.job.request["negative"],
                "verdict": one.picture.verdict,
                "reason": one.picture.reason,
                "change": one.job.change,
            }
            for one in found.sides
        ],
        "differs": [
            {"name": one.name, "values": one.values} for one in found.settings if one.differs
        ],
        "same": {
            one.name: next(iter(one.values.values())) for one in found.settings if not one.differs
        },
        "prompt": told(found.words),
        "negative": told(found.negative_words),
    }


def _draw(console: Console, found: Comparison) -> None:
    from ategnatos.commands.art.difference import coloured

    for title, words in (("prompt", found.words), ("negative", found.negative_words)):
        for label, some in words.items():
            if any(one.kind != "same" for one in some):
                console.print(coloured(f"  {title} A -> {label}: ", list(some)), soft_wrap=True)
    for setting in found.settings:
        if setting.differs:
            values = "  ".join(
                f"{label} {'none' if value is None else value}"
                for label, value in setting.values.items()
            )
            console.print(plain(f"  {setting.name}: {values}"), soft_wrap=True)
    same = [one.name for one in found.settings if not one.differs]
    console.print(plain(f"  the same: {', '.join(same) or 'nothing'}"), soft_wrap=True)
