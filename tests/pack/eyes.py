"""What stands for an agent's eyes in a flow: an answer for each picture that it is shown."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from PIL import Image

from ategnatos.train.demonstration.owl import PACKAGED
from tests.train.dataset.pictures import CONTENTS, STYLE


def answer(envelope: dict[str, Any], place: Path) -> None:
    """Answer the round of captions in ``envelope``, as its template asks."""
    data = envelope["data"]
    with Image.open(data["sheet"]) as sheet:
        sheet.load()
    answers = [
        {
            "number": one["number"],
            "content": f"{CONTENTS[one['number'] % len(CONTENTS)]}, picture {one['number']}",
            "style": STYLE,
        }
        for one in data["pictures"]
    ]
    place.write_text(json.dumps({"answers": answers}), encoding="utf-8")


def inbox(folder: Path) -> None:
    """The pictures that a person has put into ``folder``: sixteen owls, without captions."""
    folder.mkdir(parents=True)
    for one in PACKAGED.glob("*.png"):
        shutil.copy(one, folder)
