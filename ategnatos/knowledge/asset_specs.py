"""What common assets must measure: an OG image, a favicon set, a sprite. Sizes are in pixels.

Data: ``data/asset_specs.json``. A studio adds its own in ``grimoire/knowledge/asset_specs.json``,
a file of the same form; one of the same name there counts before ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.knowledge import loader

if TYPE_CHECKING:
    from pathlib import Path

ASSET_SPEC = ErrorCode("asset_spec", "There is no asset specification of that name, or it is odd.")

FILE = "asset_specs"


@dataclass(frozen=True, slots=True)
class Output:
    """One picture of an asset: its size, the formats it is taken in, and what to mind."""

    name: str
    width: int
    height: int
    formats: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class AssetSpec:
    """A kind of asset. ``constraints`` hold for every picture of it; ``own`` tells the studio's."""

    name: str
    title: str
    about: str
    outputs: tuple[Output, ...]
    constraints: tuple[str, ...]
    source: str
    date: str
    own: bool = False

    @property
    def largest(self) -> Output:
        """The picture with the most pixels: what is made, the others are cut from it."""
        return max(self.outputs, key=lambda one: one.width * one.height)


def specs(studio_folder: Path | None = None) -> dict[str, AssetSpec]:
    """Every specification by name. ``studio_folder`` is where the studio keeps its own data.

    Raises StudioError (``knowledge_broken``, ``asset_spec``).
    """
    found = _read(loader.read(FILE), own=False)
    if studio_folder is not None and (studio_folder / f"{FILE}.json").is_file():
        found |= _read(loader.read(FILE, studio_folder), own=True)
    return dict(sorted(found.items()))


def find(name: str, studio_folder: Path | None = None) -> AssetSpec:
    """The specification called ``name``. Raises StudioError as :func:`specs`."""
    known = specs(studio_folder)
    wanted = name.strip().lower()
    if wanted in known:
        return known[wanted]
    near = get_close_matches(wanted[:60], known, n=1)
    raise StudioError(
        ASSET_SPEC,
        f"There is no asset specification called {name!r}; nothing was written.",
        hint=(f"Did you mean {near[0]!r}? " if near else "")
        + "See them all: ategnatos art brief specs. A size of your own: --size 800x600",
        known=list(known),
    )


def _read(data: loader.DataFile, *, own: bool) -> dict[str, AssetSpec]:
    found = {}
    for name, entry in data.content.get("specs", {}).items():
        try:
            found[name.lower()] = _spec(name.lower(), entry, data, own=own)
        except (KeyError, TypeError, ValueError) as error:
            raise StudioError(
                ASSET_SPEC,
                f"The asset specification {name!r} cannot be read ({error!r}); nothing was done.",
                hint="It needs title and outputs, each with name, width and height in pixels"
                " (1 to 16384): compare 'ategnatos knowledge show asset_specs'.",
                name=name,
            ) from error
    return found


def _spec(name: str, entry: dict[str, Any], data: loader.DataFile, *, own: bool) -> AssetSpec:
    outputs = tuple(
        Output(
            str(one["name"]),
            _side(one["width"]),
            _side(one["height"]),
            tuple(map(str, one.get("formats", entry.get("formats", ())))),
            str(one.get("note", "")),
        )
        for one in entry["outputs"]
    )
    if not outputs:
        raise ValueError("it has no outputs")
    return AssetSpec(
        name,
        str(entry["title"]),
        str(entry.get("about", "")),
        outputs,
        tuple(map(str, entry.get("constraints", ()))),
        str(entry.get("source") or "; ".join(data.sources)),
        data.date.isoformat(),
        own,
    )


def _side(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 16384:
        raise ValueError(f"{value!r} is no side in pixels")
    return value
