"""Pictures made on the fly, so that every test says what it looks at."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo


class Samples:
    """Small pictures of each kind; all from a fixed seed."""

    @staticmethod
    def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
        output = io.BytesIO()
        image.save(output, kind, **options)
        return output.getvalue()

    @staticmethod
    def opened(data: bytes) -> Image.Image:
        image = Image.open(io.BytesIO(data))
        image.load()
        return image

    @staticmethod
    def pixels(data: bytes) -> np.ndarray[Any, Any]:
        return np.array(Samples.opened(data).convert("RGBA"))

    @staticmethod
    def photo(width: int = 96, height: int = 64, seed: int = 1) -> Image.Image:
        """Soft colours without any grid."""
        random = np.random.default_rng(seed)
        blobs = random.integers(0, 256, (7, 9, 3), dtype=np.uint8)
        return Image.fromarray(blobs).resize((width, height), Image.Resampling.BICUBIC)

    @staticmethod
    def sprite(side: int = 32, scale: int = 16, seed: int = 1) -> Image.Image:
        """Pixel art with a transparent border, enlarged by whole pixels."""
        random = np.random.default_rng(seed)
        art = random.integers(0, 256, (side, side, 4), dtype=np.uint8)
        art[..., 3] = 255
        border = max(1, side // 8)
        art[:border] = art[-border:] = art[:, :border] = art[:, -border:] = 0
        return Image.fromarray(art).resize((side * scale, side * scale), Image.Resampling.NEAREST)

    @staticmethod
    def comfyui_png() -> bytes:
        """As ComfyUI's SaveImage node writes it, NaN included."""
        texts = PngInfo()
        graph = {"3": {"class_type": "KSampler", "inputs": {"seed": 7}, "is_changed": [1]}}
        texts.add_text("prompt", json.dumps(graph).replace("[1]", "[NaN]"))
        texts.add_text("workflow", json.dumps({"nodes": [], "version": 0.4}))
        return Samples.encoded(Samples.photo(), pnginfo=texts)


@pytest.fixture(scope="session")
def samples() -> type[Samples]:
    return Samples
