"""``train dataset show``: one dataset, its versions and its pictures."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Annotated, Any

import typer

from ategnatos.commands.contract import Answer, Call, command, room

app = room()


@command(app, "show", example="ategnatos train dataset show ann --pictures")
def show(
    call: Call,
    name: Annotated[str, typer.Argument(help="The dataset.")],
    version: Annotated[
        int, typer.Option("--version", metavar="N", help="An older version; default: the newest.")
    ] = 0,
    pictures: Annotated[bool, typer.Option("--pictures", help="Every picture, too.")] = False,
) -> Answer:
    """One dataset: its versions, what is in it, what is set aside."""
    from ategnatos.train.dataset import record

    project = call.project()
    row = record.row(project, name)
    shown = record.load(project, name, version or None)
    rights = Counter(one.rights.kind for one in shown.pictures)
    authors = Counter(one.caption.author for one in shown.pictures if one.caption)
    data: dict[str, Any] = {
        "name": name,
        "version": shown.number,
        "digest": shown.digest(),
        "pictures": len(shown.pictures),
        "bytes": sum(one.size for one in shown.pictures),
        "captions": dict(authors),
        "rights": dict(rights),
        "settings": shown.settings,
        "versions": [one.model_dump(mode="json") for one in row.versions],
        "quarantine": [one.model_dump(mode="json", exclude={"was"}) for one in row.quarantine],
    }
    if pictures:
        data["files"] = [asdict(one) for one in shown.pictures]
    lines = [
        f"{name}, version {shown.number} of {len(row.versions)} ({shown.at}, {shown.actor})",
        f"  {len(shown.pictures)} pictures, {data['bytes']:,} bytes, digest {data['digest'][:16]}",
        f"  captions: {_counted(authors) or 'none'}",
        f"  rights: {_counted(rights) or 'none'}",
        *(
            f"  version {one.number}: {one.pictures} pictures, {one.because} ({one.at})"
            for one in row.versions
        ),
        *(f"  set aside: {one.name} ({one.because})" for one in row.quarantine),
    ]
    if pictures:
        lines += [
            f"  {one.name}  {one.width}x{one.height}  {one.sha256[:12]}"
            + (f"  {one.caption.text}" if one.caption else "")
            for one in shown.pictures
        ]
    return Answer(data, "\n".join(lines), (f"ategnatos train dataset audit {name}",))


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{number} {what}" for what, number in counts.most_common())
