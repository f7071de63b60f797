"""Put a layout on the disk: whole or not at all, the same again changes nothing.

It is built beside its place and moved there by a rename. ``ategnatos-dataset.json`` in it says of
which version it is and what belongs to it; a folder without that file is somebody else's and is
never replaced. Pictures are hard links into the dataset's files (or copies), so a trainer's caches
land here and never among the user's pictures; laying out anew throws stale caches away.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import (
    TEMPORARY_PREFIX,
    binding_hash,
    canonical_json,
    explained,
    sha256_bytes,
    sync_folder,
    temporary_name,
)
from ategnatos.train.dataset import store
from ategnatos.train.dataset.structure.layout import Layout, Staged

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project

NOT_OURS = ErrorCode("structure_not_ours", "A folder holds files that this program did not lay.")

_LEFT_SECONDS = 24 * 3600
MANIFEST = "ategnatos-dataset.json"


@dataclass(frozen=True, slots=True)
class Laid:
    """Where it lies, and whether anything had to be written. ``linked`` of ``pictures`` are hard
    links, the others copies.
    """

    place: Path
    changed: bool
    linked: int
    pictures: int


def put(
    project: Project, layout: Layout, place: Path, version: Mapping[str, Any], *, copy: bool = False
) -> Laid:
    """Lay ``layout`` out at ``place``. ``version`` (dataset, number, digest) goes into the
    manifest. Raises StudioError (``structure_not_ours``, ``dataset_file_missing``, ``disk_full``,
    ``write_failed``); what stood at ``place`` then stands.
    """
    contents = _contents(layout, copy)
    mark = binding_hash({"version": dict(version), "contents": contents, "place": str(place)})
    before = _manifest(place)
    if before is None and place.exists() and any(place.iterdir()):
        raise StudioError(
            NOT_OURS,
            f"{place} holds files that were not laid out by this program; nothing was written.",
            hint="Name another folder with --out, or move those files away.",
            path=str(place),
        )
    if before is not None and before.get("mark") == mark and _whole(place, layout):
        return Laid(place, False, int(before.get("linked", 0)), len(layout.links))
    fresh = place.parent / temporary_name()
    with explained(place, "What stood there before still stands."):
        place.parent.mkdir(parents=True, exist_ok=True)
        _sweep(place.parent)
        try:
            linked = _build(project, layout, fresh, copy)
            manifest = {
                "mark": mark,
                "version": dict(version),
                "linked": linked,
                "report": layout.facts(),
                "contents": contents,
            }
            (fresh / MANIFEST).write_bytes(canonical_json(manifest) + b"\n")
            sync_folder(fresh)
            _exchange(fresh, place)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    return Laid(place, True, linked, len(layout.links))


def _sweep(folder: Path) -> None:
    """Remove what a killed process left half-built here, once it is older than any building."""
    for left in folder.glob(f"{TEMPORARY_PREFIX}*"):
        if left.is_dir() and time.time() - left.stat().st_mtime > _LEFT_SECONDS:
            shutil.rmtree(left, ignore_errors=True)


def _exchange(fresh: Path, place: Path) -> None:
    """Put ``fresh`` in the place of ``place``. A crash between the two renames leaves the old one
    under a temporary name and no folder at all: running it again lays it out anew.
    """
    old = place.parent / temporary_name()
    if place.exists():
        place.rename(old)
    try:
        fresh.rename(place)
    except OSError:
        if old.exists():
            old.rename(place)
        raise
    sync_folder(place.parent)
    shutil.rmtree(old, ignore_errors=True)


def _build(project: Project, layout: Layout, fresh: Path, copy: bool) -> int:
    linked = 0
    for name, one in layout.links.items():
        linked += _place(project, fresh / name, one, layout.frame.ground, copy)
    for name, one in layout.masks.items():
        assert one.mask is not None
        path = fresh / name
        path.parent.mkdir(parents=True, exist_ok=True)
        source = store.path_of(project, layout.frame.masks, one.mask.name, one.mask.sha256)
        path.write_bytes(upright_png(source, "L"))
    for name, raw in layout.small.items():
        path = fresh / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(raw)
    return linked


def _place(project: Project, path: Path, one: Staged, ground: str, copy: bool) -> int:
    picture = one.picture
    path.parent.mkdir(parents=True, exist_ok=True)
    source = store.path_of(project, one.dataset, picture.name, picture.sha256)
    if one.rewrite:
        path.write_bytes(upright_png(source, ground=ground))
        return 0
    if not copy:
        try:
            os.link(source, path)
            return 1
        except OSError:  # another file system, or one without hard links
            pass
    shutil.copyfile(source, path)
    return 0


def upright_png(path: Path, mode: str = "", ground: str = "") -> bytes:
    """The picture as a PNG, turned as its EXIF says, in ``mode`` (default: as it is).

    Transparency is kept, or lies on ``ground``, a colour's name or #rrggbb. Raises OSError.
    """
    from PIL import Image, ImageOps

    with Image.open(path) as image:
        turned = ImageOps.exif_transpose(image)
        clear = "A" in turned.getbands() or "transparency" in turned.info
        if clear and ground:
            laid = Image.new("RGBA", turned.size, ground)
            laid.alpha_composite(turned.convert("RGBA"))
            turned, clear = laid, False
        output = io.BytesIO()
        turned.convert(mode or ("RGBA" if clear else "RGB")).save(output, "PNG")
    return output.getvalue()


def _contents(layout: Layout, copy: bool) -> dict[str, str]:
    """Every file by its path and what it is made of."""
    made = {name: sha256_bytes(raw) for name, raw in layout.small.items()}
    for name, one in layout.links.items():
        how = f" png {layout.frame.ground}" if one.rewrite else " copy" if copy else ""
        made[name] = one.picture.sha256 + how
    for name, one in layout.masks.items():
        assert one.mask is not None
        made[name] = f"{one.mask.sha256} mask"
    return made


def _whole(place: Path, layout: Layout) -> bool:
    """Whether everything that was laid out is there still, as far as sizes tell."""
    for name, raw in layout.small.items():
        path = place / name
        if not path.is_file() or path.read_bytes() != raw:
            return False
    for name, one in layout.links.items():
        path = place / name
        if not path.is_file() or (not one.rewrite and path.stat().st_size != one.picture.size):
            return False
    return all((place / name).is_file() for name in layout.masks)


def _manifest(place: Path) -> dict[str, Any] | None:
    try:
        value = json.loads((place / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None
