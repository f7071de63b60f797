"""``train lora show``: what is in a LoRA file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ategnatos.commands.contract import Answer, Call, command, room

app = room()
_ROWS = 8


@command(app, "show", example="ategnatos train lora show owl.safetensors")
def show(
    call: Call,
    file: Annotated[Path, typer.Argument(help="A .safetensors file.")],
    layers: Annotated[
        bool, typer.Option("--layers", help="Every layer, not the strongest.")
    ] = False,
) -> Answer:
    """Family, trigger, ranks, the strength of each layer, and every word of its metadata."""
    from ategnatos.commands.train.lora.files import family_of
    from ategnatos.studio.models.lora_facts import read
    from ategnatos.train.lora.showing import show as facts_of

    facts = facts_of(file)
    said = read(facts["metadata"])
    facts |= {"family": family_of(file), "triggers": list(said.triggers), "said": said.facts}
    return Answer(facts, "\n".join(_lines(facts, layers)))


def _lines(facts: dict[str, Any], every: bool) -> list[str]:
    lines = [
        f"{facts['path']}: {facts['kind']}, {facts['bytes']:,} bytes, family"
        f" {facts['family'] or 'unknown'}, spelled as {facts['spelling']}",
        f"  sha256 {facts['sha256']}",
    ]
    if facts["triggers"]:
        lines.append(f"  trigger {', '.join(facts['triggers'])}")
    lines += [f"  {name}: {value}" for name, value in facts["said"].items()]
    rows = facts.get("layers")
    if rows is None:
        return [*lines, "  Its tensors are no pairs of matrices: no ranks to show."]
    ranks = ", ".join(f"{rank} in {count}" for rank, count in facts["ranks"].items())
    lines.append(f"  {len(rows)} layers, rank {ranks}; {facts['precision']}")
    strongest = sorted(rows, key=lambda one: -one["norm"])
    shown = rows if every else strongest[:_ROWS]
    lines.append("  every layer:" if every else "  the strongest at weight 1 (norm of the change):")
    lines += [
        f"    {one['norm']:8.3f}  rank {one['rank']:<4} scale {one['scale']:<6g} {one['layer']}"
        f" ({one['kind']})"
        for one in shown
    ]
    return lines
