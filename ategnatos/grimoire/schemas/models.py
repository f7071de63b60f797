"""The inventory of model files on this machine, each known by its hash."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ategnatos.grimoire.markdown import table
from ategnatos.grimoire.schemas.base import Document, Part


class ModelFile(Part):
    """One file. ``path`` is where it lies; ``bytes``, ``modified_ns`` and ``inode`` say whether
    the hash still holds. ``sha256`` "" was not computed yet. ``how`` the family was told.
    ``problem`` is what is wrong with it, in words; "" is nothing.
    """

    name: str
    kind: str = ""
    family: str = ""
    how: str = ""
    path: str
    bytes: Annotated[int, Field(ge=0)] = 0
    modified_ns: int = 0
    inode: int = 0
    sha256: str = ""
    licence: str = ""
    source: str = ""
    triggers: list[str] = Field(default_factory=list)
    facts: dict[str, str] = Field(default_factory=dict)
    problem: str = ""


class ModelsDocument(Document):
    """What 'ategnatos studio models scan' found, and where each file came from."""

    name = "models"
    title = "Models"
    modify_with = "ategnatos studio models"
    by_hand = False

    files: list[ModelFile] = Field(default_factory=list)
    scanned_at: str = ""

    def body(self) -> str:
        """One table."""
        return "\n".join(
            ["# Models\n", f"Scanned: {self.scanned_at}\n", table(_COLUMNS, self.files)]
        )


_COLUMNS = {
    "Name": "name",
    "Kind": "kind",
    "Family": "family",
    "Bytes": "bytes",
    "SHA-256": "sha256",
    "Licence": "licence",
    "Source": "source",
    "Location": "path",
    "Problem": "problem",
}

DOCUMENT = ModelsDocument
