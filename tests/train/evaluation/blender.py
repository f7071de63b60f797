"""An engine for tests of evaluations: squares whose pattern comes from prompt, seed and LoRAs."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from PIL import Image as Pillow

from ategnatos.engines import Capabilities, Image, Request
from tests.engines.painter import Painter


@dataclass
class Blender(Painter):
    """Draws an 8x8 pattern; ``draws`` may draw something else for a request and a seed."""

    draws: Callable[[Request, int], bytes | None] = field(default=lambda request, seed: None)
    asked: list[Request] = field(default_factory=list)

    def capabilities(self) -> Capabilities:
        return replace(super().capabilities(), lora=True, families=("starter", "sdxl"))

    def _paint(self, planned: Request, seed: int) -> Image:
        if seed == planned.seed:
            self.asked.append(planned)
        own = self.draws(planned, seed)
        loras = [(one.sha256, one.weight) for one in planned.loras if one.weight]
        drawn = hashlib.sha512(f"{planned.prompt}{seed}{loras}{self.shift}".encode()).digest()
        pattern = np.frombuffer(drawn[:64], np.uint8).reshape(8, 8)
        output = io.BytesIO()
        Pillow.fromarray(pattern).resize((64, 64), Pillow.Resampling.NEAREST).save(output, "PNG")
        return Image(own or output.getvalue(), 64, 64, seed, {"prompt": planned.prompt})

    @staticmethod
    def _problem(planned: Request, able: Capabilities) -> str:
        return ""
