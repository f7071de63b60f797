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
) -> Answer:
    """Rename its layers; every number stays. What cannot be said unchanged is refused."""
    from ategnatos.commands.train.lora.files import family_of, plan_only
    from ategnatos.train.lora import converting

    known = family or family_of(file)
    if call.dry_run:
        plan_only(file, out)
        converting.names_for(file, to, known)
        return Answer(
            {"file": str(out), "to": to, "family": known, "dry_run": True},
            f"{file} can be said as {to}, number for number. Would write {out}.",
        )
    made = converting.convert(file, out, to, known)
    return Answer(
        {
            "file": str(made.path),
            "from": made.before,
            "to": made.after,
            "family": known,
            "layers": made.layers,
            "notes": list(made.notes),
            "dry_run": False,
        },
        "\n".join(
            [
                f"Wrote {made.path}: {made.layers} layers, {made.before} to {made.after}.",
                *made.notes,
            ]
        ),
    )
