"""One real refusal for every error code of enlarging."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

from ategnatos.art import upscale
from ategnatos.engines import Place
from ategnatos.engines.comfyui.enlarge import enlarge
from ategnatos.guard.locks.store import FOLDER_VARIABLE
from tests.comfyui.fake import FakeComfyUI
from tests.comfyui.fake_http import application
from tests.comfyui.wire import Loopback


def upscale_invalid(folder: Path) -> None:
    upscale.parse("3x", "auto", sized=False)


def no_upscale_model(folder: Path) -> None:
    fake = FakeComfyUI()
    fake.object_info = copy.deepcopy(fake.object_info)
    fake.object_info["UpscaleModelLoader"]["input"]["required"]["model_name"] = [[]]
    with (
        patch.dict(os.environ, {FOLDER_VARIABLE: str(folder)}),
        Loopback(application(fake)) as server,
    ):
        enlarge(b"", 2, Place(server=server.url))


CASES: dict[str, Callable[[Path], None]] = {
    "upscale_invalid": upscale_invalid,
    "no_upscale_model": no_upscale_model,
}
