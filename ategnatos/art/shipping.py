"""Shipping: promotion, an atlas where the kind has one, and the entry that consumers read.

Only in a studio with keys: every file of a shipped asset was approved with a signature. A crash
at any point leaves what a second run completes; nothing is frozen twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ategnatos.art import freezing, packing, promote, result_licence
from ategnatos.art.promote import Prepared, Promoted
from ategnatos.grimoire import manifest
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.jobs import store
from ategnatos.grimoire.locks import hold
from ategnatos.guard import gate

if TYPE_CHECKING:
    from datetime import datetime

    from ategnatos.grimoire.project import Project
    from ategnatos.grimoire.schemas.manifest import (
        Atlas,
        ManifestDocument,
        ManifestEntry,
        ShippedAsset,
        Sprite,
    )

NOTHING_TO_SHIP = ErrorCode("nothing_to_ship", "Nothing of that was approved.")

Clock = Callable[[], "datetime"]


@dataclass(frozen=True, slots=True)
class ShippedOne:
    """A shipped asset. ``files`` are the promotions of this run; ``fresh`` tells whether the
    manifest says something new now; ``sprites`` counts all its pictures.
    """

    asset: str
    files: tuple[Promoted, ...]
    sprites: int
    atlas: str
    licence: str
    notes: tuple[str, ...]
    fresh: bool


def ship(
    project: Project,
    ready: Sequence[Prepared],
    *,
    actor: str,
    now: Clock,
    redo: str,
    atlas: bool = True,
) -> list[ShippedOne]:
    """Promote what was prepared (by :func:`ategnatos.art.promote.prepare`) and publish it.

    Raises StudioError (``signature_needed`` in a studio without keys, ``verdict_unsigned``, and
    as :func:`ategnatos.art.promote.promote`).
    """
    gate.require_signed_mode(project, redo=redo)
    promoted: dict[str, list[Promoted]] = {}
    for one in ready:
        done = promote.promote(project, one, actor=actor, now=now)
        promoted.setdefault(done.asset, []).append(done)
    return [
        _publish(project, asset, files, atlas=atlas, actor=actor, now=now)
        for asset, files in promoted.items()
    ]


def _publish(
    project: Project,
    asset: str,
    files: Sequence[Promoted],
    *,
    atlas: bool,
    actor: str,
    now: Clock,
) -> ShippedOne:
    with hold(project, "exports"):
        document = manifest.manifest_read(project)
        before = next((one for one in document.assets if one.id == asset), None)
        sprites = _sprites(document, before, files)
        packed = None
        if atlas and packing.has_atlas(project, files[0]):
            packed = packing.packed(project, asset, files[0], sprites, actor=actor, now=now)
        fresh = _asset(document, files[0], asset, sprites, packed, before, now)
        changed = before is None or _says(before) != _says(fresh)
        if changed:
            # The journal first: a line more than the manifest is completed by the next run.
            _told(project, fresh, actor=actor, now=now)
            manifest.publish(project, fresh)
    notes = tuple(dict.fromkeys(note for one in files for note in one.notes))
    return ShippedOne(
        asset,
        tuple(files),
        len(sprites),
        "" if packed is None else packed.image,
        fresh.licence.licence,
        notes,
        changed,
    )


def _sprites(
    document: ManifestDocument, before: ShippedAsset | None, files: Sequence[Promoted]
) -> list[Sprite]:
    """Those that were shipped, in their order, and the new ones after them."""
    from ategnatos.grimoire.schemas.manifest import Sprite

    entries = {entry.id: entry for entry in document.entries}
    known = [] if before is None else list(before.variant_sprites)
    there = {one.entry for one in known}
    for file in files:
        if file.entry in there:
            continue
        entry = entries[file.entry]
        known.append(
            Sprite(
                entry=entry.id,
                path=entry.path,
                sha256=entry.sha256,
                size=entry.size,
                variant=entry.variant,
                frame=_frame_name(entry),
            )
        )
    return known


def _frame_name(entry: ManifestEntry) -> str:
    """What the picture is called in the atlas: by its levers, or the asset's own id."""
    made = entry.variant
    if made is None:
        return entry.asset
    levers = ",".join(f"{name}={value}" for name, value in sorted(made.levers.items()))
    return f"{levers or entry.asset}/{made.engine}/{made.frame:03d}"


def _asset(
    document: ManifestDocument,
    file: Promoted,
    asset: str,
    sprites: list[Sprite],
    packed: Atlas | None,
    before: ShippedAsset | None,
    now: Clock,
) -> ShippedAsset:
    from ategnatos.grimoire.schemas.manifest import ShippedAsset

    entries = {entry.id: entry for entry in document.entries}
    first = entries[file.entry]
    terms = {}
    for sprite in sprites:
        licence = entries[sprite.entry].licence
        for term in licence.terms if licence is not None else ():
            terms[(term.of, term.name, term.licence)] = term
    return ShippedAsset(
        id=asset,
        realm=file.place.realm,
        kind=file.place.kind,
        slug=file.place.slug,
        version=file.version,
        recipe=first.recipe,
        recipe_version=first.recipe_version,
        composition_mode=first.composition_mode,
        anchor_offsets=first.anchor_offsets,
        asset_path=sprites[0].path if before is None else before.asset_path,
        variant_sprites=sprites,
        # An atlas that was made once stays: leaving it out of one run takes nothing away.
        atlas=packed if packed is not None or before is None else before.atlas,
        licence=result_licence.strictest(list(terms.values())),
        shipped_at=store.iso(now()),
    )


def _says(asset: ShippedAsset) -> dict[str, Any]:
    facts = asset.model_dump(mode="json")
    facts.pop("shipped_at")
    return facts


def _told(project: Project, asset: ShippedAsset, *, actor: str, now: Clock) -> None:
    from ategnatos.grimoire import journal

    data = {"asset": asset.id, "files": [one.path for one in asset.variant_sprites]}
    if asset.atlas is not None:
        data["atlas"] = [asset.atlas.image, asset.atlas.frames]
    last = None
    for event in journal.read(project, kinds={freezing.SHIPPED}):
        if event.data.get("asset") == asset.id:
            last = event
    if last is None or last.data != data:
        journal.append(project, freezing.SHIPPED, actor=actor, data=data, now=now())


def approved_of(
    project: Project,
    recipe_id: str,
    *,
    binding: str | None = None,
    engine: str | None = None,
    frame: int | None = None,
) -> list[tuple[int, int]]:
    """Job and number of every approved output of a recipe, narrowed where something is given.

    Raises StudioError (``nothing_to_ship``, ``recipe_unknown``).
    """
    from ategnatos.art.recipes import origin, shelf
    from ategnatos.grimoire.jobs import database

    wanted = str(shelf.find(project, recipe_id))
    found = []
    with database.connect(project) as db:
        for job in sorted(store.jobs(db), key=lambda one: one.id):
            made = origin.of(job)
            if made is None or made.recipe_id != wanted:
                continue
            asked = ((binding, made.binding), (engine, made.engine_key), (frame, made.child))
            if any(given is not None and given != has for given, has in asked):
                continue
            found += [
                (job.id, one.number)
                for one in origin.finals(store.candidates(db, job.id))
                if one.verdict == store.APPROVED
            ]
    if not found:
        raise StudioError(
            NOTHING_TO_SHIP,
            f"No approved output of {wanted} fits what was asked; nothing was frozen.",
            hint=f"See what waits for a verdict: ategnatos art review --pending. Make them:"
            f" ategnatos art run {wanted}",
            recipe=wanted,
        )
    return found
