"""From what a run left to the engine's picture: a PNG that carries the graph that made it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ategnatos.engines import Image, Request
from ategnatos.engines.comfyui.errors import NOTHING_MADE
from ategnatos.engines.comfyui.following import Graph
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.files import canonical_json, sha256_bytes

if TYPE_CHECKING:
    from ategnatos.engines.comfyui.bringing import Finished
    from ategnatos.engines.comfyui.outputs import Output

# Of several pictures the saved ones count before those over the socket and the previews.
_RANK = {"output": 0, "socket": 1, "temp": 2, "input": 3}


def picture_of(finished: Finished, server: str) -> tuple[Output, list[str]]:
    """The picture that a run is for, and notes. Raises StudioError (``comfyui_nothing_made``)."""
    pictures = [one for one in finished.outputs if one.is_picture]
    if not pictures:
        made = ", ".join(one.ref.filename for one in finished.outputs) or "text only"
        raise StudioError(
            NOTHING_MADE,
            f"The workflow made no still picture ({made}); nothing was kept.",
            hint="Run such workflows with 'ategnatos studio workflow run FILE --output FOLDER', "
            "which brings files of every kind.",
            made=[one.ref.filename for one in finished.outputs],
        )
    best = min(_RANK.get(one.ref.folder, 9) for one in pictures)
    ranked = [one for one in pictures if _RANK.get(one.ref.folder, 9) == best]
    # The node that finished last is the end of the graph; of a batch, the first picture.
    chosen = next(one for one in ranked if one.ref.node == ranked[-1].ref.node)
    others = [one for one in finished.outputs if one is not chosen and one.ref.folder == "output"]
    notes = []
    if others:
        notes.append(
            f"A run of this workflow leaves {len(others) + 1} files; one was kept, the others "
            f"are in the output folder of {server}."
        )
    return chosen, notes


def finish(
    output: Output,
    exact: Request,
    seed: int,
    graph: Graph,
    model: str,
    weights: Mapping[str, str],
    versions: Mapping[str, str],
) -> Image:
    """The engine's picture. The same run gives the same bytes, wherever the server put it.

    ``weights`` are hashes of files that ``graph`` names, as far as they are known; ``versions``
    those of the server, its device and the node packages that the graph uses.
    """
    from ategnatos.pictures.metadata import embed_texts, strip

    data = output.data or b""
    if output.mime != "image/png" or exact.mask is not None:
        data = _drawn(data, exact)
    text = canonical_json(graph).decode()
    # The chunk is called as ComfyUI calls it: dropped onto its page, the picture opens there.
    png = embed_texts(strip(data), {"prompt": text})
    settings = _settings(exact, seed, graph, model, output)
    settings["model_sha256"] = weights.get(model)
    settings["weights"] = [
        {"name": name, "sha256": digest} for name, digest in weights.items() if name != model
    ]
    settings["versions"] = dict(versions)
    return Image(png, output.width, output.height, seed, settings)


def _drawn(data: bytes, exact: Request) -> bytes:
    """The picture as PNG; with a mask, what it does not mark is exactly what went in."""
    from PIL import Image as Pillow

    with Pillow.open(io.BytesIO(data)) as opened:
        made = opened.convert("RGBA" if "A" in opened.getbands() else "RGB")
    if exact.mask is not None and exact.init_image is not None:
        with Pillow.open(io.BytesIO(exact.init_image)) as source:
            before = source.convert(made.mode)
        with Pillow.open(io.BytesIO(exact.mask)) as drawn:
            mask = drawn.convert("L")
        if before.size == made.size == mask.size:
            made.paste(before, (0, 0), mask.point(lambda value: 0 if value else 255))
    output = io.BytesIO()
    made.save(output, "PNG")
    return output.getvalue()


def _settings(
    exact: Request, seed: int, graph: Graph, model: str, output: Output
) -> dict[str, Any]:
    """All that decides the pixels but the weights, as JSON values."""
    hashed = {
        "init_image": exact.init_image,
        "mask": exact.mask,
        "control_image": exact.control_image,
    }
    held = {"control_type": exact.control_type, "control_strength": exact.control_strength}
    return {
        "engine": "comfyui",
        "model": exact.model,
        "model_file": model,
        "family": exact.family,
        "prompt": exact.prompt,
        "negative": exact.negative,
        "seed": seed,
        "steps": exact.steps,
        "cfg": exact.cfg,
        "sampler": exact.sampler,
        "width": exact.width if exact.width is not None else output.width,
        "height": exact.height if exact.height is not None else output.height,
        "strength": exact.strength,
        "loras": [
            {"name": use.name, "sha256": use.sha256, "weight": use.weight} for use in exact.loras
        ],
        "graph_sha256": sha256_bytes(canonical_json(graph)),
        **{f"{key}_sha256": sha256_bytes(data) for key, data in hashed.items() if data},
        **{key: value for key, value in held.items() if value is not None},
    }
