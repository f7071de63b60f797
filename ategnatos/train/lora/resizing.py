"""A LoRA of a smaller rank: of each layer's change, what matters most, by singular values.

The change ``B A`` of rank ``r`` is taken apart without ever being made: QR of both, then an SVD
of ``r x r``. What is cut off is said per layer, as the share of the squared singular values kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.starter.threads import one_core_a_product
from ategnatos.train.lora.file import LoraFile
from ategnatos.train.lora.writing import STALE, Spool, check_free

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

LORA_RESIZE = ErrorCode("lora_resize", "The LoRA cannot be made smaller in that way.")


@dataclass(frozen=True, slots=True)
class Cut:
    """One layer: rank before and after, and the share of its energy that was kept (0 to 1)."""

    layer: str
    before: int
    after: int
    kept: float


@dataclass(frozen=True, slots=True)
class Resized:
    """The layers in the order of the file. ``error`` as in ``merging.Merged``."""

    path: Path
    cuts: tuple[Cut, ...]
    precision: str
    error: float

    @property
    def least(self) -> Cut:
        """The layer that lost most."""
        return min(self.cuts, key=lambda one: one.kept)


def resize(
    source: Path,
    target: Path,
    *,
    rank: int = 0,
    keep: float = 0.0,
    precision: str = "",
    write: bool = True,
) -> Resized:
    """Write ``source`` with at most ``rank`` a layer, or as many as keep the share ``keep`` of
    its energy; with both, whichever is smaller. Without ``write`` no file is left.

    Raises StudioError (``lora_resize``, ``lora_file``, ``lora_exists``).
    """
    if rank < 0 or not 0 <= keep <= 1 or not (rank or keep):
        raise StudioError(
            LORA_RESIZE,
            f"A rank of {rank} that keeps {keep:g} cannot be; nothing was written.",
            hint="Say --rank N (1 or more), --keep SHARE (above 0, up to 1), or both.",
        )
    check_free(target)
    file = LoraFile(source)
    cuts, worst = [], 0.0
    kohya = file.spelling == "kohya"
    ends = (
        (".lora_down.weight", ".lora_up.weight") if kohya else (".lora_A.weight", ".lora_B.weight")
    )
    # Small products: BLAS's own threads would spend their time waiting for each other.
    with one_core_a_product(), Spool(target) as spool:
        for name, layer in file.layers.items():
            down, up, scale = file.factors(layer)
            stored = precision or _own(file.header.tensors[layer.down].dtype)
            fewer_down, fewer_up, kept = truncated(down, up, scale, rank, keep)
            for error in (
                spool.add(name + ends[0], fewer_down, stored),
                spool.add(name + ends[1], fewer_up, stored),
            ):
                worst = max(worst, error)
            spool.add(f"{name}.alpha", np.array(len(fewer_down), np.float32), "F32")
            cuts.append(Cut(name, layer.rank, len(fewer_down), kept))
        if not np.isfinite(worst):
            raise StudioError(
                LORA_RESIZE,
                f"{source.name} was not made smaller: a number is too large for fp16. Nothing was"
                " written.",
                hint="Add --precision fp32.",
                path=str(source),
            )
        if write:
            spool.finish(_metadata(file, cuts))
    return Resized(target, tuple(cuts), precision or "as before", worst)


def truncated(
    down: Floats, up: Floats, scale: float, rank: int, keep: float
) -> tuple[Floats, Floats, float]:
    """The best matrices of a smaller rank for ``scale * up @ down``, whose own scale is 1, and
    the share of the energy that they keep.
    """
    tall = up.reshape(len(up), -1).astype(np.float64) * scale
    wide = down.reshape(len(down), -1).astype(np.float64)
    left, left_core = np.linalg.qr(tall)
    right, right_core = np.linalg.qr(wide.T)
    inner_left, values, inner_right = np.linalg.svd(left_core @ right_core.T)
    energy = np.cumsum(values**2)
    whole = energy[-1]
    wanted = len(values)
    if keep and whole:
        # A hair below, so that rounding never asks for one more.
        wanted = int(np.searchsorted(energy, keep * whole * (1 - 1e-12)) + 1)
    count = max(1, min(wanted, rank or wanted, len(values)))
    root = np.sqrt(values[:count])
    fewer_up = (left @ inner_left[:, :count]) * root
    fewer_down = (root[:, None] * inner_right[:count]) @ right.T
    kept = float(energy[count - 1] / whole) if whole else 1.0
    return (
        fewer_down.reshape(count, *down.shape[1:]).astype(np.float32),
        fewer_up.reshape(len(up), count, *up.shape[2:]).astype(np.float32),
        min(1.0, kept),
    )


def _metadata(file: LoraFile, cuts: list[Cut]) -> dict[str, str]:
    ranks = {one.after for one in cuts}
    rank = str(ranks.pop()) if len(ranks) == 1 else "Dynamic"
    kept = {
        key: value
        for key, value in file.metadata.items()
        if key not in STALE and key != "lora_adapter_metadata"
    }
    return {**kept, "ss_network_dim": rank, "ss_network_alpha": rank, "format": "pt"}


def _own(dtype: str) -> str:
    return dtype if dtype in ("F16", "BF16", "F32") else "F32"
