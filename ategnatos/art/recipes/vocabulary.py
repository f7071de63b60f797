"""Kinds, levers, engine keys and asset formats: data of the program, and of the studio.

The program's lie in ``knowledge/data/recipe_vocabulary.json``. A studio adds to them with any
``*.json`` in ``grimoire/recipes/vocabulary/``: the same four tables, each of them optional. What
one file names, no other may name again: a kind that lost its gate by a file nobody looked at
would be worse than a refusal.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project

VOCABULARY_BROKEN = ErrorCode(
    "recipe_vocabulary", "A file of kinds, levers, engine keys or asset formats cannot be used."
)

FOLDER = "vocabulary"
_TABLES = ("kinds", "levers", "engine_keys", "asset_formats")
_HEAD = ("description", "date", "source")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of asset. ``asset_format`` names what its approved outputs become.

    ``concept_gate``: a person sees a concept before a step that costs money. ``sub_kinds`` maps
    the part after the dot of an output kind to an asset format of its own. ``atlas``: what is
    shipped of one asset is also packed on one picture.
    """

    about: str
    concept_gate: bool
    asset_format: str
    sub_kinds: dict[str, str] | None = None
    atlas: bool = False


@dataclass(frozen=True, slots=True)
class LeverWords:
    """A lever that recipes may take over, with the values it offers."""

    about: str
    values: list[str]


@dataclass(frozen=True, slots=True)
class EngineKey:
    """Who carries a template out. ``prompt``, ``negative`` and ``workflow`` name its fields.

    ``family`` and ``model`` are used where the recipe locks none. ``further`` are fields that
    only an engine of its own has a place for. ``bills`` marks a key whose call costs money.
    """

    about: str
    engine: str
    prompt: str = "prompt"
    negative: str = "negative"
    workflow: str = ""
    family: str = ""
    model: str = ""
    bills: bool = False
    further: list[str] | None = None


@dataclass(frozen=True, slots=True)
class AssetFormat:
    """The file that an approved output becomes: options of an export, sizes in pixels."""

    about: str
    format: str
    width: int | None = None
    height: int | None = None
    fit: str | None = None
    background: str | None = None
    quality: int | None = None


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The program's words and the studio's together."""

    kinds: dict[str, Kind]
    levers: dict[str, LeverWords]
    engine_keys: dict[str, EngineKey]
    asset_formats: dict[str, AssetFormat]

    def asset_format_of(self, output_kind: str) -> tuple[str, AssetFormat]:
        """The name and the facts of the file for an output kind such as ``character.portrait``.

        Raises StudioError (``recipe_vocabulary``) for a kind that nothing describes.
        """
        head, _, tail = output_kind.partition(".")
        kind = self.kinds.get(head)
        if kind is None:
            raise StudioError(
                VOCABULARY_BROKEN,
                f"No kind {head!r} is known; nothing was done.",
                hint=f"Known: {', '.join(sorted(self.kinds))}. Add one in"
                f" grimoire/recipes/{FOLDER}/.",
                kind=head,
            )
        name = (kind.sub_kinds or {}).get(tail, kind.asset_format)
        return name, self.asset_formats[name]


def of(project: Project | None) -> Vocabulary:
    """The vocabulary of a studio; the program's alone for None.

    Raises StudioError (``recipe_vocabulary``), naming the file and what is wrong with it.
    """
    from ategnatos.knowledge import loader

    found: dict[str, dict[str, Any]] = {table: {} for table in _TABLES}
    shipped = loader.read("recipe_vocabulary").content
    _add(found, shipped, Path("recipe_vocabulary.json"))
    if project is not None:
        home = project.grimoire / "recipes" / FOLDER
        for path in sorted(home.glob("*.json")) if home.is_dir() else ():
            _add(found, _read(path), path)
    _check_formats(found)
    return Vocabulary(**found)


def _add(found: dict[str, dict[str, Any]], content: dict[str, Any], path: Path) -> None:
    for table, entries in content.items():
        if table in _HEAD:
            continue
        if table not in _TABLES or not isinstance(entries, dict):
            raise _broken(path, f"{table!r} is none of {', '.join(_TABLES)}")
        for name, facts in entries.items():
            if name in found[table]:
                raise _broken(path, f"{name!r} of {table} is there already; choose another name")
            if not isinstance(facts, dict):
                raise _broken(path, f"{name!r} of {table} is no object")
            found[table][name] = _made(_MADE[table], facts, path, f"{table}.{name}")


def _made(kind: Callable[..., T], facts: dict[str, Any], path: Path, where: str) -> T:
    known = {one.name: one for one in fields(kind)}  # type: ignore[arg-type]
    for name in facts:
        if name not in known:
            raise _broken(path, f"{where} says {name!r}; it may say: {', '.join(known)}")
    try:
        made = kind(**facts)
    except TypeError as error:
        raise _broken(path, f"{where}: {str(error).partition('() ')[2] or error}") from error
    for name, one in known.items():
        if name in facts and not _fits(facts[name], str(one.type)):
            raise _broken(path, f"{where}.{name} is {facts[name]!r}, which is no {one.type}")
    return made


def _fits(value: Any, kind: str) -> bool:
    if value is None:
        return "None" in kind
    head = kind.partition(" ")[0]
    if head == "list[str]":
        return isinstance(value, list) and bool(value) and all(isinstance(v, str) for v in value)
    if head == "dict[str,":
        return isinstance(value, dict) and all(isinstance(v, str) for v in value.values())
    if head == "int":
        return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= 16384
    return isinstance(value, {"str": str, "bool": bool}[head])


def _check_formats(found: dict[str, dict[str, Any]]) -> None:
    for name, kind in found["kinds"].items():
        for wanted in (kind.asset_format, *(kind.sub_kinds or {}).values()):
            if wanted not in found["asset_formats"]:
                raise _broken(Path(name), f"its asset format {wanted!r} is described nowhere")


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise _broken(path, f"it cannot be read ({error})") from error
    if not isinstance(content, dict):
        raise _broken(path, "it holds no JSON object")
    return content


def _broken(path: Path, why: str) -> StudioError:
    return StudioError(
        VOCABULARY_BROKEN,
        f"{path.name} cannot be used: {why}. Nothing was done.",
        hint="Mend it; the form is that of 'ategnatos knowledge show recipe_vocabulary'.",
        file=str(path),
        problem=why,
    )


_MADE: dict[str, Callable[..., Any]] = {
    "kinds": Kind,
    "levers": LeverWords,
    "engine_keys": EngineKey,
    "asset_formats": AssetFormat,
}
