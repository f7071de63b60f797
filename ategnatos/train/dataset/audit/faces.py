"""How many faces a picture shows, where a detector is installed (OpenCV, not part of the core).

OpenCV's frontal-face cascade comes with its package: no download. It knows photographs of faces
that look at the viewer; drawings and profiles it mostly does not see, and the finding says so.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.train.dataset.audit.findings import Finding
from ategnatos.train.dataset.audit.opening import BadFileError, open_picture
from ategnatos.train.dataset.duplicates.fingerprint import over_white

if TYPE_CHECKING:
    from ategnatos.train.dataset.audit.passing import Passed
    from ategnatos.train.dataset.version import Picture, Version

NO_DETECTOR = ErrorCode("no_face_detector", "No face detector is installed.")

_LONGEST = 640


def count_faces(
    version: Version, passed: Passed, path_of: Callable[[Picture], Path]
) -> list[Finding]:
    """One note a picture in which faces are seen; ``path_of`` says where its file lies.

    Raises StudioError (``no_face_detector``).
    """
    try:
        cv2: Any = importlib.import_module("cv2")
        cascade = Path(cv2.data.haarcascades, "haarcascade_frontalface_default.xml")
        detector = cv2.CascadeClassifier(str(cascade))
    except (ImportError, AttributeError) as error:
        raise StudioError(
            NO_DETECTOR,
            "Faces were not counted: no detector is installed.",
            hint="Install one with 'pip install \"opencv-python-headless<5\"', or leave out"
            " --faces.",
        ) from error
    found = []
    for picture in version.pictures:
        if passed.looks[picture.name].problem is not None:
            continue
        try:
            image = over_white(open_picture(path_of(picture).read_bytes()).image)
        except (BadFileError, OSError):
            continue
        image.thumbnail((_LONGEST, _LONGEST))
        faces = detector.detectMultiScale(np.asarray(image.convert("L")), 1.1, 5)
        passed.looks[picture.name].facts["faces"] = len(faces)
        if len(faces):
            why = f"{len(faces)} seen from the front"
            found.append(Finding("faces", picture.name, why))
    return found
