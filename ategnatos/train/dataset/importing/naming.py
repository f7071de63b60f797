"""Names of pictures in a dataset: what the source called them, made safe for every file system.

Square brackets, stars, quotes and percent signs stay: they are ordinary to a file system, and the
audit says which trainer stumbles over them. Control characters, path tricks and names that are
no text are changed; what the source said is kept in the picture's source.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

# Room for ".caption" and a counter within the 255 bytes that file systems allow.
LONGEST = 220
_FORBIDDEN = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\u200e\u200f\u202a-\u202e\u2066-\u2069\\:]"
)


def safe_name(given: str) -> str:
    """``given`` (relative, with '/') as a name of a picture; never empty, never leading out."""
    text = given.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    text = unicodedata.normalize("NFC", text).replace("\ufffd", "_")
    parts = [_part(part) for part in text.split("/") if part not in {"", ".", ".."}]
    return "/".join(parts) or "picture"


def shown_name(given: str) -> str:
    """What the source called it, as text that JSON and a terminal can carry."""
    return given.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def free_name(name: str, taken: set[str]) -> str:
    """``name``, or with a counter where it is taken (capitals do not tell names apart on macOS).

    ``taken`` holds names in small letters; the new one is added.
    """
    stem, dot, suffix = name.rpartition(".")
    if not dot or "/" in suffix:
        stem, dot, suffix = name, "", ""
    found, n = name, 2
    while found.casefold() in taken:
        found, n = f"{stem}-{n}{dot}{suffix}", n + 1
    taken.add(found.casefold())
    return found


def _part(part: str) -> str:
    part = _FORBIDDEN.sub("_", part).strip(" ") or "_"
    if part.startswith((".", "-")):
        part = "_" + part[1:]
    if len(part.encode()) <= LONGEST:
        return part
    mark = "~" + hashlib.sha256(part.encode()).hexdigest()[:8]
    stem, dot, suffix = part.rpartition(".")
    if not dot or len(suffix.encode()) > 10:
        stem, dot, suffix = part, "", ""
    room = LONGEST - len((mark + dot + suffix).encode())
    return stem.encode()[:room].decode("utf-8", "ignore") + mark + dot + suffix
