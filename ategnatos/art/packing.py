"""The atlas of a shipped asset: its pictures on one, frozen and listed like every other file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.art import freezing
from ategnatos.grimoire import content, manifest
from ategnatos.grimoire.files import canonical_json, sha256_bytes
from ategnatos.grimoire.jobs import store

if TYPE_CHECKING:
    from datetime import datetime

    from ategnatos.art.promote import Promoted
    from ategnatos.grimoire.project import Project
    from ategnatos.grimoire.schemas.manifest import Atlas, Sprite

Clock = Callable[[], "datetime"]


def has_atlas(project: Project, file: Promoted) -> bool:
    """Whether the kind of a recipe's output is packed; what no recipe made never is."""
    from ategnatos.art.recipes import vocabulary

    made = file.place.origin
    if made is None:
        return False
    kind = vocabulary.of(project).kinds.get(made.output_kind.partition(".")[0])
    return kind is not None and kind.atlas


def packed(
    project: Project,
    asset: str,
    file: Promoted,
    sprites: Sequence[Sprite],
    *,
    actor: str,
    now: Clock,
) -> Atlas:
    """The atlas of these sprites, frozen and listed; its name is the hash of what is on it."""
    from ategnatos.grimoire.schemas.manifest import Atlas
    from ategnatos.pictures.atlas import pack

    parts = [[one.entry, one.sha256] for one in sprites]
    stem = f"atlas-{sha256_bytes(canonical_json(parts))[:16]}"
    place = file.place
    home = Path(*place.under, place.slug, f"v{file.version}")
    made = pack([(one.frame, project.root / one.path) for one in sprites], image_name=f"{stem}.png")
    listed = {}
    for suffix, data in (("png", made.image), ("json", made.frames)):
        path, _ = content.put_frozen(project, home / f"{stem}.{suffix}", data)
        relative = path.relative_to(project.root).as_posix()
        listed[suffix] = (relative, sha256_bytes(data))
        _list_atlas(project, asset, file, parts, relative, data, actor=actor, now=now)
    return Atlas(
        image=listed["png"][0],
        image_sha256=listed["png"][1],
        frames=listed["json"][0],
        frames_sha256=listed["json"][1],
        width=made.width,
        height=made.height,
    )


def _list_atlas(
    project: Project,
    asset: str,
    file: Promoted,
    parts: list[list[str]],
    path: str,
    data: bytes,
    *,
    actor: str,
    now: Clock,
) -> None:
    digest = sha256_bytes(data)
    freezing.told(
        project,
        freezing.PACKED,
        path,
        references={"sha256": digest},
        data={"asset": asset, "parts": [entry for entry, _ in parts]},
        actor=actor,
        now=now,
    )
    entry: dict[str, Any] = {
        "id": f"{asset}/{Path(path).name}",
        "made": "atlas",
        "asset": asset,
        "name": file.place.name,
        "version": file.version,
        "path": path,
        "sha256": digest,
        "size": len(data),
        "verdict": "signed",
        "frozen_at": store.iso(now()),
        "provenance": {"parts": parts},
    }
    manifest.manifest_add(project, entry)
