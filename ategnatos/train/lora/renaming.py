"""What each layer of a file is called in another spelling, and of which layers it is made there.

The names of one family's layers come from ``crossing``; where a family has one name for each,
``spelling`` alone decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ategnatos.train.lora import crossing, spelling
from ategnatos.train.lora.crossing import AUTHORS, DIFFUSERS, Pair, Place, Table
from ategnatos.train.lora.spelling import Address

if TYPE_CHECKING:
    from ategnatos.train.lora.file import Layer

TARGETS = ("kohya", "diffusers", "comfyui")
_NETWORKS = frozenset({"unet", "sgm", "transformer", "diffusion_model"})


class UnnamedError(Exception):
    """A layer cannot be named in the other spelling; says why."""


@dataclass(frozen=True, slots=True)
class Made:
    """One layer of the new file. ``of`` are the layers it is made of: one, or the parts of a fused
    one in their order, None where the file has not that part.

    ``part`` is which part of ``of[0]`` it is, None where it is all of it. ``pair`` where its
    numbers may have to move.
    """

    name: str
    of: tuple[Layer | None, ...]
    pair: Pair | None = None
    part: int | None = None


def made(layers: Mapping[str, Layer], to: str, family: str) -> list[Made]:
    """The layers of a file in the spelling ``to``, in their order. Raises :class:`UnnamedError`."""
    table = crossing.table_of(family)
    known = {name: address(name, table) for name in layers}
    homes = {one.home for one in known.values()}
    found: dict[str, Made] = {}
    for name, layer in layers.items():
        for one in _made(known[name], layer, table, to, homes, family):
            before = found.get(one.name)
            if before is None:
                found[one.name] = one
            elif len(before.of) == len(one.of) > 1:
                found[one.name] = _joined(before, one, name)
            else:
                raise UnnamedError(f"two of its layers would be called {one.name!r} there")
    return list(found.values())


def sides(layers: Mapping[str, Layer], family: str) -> set[str]:
    """Whose names the layers of the network have, where they are told apart."""
    table = crossing.table_of(family)
    if table is None:
        return set()
    found = set()
    for name in layers:
        one = spelling.address(name)
        place = None if one is None or one.home not in _NETWORKS else table.find(one.name)
        if place is not None and not place.alike:
            found.add(AUTHORS if place.part is None else DIFFUSERS)
    return found


def address(name: str, table: Table | None) -> Address:
    """What a layer of a file is. Raises :class:`UnnamedError`."""
    found = spelling.address(name)
    if found is None:
        raise UnnamedError(f"where the dots of {name!r} were cannot be told with certainty")
    if table is not None:
        for home, prefix in table.text_encoders.items():
            if name.startswith(prefix):
                return Address(home, found.name)
    return found


def _made(
    one: Address, layer: Layer, table: Table | None, to: str, homes: set[str], family: str
) -> Iterator[Made]:
    place = table.find(one.name) if table is not None and one.home in _NETWORKS else None
    if table is None or one.home not in _NETWORKS:
        yield Made(_of_one_name(one, table, to, homes, family), (layer,))
        return
    if place is None:
        raise UnnamedError(f"{one.name!r} is no layer of {family} that is known under two names")
    side = DIFFUSERS if to == "diffusers" or (to, table.kohya) == ("kohya", DIFFUSERS) else AUTHORS
    pair = place.pair
    if side == AUTHORS:
        yield Made(_spelled(pair.ours, side, table, to), *_authors(layer, place))
        return
    if place.part is not None or place.alike:  # it has diffusers' name already
        yield Made(_spelled(one.name, side, table, to), (layer,))
        return
    if len(pair.theirs) == 1:
        yield Made(_spelled(pair.theirs[0], side, table, to), (layer,), pair)
        return
    for part, name in enumerate(pair.theirs):
        yield Made(_spelled(name, side, table, to), (layer,), pair, part)


def _authors(layer: Layer, place: Place) -> tuple[tuple[Layer | None, ...], Pair | None]:
    """Of what the layer under its authors' name is made, as far as ``layer`` goes."""
    if place.part is None or place.alike:
        return (layer,), None
    parts: list[Layer | None] = [None] * len(place.pair.theirs)
    parts[place.part] = layer
    return tuple(parts), place.pair


def _joined(before: Made, one: Made, name: str) -> Made:
    if any(first and second for first, second in zip(before.of, one.of, strict=True)):
        raise UnnamedError(f"{name!r} stands twice in it, under two names")
    parts = tuple(first or second for first, second in zip(before.of, one.of, strict=True))
    return Made(before.name, parts, before.pair)


def _spelled(name: str, side: str, table: Table, to: str) -> str:
    if to == "kohya":
        return f"lora_unet_{name.replace('.', '_')}"
    if to == "comfyui":
        return f"diffusion_model.{name}"
    return f"{table.networks[1]}.{name}"


def _of_one_name(one: Address, table: Table | None, to: str, homes: set[str], family: str) -> str:
    """The name of a layer of a text encoder, or of a network whose layers have one name each."""
    home = one.home
    same = family.partition("/")[0] in spelling.names().same_names
    if to == "kohya":
        first = "lora_te1_" if "text_encoder_2" in homes else "lora_te_"
        prefixes = {
            "unet": "lora_unet_",
            "sgm": "lora_unet_",
            "diffusion_model": "lora_unet_",
            "text_encoder": first,
            "text_encoder_2": "lora_te2_",
            "text_encoder_3": "lora_te3_",
            **(table.text_encoders if table is not None else {}),
        }
        if same:
            prefixes["transformer"] = "lora_unet_"
        if home in prefixes:
            return spelling.kohya(prefixes, one)
    elif home.startswith("text_encoder"):
        # ComfyUI reads CLIP under diffusers' names, and a T5 under sd-scripts' alone.
        if to == "diffusers" or one.name.startswith("text_model."):
            return f"{home}.{one.name}"
    elif to == "diffusers":
        if home in ("unet", "transformer"):
            return f"{home}.{one.name}"
        if home == "diffusion_model" and same:
            return f"transformer.{one.name}"
    elif home == "diffusion_model" or (home == "transformer" and same):
        return f"diffusion_model.{one.name}"
    raise UnnamedError(
        f"{one.name!r} is called otherwise there, and how is not known of"
        f" {'the family ' + family if family else 'a file whose family is not known'}"
    )
