"""One picture, looked at once: facts of its file, measures of its pixels, its fingerprint."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ategnatos.train.dataset.audit.opening import BadFileError, open_picture
from ategnatos.train.dataset.duplicates.fingerprint import (
    BASE_SIDE,
    Fingerprint,
    base_of,
    fingerprint,
    over_white,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

# A change of what is measured is a new number: what was kept under an older one is not used.
FORM = 4
CORNER = 24


@dataclass(slots=True)
class Look:
    """What was seen. ``problem`` is (code, why) where the file is no whole picture.

    ``fingerprint`` is None then; ``corners`` are four grey squares of the base, 24x24 each, in
    the order top left, top right, bottom left, bottom right, empty where only duplicates were
    asked for (``full`` is False).
    """

    sha256: str
    facts: dict[str, Any]
    problem: tuple[str, str] | None = None
    fingerprint: Fingerprint | None = None
    corners: bytes = b""
    full: bool = True
    extra: dict[str, Any] = field(default_factory=dict)


def look_at(path: str, sha256: str = "", *, full: bool = True) -> Look:
    """Read and decode the file at ``path``; never raises for what is in it.

    With ``full`` every pixel is decoded and measured, and the bytes are hashed; without, a JPEG
    is decoded at a reduced size, which is enough for duplicates, and ``sha256`` is believed.
    """
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - the hot path keeps to strings
            size = os.fstat(file.fileno()).st_size
            data = file.read(size + 1)
    except OSError as error:
        return Look("", {}, ("unreadable", error.strerror or str(error)), full=full)
    if full or not sha256:
        sha256 = hashlib.sha256(data).hexdigest()
    try:
        opened = open_picture(data, reduced_to=0 if full else BASE_SIDE, exact=False)
    except BadFileError as error:
        return Look(sha256, {"bytes": len(data)}, (error.code, str(error)), full=full)
    facts, image = opened.facts, opened.image
    if full:
        facts |= _transparency(image)
    if image.mode not in {"RGB", "RGBX", "L"}:
        image = over_white(image)
    orientation = facts["orientation"]
    grey = image if image.mode == "L" else image.convert("L")
    base = base_of(image, orientation, grey)
    width, height = facts["width"], facts["height"]
    if orientation >= 5:
        width, height = height, width
    print_ = fingerprint(base, width, height)
    look = Look(sha256, facts, None, print_, b"", full)
    if full:
        from ategnatos.train.dataset.audit.measure import measure

        facts |= measure(np.asarray(grey), print_.colour)
        look.corners = _corners(base.grey)
    return look


def _transparency(image: Image.Image) -> dict[str, Any]:
    """``alpha``: "" cannot be transparent, "opaque", "used"; ``hidden``: share of the invisible
    pixels whose colour is not one plain colour, which a trainer that drops alpha will show.
    """
    if not image.has_transparency_data:
        return {"alpha": ""}
    shown = image if image.mode == "RGBA" else image.convert("RGBA")
    alpha = np.asarray(shown.getchannel("A"))
    if int(alpha.min()) == 255:
        return {"alpha": "opaque"}
    clear = alpha == 0
    hidden = 0.0
    if clear.any():
        under = np.asarray(shown)[clear][:, :3]
        hidden = float(
            (np.abs(under.astype(np.int16) - np.median(under, axis=0)) > 8).any(1).mean()
        )
    return {"alpha": "used", "clear": round(float(clear.mean()), 3), "hidden": round(hidden, 3)}


def _corners(base: Image.Image) -> bytes:
    grey: NDArray[np.uint8] = np.asarray(base.resize((96, 96), 4))
    return b"".join(
        grey[y, x].tobytes()
        for y in (slice(0, CORNER), slice(-CORNER, None))
        for x in (slice(0, CORNER), slice(-CORNER, None))
    )
