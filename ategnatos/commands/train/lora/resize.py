"""``train lora resize``: a smaller rank, and what that loses, layer by layer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ategnatos.commands.contract import Answer, Call, command, room

if TYPE_CHECKING:
    from ategnatos.train.lora.resizing import Cut

app = room()
_ROWS = 8


@command(
    app,
    "resize",
    example="ategnatos train lora resize owl.safetensors --rank 8 --out owl-8.safetensors",
    dry_run=True,
)
def resize(
    call: Call,
    file: Annotated[Path, typer.Argument(help="A .safetensors file.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The new file.")],
    rank: Annotated[int, typer.Option("--rank", help="At most so many a layer.")] = 0,
    keep: Annotated[
        float, typer.Option("--keep", help="Keep this share of a layer's energy: 0 to 1.")
    ] = 0.0,
    precision: Annotated[
        str, typer.Option("--precision", help="fp16, bf16 or fp32; default: as before.")
    ] = "",
) -> Answer:
    """The best smaller LoRA there is, by singular values; what it lost is said per layer."""
    from dataclasses import asdict

    from ategnatos.commands.train.lora.files import rounded, stored_as
    from ategnatos.train.lora import resizing

    made = resizing.resize(
        file, out, rank=rank, keep=keep, precision=stored_as(precision), write=not call.dry_run
    )
    before, after = (sum(getattr(one, side) for one in made.cuts) for side in ("before", "after"))
    lines = [
        f"{'Would write' if call.dry_run else 'Wrote'} {out}: ranks {before} -> {after} over"
        f" {len(made.cuts)} layers; the layer that lost most kept {_share(made.least)}.",
        *(
            f"  {one.before:>4} -> {one.after:<4} kept {_share(one)}  {one.layer}"
            for one in sorted(made.cuts, key=lambda one: one.kept)[:_ROWS]
        ),
        *([] if call.dry_run else [rounded(made.error)]),
    ]
    return Answer(
        {
            "file": str(out),
            "layers": [asdict(one) for one in made.cuts],
            "least": asdict(made.least),
            "error": made.error,
            "dry_run": call.dry_run,
        },
        "\n".join(lines),
    )


def _share(one: Cut) -> str:
    return f"{one.kept:.2%}"
