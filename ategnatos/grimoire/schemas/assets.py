"""Every approved asset, and where it came from down to the bytes."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from ategnatos.grimoire.markdown import table
from ategnatos.grimoire.schemas.base import Document, Part

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Asset(Part):
    """One frozen version of one asset.

    ``path`` is relative to the project's root. ``sha256`` is that of the exported file,
    ``source_sha256`` that of the candidate a human approved in the journal event
    ``verdict_event``. ``job`` is such as "j12" and ``candidate`` the number within it.
    ``settings`` are the engine's exact settings, ``export`` how the file was made from the
    candidate (format, width, height, fit, background), ``verdict`` what the approval is worth:
    ``standing`` (signed or unsigned) and, where signed, the statement with its signature.
    """

    name: str
    version: Annotated[int, Field(ge=1)]
    path: str
    sha256: Sha256
    source_sha256: Sha256
    job: str
    candidate: Annotated[int, Field(ge=0)]
    recipe_id: str
    binding: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    engine: str
    prompt: str
    seed: int
    settings: dict[str, Any] = Field(default_factory=dict)
    verdict_event: str
    exported_at: str
    export: dict[str, Any] = Field(default_factory=dict)
    verdict: dict[str, Any] = Field(default_factory=dict)


class AssetsDocument(Document):
    """What was approved and shipped. An entry is evidence, so no hand sets it."""

    name = "assets"
    title = "Assets"
    modify_with = "/art"
    by_hand = False

    assets: list[Asset] = Field(default_factory=list)

    def body(self) -> str:
        """One row an asset: what it is, where it lies, what made it."""
        return "# Assets\n\n" + table(_COLUMNS, self.assets)


_COLUMNS = {
    "Name": "name",
    "Version": "version",
    "File": "path",
    "Engine": "engine",
    "Prompt": "prompt",
    "Seed": "seed",
    "Job": "job",
    "Candidate": "candidate",
    "Verdict": "verdict_event",
    "Exported": "exported_at",
    "SHA-256": "sha256",
}

DOCUMENT = AssetsDocument
