"""What a run leaves: file references of any save node, and the files once they are here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_FOLDERS = ("output", "temp", "input")
# Save nodes that send their pictures over the socket and write no file carry this in their name.
_OVER_SOCKET = "websocket"


@dataclass(frozen=True, slots=True)
class FileRef:
    """A file at the server. ``key`` is the list of the node's output it stood in.

    ``folder`` is ``output``, ``temp`` (a preview that the server forgets) or ``input``.
    """

    node: str
    key: str
    filename: str
    subfolder: str = ""
    folder: str = "output"

    @property
    def query(self) -> dict[str, str]:
        """What /view wants to hear."""
        return {"filename": self.filename, "subfolder": self.subfolder, "type": self.folder}


@dataclass(frozen=True, slots=True)
class Output:
    """A file that was fetched and is what its name says.

    ``data`` is None where it was written to ``path``; ``mime`` is by content. ``width`` and
    ``height`` are pixels, 0 for what is no picture. ``verified`` is False for a kind of file
    that we cannot check beyond its length.
    """

    ref: FileRef
    mime: str
    size: int
    width: int = 0
    height: int = 0
    frames: int = 1
    verified: bool = True
    data: bytes | None = field(default=None, repr=False)
    path: Path | None = None

    @property
    def is_picture(self) -> bool:
        """Whether it is a picture that stands still."""
        return self.mime.startswith("image/") and self.frames == 1 and self.width > 0


def file_refs(node: str, output: Any) -> list[FileRef]:
    """Every file that a node's output names, whatever key its author chose.

    ``images``, ``gifs``, ``video``, ``audio``, ``3d``, ``latents``: all are lists of objects
    with a ``filename``.
    """
    if not isinstance(output, dict):
        return []
    found: dict[FileRef, None] = {}
    for key, value in output.items():
        for item in _objects(value):
            name = item.get("filename")
            if not isinstance(name, str) or not name:
                continue
            folder = str(item.get("type") or "output")
            subfolder = str(item.get("subfolder") or "")
            ref = FileRef(
                node, str(key), name, subfolder, folder if folder in _FOLDERS else "output"
            )
            found[ref] = None
    return list(found)


def texts(output: Any) -> list[str]:
    """The lines of text that a node's output holds."""
    if not isinstance(output, dict):
        return []
    lines: list[str] = []
    for key, value in output.items():
        if key in {"text", "string"}:
            given = value if isinstance(value, list) else [value]
            lines += [item for item in given if isinstance(item, str)]
    return lines


def sends_over_socket(class_type: str) -> bool:
    """Whether a node of this class delivers over the socket (SaveImageWebsocket and its kin)."""
    return _OVER_SOCKET in class_type.lower()


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _objects(item)
