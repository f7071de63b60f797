"""What a consumer finds under an id: the published language read, deterministically.

An id that nobody shipped becomes the fallback that somebody wrote down for it, the nearest one
first: of the asset, of its kind in its realm, of its realm, of everything (``*``). Without one the
id is refused; no reader invents a picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from ategnatos.grimoire.schemas.manifest import ManifestDocument, ShippedAsset, Sprite

ASSET_UNKNOWN = ErrorCode("asset_unknown", "Nothing was shipped under that id.")

EVERYTHING = "*"
SCHEMA_NAME = "manifest.schema.json"

# How an answer came about, for people and machines.
EXACT, NEWEST, FALLBACK = "exact", "newest", "fallback"


@dataclass(frozen=True, slots=True)
class Found:
    """What an id stands for. ``how`` is ``exact``, ``newest`` (the id had no version) or
    ``fallback``; ``scope`` says which fallback; ``is_variant`` whether the levers were met.
    """

    asset: ShippedAsset
    sprite: Sprite
    how: str
    scope: str = ""
    is_variant: bool = True


def find(
    document: ManifestDocument, asset_id: str, levers: Mapping[str, str] | None = None
) -> Found:
    """The picture for ``asset_id`` (``realm.kind.slug.v2``, or without the version).

    With ``levers`` the variant made with them; the asset's own picture where there is none.
    Raises StudioError (``asset_unknown``).
    """
    assets = {one.id: one for one in document.assets}
    if asset_id in assets:
        return _sprite(assets[asset_id], EXACT, "", levers)
    newest = max(
        (one for one in document.assets if f"{one.realm}.{one.kind}.{one.slug}" == asset_id),
        key=lambda one: one.version,
        default=None,
    )
    if newest is not None:
        return _sprite(newest, NEWEST, "", levers)
    for scope in scopes(asset_id):
        known = assets.get(document.fallbacks.get(scope, ""))
        if known is not None:
            return _sprite(known, FALLBACK, scope, levers)
    raise StudioError(
        ASSET_UNKNOWN,
        f"Nothing was shipped as {asset_id[:200]!r}, and no fallback stands for it.",
        hint="See what there is: ategnatos exports list. Write a fallback:"
        " ategnatos exports fallback '*' ID",
        asset=asset_id[:200],
    )


def schema() -> bytes:
    """The JSON Schema (2020-12) of ``exports/manifest.json``, as it is shipped."""
    return files("ategnatos.grimoire").joinpath(SCHEMA_NAME).read_bytes()


def scopes(asset_id: str) -> list[str]:
    """The fallbacks that may stand for an id, the nearest first."""
    parts = asset_id.split(".")
    if len(parts) > 3 and parts[-1][:1] == "v" and parts[-1][1:].isdigit():
        parts.pop()
    return [".".join(parts[:length]) for length in range(min(3, len(parts)), 0, -1)] + [EVERYTHING]


def _sprite(asset: ShippedAsset, how: str, scope: str, levers: Mapping[str, str] | None) -> Found:
    own = next(one for one in asset.variant_sprites if one.path == asset.asset_path)
    if not levers:
        return Found(asset, own, how, scope)
    for one in asset.variant_sprites:
        if one.variant is not None and one.variant.levers == dict(levers):
            return Found(asset, one, how, scope)
    return Found(asset, own, how, scope, is_variant=False)
