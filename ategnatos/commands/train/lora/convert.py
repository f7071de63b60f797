"""``train lora convert``: the same LoRA under the names that another program reads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ategnatos.commands.contract import Answer, Call, command, room

app = room()


@command(
    app,
    "convert",
    example="ategnatos train lora convert owl.safetensors --to diffusers --out owl-d.safetensors",
    dry_run=True,
)
def convert(
    call: Call,
    file: Annotated[Path, typer.Argument(help="A .safetensors file.")],
    to: Annotated[str, typer.Option("--to", help="kohya, diffusers or comfyui.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The new file.")],
    family: Annotated[str, typer.Option("--family", help="Where the file does not tell it.")] = "",
    higher_rank: Annotated[
        bool,
        typer.Option(
            "--higher-rank", help="Lay layers that are one there side by side, at a higher rank."
        ),
    ] = False,
) -> Answer:
    """The same under other names; every number stays. What cannot be said unchanged is refused."""
    from ategnatos.commands.train.lora.files import family_of
    from ategnatos.train.lora import converting

    known = family or family_of(file)
    made = converting.convert(file, out, to, known, higher_rank=higher_rank, write=not call.dry_run)
    did = "Would write" if call.dry_run else "Wrote"
    return Answer(
        {
            "file": str(made.path),
            "from": made.before,
            "to": made.after,
            "family": known,
            "layers": made.layers,
            "raised": {one.layer: [one.before, one.after] for one in made.raised},
            "notes": list(made.notes),
            "dry_run": call.dry_run,
        },
        "\n".join(
            [
                f"{did} {made.path}: {made.layers} layers, {made.before} to {made.after}"
                f" ({known or 'family unknown'}).",
                *made.notes,
            ]
        ),
    )
