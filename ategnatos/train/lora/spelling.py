"""The names of layers in LoRA files, and which spelling says what.

A dotted name (``unet.down_blocks.0.attentions.0.proj_in``) says everything; kohya's
(``lora_unet_down_blocks_0_attentions_0_proj_in``) lost its dots, and gets them back where the known
names leave exactly one way (``conv_out`` is one name before it is two). Data: ``lora_names.json``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from ategnatos.knowledge import loader

# What follows "lora_" in kohya's names, and the network that it is.
_KOHYA = {
    "lora_unet_": "unet",
    "lora_te1_": "text_encoder",
    "lora_te2_": "text_encoder_2",
    "lora_te3_": "text_encoder_3",
    "lora_te_": "text_encoder",
    "lora_transformer_": "transformer",
}


@dataclass(frozen=True, slots=True)
class Address:
    """One layer of one network: ``home`` is ``unet``, ``text_encoder``, ``transformer``,
    ``diffusion_model`` (a transformer under its authors' names) or ``sgm`` (a UNet under those).

    ``name`` has its dots. ``flat`` is the same with underscores: equal for every spelling.
    """

    home: str
    name: str

    @property
    def flat(self) -> tuple[str, str]:
        """What two files are matched by."""
        return self.home, self.name.replace(".", "_")


@dataclass(frozen=True, slots=True)
class Names:
    """``lora_names``, ready to use."""

    joined: frozenset[tuple[str, ...]]
    single: frozenset[str]
    homes: frozenset[str]
    unet_roots: tuple[str, ...]
    sgm_roots: tuple[str, ...]
    same_names: frozenset[str]


def address(layer: str) -> Address | None:
    """What a layer of a file is; None where its name cannot be told with certainty."""
    for prefix, home in _KOHYA.items():
        if layer.startswith(prefix):
            name = dotted(layer.removeprefix(prefix))
            return None if name is None else Address(_network(home, name), name)
    home, dot, name = layer.partition(".")
    if dot and home in names().homes:
        return Address(_network(home, name) if home == "unet" else home, name)
    return None


def matched(layer: str) -> tuple[str, str]:
    """What a layer is matched by in another file, whatever spelling either has."""
    for prefix, home in _KOHYA.items():
        if layer.startswith(prefix):
            return _matching(home), layer.removeprefix(prefix)
    home, dot, name = layer.partition(".")
    return (_matching(home), name.replace(".", "_")) if dot else ("", layer)


def dotted(flat: str) -> str | None:
    """A name with its dots back; None where the fewest known names are no single way."""
    words = flat.split("_")
    known = names()
    # ways[n]: what the first n words can be in the fewest names; two are enough to know of.
    ways: list[list[tuple[str, ...]]] = [[()], *([] for _ in words)]
    for end in range(1, len(words) + 1):
        found: list[tuple[str, ...]] = []
        for start in range(max(0, end - 4), end):
            piece = tuple(words[start:end])
            alone = len(piece) == 1 and (piece[0].isdigit() or piece[0] in known.single)
            if alone or piece in known.joined:
                found += [(*way, "_".join(piece)) for way in ways[start]]
        fewest = min(map(len, found), default=0)
        ways[end] = [way for way in found if len(way) == fewest][:2]
    return ".".join(ways[-1][0]) if len(ways[-1]) == 1 else None


def kohya(homes: Mapping[str, str], one: Address) -> str:
    """The layer as sd-scripts write it; ``homes`` are prefixes by network."""
    return homes[one.home] + one.name.replace(".", "_")


@cache
def names() -> Names:
    """The data."""
    said = loader.read("lora_names").content
    return Names(
        frozenset(tuple(one.split("_")) for one in said["joined"]),
        frozenset(said["single"]),
        frozenset(said["homes"]),
        tuple(said["unet_roots"]),
        tuple(said["sgm_roots"]),
        frozenset(said["same_names"]),
    )


def _network(home: str, name: str) -> str:
    if home != "unet":
        return home
    root = name.partition(".")[0]
    if root in names().unet_roots:
        return "unet"
    return "sgm" if root in names().sgm_roots else "diffusion_model"


def _matching(home: str) -> str:
    return "unet" if home in ("unet", "diffusion_model") else home
