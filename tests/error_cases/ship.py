"""How to provoke every error code of promotion and shipping."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ategnatos.art import freezing, promote, shipping
from ategnatos.art.recipes import origin
from ategnatos.grimoire import content, manifest, published
from ategnatos.grimoire.jobs import database, store
from ategnatos.grimoire.project import Project
from ategnatos.pictures import atlas
from tests.art.potion_recipe import POTION, studio
from tests.guard import keys


def _studio(folder: Path) -> Project:
    return Project.create(folder / "studio")


def frozen_exists(folder: Path) -> None:
    project = _studio(folder)
    content.put_frozen(project, Path("game", "icon", "potion.png"), b"one")
    content.put_frozen(project, Path("game", "icon", "potion.png"), b"another")


def asset_place(folder: Path) -> None:
    project = _studio(folder)
    with keys.account(folder):
        keys.approved(project)
        promote.prepare(project, 1, 1)


def asset_place_taken(folder: Path) -> None:
    project = _studio(folder)
    with keys.account(folder):
        keys.approved(project)
        promote.prepare(project, 1, 1, realm="loose", kind="icon", slug="potion")


def concept_only(folder: Path) -> None:
    project = _studio(folder)
    with keys.account(folder):
        (first,) = keys.made(project, 1)
        concept = replace(first, settings={**first.settings, origin.STAGE: origin.CONCEPT})
        with database.connect(project) as db, database.writing(db):
            store.put_candidates(db, 1, [concept], warnings=())
        freezing.approved(project, 1, 1)


def nothing_to_ship(folder: Path) -> None:
    shipping.approved_of(studio(folder), POTION)


def atlas_size(folder: Path) -> None:
    from PIL import Image

    path = folder / "long.png"
    Image.new("1", (atlas.LARGEST_SIDE + 1, 1)).save(path)
    atlas.pack([("long", path)], image_name="atlas.png")


def asset_unknown(folder: Path) -> None:
    published.find(manifest.manifest_read(_studio(folder)), "game.icon.potion.v1")


def exports_unsound(folder: Path) -> None:
    project = _studio(folder)
    (project.exports / "stray.png").write_bytes(b"from elsewhere")
    keys.through_cli("--project", str(project.root), "exports", "verify")


def fallback_scope(folder: Path) -> None:
    project = _studio(folder)
    keys.through_cli("--project", str(project.root), "exports", "fallback", "a..b")


CASES: dict[str, Callable[[Path], None]] = {
    case.__name__: case
    for case in (
        asset_unknown,
        atlas_size,
        concept_only,
        exports_unsound,
        fallback_scope,
        frozen_exists,
        nothing_to_ship,
        asset_place,
        asset_place_taken,
    )
}
