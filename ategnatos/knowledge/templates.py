"""Graph templates: graphs of ComfyUI nodes with named, typed gaps.

One data file a template in ``data/templates``; a new template is a new file. A template may
extend another: its nodes and parameters are laid over those, and ``null`` takes one out. How the
gaps are filled is the business of ``engines.comfyui.graph.templates``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.knowledge import loader

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

TEMPLATE_UNKNOWN = ErrorCode("template_unknown", "There is no graph template of that name.")

KINDS = frozenset(
    {"text", "int", "float", "seed", "choice", "file", "image", "bool", "list", "loras"}
)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One gap. ``origin`` is where its default comes from in the family, such as ``steps``.

    ``multiple`` is a grid that a whole number must lie on; "family" means the family's own.
    ``member`` holds what the members of a list are completed with.
    """

    name: str
    kind: str
    about: str
    origin: str = ""
    default: Any = None
    optional: bool = False
    least: float | None = None
    most: float | None = None
    multiple: int | str | None = None
    options: tuple[str, ...] = ()
    member: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Template:
    """A graph with gaps. ``task`` is what it makes; ``min_comfyui`` what its own nodes need.

    ``verified`` is the version of a recorded server that accepts it; empty means unverified:
    compared with ComfyUI's own template at most.
    """

    name: str
    about: str
    task: str
    min_comfyui: str
    nodes: Mapping[str, Mapping[str, Any]]
    parameters: Mapping[str, Parameter]
    verified: str
    official: str
    unlike_official: tuple[str, ...]
    date: str
    sources: tuple[str, ...]


def names() -> list[str]:
    """Every template, sorted."""
    return loader.names(_home())


@cache
def template(name: str) -> Template:
    """The template called ``name``. Raises StudioError (``template_unknown``)."""
    if name not in names():
        raise StudioError(
            TEMPLATE_UNKNOWN,
            f"There is no graph template called {name!r}; nothing was done.",
            hint="See 'ategnatos studio workflow list'.",
            known=names(),
        )
    return read(name, _home())


def read(name: str, folder: Traversable) -> Template:
    """One template file of ``folder``. Raises StudioError (``knowledge_broken``)."""
    found = loader.read(name, folder)
    try:
        raw = _laid_over(found.content, folder, (name,))
        return Template(
            name=name,
            about=found.description,
            task=raw["task"],
            min_comfyui=raw["min_comfyui"],
            nodes=raw["nodes"],
            parameters={key: _parameter(key, one) for key, one in raw["parameters"].items()},
            verified=found.content.get("verified", ""),
            official=raw.get("official", ""),
            unlike_official=tuple(raw.get("unlike_official") or ()),
            date=found.date.isoformat(),
            sources=found.sources,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StudioError(
            loader.KNOWLEDGE_BROKEN,
            f"The template file {name!r} cannot be used: {type(error).__name__} {error}.",
            hint="Compare it with the files beside it; docs/workflows.md lists every field.",
            file=name,
        ) from error


def _laid_over(
    raw: Mapping[str, Any], folder: Traversable, on_the_way: tuple[str, ...]
) -> dict[str, Any]:
    """``raw`` over the template it extends; that one over its own, and so on."""
    base_name = raw.get("extends")
    if not base_name:
        return dict(raw)
    if base_name in on_the_way:
        raise ValueError(f"it extends itself through {base_name!r}")
    base = _laid_over(loader.read(base_name, folder).content, folder, (*on_the_way, base_name))
    merged = {**base, **raw}
    for part in ("nodes", "parameters"):
        over = {**base.get(part, {}), **raw.get(part, {})}
        merged[part] = {key: value for key, value in over.items() if value is not None}
    if "official" not in raw:
        merged["official"], merged["unlike_official"] = "", ()
    return merged


def _parameter(name: str, raw: Mapping[str, Any]) -> Parameter:
    if raw["type"] not in KINDS:
        raise ValueError(f"parameter {name}: no type {raw['type']!r}")
    return Parameter(
        name,
        raw["type"],
        raw["about"],
        raw.get("from", ""),
        raw.get("default"),
        bool(raw.get("optional")),
        raw.get("min"),
        raw.get("max"),
        raw.get("multiple"),
        tuple(raw.get("options") or ()),
        dict(raw.get("member") or {}),
    )


def _home() -> Traversable:
    return files("ategnatos.knowledge").joinpath("data", "templates")
