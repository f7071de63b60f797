"""What can be measured of a picture and held against its caption: brightness, colour, size.

All values are shares from 0 to 1, by the picture's SHA-256: ``brightness`` and ``saturation`` are
means over what is visible, ``transparent`` is the share of see-through pixels, ``subject`` the
share of the frame that the visible part's box takes (only of pictures with a transparent
ground). A picture that cannot be decoded has no facts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ategnatos.grimoire.files import canonical_json, explained, write_atomic
from ategnatos.train.dataset import store

if TYPE_CHECKING:
    from pathlib import Path

    from ategnatos.grimoire.project import Project
    from ategnatos.train.dataset.version import Version

_FILE = "measured.json"
_SIDE = 64
_SEEN = 16
_MOST_PIXELS = 200_000_000


def of(project: Project, version: Version) -> Mapping[str, Mapping[str, float]]:
    """The facts of every picture; those measured before are read and not measured again.

    Raises StudioError (``write_failed``, ``disk_full``).
    """
    path = store.home(project, version.dataset) / _FILE
    known = _known(path)
    wanted = {one.sha256: one for one in version.pictures}
    missing = [one for sha, one in wanted.items() if sha not in known]
    if missing:
        for one in missing:
            place = store.file_path(project, version.dataset, one.sha256)
            known[one.sha256] = measure(place) if place.is_file() else {}
        with explained(path, "What was measured is not kept."):
            path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, canonical_json(known))
    return {sha: known[sha] for sha in wanted}


def measure(path: Path) -> dict[str, float]:
    """The facts of one file; none where it cannot be decoded."""
    import numpy as np
    from PIL import Image

    try:
        with Image.open(path) as image:
            if image.width * image.height > _MOST_PIXELS:
                return {}
            image.draft("RGB", (_SIDE, _SIDE))
            image.thumbnail((_SIDE, _SIDE))
            small = np.asarray(image.convert("RGBA"), np.float32) / 255
    except Exception:  # noqa: BLE001 - a broken picture has no facts; the audit says what it is
        return {}
    colours, alpha = small[..., :3], small[..., 3]
    visible = alpha > _SEEN / 255
    if not visible.any():
        return {"transparent": 1.0}
    seen = colours[visible]
    most, least = seen.max(axis=1), seen.min(axis=1)
    facts = {
        "brightness": float((seen @ np.array((0.2126, 0.7152, 0.0722), np.float32)).mean()),
        "saturation": float(((most - least) / np.maximum(most, 1e-3)).mean()),
        "transparent": float(1 - visible.mean()),
    }
    if facts["transparent"] > 0.02:
        rows, columns = np.flatnonzero(visible.any(axis=1)), np.flatnonzero(visible.any(axis=0))
        box = (rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1)
        facts["subject"] = float(box / visible.size)
    return {name: round(value, 4) for name, value in facts.items()}


def _known(path: Path) -> dict[str, dict[str, float]]:
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
