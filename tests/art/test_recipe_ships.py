"""A recipe swept, approved and shipped: its tree, variants and atlas, and a kill on the way."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from ategnatos.art import promote, shipping
from ategnatos.grimoire import manifest, published
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.files import binding_hash
from ategnatos.grimoire.jobs import database, store
from ategnatos.grimoire.project import Project
from ategnatos.guard.gate import audit, keyfile, trust
from tests.art.potion_recipe import POTION, studio
from tests.art.test_promote import killed_at, told, tree
from tests.conftest import Run
from tests.guard import keys

HOME = "exports/alchemy/object/potion/v1"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A studio whose recipe was swept over three colours, all approved with a signature."""
    folder = tmp_path_factory.mktemp("swept")
    account = folder / "account"
    with keys.account(account):
        project = studio(folder)
        words = ("art", "run", POTION, "--size", "small", "--sweep", "colour")
        keys.through_cli("--project", str(project.root), *words)
        private = keys.founded(project)
        with database.connect(project) as db:
            waiting = store.all_candidates(db)
        for one in waiting:
            keys.give(project, one, keys.approval(project, private, one))
    return project.root, account


@pytest.fixture
def swept(made: tuple[Path, Path], tmp_path: Path) -> Iterator[Project]:
    root, account = made
    copied = Project(Path(shutil.copytree(root, tmp_path / "copy")).resolve())
    # An account remembers the journals it saw: each copy of the studio has its own.
    with keys.account(Path(shutil.copytree(account, tmp_path / "own account"))):
        yield copied


def ship(project: Project, **narrowed: str) -> shipping.ShippedOne:
    chosen = shipping.approved_of(project, POTION, **narrowed)  # type: ignore[arg-type]
    ready = [promote.prepare(project, *one) for one in chosen]
    (done,) = shipping.ship(project, ready, actor="user:test", now=lambda: keys.NOW, redo="again")
    return done


def test_every_variant_lies_where_its_candidate_lay_and_is_found_by_its_levers(
    swept: Project,
) -> None:
    done = ship(swept)
    assert (done.asset, done.sprites, done.licence) == (POTION, 3, "MIT")
    document = manifest.manifest_read(swept)
    red = binding_hash({"colour": "red", "size": "small"})
    found = published.find(document, POTION, {"colour": "red", "size": "small"})
    assert found.sprite.path == f"{HOME}/{red}/starter/000.png"
    assert (swept.outputs / POTION / red / "starter" / "000.png").is_file()
    assert found.asset.anchor_offsets == {"base": {"s": [0, 28]}}
    assert (found.asset.recipe, found.asset.recipe_version) == (POTION, 1)
    mauve = published.find(document, POTION, {"colour": "mauve", "size": "small"})
    assert not mauve.is_variant
    assert mauve.sprite.path == found.asset.asset_path
    assert audit.audit(swept, trust.known(swept)).broken == []


def test_the_atlas_shows_every_variant_and_grows_as_a_new_file(swept: Project) -> None:
    red = binding_hash({"colour": "red", "size": "small"})
    first = ship(swept, binding=red)
    assert first.sprites == 1
    one = swept.root / first.atlas
    before = one.read_bytes()
    second = ship(swept)
    assert second.sprites == 3
    assert one.read_bytes() == before
    (asset,) = manifest.manifest_read(swept).assets
    assert asset.atlas is not None
    assert asset.atlas.image == second.atlas != first.atlas
    told = json.loads((swept.root / asset.atlas.frames).read_bytes())
    assert set(told["frames"]) == {sprite.frame for sprite in asset.variant_sprites}
    with Image.open(io.BytesIO((swept.root / asset.atlas.image).read_bytes())) as sheet:
        assert sheet.size == (told["meta"]["size"]["w"], told["meta"]["size"]["h"])
        for sprite in asset.variant_sprites:
            place = told["frames"][sprite.frame]["frame"]
            box = (place["x"], place["y"], place["x"] + place["w"], place["y"] + place["h"])
            with Image.open(swept.root / sprite.path) as own:
                assert sheet.crop(box).tobytes() == own.convert("RGBA").tobytes()


def test_killed_at_any_point_of_shipping_a_sweep_a_second_run_completes_it(
    swept: Project, tmp_path: Path
) -> None:
    """At some points; ``test_promote`` takes every single one of a smaller shipment."""
    whole = Project(Path(shutil.copytree(swept.root, tmp_path / "whole")).resolve())
    ship(whole)
    wanted, listed = tree(whole), told(whole)
    number, finished = 7, False
    while not finished:
        here = Project(Path(shutil.copytree(swept.root, tmp_path / "here")).resolve())
        finished = killed_at(number, lambda here=here: ship(here))  # type: ignore[misc]
        assert all(wanted[path] == kept for path, kept in tree(here).items())
        ship(here)
        assert tree(here) == wanted, f"killed before call {number}"
        assert told(here) == listed
        shutil.rmtree(here.root)
        number += 17


def test_a_recipes_tree_takes_nothing_else(swept: Project) -> None:
    (one,) = keys.made(swept, 1)
    private = keyfile.unseal(keyfile.load(), bytearray(keys.PASSPHRASE.encode()))
    with database.connect(swept) as db, database.writing(db):
        db.execute("UPDATE candidate SET verdict='approved' WHERE job=?", (one.job,))
    place = {"realm": "alchemy", "kind": "object", "slug": "potion"}
    with pytest.raises(StudioError) as refused:
        promote.prepare(swept, one.job, 1, **place)
    assert refused.value.code.code == "verdict_broken", "the row alone is no approval"
    keys.give(swept, one, keys.approval(swept, private, one))
    with pytest.raises(StudioError) as refused:
        promote.prepare(swept, one.job, 1, **place)
    assert refused.value.code.code == "asset_place_taken"


def test_the_commands_promote_and_ship_a_recipe(swept: Project, run: Run) -> None:
    red = binding_hash({"colour": "red", "size": "small"})
    planned = run("art", "ship", POTION, "--dry-run", "--json", cwd=swept.root).data
    assert len(planned["files"]) == 3
    assert tree(swept) == {}
    done = run(
        "art",
        "promote",
        POTION,
        red,
        "--backend",
        "starter",
        "--frame",
        "0",
        "--json",
        cwd=swept.root,
    ).data
    (one,) = done["promoted"]
    assert one["entry"] == f"{POTION}/{red}/starter/000"
    assert one["path"] == f"{swept.root}/{HOME}/{red}/starter/000.png"
    shipped = run("art", "ship", POTION, "--json", cwd=swept.root).data["shipped"]
    assert [file["fresh"] for file in shipped[0]["files"]] == [False, True, True]
    listed = run("exports", "list", cwd=swept.root)
    assert f"{POTION}  3 pictures, with an atlas, MIT" in listed.out
    checked = run("exports", "verify", "--json", cwd=swept.root).data
    assert checked["files"] == 5
    assert run("gate", "verify", cwd=swept.root).code == 0
