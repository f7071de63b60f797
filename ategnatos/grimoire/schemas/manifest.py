"""The list of frozen files beside them: the language in which the studio speaks to consumers.

Version 2. ``entries`` is the evidence: every frozen file, from ``art export``, ``art promote``
and ``art ship`` alike. ``assets`` is what was shipped: ids that a game or a site may ask for.
``fallbacks`` is what an id stands for that nobody has shipped, as a person wrote it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from ategnatos.grimoire.schemas.assets import Sha256
from ategnatos.grimoire.schemas.base import Document, Part

Commercial = Literal["yes", "conditions", "unknown", "no"]
Offsets = dict[str, dict[str, Annotated[list[int], Field(min_length=2, max_length=2)]]]


class Term(Part):
    """The terms of one thing that went into a picture, as they were known when it was frozen."""

    of: Literal["model", "lora", "dataset", "api"]
    name: str
    licence: str
    commercial: Commercial
    conditions: list[str] = Field(default_factory=list)
    revenue_limit_usd: int | None = None
    territory: list[str] = Field(default_factory=list)
    source: str = ""
    read: str = ""


class ResultLicence(Part):
    """What may be done with a frozen file: the strictest of its terms, and the terms themselves.

    ``licence`` and ``by`` name the strictest one; what nobody knows stays ``unknown``.
    """

    commercial: Commercial
    licence: str
    by: str
    conditions: list[str] = Field(default_factory=list)
    terms: list[Term] = Field(default_factory=list)


class Variant(Part):
    """Which of a recipe's outputs a file is. ``binding`` hashes the levers; ``frame`` counts
    from 0.
    """

    binding: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    engine: str
    frame: Annotated[int, Field(ge=0)]
    levers: dict[str, str] = Field(default_factory=dict)


class ManifestEntry(Part):
    """One frozen file. ``path`` is relative to the project's root, ``size`` in bytes.

    ``id`` names the file and nothing else ever. ``made`` is the act that froze it, ``asset`` the
    id of the asset that it belongs to. ``recipe`` is the recipe's id, "" where none made it, and
    ``recipe_sha256`` the hash of its file. ``verdict`` is what its approval is worth;
    ``provenance`` holds the statement and signature, engine, prompt, seed, settings and the
    approved candidate's hash. ``licence`` None: frozen before it was recorded.
    """

    id: str = ""
    made: Literal["export", "promotion", "atlas"] = "export"
    asset: str = ""
    name: str
    version: Annotated[int, Field(ge=1)]
    path: str
    sha256: Sha256
    size: Annotated[int, Field(ge=0)]
    composition_mode: str = ""
    anchor_offsets: Offsets = Field(default_factory=dict)
    variant: Variant | None = None
    recipe: str = ""
    recipe_version: int | None = None
    recipe_sha256: str = ""
    verdict: Literal["signed", "unsigned", ""] = ""
    licence: ResultLicence | None = None
    frozen_at: str = ""
    provenance: dict[str, Any] = Field(default_factory=dict)


class Sprite(Part):
    """One picture of a shipped asset. ``entry`` is the id of its frozen file, ``frame`` its name
    in the atlas.
    """

    entry: str
    path: str
    sha256: Sha256
    size: Annotated[int, Field(ge=0)]
    variant: Variant | None = None
    frame: str = ""


class Atlas(Part):
    """All pictures of an asset packed on one: the picture, and where each lies on it.

    ``frames`` is in the JSON hash form of TexturePacker, which PixiJS and Phaser read.
    """

    image: str
    image_sha256: Sha256
    frames: str
    frames_sha256: Sha256
    width: int
    height: int


class ShippedAsset(Part):
    """What a consumer asks for by ``id`` (``<realm>.<kind>.<slug>.v<N>``).

    ``asset_path`` is the picture where no variant is asked for: the first that was shipped.
    """

    id: str = Field(min_length=1)
    realm: str
    kind: str
    slug: str
    version: Annotated[int, Field(ge=1)]
    recipe: str = ""
    recipe_version: int | None = None
    composition_mode: str
    anchor_offsets: Offsets = Field(default_factory=dict)
    asset_path: str
    variant_sprites: list[Sprite] = Field(min_length=1)
    atlas: Atlas | None = None
    licence: ResultLicence
    shipped_at: str


def entry_id(name: str, version: int) -> str:
    """The id of a file that belongs to no realm."""
    return f"loose.file.{name}.v{version}"


def _to_2_0(payload: dict[str, Any]) -> dict[str, Any]:
    """Version 1 knew names and versions; ids and what the approval is worth follow from them."""
    entries = []
    for one in payload.get("entries", []):
        told = (one.get("provenance") or {}).get("verdict") or {}
        fresh = {"id": entry_id(one["name"], one["version"]), "made": "export"}
        if told.get("standing") in {"signed", "unsigned"}:
            fresh["verdict"] = told["standing"]
        entries.append({**fresh, **one})
    return {**payload, "_schema_version": "2.0", "entries": entries}


class ManifestDocument(Document):
    """Consumers see only what is listed here. An entry is evidence, so no hand sets it."""

    name = "manifest"
    title = "Manifest of exports"
    version = "2.0"
    migrations = {"0": _to_2_0, "1.0": _to_2_0}  # noqa: RUF012 - ClassVar of the base
    modify_with = "/art"
    by_hand = False
    location = "exports/manifest.json"
    has_view = False

    entries: list[ManifestEntry] = Field(default_factory=list)
    assets: list[ShippedAsset] = Field(default_factory=list)
    fallbacks: dict[str, str] = Field(default_factory=dict)


DOCUMENT = ManifestDocument
