"""What can be measured of a picture and held against its caption: brightness, colour, size.

All values are shares from 0 to 1, by the picture's SHA-256: ``brightness``, ``saturation`` and
``transparent`` come from the audit's one pass, and ``subject`` is the share of the frame that the
visible part takes, known only of pictures on a transparent ground. A picture that cannot be
decoded to its end has no facts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ategnatos.train.dataset import store

if TYPE_CHECKING:
    from pathlib import Path

    from ategnatos.grimoire.project import Project
    from ategnatos.train.dataset.audit.passing import Passed
    from ategnatos.train.dataset.version import Version

_SIDE = 64
_SEEN = 16
# Less see-through than this is a soft edge, and no ground.
_GROUND = 0.02


def of(
    project: Project, version: Version, passed: Passed | None = None
) -> Mapping[str, Mapping[str, float]]:
    """The facts of every picture; what the audit saw before is not looked at again.

    ``passed`` is what an audit saw just now. Raises StudioError (``write_failed``, ``disk_full``).
    """
    from ategnatos.train.dataset.audit.auditing import measured
    from ategnatos.train.dataset.audit.passing import looks

    seen = measured(passed or looks(project, version), version)
    found: dict[str, Mapping[str, float]] = {}
    for one in version.pictures:
        facts = dict(seen.get(one.sha256, {}))
        if facts.get("transparent", 0.0) > _GROUND:
            path = store.path_of(project, version.dataset, one.name, one.sha256)
            facts["subject"] = subject(path)
        found[one.sha256] = facts
    return found


def subject(path: Path) -> float:
    """The share of the frame that the box around what is visible takes."""
    import numpy as np
    from PIL import Image

    with Image.open(path) as image:
        image.thumbnail((_SIDE, _SIDE))
        visible = np.asarray(image.convert("RGBA"))[..., 3] > _SEEN
    if not visible.any():
        return 0.0
    rows, columns = np.flatnonzero(visible.any(axis=1)), np.flatnonzero(visible.any(axis=0))
    box = (rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1)
    return round(float(box / visible.size), 4)
