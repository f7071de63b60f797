"""Promotion: an approved candidate becomes a frozen file in the tree of its asset.

What a recipe made goes to ``exports/<realm>/<kind>/<slug>/v<N>/<binding>/<engine>/<nnn>.<suffix>``
where N is the recipe's version: the way of the candidate itself, so that one tells the other. What
no recipe made goes to ``exports/<realm>/<kind>/<slug>/v<N>/<slug>.<suffix>`` and takes the next
version. Nothing is ever replaced.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.art import freezing, places
from ategnatos.art.places import Place
from ategnatos.art.ship import Options, rendered
from ategnatos.grimoire import content, frozen_check, manifest
from ategnatos.grimoire.files import sha256_bytes, sha256_file
from ategnatos.grimoire.locks import hold

if TYPE_CHECKING:
    from datetime import datetime

    from ategnatos.art.freezing import Approved
    from ategnatos.grimoire.project import Project
    from ategnatos.grimoire.schemas.manifest import ManifestEntry
    from ategnatos.pictures.export import ExportedPicture


@dataclass(frozen=True, slots=True)
class Prepared:
    """A promotion before anything is written."""

    one: Approved
    place: Place
    options: Options
    picture: ExportedPicture


@dataclass(frozen=True, slots=True)
class Promoted:
    """A promoted file. ``asset`` is the id a consumer asks for, ``entry`` that of this file;
    ``fresh`` is False where it was promoted before.
    """

    asset: str
    entry: str
    path: Path
    version: int
    sha256: str
    size: int
    width: int
    height: int
    notes: tuple[str, ...]
    fresh: bool
    standing: str
    approver: str
    place: Place
    one: Approved


def prepare(
    project: Project,
    job_id: int,
    number: int,
    *,
    realm: str | None = None,
    kind: str | None = None,
    slug: str | None = None,
    keep_metadata: bool = False,
) -> Prepared:
    """Check approval, licences and place, and make the file's bytes; nothing is written.

    ``realm``, ``kind`` and ``slug`` are for what no recipe made. Raises StudioError
    (``asset_place``, ``asset_place_taken``, ``recipe_*``, ``export_*``, and as
    :func:`ategnatos.art.freezing.approved`).
    """
    one = freezing.approved(project, job_id, number)
    place = places.find(project, one, realm, kind, slug)
    options = replace(places.options(project, place), keep_metadata=keep_metadata)
    picture = rendered(project.root / one.candidate.path, options)
    return Prepared(one, place, options, picture)


def promote(
    project: Project, ready: Prepared, *, actor: str, now: Callable[[], datetime]
) -> Promoted:
    """Freeze what was prepared and list it; the same again changes nothing.

    Raises StudioError (``frozen_exists``, ``asset_place_taken``, ``manifest_*``, ``disk_full``).
    """
    with hold(project, "exports"):
        known = manifest.manifest_read(project).entries
        places.refuse_mixing(ready.place, known)
        standing = _standing(project, ready, known)
        if standing is not None:
            freezing.note_signature(project, standing.path, ready.one.approval)
            path = project.root / standing.path
            return _promoted(ready, path, standing.version, standing.id, fresh=False)
        path, version = _freeze(project, ready)
        entry = _listing(project, ready, path, version, now)
        asset = freezing.asset_of(
            project,
            ready.one,
            ready.place.name,
            version,
            path,
            sha256_bytes(ready.picture.data),
            ready.picture,
            ready.options,
            now,
        )
        listing = freezing.entry_of(asset, len(ready.picture.data), ready.one, entry)
        freezing.write_down(project, freezing.PROMOTED, asset, listing, actor=actor, now=now)
    return _promoted(ready, path, version, entry["id"], fresh=True)


def destination(project: Project, ready: Prepared) -> str:
    """Where the file would go, for a dry run: relative to the root."""
    place = ready.place
    known = manifest.manifest_read(project).entries
    places.refuse_mixing(place, known)
    standing = _standing(project, ready, known)
    if standing is not None:
        return standing.path
    if place.origin is not None:
        return str(Path("exports", places.fixed(place, ready.picture.format)))
    home = Path("exports", *place.under, place.slug)
    versions = [one.version for one in known if one.name == place.name]
    versions += content.frozen_versions(project, place.slug, under=place.under)
    return str(home / f"v{max(versions, default=0) + 1}" / f"{place.slug}.{ready.picture.format}")


def _standing(
    project: Project, ready: Prepared, known: list[ManifestEntry]
) -> ManifestEntry | None:
    """The entry of an earlier promotion of these very pixels in this way, its file still sound."""
    wanted = freezing.export_facts(ready.options, ready.picture)
    for entry in known:
        facts = entry.provenance
        if (
            entry.made == "promotion"
            and entry.name == ready.place.name
            and facts.get("source_sha256") == ready.one.candidate.sha256
            and facts.get("export") == wanted
            and frozen_check.look(project, entry) is None
        ):
            return entry
    return None


def _freeze(project: Project, ready: Prepared) -> tuple[Path, int]:
    place, picture = ready.place, ready.picture
    if place.recipe is not None:
        path, _ = content.put_frozen(project, places.fixed(place, picture.format), picture.data)
        return path, place.recipe.id.version
    digest = sha256_bytes(picture.data)
    listed = {entry.path for entry in manifest.manifest_read(project).entries}
    for version in content.frozen_versions(project, place.slug, under=place.under):
        folder = project.exports.joinpath(*place.under, place.slug, f"v{version}")
        # A file that nobody lists was left by a crash between the rename and the record.
        for path in folder.iterdir():
            is_ours = path.relative_to(project.root).as_posix() not in listed
            if is_ours and path.is_file() and sha256_file(path) == digest:
                return path, version
    return content.freeze(project, place.slug, picture.data, picture.format, under=place.under)


def _listing(
    project: Project, ready: Prepared, path: Path, version: int, now: Callable[[], datetime]
) -> dict[str, Any]:
    place = ready.place
    asset = f"{place.name}.v{version}"
    facts: dict[str, Any] = {"id": asset, "made": "promotion", "asset": asset}
    if place.recipe is None or place.origin is None:
        return {**facts, "composition_mode": "standalone"}
    made = place.origin
    return {
        **facts,
        "id": f"{asset}/{made.binding}/{made.engine_key}/{made.child:03d}",
        "composition_mode": str(place.recipe.locked.get("composition_mode", "standalone")),
        "anchor_offsets": place.recipe.locked.get("anchor_offsets", {}),
        "variant": {
            "binding": made.binding,
            "engine": made.engine_key,
            "frame": made.child,
            "levers": dict(made.levers),
        },
        "recipe": made.recipe_id,
        "recipe_version": version,
        "recipe_sha256": made.recipe_sha256,
    }


def _promoted(ready: Prepared, path: Path, version: int, entry: str, *, fresh: bool) -> Promoted:
    one, picture = ready.one, ready.picture
    return Promoted(
        f"{ready.place.name}.v{version}",
        entry,
        path,
        version,
        sha256_file(path),
        path.stat().st_size,
        picture.width,
        picture.height,
        (*one.notes, *picture.notes),
        fresh,
        one.approval.standing.value,
        one.approval.approver,
        ready.place,
        one,
    )
