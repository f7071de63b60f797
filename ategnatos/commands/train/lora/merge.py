"""``train lora merge``: several LoRAs as one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ategnatos.commands.contract import Answer, Call, command, room

app = room()


@command(
    app,
    "merge",
    example="ategnatos train lora merge a.safetensors:0.8 b.safetensors:0.5 --out c.safetensors",
    dry_run=True,
)
def merge(
    call: Call,
    files: Annotated[list[str], typer.Argument(metavar="FILE[:WEIGHT]...", help="Two or more.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The new file.")],
    precision: Annotated[
        str, typer.Option("--precision", help="fp16, bf16 or fp32; default: the widest of them.")
    ] = "",
) -> Answer:
    """Their weighted sum, exact: ranks add up. 'resize' makes the result smaller."""
    from ategnatos.art.inputs import parse_lora
    from ategnatos.commands.train.lora.files import family_of, rounded, stored_as
    from ategnatos.train.lora import merging

    uses = [parse_lora(text) for text in files]
    parts = [merging.Part(Path(one.path), one.weight, family_of(Path(one.path))) for one in uses]
    stored = stored_as(precision)
    made = merging.merge(parts, out, stored, write=not call.dry_run)
    ranks = sorted(set(made.ranks.values()))
    told = f"{len(made.ranks)} layers, rank {ranks[0]}" + (
        f" to {ranks[-1]}" if len(ranks) > 1 else ""
    )
    lines = [
        f"{'Would write' if call.dry_run else 'Wrote'} {out}: {told}.",
        *(
            f"  {one.path.name} at {one.weight:g} ({one.family or 'family unknown'})"
            for one in parts
        ),
        *([] if call.dry_run else [rounded(made.error)]),
        "Use it at weight 1: the weights are in it.",
    ]
    return Answer(
        {
            "file": str(out),
            "parts": [
                {"file": str(one.path), "weight": one.weight, "family": one.family} for one in parts
            ],
            "ranks": made.ranks,
            "precision": made.precision,
            "error": made.error,
            "dry_run": call.dry_run,
        },
        "\n".join(lines),
        ()
        if call.dry_run
        else (f"ategnatos train lora resize {out} --keep 0.99 --out SMALL.safetensors",),
    )
