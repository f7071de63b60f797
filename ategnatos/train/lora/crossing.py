"""The two names of a layer: its authors' and diffusers', family by family, from ``lora_names``.

Most layers differ in nothing but the name. Some of the authors' are several layers of diffusers'
(``qkv`` is ``to_q``, ``to_k`` and ``to_v``), whose rows follow each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from ategnatos.knowledge import loader

AUTHORS, DIFFUSERS = "authors", "diffusers"


@dataclass(frozen=True, slots=True)
class Pair:
    """One layer under both names. ``theirs`` are diffusers' names, more than one where the layer is
    fused; ``shares`` are the parts of its rows that belong to each.

    ``swapped``: the two halves of the rows change places, where rows are twice the columns.
    """

    ours: str
    theirs: tuple[str, ...]
    shares: tuple[int, ...] = (1,)
    swapped: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """A layer of a file: the ``pair`` it belongs to, and which of ``pair.theirs`` it is under
    diffusers' names (0 where the pair has only one); None under the authors' name.

    ``alike``: both names are the same.
    """

    pair: Pair
    part: int | None
    alike: bool


@dataclass(frozen=True, slots=True)
class Table:
    """The names of one group of families. ``kohya`` is whose names sd-scripts write.

    ``networks`` are what the network is called by its authors and by diffusers; ``text_encoders``
    are sd-scripts' prefixes by diffusers' names, empty where the usual ones hold.
    """

    networks: tuple[str, str]
    kohya: str
    text_encoders: Mapping[str, str]
    exact: Mapping[str, Pair]
    patterns: tuple[tuple[re.Pattern[str], Pair], ...]

    def find(self, name: str) -> Place | None:
        """Where a layer with dots in its name stands; None where the table does not know it."""
        found = self.exact.get(name)
        if found is not None:
            return _place(found, name)
        for pattern, pair in self.patterns:
            said = pattern.fullmatch(name)
            if said is not None:
                return _place(_filled(pair, said.groups()), name)
        return None


def table_of(family: str) -> Table | None:
    """The table of a family (``flux1/dev``), None where there is none."""
    return _tables().get(family.partition("/")[0])


@cache
def _tables() -> Mapping[str, Table]:
    found = {}
    for said in loader.read("lora_names").content["crossings"]:
        made = _table(said)
        for family in said["families"]:
            found[family] = made
    return found


def _table(said: Mapping[str, Any]) -> Table:
    exact: dict[str, Pair] = {}
    patterns: list[tuple[re.Pattern[str], Pair]] = []
    for pair in _pairs(said):
        for name in (pair.ours, *pair.theirs):
            if "{n}" in name or "*" in name:
                patterns.append((_pattern(name), pair))
            else:
                exact[name] = pair
    return Table(
        (said["networks"][0], said["networks"][1]),
        said.get("kohya", AUTHORS),
        dict(said.get("text_encoders", {})),
        exact,
        tuple(patterns),
    )


def _pairs(said: Mapping[str, Any]) -> Iterator[Pair]:
    for ours, theirs in said.get("layers", {}).items():
        yield Pair(ours, (theirs,))
    for kind, blocks in said.get("blocks", {}).items():
        for ours, theirs in blocks.items():
            for end, other_end in said["inside"][kind].items():
                yield Pair(f"{ours}.{end}", (f"{theirs}.{other_end}",))
    for ours, fused in said.get("fused", {}).items():
        yield Pair(ours, tuple(fused["into"]), tuple(fused["shares"]))
    for ours, theirs in said.get("swapped", {}).items():
        yield Pair(ours, (theirs,), swapped=True)


def _pattern(name: str) -> re.Pattern[str]:
    text = re.escape(name).replace(re.escape("{n}"), r"(\d+)").replace(re.escape("*"), "(.+)")
    return re.compile(text)


def _filled(pair: Pair, said: tuple[str, ...]) -> Pair:
    """The pair with what its places stand for: the same in the same order in every name."""

    def fill(name: str) -> str:
        for one in said:
            name = re.sub(r"\{n\}|\*", lambda _, one=one: one, name, count=1)  # type: ignore[misc]
        return name

    return Pair(fill(pair.ours), tuple(map(fill, pair.theirs)), pair.shares, pair.swapped)


def _place(pair: Pair, name: str) -> Place:
    alike = pair.theirs == (pair.ours,)
    return Place(pair, None if name == pair.ours else pair.theirs.index(name), alike)
