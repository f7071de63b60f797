"""Promotion and shipping: frozen for ever, listed once, whatever kills it on the way."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from PIL import Image

from ategnatos.art import freezing, promote, shipping
from ategnatos.grimoire import journal, manifest, published
from ategnatos.grimoire.documents import edit
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.jobs import assets, database
from ategnatos.grimoire.project import Project
from ategnatos.guard.gate import audit, trust
from tests.conftest import Run
from tests.guard import keys

PLACE = {"realm": "game", "kind": "icon", "slug": "potion"}


@pytest.fixture
def signing(project: Project, tmp_path: Path) -> Iterator[Project]:
    """A studio with keys and two signed approvals."""
    with keys.account(tmp_path / "account"):
        private = keys.founded(project)
        for one in keys.made(project):
            keys.give(project, one, keys.approval(project, private, one))
        yield project


def promoted(project: Project, number: int = 1, **place: str) -> promote.Promoted:
    ready = promote.prepare(project, 1, number, **(place or PLACE))
    return promote.promote(project, ready, actor="user:test", now=lambda: keys.NOW)


def shipped(project: Project, number: int = 1) -> shipping.ShippedOne:
    ready = [promote.prepare(project, 1, number, **PLACE)]
    (one,) = shipping.ship(project, ready, actor="user:test", now=lambda: keys.NOW, redo="again")
    return one


def tree(project: Project) -> dict[str, tuple[bytes, int]]:
    return {
        path.relative_to(project.root).as_posix(): (path.read_bytes(), path.stat().st_mode & 0o777)
        for path in sorted(project.exports.rglob("*"))
        if path.is_file() and path.name != "manifest.json" and "/.tmp-" not in str(path)
    }


def told(project: Project) -> dict[str, Any]:
    """The manifest without what a clock or a revision decides."""
    kept = json.loads((project.exports / "manifest.json").read_text())
    return {name: kept[name] for name in ("_schema_version", "entries", "assets", "fallbacks")}


def test_a_promotion_is_frozen_listed_and_the_same_again_changes_nothing(
    signing: Project,
) -> None:
    one = promoted(signing)
    assert one.path == signing.exports / "game" / "icon" / "potion" / "v1" / "potion.png"
    assert stat.S_IMODE(one.path.stat().st_mode) == 0o444
    with Image.open(one.path) as image:
        assert image.size == (128, 128), "the asset format of an icon"
    (entry,) = manifest.manifest_read(signing).entries
    assert (entry.id, entry.made, entry.verdict) == ("game.icon.potion.v1", "promotion", "signed")
    assert entry.licence is not None
    before = told(signing)
    again = promoted(signing)
    assert (again.fresh, again.path) == (False, one.path)
    assert told(signing) == before
    other = promoted(signing, 2)
    assert other.path.parent.name == "v2"
    assert audit.audit(signing, trust.known(signing)).broken == []
    assert len(list(journal.read(signing, {freezing.PROMOTED}))) == 2


def test_what_has_no_place_is_asked_for_it_and_a_foreign_place_is_refused(
    signing: Project,
) -> None:
    for wrong, code in (
        ({}, promote.places.PLACE_NEEDED),
        (PLACE | {"slug": "Zwei Wörter"}, promote.places.PLACE_NEEDED),
        (PLACE | {"slug": "../.."}, promote.places.PLACE_NEEDED),
        (PLACE | {"realm": "loose"}, promote.places.PLACE_TAKEN),
    ):
        with pytest.raises(StudioError) as refused:
            promote.prepare(signing, 1, 1, **wrong)
        assert refused.value.code is code
    assert tree(signing) == {}


def test_what_has_a_brief_goes_where_the_brief_says(signing: Project, run: Run) -> None:
    words = ("--subject", "an owl", "--spec", "og-image")
    assert run("art", "brief", "new", "site/owl", *words, cwd=signing.root).code == 0
    with database.connect(signing) as db:
        asset = assets.find(db, "site", "owl")
        assert asset is not None
        assets.add_version(db, asset.id, 1, now="2026-11-21T12:00:00Z")
    done = run("art", "promote", "owl/v1#1", "--json", cwd=signing.root).data["promoted"]
    assert done[0]["asset"] == "site.og-image.owl.v1"
    other = promoted(signing, 2, slug="owl-asleep")
    assert other.asset == "site.og-image.owl-asleep.v1"


def test_shipping_publishes_what_consumers_read_and_the_schema_holds(signing: Project) -> None:
    one = shipped(signing)
    assert (one.asset, one.fresh, one.sprites) == ("game.icon.potion.v1", True, 1)
    document = json.loads((signing.exports / "manifest.json").read_text())
    schema = json.loads(published.schema())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(document, schema)
    (asset,) = document["assets"]
    assert asset["asset_path"] == "exports/game/icon/potion/v1/potion.png"
    assert asset["composition_mode"] == "standalone"
    assert asset["licence"]["by"].startswith("model ")
    assert not shipped(signing).fresh
    assert len(list(journal.read(signing, {freezing.SHIPPED}))) == 1


def test_the_schema_in_the_package_is_that_of_the_code() -> None:
    from ategnatos.grimoire.schemas.manifest import ManifestDocument

    made = ManifestDocument.model_json_schema(by_alias=True)
    kept = json.loads(published.schema())
    assert {key: kept[key] for key in made} == made


def test_without_keys_one_may_promote_and_not_ship(project: Project, tmp_path: Path) -> None:
    with keys.account(tmp_path / "account"):
        keys.approved(project)
        with pytest.raises(StudioError) as refused:
            shipped(project)
        assert refused.value.code.code == "signature_needed"
        assert tree(project) == {}
        assert promoted(project).standing == "unsigned"
        (entry,) = manifest.manifest_read(project).entries
        assert entry.verdict == "unsigned"
        assert manifest.manifest_read(project).assets == []


@pytest.mark.parametrize("commercial", [True, False, None])
def test_an_unknown_licence_blocks_under_a_commercial_policy_alone(
    signing: Project, commercial: bool | None
) -> None:
    with edit(signing, "policy") as policy:
        policy.commercial = commercial
    if commercial:
        with pytest.raises(StudioError) as refused:
            shipped(signing)
        assert refused.value.code.code == "licence_unknown"
        assert tree(signing) == {}
        return
    shipped(signing)
    (asset,) = manifest.manifest_read(signing).assets
    assert asset.licence.commercial == "unknown", "the painter's licence is nobody's to guess"


def test_ids_that_nobody_shipped_resolve_to_what_somebody_wrote_down(
    signing: Project, run: Run
) -> None:
    shipped(signing)
    base = ("exports", "find", "--json")
    assert run(*base, "game.icon.potion", cwd=signing.root).data["how"] == "newest"
    unknown = run(*base, "game.icon.sword.v3", cwd=signing.root)
    assert unknown.envelope["error"]["code"] == "asset_unknown"
    for scope, wanted in (("*", "*"), ("game", "game"), ("game.icon", "game.icon")):
        done = run("exports", "fallback", scope, "game.icon.potion", "--json", cwd=signing.root)
        assert done.data["asset"] == "game.icon.potion.v1"
        for _ in range(2):
            found = run(*base, "game.icon.sword.v3", cwd=signing.root).data
            assert (found["how"], found["scope"]) == ("fallback", wanted)
    far = run(*base, "elsewhere.scene.hall.v1", cwd=signing.root).data
    assert far["scope"] == "*"
    for wrong in ("game.icon.potion.v1.x", "a..b", ""):
        done = run("exports", "fallback", wrong, "game.icon.potion", "--json", cwd=signing.root)
        assert done.envelope["error"]["code"] == "fallback_scope"


def test_verify_names_what_is_not_as_approved(signing: Project, run: Run) -> None:
    one = shipped(signing)
    assert run("exports", "verify", "--json", cwd=signing.root).data["approvals"] == {"signed": 1}
    stray = signing.exports / "game" / "stray.png"
    stray.write_bytes(b"from elsewhere")
    done = run("exports", "verify", "--json", cwd=signing.root)
    assert done.envelope["error"]["code"] == "exports_unsound"
    stray.unlink()
    path = one.files[0].path
    path.chmod(0o644)
    path.write_bytes(b"other")
    done = run("exports", "verify", cwd=signing.root)
    assert done.code == 1
    assert "potion.png: changed" in done.out


# A process is killed before the k-th of these; the next run finds whatever it left.
_CALLS = ("rename", "link", "unlink", "fsync", "mkdir", "fdatasync")


def killed_at(number: int, work: Callable[[], object]) -> bool:
    """Run ``work`` in a process that is killed before call ``number`` to the file system; True
    where it came to its end first.
    """
    child = os.fork()
    if child == 0:
        left = [number]

        def counted(real: Callable[..., Any]) -> Callable[..., Any]:
            def call(*arguments: Any, **named: Any) -> Any:
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return real(*arguments, **named)

            return call

        for name in _CALLS:
            setattr(os, name, counted(getattr(os, name)))
        try:
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in {0, -signal.SIGKILL}
    return code == 0


def test_killed_at_every_point_a_second_run_leaves_the_same_tree(
    signing: Project, tmp_path: Path
) -> None:
    whole = Project(Path(shutil.copytree(signing.root, tmp_path / "whole")).resolve())
    shipped(whole)
    wanted, listed = tree(whole), told(whole)
    events = [event.kind for event in journal.read(whole)]
    number, finished = 0, False
    while not finished:
        number += 1
        here = Project(Path(shutil.copytree(signing.root, tmp_path / "here")).resolve())
        finished = killed_at(number, lambda here=here: shipped(here))  # type: ignore[misc]
        for path, (data, mode) in tree(here).items():
            assert (data, mode) == wanted[path], "nothing is ever seen half-written"
        shipped(here)
        assert tree(here) == wanted, f"killed before call {number}"
        assert told(here) == listed
        kinds = [event.kind for event in journal.read(here)]
        assert [kind for kind in kinds if kind != "journal_repaired"] == events
        assert audit.audit(here, trust.known(here)).broken == []
        shutil.rmtree(here.root)
    assert number > 12, "every step was a point to be killed at"


def test_an_atlas_holds_every_sprite_pixel_for_pixel(tmp_path: Path) -> None:
    from ategnatos.pictures.atlas import pack

    sprites = []
    for number, size in enumerate([(16, 16), (16, 16), (5, 40), (30, 7), (16, 16)]):
        path = tmp_path / f"{number}.png"
        Image.effect_noise(size, 90).convert("RGBA").save(path)
        sprites.append((f"s{number}", path))
    packed = pack(sprites, image_name="atlas.png")
    assert pack(list(reversed(sprites)), image_name="atlas.png") == packed
    told = json.loads(packed.frames)
    assert told["meta"]["size"] == {"w": packed.width, "h": packed.height}
    taken: set[tuple[int, int]] = set()
    with Image.open(io.BytesIO(packed.image)) as sheet:
        for name, path in sprites:
            place = told["frames"][name]["frame"]
            left, top = place["x"], place["y"]
            box = (left, top, left + place["w"], top + place["h"])
            with Image.open(path) as own:
                assert sheet.crop(box).tobytes() == own.tobytes()
            own_pixels = {(x, y) for x in range(left, box[2]) for y in range(top, box[3])}
            assert not taken & own_pixels
            taken |= own_pixels
