"""What is in a LoRA file: networks, ranks, how strong each layer is, and what it says of itself."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from ategnatos.grimoire.files import sha256_file
from ategnatos.train.lora import spelling
from ategnatos.train.lora.file import LoraFile

_STRONGEST = 8


def show(path: Path) -> dict[str, Any]:
    """Facts of a file as JSON values. Raises StudioError (``header_invalid``, ``lora_file``)."""
    file = LoraFile(path)
    facts: dict[str, Any] = {
        "path": str(path),
        "bytes": path.stat().st_size,
        "sha256": sha256_file(path),
        "kind": file.other_kind or "LoRA",
        "spelling": file.spelling,
        "tensors": len(file.header.tensors),
        "parameters": file.header.parameters,
        "precision": dict(Counter(one.dtype for one in file.header.tensors.values())),
        "metadata": dict(sorted(file.metadata.items())),
    }
    if file.other_kind:
        return facts
    rows: list[dict[str, Any]] = []
    for name, layer in file.layers.items():
        down = file.header.tensors[layer.down].shape
        rows.append(
            {
                "layer": name,
                "rank": layer.rank,
                "scale": file.scale(layer),
                "norm": file.norm(layer),
                "kind": "linear" if len(down) == 2 else f"conv {down[2]}x{down[3]}",
            }
        )
    facts["networks"] = dict(Counter(spelling.matched(one["layer"])[0] for one in rows))
    facts["ranks"] = {
        str(rank): count for rank, count in sorted(Counter(one["rank"] for one in rows).items())
    }
    facts["layers"] = rows
    facts["strongest"] = [
        one["layer"] for one in sorted(rows, key=lambda one: -one["norm"])[:_STRONGEST]
    ]
    return facts
