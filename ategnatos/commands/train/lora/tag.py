"""``train lora tag``: what a file says of itself, written into a copy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ategnatos.commands.contract import USAGE, Answer, Call, command, room
from ategnatos.grimoire.errors import StudioError

app = room()


@command(
    app,
    "tag",
    example="ategnatos train lora tag owl.safetensors trigger='zrvk owl' --out owl-2.safetensors",
    dry_run=True,
)
def tag(
    call: Call,
    file: Annotated[Path, typer.Argument(help="A .safetensors file.")],
    values: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME=VALUE...", help="title, trigger, author, licence ..."),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="The new file.")] = None,
) -> Answer:
    """Write metadata into a copy; no tensor is touched. An empty value takes a key out."""
    from ategnatos.train.lora import tagging
    from ategnatos.train.lora.file import LoraFile

    given = tagging.parse(values or [])
    if not given or out is None:
        raise StudioError(
            USAGE,
            "Say what to write and where to; nothing was written.",
            hint=f"ategnatos train lora tag {file} trigger='...' --out NEW.safetensors",
        )
    if call.dry_run:
        before = LoraFile(file).metadata
        changed = {
            key: (before.get(key, ""), value)
            for key, value in given.items()
            if before.get(key, "") != value
        }
    else:
        changed = tagging.tag(file, out, given)
    lines = [f"{key}: {was or '-'} -> {now or '-'}" for key, (was, now) in changed.items()]
    lines.append(
        f"Would write {out}." if call.dry_run else f"Wrote {out}; the tensors are as they were."
    )
    return Answer(
        {
            "file": str(out),
            "changed": {key: {"from": was, "to": now} for key, (was, now) in changed.items()},
            "dry_run": call.dry_run,
        },
        "\n".join(lines),
    )
