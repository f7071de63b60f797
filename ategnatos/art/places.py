"""Where a promoted file belongs (realm, kind, slug): by its recipe, its brief, or by name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ategnatos.art.recipes import origin, shelf, vocabulary
from ategnatos.art.recipes.model import Recipe, RecipeId, parse_id
from ategnatos.art.ship import Options
from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from ategnatos.art.freezing import Approved
    from ategnatos.grimoire.project import Project
    from ategnatos.grimoire.schemas.manifest import ManifestEntry

PLACE_NEEDED = ErrorCode("asset_place", "A promotion needs a realm, a kind and a slug.")
PLACE_TAKEN = ErrorCode("asset_place_taken", "The place belongs to something else.")

# Realms that the tree of exports keeps for itself.
_RESERVED = frozenset({"loose"})


@dataclass(frozen=True, slots=True)
class Place:
    """Where an asset lives: ``<realm>.<kind>.<slug>``, and what made it, if a recipe did."""

    realm: str
    kind: str
    slug: str
    recipe: Recipe | None = None
    origin: origin.Origin | None = None

    @property
    def name(self) -> str:
        """The asset's id without its version."""
        return f"{self.realm}.{self.kind}.{self.slug}"

    @property
    def under(self) -> tuple[str, str]:
        """The folders between ``exports`` and the slug's."""
        return self.realm, self.kind


def find(
    project: Project, one: Approved, realm: str | None, kind: str | None, slug: str | None
) -> Place:
    """The place of an approved candidate; what is None is taken from its brief.

    Raises StudioError (``asset_place``, ``asset_place_taken``, ``recipe_*``).
    """
    made_by = origin.of(one.job)
    if made_by is not None:
        recipe = shelf.load(project, made_by.recipe_id)
        given = {"realm": realm, "kind": kind, "slug": slug}
        for name, value in given.items():
            if value is not None and value != getattr(recipe.id, name):
                raise StudioError(
                    PLACE_TAKEN,
                    f"{one.candidate.reference} was made by {recipe.id}, whose {name} is"
                    f" {getattr(recipe.id, name)!r}; it is promoted there and nowhere else."
                    " Nothing was promoted.",
                    hint=f"Leave --{name} out.",
                    given=value,
                )
        where = recipe.id
        return _allowed(Place(where.realm, where.kind, where.slug, recipe, made_by))
    brief = _of_the_brief(project, one) if None in (realm, kind, slug) else {}
    realm, kind, slug = (
        given if given is not None else brief.get(name)
        for name, given in (("realm", realm), ("kind", kind), ("slug", slug))
    )
    if realm is None or kind is None or slug is None:
        raise StudioError(
            PLACE_NEEDED,
            f"{one.candidate.reference} has no recipe and no brief, so nothing says where it"
            " belongs; nothing was promoted.",
            hint="Say it: ategnatos art promote"
            f" '{one.candidate.reference}' --realm game --kind icon --slug potion",
            candidate=one.candidate.reference,
        )
    if parse_id(f"{realm}.{kind}.{slug}.v1") is None:
        raise StudioError(
            PLACE_NEEDED,
            f"{realm!r}, {kind!r} and {slug!r} make no place; nothing was promoted.",
            hint="Each begins with a small letter or digit and holds small letters, digits, '_'"
            " and '-', at most 64.",
            realm=realm,
            kind=kind,
            slug=slug,
        )
    place = _allowed(Place(realm, kind, slug))
    taken = [one for one in shelf.ids(project) if one.name == place.name]
    if taken:
        raise _belongs_to_recipe(place.name, max(taken))
    return place


def _of_the_brief(project: Project, one: Approved) -> dict[str, str]:
    """The place that the brief of an order says: its project, what it is to be, its name."""
    from ategnatos.grimoire.jobs import assets, database

    with database.connect(project) as db:
        versions = assets.versions_of_jobs(db, [one.job.id]).get(one.job.id)
        if not versions:
            return {}
        asset = assets.get(db, versions[0].asset)
    specs = asset.brief.get("specs") or [{}]
    kind = str(specs[0].get("name") or "picture")
    return {"realm": asset.project, "kind": kind, "slug": asset.name}


def _allowed(place: Place) -> Place:
    if place.realm in _RESERVED:
        raise StudioError(
            PLACE_TAKEN,
            f"The realm {place.realm!r} is where 'art export' puts its files; nothing was"
            " promoted.",
            hint="Choose another realm.",
            realm=place.realm,
        )
    return place


def options(project: Project, place: Place) -> Options:
    """The file that an output of this kind becomes; the picture itself where nothing says."""
    words = vocabulary.of(project)
    kind = place.origin.output_kind if place.origin is not None else place.kind
    if place.origin is None and kind not in words.kinds:
        return Options()
    _, form = words.asset_format_of(kind)
    return Options(
        format=form.format,
        width=form.width,
        height=form.height,
        fit=form.fit,
        background=form.background,
        quality=form.quality,
    )


def refuse_mixing(place: Place, known: Iterable[ManifestEntry]) -> None:
    """A tree is a recipe's or by hand: versions of the two would say different things.

    Raises StudioError (``asset_place_taken``).
    """
    for entry in known:
        if entry.name == place.name and entry.made == "promotion":
            if entry.recipe and place.recipe is None:
                raise _belongs_to_recipe(place.name, entry.recipe)
            if not entry.recipe and place.recipe is not None:
                raise StudioError(
                    PLACE_TAKEN,
                    f"{place.name} holds what was promoted without a recipe ({entry.path});"
                    " nothing was promoted.",
                    hint="Give the recipe another slug: ategnatos art recipe new"
                    f" {place.name}-2.v1",
                    asset=place.name,
                )


def fixed(place: Place, suffix: str) -> Path:
    """The path below ``exports/`` of what a recipe made: that of the candidate itself."""
    assert place.origin is not None
    assert place.recipe is not None
    made = place.origin
    folder = f"v{place.recipe.id.version}"
    name = f"{made.child:03d}.{suffix}"
    return Path(*place.under, place.slug, folder, made.binding, made.engine_key, name)


def _belongs_to_recipe(name: str, recipe: RecipeId | str) -> StudioError:
    return StudioError(
        PLACE_TAKEN,
        f"{name} is the tree of the recipe {recipe}; only what that recipe made goes there."
        " Nothing was promoted.",
        hint="Choose another --slug.",
        recipe=str(recipe),
    )
