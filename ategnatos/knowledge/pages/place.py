"""Where the pack lies: inside an installed package, beside it in a checkout."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


def home() -> Traversable:
    """The folder that holds ``.claude`` and ``CLAUDE.md`` of the pack."""
    package = files("ategnatos")
    packed = package.joinpath("_pack")
    if packed.is_dir():
        return packed
    # A checkout (or an editable installation of one): the pack is beside the package.
    return Path(str(package)).parent
