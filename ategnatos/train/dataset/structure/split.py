"""Pictures set apart to measure with, chosen by group so that no duplicate stands on both sides.

The choice follows from the pictures and the seed alone: the same groups give the same split, and
a picture that is added moves none of the others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import StudioError
from ategnatos.train.dataset.structure.arithmetic import STRUCTURE_OPTION

if TYPE_CHECKING:
    from ategnatos.train.dataset.version import Picture

TRAIN = "train"
VALIDATION = "validation"
_MOST_SHARE = 0.5


def parse_share(share: float) -> float:
    """A share that may be set apart. Raises StudioError (``structure_option``)."""
    if 0 <= share <= _MOST_SHARE:
        return share
    raise StudioError(
        STRUCTURE_OPTION,
        f"{share} cannot be set apart for validation; nothing was changed.",
        hint=f"Take a share from 0 to {_MOST_SHARE}; 0.1 is usual above 50 pictures.",
        given=share,
    )


def grouped(pictures: Sequence[Picture], groups: Iterable[Iterable[str]]) -> list[list[Picture]]:
    """The pictures in groups that must stay together: ``groups`` of names that overlap, and the
    same bytes, are one; any other picture is a group of its own.
    """
    parent = {one.name: one.name for one in pictures}

    def root(name: str) -> str:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    by_bytes: dict[str, str] = {}
    for one in pictures:
        parent[root(one.name)] = root(by_bytes.setdefault(one.sha256, one.name))
    for group in groups:
        known = [name for name in group if name in parent]
        for name in known[1:]:
            parent[root(name)] = root(known[0])
    made: dict[str, list[Picture]] = {}
    for one in pictures:
        made.setdefault(root(one.name), []).append(one)
    return list(made.values())


def split(
    pictures: Sequence[Picture], groups: Iterable[Iterable[str]], share: float, seed: int = 0
) -> dict[str, str]:
    """``train`` or ``validation`` for every picture's name; about ``share`` go to validation.

    Whole groups are taken in the order of a hash while they fit into the share, so a large group
    never fills it alone; at least one group stays for training.
    """
    whole = grouped(pictures, groups)
    order = sorted(whole, key=lambda group: _rank(group, seed))
    wanted = round(share * len(pictures))
    chosen: set[str] = set()
    for group in order[:-1]:
        if len(chosen) + len(group) <= wanted:
            chosen |= {one.name for one in group}
    return {one.name: VALIDATION if one.name in chosen else TRAIN for one in pictures}


def _rank(group: Sequence[Picture], seed: int) -> str:
    first = min(one.sha256 for one in group)
    return hashlib.sha256(f"{seed}:{first}".encode()).hexdigest()
