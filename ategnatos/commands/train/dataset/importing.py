"""``train dataset import``: pictures from folders, zips and the studio become a dataset."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from ategnatos.commands.contract import Answer, Call, command, room

app = room()
_SHOWN = 10


@command(
    app,
    "import",
    example="ategnatos train dataset import ~/ann pictures.zip --as ann",
    dry_run=True,
)
def bring_in(
    call: Call,
    name: Annotated[str, typer.Option("--as", metavar="NAME", help="The dataset's name.")],
    sources: Annotated[
        list[Path] | None, typer.Argument(metavar="SRC", help="Folders and zips.")
    ] = None,
    approved: Annotated[
        bool, typer.Option("--approved", help="The studio's approved assets, with their prompts.")
    ] = False,
    query: Annotated[
        str, typer.Option("--query", metavar="WORDS", help="Only assets that these words name.")
    ] = "",
) -> Answer:
    """Take pictures and the captions beside them into a dataset; the sources stay as they are."""
    from ategnatos.commands.train.dataset.watching import watched
    from ategnatos.grimoire.content import check_name
    from ategnatos.guard.actor import actor
    from ategnatos.train.dataset.importing import bring, kohya_folders

    project = call.project()
    name = check_name(name, "name of the dataset")
    wanted = query if approved or query else None
    offered = bring.gather(project, sources or [], wanted)
    pictures = sum(len(one.pictures) for one in offered)
    if call.dry_run:
        captions = sum(one.caption is not None for offers in offered for one in offers.pictures)
        left = [one for offers in offered for one in offers.left_out]
        data: dict[str, Any] = {
            "pictures": pictures,
            "captions": captions,
            "left_out": [{"name": what, "why": why} for what, why in left],
        }
        lines = [
            f"{pictures} pictures and {captions} captions would go into {name!r}.",
            *_left(left),
        ]
        return Answer(data, "\n".join(lines))
    with watched(call, "importing") as show:
        brought = bring.bring(
            project,
            name,
            offered,
            actor=actor(),
            now=datetime.now(UTC),
            progress=lambda done, total: show(_Step(done, total)),
        )
    version = brought.version
    assert version is not None
    concepts = kohya_folders.recommended(version.pictures)
    data = {
        "name": name,
        "version": version.number,
        "digest": version.digest(),
        "pictures": len(version.pictures),
        "added": brought.added,
        "replaced": brought.replaced,
        "unchanged": brought.unchanged,
        "captions": brought.captions,
        "concepts": concepts,
        "left_out": [{"name": what, "why": why} for what, why in brought.left_out],
    }
    lines = [
        f"{name}, version {version.number}: {len(version.pictures)} pictures"
        f" ({len(brought.added)} added, {len(brought.replaced)} replaced,"
        f" {brought.unchanged} as before), {brought.captions} captions read.",
        *_left(brought.left_out),
    ]
    if concepts:
        lines.append(
            f"The folders are kohya's; what they say is kept: {concepts.replace(',', ', ')}"
        )
    return Answer(data, "\n".join(lines), (f"ategnatos train dataset audit {name}",))


class _Step:
    def __init__(self, done: int, total: int) -> None:
        self.done, self.total = done, total


def _left(left: list[tuple[str, str]]) -> list[str]:
    lines = [f"  left out: {name} ({why})" for name, why in left[:_SHOWN]]
    if len(left) > _SHOWN:
        lines.append(f"  and {len(left) - _SHOWN} more left out (--json lists them)")
    return lines
