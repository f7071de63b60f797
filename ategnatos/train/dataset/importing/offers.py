"""What a source offers: pictures with their bytes, captions beside them, and what is left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ategnatos.pictures.formats import known_formats
from ategnatos.train.dataset.version import Rights

CAPTION_SUFFIXES = (".txt", ".caption")
MOST_CAPTION_BYTES = 256 * 1024
_ALSO_PICTURES = frozenset({".jpe", ".jfif", ".apng", ".avif", ".heic", ".heif", ".jxl", ".svg"})
_MAGIC = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"BM", b"II*\0", b"MM\0*")
_BY_THE_SYSTEM = frozenset({"thumbs.db", "desktop.ini", ".ds_store"})


@dataclass(frozen=True, slots=True)
class Offer:
    """One picture. ``name`` is what the source calls it, relative, with '/'.

    ``pieces`` gives its bytes anew each time. ``caption`` are the bytes of the text beside it,
    None where there is none.
    """

    name: str
    pieces: Callable[[], Iterable[bytes]]
    caption: bytes | None = None
    caption_author: str = "imported"
    rights: Rights = field(default_factory=Rights)


@dataclass(slots=True)
class Offers:
    """All of one source. ``kind`` and ``place`` are those of the pictures' source.

    ``left_out`` are (name, why) of what was not taken.
    """

    kind: str
    place: str
    pictures: list[Offer] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)


def suffix_of(name: str) -> str:
    """The suffix in small letters with its dot, "" where there is none."""
    last = name.rsplit("/", 1)[-1]
    dot = last.rfind(".")
    return last[dot:].lower() if dot > 0 else ""


def stem_of(name: str) -> str:
    """The name without its suffix."""
    suffix = suffix_of(name)
    return name[: len(name) - len(suffix)] if suffix else name


def is_picture(name: str, head: bytes) -> bool:
    """Whether to take a file: by its name or by how it begins, so that what is broken is seen."""
    suffixes = {suffix for known in known_formats().values() for suffix in known.suffixes}
    return suffix_of(name) in suffixes | _ALSO_PICTURES or head.startswith(_MAGIC)


def is_noise(name: str) -> bool:
    """Whether a file is none of the user's: hidden, or left by an operating system."""
    parts = name.split("/")
    return (
        any(part.startswith(".") and part != ".." for part in parts)
        or "__MACOSX" in parts
        or parts[-1].lower() in _BY_THE_SYSTEM
    )
