"""The embedded engine: the starter model, on this machine's processor, free and offline."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ategnatos.engines import (
    ENGINE_CANNOT,
    ENGINE_UNAVAILABLE,
    Capabilities,
    Health,
    Image,
    LoraUse,
    PriceEstimate,
    Progress,
    ProgressCallback,
    Request,
    Result,
)
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.files import sha256_bytes, sha256_file
from ategnatos.starter import limits
from ategnatos.starter.errors import STARTER_LORA, STARTER_REQUEST, STARTER_WEIGHTS

if TYPE_CHECKING:
    from ategnatos.starter.canvas import ByteArray
    from ategnatos.starter.pipeline import Picture
    from ategnatos.starter.planning import Plan
    from ategnatos.starter.request import StarterRequest

_CODES = {
    STARTER_REQUEST: ENGINE_CANNOT,
    STARTER_LORA: ENGINE_CANNOT,
    STARTER_WEIGHTS: ENGINE_UNAVAILABLE,
}
_SHORT_HASH = 8  # characters of the model's hash in its name, as in "starter@1f2e3d4c"


class StarterEngine:
    """Engine ``starter``: see ``ategnatos.starter`` for what it computes."""

    name = "starter"
    label = limits.LABEL

    def capabilities(self) -> Capabilities:
        """What it can do; nothing is loaded."""
        return Capabilities(
            text_to_image=True,
            image_to_image=True,
            inpaint=True,
            lora=True,
            transparency=True,
            families=("starter",),
            samplers=tuple(limits.SOLVER_ORDERS),
            default_width=limits.DEFAULT_SIDE,
            default_height=limits.DEFAULT_SIDE,
            min_side=limits.MODEL_SIDE,
            max_side=limits.MAX_SIDE,
            max_count=limits.MAX_COUNT,
        )

    def health(self) -> Health:
        """Whether the model's files are there and fit; they are opened and hashed, not run."""
        try:
            from ategnatos.starter.model import load_model

            model = load_model()
            return Health(
                ok=True,
                message="The starter model is ready.",
                details={"folder": str(model.description.folder), "model_sha256": model.sha256},
            )
        except StudioError as error:
            return Health(ok=False, message=error.message, hint=error.hint, details=error.details)
        except (ImportError, OSError) as error:
            return Health(
                ok=False,
                message=f"The starter model cannot be opened: {error}.",
                hint="Install the package again: pip install --force-reinstall ategnatos",
            )

    def estimate(self, request: Request) -> PriceEstimate:
        """Nothing: it is computed here."""
        return PriceEstimate(
            Decimal(0), f"{request.count} picture(s) computed on this machine; nothing is billed."
        )

    def plan(self, request: Request) -> tuple[Request, tuple[str, ...]]:
        """The request with prompts in known words, defaults, exact model and LoRA hashes."""
        exact, plan, notes = self._planned(request)
        return exact, (*notes, *plan.warnings)

    def generate(self, request: Request, on_progress: ProgressCallback | None = None) -> Result:
        """Make the pictures; progress is counted in steps over all of them."""
        exact, plan, notes = self._planned(request)

        def report(done: int, total: int) -> None:
            if on_progress is not None:
                on_progress(Progress(done, total, f"step {done} of {total}"))

        from ategnatos.starter.pipeline import carry_out

        with _as_engine_errors():
            made = carry_out(plan, report)
        images = tuple(
            _finished(picture, self._settings(exact, made.model_sha256, picture.seed))
            for picture in made.pictures
        )
        return Result(images, (*notes, *plan.warnings))

    def lock(self, request: Request) -> dict[str, Any]:
        """The weights and versions that would make ``request``; nothing is loaded."""
        from ategnatos.starter.description import describe

        exact, _, _ = self._planned(request)
        return {
            "model_sha256": describe().sha256,
            "weights": [{"name": use.name, "sha256": use.sha256} for use in exact.loras],
            "versions": _versions(),
        }

    def _planned(self, request: Request) -> tuple[Request, Plan, list[str]]:
        """The exact request, the starter model's own plan of it, and notes on its pictures."""
        from ategnatos.starter.description import describe
        from ategnatos.starter.planning import plan

        if request.workflow is not None or request.family not in (None, self.name):
            raise StudioError(
                ENGINE_CANNOT,
                "The starter engine has one model and runs no workflows; nothing was made.",
                hint="Leave out --family and --workflow, or add --engine comfyui.",
                family=request.family,
            )
        own_clip = any(use.clip_weight not in (None, use.weight) for use in request.loras)
        if request.scheduler is not None or own_clip:
            raise StudioError(
                ENGINE_CANNOT,
                "The starter engine has one schedule of noise, and one weight a LoRA; nothing was"
                " made.",
                hint="Leave out the scheduler, and a LoRA's weight for the text encoder.",
                scheduler=request.scheduler,
            )
        with _as_engine_errors():
            model_name = f"{self.name}@{describe().sha256[:_SHORT_HASH]}"
            if request.model not in (None, self.name, model_name):
                raise StudioError(
                    ENGINE_CANNOT,
                    f"The starter engine has no model {request.model!r}; nothing was made.",
                    hint=f"Leave the model out, or ask for {model_name}.",
                    model=request.model,
                )
            uses = tuple(_hashed(use) for use in request.loras)
            asked, notes = _starter_request(replace(request, loras=uses))
            planned = plan(asked)
        settled = planned.settings
        exact = replace(
            request,
            model=model_name,
            prompt=planned.request.prompt,
            negative=planned.request.negative,
            width=settled.width,
            height=settled.height,
            steps=settled.steps,
            cfg=settled.guidance,
            sampler=settled.sampler,
            strength=settled.strength,
            loras=tuple(
                replace(use, trigger=use.trigger or lora.trigger)
                for use, (lora, _) in zip(uses, planned.loras, strict=True)
            ),
        )
        return exact, planned, notes

    def _settings(self, request: Request, model_sha256: str, seed: int) -> dict[str, Any]:
        """All that decides the pixels of one picture, as JSON values."""
        hashed = {"init_image": request.init_image, "mask": request.mask}
        return {
            "engine": self.name,
            "model": request.model,
            "model_sha256": model_sha256,
            "prompt": request.prompt,
            "negative": request.negative,
            "seed": seed,
            "steps": request.steps,
            "cfg": request.cfg,
            "sampler": request.sampler,
            "width": request.width,
            "height": request.height,
            "strength": request.strength,
            "loras": [
                {"name": use.name, "sha256": use.sha256, "weight": use.weight}
                for use in request.loras
            ],
            **{f"{key}_sha256": sha256_bytes(data) for key, data in hashed.items() if data},
            "versions": _versions(),
        }


def _versions() -> dict[str, str]:
    """What computes, and on what kind of processor: sums of floats come out by these."""
    import platform

    import numpy as np

    from ategnatos._version import __version__

    return {
        "ategnatos": __version__,
        "numpy": np.__version__,
        "processor": platform.machine(),
    }


def _starter_request(request: Request) -> tuple[StarterRequest, list[str]]:
    """The starter model's request for an engine request, and notes on its pictures."""
    from pathlib import Path

    from ategnatos.starter.request import LoraWeight, StarterRequest

    notes: list[str] = []
    init_image = _pixels(request.init_image, "init image", notes)
    mask = _pixels(request.mask, "mask", notes)
    asked = StarterRequest(
        prompt=request.prompt,
        seed=request.seed,
        count=request.count,
        negative=request.negative,
        width=request.width,
        height=request.height,
        steps=request.steps,
        guidance=request.cfg,
        sampler=request.sampler,
        init_image=init_image,
        strength=request.strength,
        mask=None if mask is None else _brightness(mask),
        loras=tuple(LoraWeight(Path(use.path), use.weight) for use in request.loras),
        triggers=tuple(use.trigger for use in request.loras if use.trigger),
    )
    return asked, notes


def _pixels(data: bytes | None, what: str, notes: list[str]) -> ByteArray | None:
    """An encoded picture as RGBA bytes (height, width, 4), upright and in sRGB."""
    if data is None:
        return None
    import numpy as np

    from ategnatos.pictures.colour import to_srgb
    from ategnatos.pictures.decode import decode_picture

    try:
        picture = to_srgb(decode_picture(data, name=f"The {what}"))
    except StudioError as error:
        raise StudioError(
            ENGINE_CANNOT, error.message, hint=error.hint, cause=error.code.code, **error.details
        ) from error
    notes += [f"The {what}: {note}." for note in picture.notes]
    return np.asarray(picture.image, np.uint8)


def _brightness(mask: ByteArray) -> ByteArray:
    """A mask picture (height, width, 4) as brightness (height, width); transparent is dark."""
    import numpy as np

    brightest: ByteArray = mask[..., :3].max(axis=2)
    return np.minimum(brightest, mask[..., 3])


def _hashed(use: LoraUse) -> LoraUse:
    """The LoRA with its file's hash. Raises StudioError where the request named another one."""
    from pathlib import Path

    path = Path(use.path)
    found = sha256_file(path) if path.is_file() else ""
    if use.sha256 and found and use.sha256 != found:
        raise StudioError(
            ENGINE_CANNOT,
            f"The LoRA {use.name!r} is another file than the one asked for: {path.name} was "
            "changed. Nothing was made.",
            hint="Put the file back, or name the LoRA as it is now.",
            lora=use.name,
            expected_sha256=use.sha256,
            found_sha256=found,
        )
    return replace(use, sha256=found or use.sha256)


def _finished(picture: Picture, settings: dict[str, Any]) -> Image:
    from PIL import Image as PillowImage

    pixels = picture.pixels()
    png = io.BytesIO()
    PillowImage.fromarray(pixels).save(png, "PNG")
    height, width = pixels.shape[:2]
    return Image(png.getvalue(), width, height, picture.seed, settings)


@contextmanager
def _as_engine_errors() -> Iterator[None]:
    """Give the starter model's refusals the codes that every engine has."""
    try:
        yield
    except StudioError as error:
        code = _CODES.get(error.code)
        if code is None:
            raise
        raise StudioError(
            code,
            error.message,
            hint=error.hint,
            cause=error.code.code,
            **error.details,
        ) from error
