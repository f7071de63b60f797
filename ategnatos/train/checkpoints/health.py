"""What the numbers of a LoRA say of its training: how strong it is, which layers learned nothing.

A layer of a LoRA begins with one half at zero, so that it changes nothing. What is still zero after
a save was never trained (it is left out, or its gradient never came). The strength is the norm of
all that the file adds to the model at weight 1; it grows slowly in a sound training, and by a jump
where the training leaves its way.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from ategnatos.grimoire.errors import StudioError

# A save that is so many times as strong as the one before has left its way.
JUMP = 5.0
_MOST_NAMED = 8


def look(path: Path, before: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Figures of a LoRA file as JSON values; {} for what is no pair of matrices (LoKr, DoRA ...).

    ``strength``: the norm of the whole change. ``layers`` and, of them, ``dead`` with up to eight
    names. ``strongest`` is a layer's name, ``strongest_share`` its part of the squared strength,
    ``median`` the norm of a usual layer. ``says`` are sentences for people. ``before`` are the
    figures of the save before.
    """
    import numpy as np

    from ategnatos.train.lora.file import LoraFile

    try:
        file = LoraFile(path)
        if file.other_kind:
            return {}
        with np.errstate(over="raise", invalid="raise"):
            norms = {name: file.norm(layer) for name, layer in file.layers.items()}
            strength = math.hypot(*norms.values())
    except StudioError:
        return {}  # no LoRA: a whole model's weights, or an adapter of another kind
    except FloatingPointError:
        said = "Its numbers are beyond all measure: the training has left its way."
        return {"strength": None, "layers": len(file.layers), "dead": 0, "says": [said]}
    dead = [name for name, norm in norms.items() if norm == 0]
    strongest = max(norms, key=lambda name: norms[name])
    share = (norms[strongest] / strength) ** 2 if strength else 0.0
    figures = {
        "strength": strength,
        "layers": len(norms),
        "dead": len(dead),
        "dead_names": dead[:_MOST_NAMED],
        "strongest": strongest,
        "strongest_share": share,
        "median": median(norms.values()),
    }
    return {**figures, "says": _says(figures, before or {})}


# --- inside -----------------------------------------------------------------------------------


def _says(figures: Mapping[str, Any], before: Mapping[str, Any]) -> list[str]:
    said = []
    layers, dead, strength = figures["layers"], figures["dead"], figures["strength"]
    if dead == layers:
        said.append(
            "It changes nothing: every layer is at zero. Nothing was learned; look at the "
            "learning rate, and whether the optimizer got the LoRA's layers at all."
        )
    elif dead:
        said.append(
            f"{dead} of {layers} layers learned nothing (such as {figures['dead_names'][0]}): "
            "they were left out, or nothing reached them."
        )
    known = before.get("strength") or 0.0
    if known and strength > JUMP * known:
        said.append(
            f"It is {strength / known:.0f} times as strong as the save before: the training has "
            "left its way, or its rate is far too high."
        )
    if layers > _MOST_NAMED and figures["strongest_share"] > 0.5:
        said.append(
            f"More than half of its strength is in one layer ({figures['strongest']}): it will "
            "look burnt at full weight."
        )
    return said
