"""``art import``: pictures that were made elsewhere, into the record."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import USAGE, Answer, Call, command
from ategnatos.commands.terminal import plain
from ategnatos.grimoire.errors import StudioError

if TYPE_CHECKING:
    from rich.console import Console

    from ategnatos.art.importing import Adopted, Skipped

_SHOWN = 20
_LONGEST = 400


def register(app: typer.Typer) -> None:
    """Add the verb of this module to the art room."""
    command(app, "import", example="ategnatos art import old-pictures/", dry_run=True)(import_)


def import_(
    call: Call,
    path: Annotated[Path, typer.Argument(help="A picture, or a folder: with all below it.")],
    source: Annotated[
        str, typer.Option("--source", help="Where they come from, in your words.")
    ] = "",
    rights: Annotated[
        str, typer.Option("--rights", help="Who may use them, like 'mine' or 'CC0-1.0'.")
    ] = "unknown",
) -> Answer:
    """Adopt pictures with what they say of their making. The same file again is no second one."""
    from ategnatos.art import importing
    from ategnatos.grimoire.jobs import database
    from ategnatos.guard.actor import actor

    for name, text in (("--source", source), ("--rights", rights)):
        if len(text) > _LONGEST:
            raise StudioError(
                USAGE,
                f"{name} is longer than {_LONGEST} characters; nothing was imported.",
                hint="Say it in a line.",
            )
    project = call.project()
    files, skipped = importing.pictures_in(path)
    origin = importing.Origin(source.strip(), rights.strip() or importing.UNKNOWN_RIGHTS)
    adopted: list[Adopted] = []
    with database.connect(project) as db:
        for number, file in enumerate(files, start=1):
            try:
                one = importing.adopt(
                    project,
                    db,
                    file,
                    origin,
                    actor=actor(),
                    now=lambda: datetime.now(UTC),
                    dry_run=call.dry_run,
                )
            except StudioError as error:
                # One file named, or a refusal of the studio's own, is no file to leave behind.
                if len(files) == 1 or not error.code.code.startswith("picture_"):
                    raise
                skipped.append(importing.Skipped(importing.shown(file), error.message))
                continue
            adopted.append(one)
            if number % 50 == 0:
                call.say(f"{number} of {len(files)} files")
    return _answer(call, adopted, skipped, origin.rights)


def _answer(call: Call, adopted: list[Adopted], skipped: list[Skipped], rights: str) -> Answer:
    fresh = [one for one in adopted if one.fresh]
    data: dict[str, Any] = {
        "dry_run": call.dry_run,
        "imported": len(fresh),
        "known": len(adopted) - len(fresh),
        "rights": rights,
        "pictures": [
            {
                "file": one.file,
                "candidate": one.candidate or None,
                "path": str(one.path),
                "sha256": one.sha256,
                "tool": one.tool,
                "prompt": one.prompt,
                "fresh": one.fresh,
                "problems": list(one.problems),
            }
            for one in adopted
        ],
        "skipped": [{"file": one.file, "reason": one.reason} for one in skipped],
    }
    if fresh and rights == "unknown":
        call.warn(
            "Who may use them is unknown. They can be looked at and varied; a release under a"
            " commercial policy is refused. If you know it, import them again with --rights."
        )

    def words(console: Console) -> None:
        verb = "Would import" if call.dry_run else "Imported"
        console.print(f"{verb} {len(fresh)}, known already {len(adopted) - len(fresh)}")
        for one in adopted[:_SHOWN]:
            made = f"  made with {one.tool}" if one.tool else ""
            name = one.candidate or "new"
            console.print(plain(f"  {name}  {one.file}{made}  {one.prompt[:60]!r}"), soft_wrap=True)
        if len(adopted) > _SHOWN:
            console.print(f"  and {len(adopted) - _SHOWN} more (--json shows all)")
        for skip in skipped[:_SHOWN]:
            console.print(plain(f"  left: {skip.file}: {skip.reason}"), soft_wrap=True)

    steps: tuple[str, ...] = ()
    if adopted and not call.dry_run:
        first = adopted[0].candidate
        steps = (
            f"ategnatos art show '{first}'",
            f"ategnatos art vary '{first}' --change '...'",
            f"ategnatos art approve '{first}'",
        )
    return Answer(data, words, steps)
