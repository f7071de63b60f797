"""The datasets of a studio: which versions there are, what each is bound to, what is set aside.

The versions themselves are files of their own (``grimoire/training/<name>/versions/``), because
one with thousands of captions would make every change of this document slow.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from ategnatos.grimoire.markdown import table
from ategnatos.grimoire.schemas.base import Document, Part


class VersionRow(Part):
    """One version: ``digest`` of what it says, ``sha256`` of its file."""

    number: Annotated[int, Field(ge=1)]
    digest: str
    sha256: str
    pictures: Annotated[int, Field(ge=0)]
    captioned: Annotated[int, Field(ge=0)]
    at: str
    actor: str = ""
    because: str = ""


class SetAside(Part):
    """A picture in quarantine: ``was`` is its row as it stood, ``path`` relative to the root.

    ``caption_to`` names the picture that its captions were handed to, "" where they were not.
    """

    name: str
    sha256: str
    path: str
    because: str
    at: str
    version: Annotated[int, Field(ge=1)]
    was: dict[str, Any] = Field(default_factory=dict)
    caption_to: str = ""


class DatasetRow(Part):
    """One dataset. The last of its versions is the one that counts."""

    name: str
    made: str
    versions: list[VersionRow] = Field(min_length=1)
    quarantine: list[SetAside] = Field(default_factory=list)


class DatasetsDocument(Document):
    """What 'ategnatos train dataset' keeps."""

    name = "datasets"
    title = "Datasets"
    modify_with = "ategnatos train dataset"
    by_hand = False

    datasets: list[DatasetRow] = Field(default_factory=list)

    def find(self, name: str) -> DatasetRow | None:
        """The dataset of that name."""
        return next((one for one in self.datasets if one.name == name), None)

    def body(self) -> str:
        """One table of datasets."""
        rows = [
            _Shown(
                name=one.name,
                version=one.versions[-1].number,
                pictures=one.versions[-1].pictures,
                captioned=one.versions[-1].captioned,
                quarantine=len(one.quarantine),
                digest=one.versions[-1].digest[:16],
                at=one.versions[-1].at,
            )
            for one in self.datasets
        ]
        return f"# Datasets\n\n{table(_COLUMNS, rows)}"


class _Shown(Part):
    """One row of the view."""

    name: str
    version: int
    pictures: int
    captioned: int
    quarantine: int
    digest: str
    at: str


_COLUMNS = {
    "Name": "name",
    "Version": "version",
    "Pictures": "pictures",
    "With captions": "captioned",
    "In quarantine": "quarantine",
    "Digest": "digest",
    "Changed": "at",
}

DOCUMENT = DatasetsDocument
