"""Model families: how each wants to be asked, with which settings, under which licence.

One data file a family in ``data/families``; a new family is a new file. A family is wrong
without its variant: guidance, steps and the worth of a negative prompt flip between a base model
and its distilled sister, so :func:`find` always answers with a variant.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.knowledge import loader

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

FAMILY_UNKNOWN = ErrorCode("family_unknown", "There is no model family or variant of that name.")

NEGATIVES = ("useful", "inert", "none")


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file of weights: its name, its folder below the server's ``models``, its address.

    ``confirmed`` is false where the address is known by hearsay only: look before you rely on it.
    """

    name: str
    folder: str
    url: str
    confirmed: bool = True


@dataclass(frozen=True, slots=True)
class Licence:
    """What may be done with a file of weights and what it makes.

    ``commercial`` is "yes", "no", "conditions" or "unknown". ``revenue_limit_usd``: free use
    ends there. ``territory``: where use needs an agreement. ``outputs``: what it says of pictures.
    ``source`` is where this was read, on ``read``; ``page`` is where the licence itself stands.
    """

    name: str
    commercial: str
    conditions: tuple[str, ...] = ()
    revenue_limit_usd: int | None = None
    territory: tuple[str, ...] = ()
    outputs: str = ""
    source: str = ""
    page: str = ""
    read: str = ""


@dataclass(frozen=True, slots=True)
class Lora:
    """Where a LoRA goes: the node, its usual strength, and the base to train on."""

    node: str
    strength: float = 1.0
    train_on: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sides in pixels: the default, the grid they lie on, the limits, and known good sizes."""

    width: int
    height: int
    multiple: int
    buckets: tuple[tuple[int, int], ...] = ()
    least: int = 256
    most: int = 2048


@dataclass(frozen=True, slots=True)
class Variant:
    """One model of a family with its settings. ``shift`` is None where the graph has none.

    ``negative`` is "useful", "inert" (a text is taken and has no effect) or "none" (the graph
    has no place for one). ``files`` are by template parameter. ``templates`` names the template
    of each task, ``parameters`` what these take beside the settings here. ``official`` is the
    name of ComfyUI's own template that the settings were read from.
    """

    family: str
    name: str
    title: str
    kind: str
    dialect: str
    quality: tuple[str, ...]
    quality_negative: tuple[str, ...]
    weights: bool
    sizes: Sizes
    steps: int
    cfg: float
    sampler: str
    scheduler: str
    shift: float | None
    guidance: float | None
    negative: str
    min_comfyui: str
    licence: Licence
    lora: Lora | None
    files: Mapping[str, ModelFile]
    templates: Mapping[str, str]
    parameters: Mapping[str, Any]
    control: Mapping[str, Mapping[str, Any]]
    official: Mapping[str, str]
    notes: tuple[str, ...]
    sources: tuple[str, ...]

    @property
    def key(self) -> str:
        """``family/variant``, as ``--family`` takes it."""
        return f"{self.family}/{self.name}"


@dataclass(frozen=True, slots=True)
class Family:
    """A family: its variants by name, and which one the bare name means."""

    name: str
    title: str
    about: str
    default: str
    aliases: tuple[str, ...]
    variants: Mapping[str, Variant]
    date: str
    sources: tuple[str, ...] = field(default=())


def names() -> list[str]:
    """Every family, sorted."""
    return loader.names(_home())


@cache
def family(name: str) -> Family:
    """The family called ``name`` or by one of its aliases.

    Raises StudioError (``family_unknown``, ``knowledge_broken``).
    """
    if name in names():
        return read(name, _home())
    for one in names():
        found = family(one)
        if name in found.aliases:
            return found
    raise _unknown(name, names(), "family")


def find(key: str) -> Variant:
    """The variant ``family/variant`` names; a bare ``family`` means its default one.

    Raises StudioError (``family_unknown``).
    """
    name, _, variant = key.strip().lower().partition("/")
    found = family(name)
    chosen = variant or found.default
    if chosen not in found.variants:
        raise _unknown(key, [one.key for one in found.variants.values()], "variant")
    return found.variants[chosen]


def every_variant() -> Iterator[Variant]:
    """Every variant of every family."""
    for name in names():
        yield from family(name).variants.values()


def file_named(name: str) -> ModelFile | None:
    """The file of weights called ``name`` (without folder), if any family uses it."""
    return _files().get(name)


@cache
def _files() -> Mapping[str, ModelFile]:
    return {file.name: file for one in every_variant() for file in one.files.values()}


def read(name: str, folder: Traversable) -> Family:
    """One family file of ``folder``. Raises StudioError (``knowledge_broken``)."""
    found = loader.read(name, folder)
    try:
        return _family(name, found)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StudioError(
            loader.KNOWLEDGE_BROKEN,
            f"The family file {name!r} cannot be used: {type(error).__name__} {error}.",
            hint="Compare it with the files beside it; docs/workflows.md lists every field.",
            file=name,
        ) from error


def _family(name: str, found: loader.DataFile) -> Family:
    raw = found.content
    variants = {
        key: _variant(name, key, {**_shared(raw), **entry}, found.sources)
        for key, entry in raw["variants"].items()
    }
    if raw["default"] not in variants:
        raise ValueError(f"the default variant {raw['default']!r} is not among the variants")
    return Family(
        name,
        raw["title"],
        found.description,
        raw["default"],
        tuple(raw.get("aliases") or ()),
        variants,
        found.date.isoformat(),
        found.sources,
    )


def _shared(raw: Mapping[str, Any]) -> dict[str, Any]:
    """What a family says once for all its variants."""
    outer = {"variants", "title", "default", "aliases"}
    return {key: value for key, value in raw.items() if key not in outer}


def _variant(
    family_name: str, name: str, raw: Mapping[str, Any], sources: tuple[str, ...]
) -> Variant:
    if raw["negative"] not in NEGATIVES:
        raise ValueError(f"{name}: negative must be one of {', '.join(NEGATIVES)}")
    lora = raw.get("lora")
    sizes = dict(raw["sizes"])
    sizes["buckets"] = tuple((int(w), int(h)) for w, h in sizes.get("buckets") or ())
    licence = {key: _frozen(value) for key, value in raw["licence"].items()}
    return Variant(
        family=family_name,
        name=name,
        title=raw["title"],
        kind=raw["kind"],
        dialect=raw["dialect"],
        quality=tuple(raw.get("quality") or ()),
        quality_negative=tuple(raw.get("quality_negative") or ()),
        weights=bool(raw.get("weights")),
        sizes=Sizes(**sizes),
        steps=int(raw["steps"]),
        cfg=float(raw["cfg"]),
        sampler=raw["sampler"],
        scheduler=raw["scheduler"],
        shift=None if raw.get("shift") is None else float(raw["shift"]),
        guidance=None if raw.get("guidance") is None else float(raw["guidance"]),
        negative=raw["negative"],
        min_comfyui=raw["min_comfyui"],
        licence=Licence(**licence),
        lora=None if lora is None else Lora(**lora),
        files={key: ModelFile(**one) for key, one in raw["files"].items()},
        templates=dict(raw.get("templates") or {}),
        parameters=dict(raw.get("parameters") or {}),
        control={kind: dict(one) for kind, one in (raw.get("control") or {}).items()},
        official=dict(raw.get("official") or {}),
        notes=tuple(raw.get("notes") or ()),
        sources=sources,
    )


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _unknown(name: str, known: list[str], what: str) -> StudioError:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return StudioError(
        FAMILY_UNKNOWN,
        f"There is no model {what} called {name!r}; nothing was done."
        + (f" Did you mean {close[0]!r}?" if close else ""),
        hint="See 'ategnatos knowledge families'.",
        known=known,
    )


def _home() -> Traversable:
    return files("ategnatos.knowledge").joinpath("data", "families")
