"""A second engine, for tests: it paints flat squares, quickly, and keeps every promise.

It shows that the contract suite asks nothing that only our own engine can give, and it lets the
tests of the art room count calls, charge money and fail on demand.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal

from PIL import Image as Pillow

from ategnatos.engines import (
    ENGINE_CANNOT,
    Capabilities,
    Health,
    Image,
    PriceEstimate,
    Progress,
    ProgressCallback,
    Request,
    Result,
)
from ategnatos.grimoire.errors import StudioError


@dataclass
class Painter:
    """Paints ``count`` squares whose colour comes from prompt and seed."""

    name: str = "painter"
    label: str = "painter (flat squares, for tests)"
    price: Decimal = Decimal(0)
    calls: int = 0
    shift: int = 0
    before_paint: Callable[[], None] = field(default=lambda: None)
    forget_one: bool = False

    def capabilities(self) -> Capabilities:
        return Capabilities(
            text_to_image=True,
            image_to_image=False,
            inpaint=False,
            lora=False,
            transparency=False,
            families=("squares",),
            samplers=("brush",),
            default_width=16,
            default_height=16,
            min_side=1,
            max_side=64,
            max_count=64,
        )

    def health(self) -> Health:
        return Health(ok=True, message="The brush is dry.")

    def estimate(self, request: Request) -> PriceEstimate:
        return PriceEstimate(self.price * request.count, "a price a square")

    def plan(self, request: Request) -> tuple[Request, tuple[str, ...]]:
        able = self.capabilities()
        planned = replace(
            request,
            model="painter@1",
            width=request.width or able.default_width,
            height=request.height or able.default_height,
            steps=request.steps if request.steps is not None else 1,
            cfg=request.cfg if request.cfg is not None else 1.0,
            sampler=request.sampler or able.samplers[0],
        )
        problem = self._problem(planned, able)
        if problem:
            raise StudioError(ENGINE_CANNOT, f"{problem}; nothing was made.", hint="Ask otherwise.")
        return planned, ("A negative prompt has no effect here.",) if request.negative else ()

    def generate(self, request: Request, on_progress: ProgressCallback | None = None) -> Result:
        planned, warnings = self.plan(request)
        self.calls += 1
        self.before_paint()
        images = []
        for place in range(planned.count):
            images.append(self._paint(planned, planned.seed + place))
            if on_progress is not None:
                on_progress(Progress(place + 1, planned.count))
        return Result(tuple(images[self.forget_one :]), warnings)

    def _paint(self, planned: Request, seed: int) -> Image:
        assert planned.width is not None
        assert planned.height is not None
        text = f"{planned.prompt}{seed}{self.shift}".encode()
        colour = tuple(sum(text[start::3]) % 256 for start in range(3))
        output = io.BytesIO()
        Pillow.new("RGB", (planned.width, planned.height), colour).save(output, "PNG")
        settings = {
            "engine": self.name,
            "model": "painter@1",
            "model_sha256": "0" * 64,
            "prompt": planned.prompt,
            "negative": planned.negative,
            "seed": seed,
            "steps": planned.steps,
            "cfg": planned.cfg,
            "sampler": planned.sampler,
            "width": planned.width,
            "height": planned.height,
        }
        return Image(output.getvalue(), planned.width, planned.height, seed, settings)

    @staticmethod
    def _problem(planned: Request, able: Capabilities) -> str:
        assert planned.width is not None
        assert planned.height is not None
        assert planned.steps is not None
        if planned.family is not None or planned.workflow is not None:
            return "It has one model and runs no workflows"
        if planned.init_image is not None or planned.mask is not None or planned.loras:
            return "It starts from no picture and takes no LoRA"
        if planned.strength is not None:
            return "It has no strength"
        if not 1 <= planned.count <= able.max_count:
            return f"It paints 1 to {able.max_count}"
        if not all(
            able.min_side <= side <= able.max_side for side in (planned.width, planned.height)
        ):
            return f"It paints {able.min_side} to {able.max_side} pixels a side"
        if planned.sampler not in able.samplers:
            return f"It has no sampler {planned.sampler}"
        if planned.steps < 1:
            return "It takes at least one step"
        return ""
