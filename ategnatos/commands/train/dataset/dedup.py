"""``train dataset dedup``: which pictures are the same, and which of them to keep."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from ategnatos.commands.contract import Answer, Call, command, room

app = room()
_SHOWN = 40
_KINDS = {
    "bytes": "the same bytes",
    "pixels": "the same pixels",
    "near": "the same picture",
    "series": "a series (not duplicates)",
}


@command(app, "dedup", example="ategnatos train dataset dedup ann --apply")
def dedup(
    call: Call,
    name: Annotated[str, typer.Argument(help="The dataset.")],
    apply: Annotated[
        bool, typer.Option("--apply", help="Set all but the best of each group aside.")
    ] = False,
    hashes: Annotated[
        bool, typer.Option("--hashes", help="With --json: the hashes of every picture.")
    ] = False,
) -> Answer:
    """Groups of the same picture, with the best one and why; nothing moves without --apply."""
    from ategnatos.commands.train.dataset.watching import watched
    from ategnatos.guard.actor import actor
    from ategnatos.train.dataset import quarantine, record
    from ategnatos.train.dataset.duplicates.of_version import duplicates

    project = call.project()
    version = record.load(project, name)
    with watched(call, "looking") as show:
        compared, names = duplicates(project, version, progress=show)
    groups = compared.groups
    numbers = {file: n for n, file in enumerate(names)}
    keepers = {
        file: group.keep
        for group in groups
        if group.kind != "series"
        for file in group.files
        if file != group.keep
    }
    how = {file: said for group in groups for file, said in group.how.items()}
    copies = {file: f"the same as {keep}: {how.get(file, '')}" for file, keep in keepers.items()}
    data: dict[str, Any] = {
        "name": name,
        "version": version.number,
        "digest": version.digest(),
        "groups": [
            {
                "kind": group.kind,
                "files": list(group.files),
                "keep": group.keep,
                "why": group.why,
                "how": group.how,
                "leak": group.leak,
                "hashes": {file: compared.hashes.as_hex(numbers[file]) for file in group.files},
            }
            for group in groups
        ],
        "copies": sorted(copies),
        "moved": [],
        "handed": [],
    }
    if hashes:
        data["hashes"] = {file: compared.hashes.as_hex(n) for file, n in numbers.items()}
    lines: list[str] = []
    for group in groups[:_SHOWN]:
        lines.append(f"{_KINDS[group.kind]}:")
        for file in group.files:
            if file == group.keep:
                lines.append(f"  keep  {file}: {group.why}")
            else:
                lines.append(f"        {file}" + (f": {group.how[file]}" if group.how else ""))
        if group.leak:
            lines.append("        training and validation both hold it")
    if len(groups) > _SHOWN:
        lines.append(f"and {len(groups) - _SHOWN} more groups (--json lists them)")
    lines.append(f"{len(copies)} of {len(version.pictures)} pictures are copies of another.")
    steps: tuple[str, ...] = (f"ategnatos train dataset audit {name}",)
    if copies and apply:
        moved = quarantine.set_aside(
            project, name, copies, actor=actor(), now=datetime.now(UTC), keepers=keepers
        )
        data |= {"moved": list(moved.names), "version": moved.version.number}
        data["digest"] = moved.version.digest()
        for file, keep in moved.handed.items():
            said = moved.version.by_name()[keep].caption
            assert said is not None
            data["handed"].append({"from": file, "to": keep, "author": said.author})
            lines.append(
                f"{keep} had no caption and has that of {file} now, by {said.author}. Look whether"
                f" it is true of it ({how.get(file) or 'a copy'}): {said.text}"
            )
        lines.append(f"{len(copies)} are set aside; this is version {moved.version.number} now.")
        steps = (f"ategnatos train dataset quarantine {name} --undo",)
    elif copies:
        steps = (f"ategnatos train dataset dedup {name} --apply",)
    return Answer(data, "\n".join(lines), steps)
