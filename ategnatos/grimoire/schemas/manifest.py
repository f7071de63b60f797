"""The list of frozen files beside them: what a consumer of ``exports/`` reads."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from ategnatos.grimoire.schemas.assets import Sha256
from ategnatos.grimoire.schemas.base import Document, Part


class ManifestEntry(Part):
    """One frozen file. ``path`` is relative to the project's root, ``size`` in bytes.

    ``provenance`` says where the pixels come from: engine, prompt, seed, settings, the
    approved candidate's hash and the verdict.
    """

    name: str
    version: Annotated[int, Field(ge=1)]
    path: str
    sha256: Sha256
    size: Annotated[int, Field(ge=0)]
    frozen_at: str = ""
    provenance: dict[str, Any] = Field(default_factory=dict)


class ManifestDocument(Document):
    """Consumers see only what is listed here. An entry is evidence, so no hand sets it."""

    name = "manifest"
    title = "Manifest of exports"
    modify_with = "/art"
    by_hand = False
    location = "exports/manifest.json"
    has_view = False

    entries: list[ManifestEntry] = Field(default_factory=list)


DOCUMENT = ManifestDocument
