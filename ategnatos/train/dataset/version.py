"""What one version of a dataset says: plain values that never change.

A version is a list of pictures in the order of their names, and free ``settings`` (trigger word,
training type, trainer ...). Its :meth:`Version.digest` is what a gate or a run is bound to: it
covers the pictures, their order and the settings, and neither the version's number nor who made
it, so that going back to an earlier state is the same digest again.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from ategnatos.grimoire.files import canonical_json, sha256_bytes

IMPORTED = "imported"
PERSON = "person"


@dataclass(frozen=True, slots=True)
class Caption:
    """One text for one picture. ``author`` is ``person``, ``model NAME`` or ``imported``.

    ``at`` is ISO-8601 in UTC. ``parts`` are its pieces where they are known, such as
    ``{"content": ..., "style": ...}``.
    """

    text: str
    author: str
    at: str
    parts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rights:
    """Who may use a picture for what. ``kind`` names it, ``terms`` and ``link`` say more.

    ``by`` is the licensor, the client or the service that generated it.
    """

    kind: str = "unknown"
    terms: str = ""
    link: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a picture came from. ``kind`` is ``folder``, ``archive`` or ``studio``.

    ``place`` is the folder, the archive or the candidate's id, ``name`` what it was called there.
    """

    kind: str
    place: str
    name: str
    at: str


@dataclass(frozen=True, slots=True)
class Picture:
    """One file of a dataset.

    ``name`` is relative, with '/', unique in the version, and safe as a file name; what the
    source called it is in ``source.name``. ``width`` and ``height`` are pixels of the header as
    stored (0 where it could not be read). ``captions`` are oldest first; the last one counts.
    ``split`` is ``train`` or ``validation``, "" is not decided. ``notes`` hold what other parts
    of the room keep for a picture (answers of an agent, a mask's hash, a concept), by their name.
    """

    name: str
    sha256: str
    size: int
    width: int
    height: int
    source: Source
    rights: Rights = field(default_factory=Rights)
    captions: tuple[Caption, ...] = ()
    split: str = ""
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def caption(self) -> Caption | None:
        """The caption that counts, if there is one."""
        return self.captions[-1] if self.captions else None


@dataclass(frozen=True, slots=True)
class Version:
    """A dataset as it was at one time. ``number`` counts from 1; ``at`` is ISO-8601 in UTC."""

    dataset: str
    number: int
    at: str
    actor: str
    because: str
    pictures: tuple[Picture, ...]
    settings: dict[str, Any] = field(default_factory=dict)

    def digest(self) -> str:
        """SHA-256, 64 hex digits, of what this version says.

        Raises StudioError (``not_json``) where a note or setting has no JSON form.
        """
        said = [asdict(picture) for picture in self.pictures]
        return sha256_bytes(canonical_json({"pictures": said, "settings": self.settings}))

    def by_name(self) -> dict[str, Picture]:
        """The pictures by their names."""
        return {picture.name: picture for picture in self.pictures}


def as_json(version: Version) -> bytes:
    """The one text of a version, as it stands in its file."""
    return canonical_json({"_schema_version": "1.0", **asdict(version)}) + b"\n"


def from_json(value: dict[str, Any]) -> Version:
    """The version that :func:`as_json` wrote. KeyError or TypeError for anything else."""
    value = {name: given for name, given in value.items() if not name.startswith("_")}
    return Version(**{**value, "pictures": tuple(map(picture_from, value["pictures"]))})


def picture_from(value: dict[str, Any]) -> Picture:
    """The picture of a JSON object. KeyError or TypeError where it is none."""
    return Picture(
        **{
            **value,
            "source": Source(**value["source"]),
            "rights": Rights(**value["rights"]),
            "captions": tuple(Caption(**caption) for caption in value["captions"]),
        }
    )
