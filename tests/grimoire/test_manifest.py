"""The published language: an old manifest reads, ids stay, the shipped schema is the true one."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from ategnatos.grimoire import content, documents, frozen_check, manifest
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.files import sha256_bytes
from ategnatos.grimoire.project import Project
from ategnatos.grimoire.schemas.manifest import ManifestEntry, ShippedAsset


def frozen(project: Project, place: str, data: bytes = b"png", **more: Any) -> dict[str, Any]:
    path, _ = content.put_frozen(project, Path(place), data)
    entry = {
        "id": place,
        "name": "game.icon.potion",
        "version": 1,
        "path": path.relative_to(project.root).as_posix(),
        "sha256": sha256_bytes(data),
        "size": len(data),
    } | more
    content.manifest_add(project, entry)
    return entry


def test_a_manifest_of_version_1_still_reads_and_is_brought_up_to_date(project: Project) -> None:
    path, _ = content.freeze(project, "potion", b"png", "png")
    old = {
        "_schema_version": "1.0",
        "entries": [
            {
                "name": "potion",
                "version": 1,
                "path": path.relative_to(project.root).as_posix(),
                "sha256": sha256_bytes(b"png"),
                "size": 3,
                "provenance": {"verdict": {"standing": "unsigned", "event": "e00000001"}},
            }
        ],
    }
    (project.exports / "manifest.json").write_text(json.dumps(old))
    (entry,) = content.manifest_read(project).entries
    assert (entry.id, entry.verdict, entry.licence) == ("loose.file.potion.v1", "unsigned", None)
    frozen(project, "game/icon/potion/v1/potion.png")
    kept = json.loads((project.exports / "manifest.json").read_text())
    assert kept["_schema_version"] == "2.0"
    assert [one["id"] for one in kept["entries"]] == [
        "loose.file.potion.v1",
        "game/icon/potion/v1/potion.png",
    ]


def test_the_same_place_again_is_the_same_file_and_other_bytes_are_refused(
    project: Project,
) -> None:
    place = Path("game/icon/potion/v1/a/000.png")
    path, fresh = content.put_frozen(project, place, b"one")
    assert fresh
    assert path.stat().st_mode & 0o777 == 0o444
    assert content.put_frozen(project, place, b"one") == (path, False)
    with pytest.raises(StudioError) as refused:
        content.put_frozen(project, place, b"two")
    assert refused.value.code is content.FROZEN_EXISTS
    assert path.read_bytes() == b"one"
    assert list(path.parent.iterdir()) == [path]


def test_many_files_of_one_asset_are_told_apart_by_their_ids(project: Project) -> None:
    first = frozen(project, "game/icon/potion/v1/a.png", b"1")
    frozen(project, "game/icon/potion/v1/b.png", b"2")
    content.manifest_add(project, first)
    assert len(content.manifest_read(project).entries) == 2
    with pytest.raises(StudioError) as refused:
        content.manifest_add(project, first | {"id": "another"})
    assert refused.value.code is manifest.MANIFEST_CONFLICT


def shipped(entry: dict[str, Any], **more: Any) -> ShippedAsset:
    sprite = {"entry": entry["id"], **{key: entry[key] for key in ("path", "sha256", "size")}}
    return ShippedAsset.model_validate(
        {
            "id": "game.icon.potion.v1",
            "realm": "game",
            "kind": "icon",
            "slug": "potion",
            "version": 1,
            "composition_mode": "standalone",
            "asset_path": entry["path"],
            "variant_sprites": [sprite],
            "licence": {"commercial": "yes", "licence": "MIT", "by": "model starter"},
            "shipped_at": "2026-11-21T12:00:00Z",
        }
        | more
    )


def test_only_what_is_listed_is_published_and_each_id_once(project: Project) -> None:
    entry = frozen(project, "game/icon/potion/v1/potion.png")
    manifest.publish(project, shipped(entry))
    manifest.publish(project, shipped(entry, composition_mode="layered"))
    (asset,) = content.manifest_read(project).assets
    assert asset.composition_mode == "layered"
    for lie in ({"asset_path": "exports/other.png"}, {"sha256": "0" * 64}):
        wrong = shipped(entry | lie) if "sha256" in lie else shipped(entry, **lie)
        with pytest.raises(StudioError) as refused:
            manifest.publish(project, wrong)
        assert refused.value.code is manifest.MANIFEST_UNTRUE


def test_a_hundred_files_are_checked_and_each_fault_is_named_in_its_place(
    project: Project,
) -> None:
    """More than a few are hashed by several threads: the answers keep their order."""
    entries = []
    for number in range(100):
        data = bytes([number]) * (number * 1000)
        path, _ = content.put_frozen(project, Path("game", "icon", f"i{number}.png"), data)
        relative = path.relative_to(project.root).as_posix()
        entries.append(
            ManifestEntry(
                name=f"i{number}",
                version=1,
                path=relative,
                sha256=sha256_bytes(data),
                size=len(data),
            )
        )
    assert frozen_check.check(project, entries) == []
    home = project.exports / "game" / "icon"
    (home / "i3.png").unlink()
    (home / "i5.png").chmod(0o644)
    (home / "i7.png").unlink()
    (home / "i7.png").write_bytes(b"other")
    (home / "i11.png").unlink()
    (home / "i11.png").symlink_to(home / "i13.png")
    (home / "i17.png").unlink()
    os.mkfifo(home / "i17.png")
    entries[19].path = "exports/../grimoire/studio.md"
    entries[23].path = "grimoire/studio.md"
    (project.exports / "away").symlink_to(project.grimoire)
    entries[29].path = "exports/away/studio.md"
    found = {one.name: one.problem for one in frozen_check.check(project, entries)}
    assert found == {
        "i3": "missing",
        "i5": "writable",
        "i7": "changed",
        "i11": "outside",
        "i17": "outside",
        "i19": "outside",
        "i23": "outside",
        "i29": "outside",
    }
    assert list(found) == ["i3", "i5", "i7", "i11", "i17", "i19", "i23", "i29"]


def test_a_file_that_nobody_listed_is_named(project: Project) -> None:
    frozen(project, "game/icon/potion/v1/potion.png")
    stray = project.exports / "game" / "icon" / "stray.png"
    stray.write_bytes(b"from elsewhere")
    (project.exports / ".tmp-1-abc").write_bytes(b"left by a crash")
    entries = documents.read(project, "manifest").entries
    assert frozen_check.unlisted(project, entries) == ["exports/game/icon/stray.png"]
