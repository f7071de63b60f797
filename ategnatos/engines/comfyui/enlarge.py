"""Enlarge a picture with an upscale model of a ComfyUI server: no prompt, no family, one graph."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ategnatos.engines import Place
from ategnatos.engines.comfyui.address import find_address
from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from ategnatos.engines.comfyui.client import Client

NO_UPSCALE_MODEL = ErrorCode("no_upscale_model", "The ComfyUI server has no upscale model.")

_LOADER = "UpscaleModelLoader"
# "4x-UltraSharp", "RealESRGAN_x4plus", "remacri_original": models state their factor in the name.
_FACTOR = re.compile(r"(?:^|[^0-9])(?:([1248])x|x([1248]))(?![0-9])", re.IGNORECASE)
_LOCK_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Enlarged:
    """PNG bytes, their size in pixels, and the model that made them."""

    data: bytes
    width: int
    height: int
    by: str


def enlarge(picture: bytes, factor: int, place: Place) -> Enlarged:
    """``picture`` (PNG) enlarged by the model that suits ``factor`` best; perhaps not exactly.

    Raises StudioError: ``comfyui_unreachable`` and others of the client, ``no_upscale_model``,
    ``resource_held``.
    """
    from ategnatos.engines.comfyui.finish import picture_of
    from ategnatos.engines.comfyui.graph.templates import render
    from ategnatos.engines.comfyui.held import Held
    from ategnatos.grimoire.files import sha256_bytes
    from ategnatos.guard.locks import resource

    address = find_address(place.record, server=place.server, allow_remote=place.allow_remote)

    async def work(client: Client) -> Enlarged:
        await client.system()
        model = await _model(client, factor)
        name = await client.upload(picture, f"ategnatos-{sha256_bytes(picture)[:16]}.png")
        values: dict[str, Any] = {"image": name, "upscale_model": model}
        own = stated_factor(model)
        if own > factor:
            values["scale_back"] = factor / own
        graph = render("upscale-esrgan", parameters=values).graph
        made, _notes = picture_of(await client.run(graph, timeout=place.timeout), address.url)
        assert made.data is not None
        return Enlarged(made.data, made.width, made.height, f"ComfyUI ({model})")

    held = Held(address)
    try:
        # Nobody waits here for a server that is not there: that is said at once.
        held.use(lambda client: client.system())
        with resource(address.lock_name, who="/art export", timeout=_LOCK_SECONDS):
            return held.use(work)
    finally:
        held.close()


def stated_factor(model: str) -> int:
    """By how much a model enlarges, as its name says; 4 where it does not, as most do."""
    found = _FACTOR.search(model)
    return int(found[1] or found[2]) if found else 4


def best(models: list[str], factor: int) -> str:
    """The model for ``factor``: of exactly that, else the next larger, else the largest."""
    by_factor = sorted(models, key=lambda name: (stated_factor(name), name))
    exact = [name for name in by_factor if stated_factor(name) >= factor]
    return exact[0] if exact else by_factor[-1]


async def _model(client: Client, factor: int) -> str:
    known = await client.classes.of([_LOADER])
    required = (known.get(_LOADER, {}).get("input") or {}).get("required") or {}
    declared = required.get("model_name") or [[]]
    options = declared[0]
    if options == "COMBO" and len(declared) > 1:
        options = declared[1].get("options", [])
    models = [one for one in options if isinstance(one, str)] if isinstance(options, list) else []
    if not models:
        raise StudioError(
            NO_UPSCALE_MODEL,
            f"The ComfyUI at {client.address.url} has no upscale model; nothing was enlarged.",
            hint="Get one: ategnatos studio models download remacri_original",
            server=client.address.url,
        )
    return best(models, factor)
