"""A picture that carries a workflow: what ComfyUI's own pictures carry, on any PNG."""

from __future__ import annotations

import io
import json
from collections import Counter
from typing import Any

from ategnatos.studio.workflows import Stored

_WIDTH, _HEIGHT, _MARGIN = 640, 360, 32
_PAPER, _INK, _FAINT = "#1f2430", "#f2f2f2", "#9aa3b5"


def carry(png: bytes, stored: Stored) -> bytes:
    """``png`` with the workflow in the texts that ComfyUI reads: ``workflow`` and ``prompt``.

    What the picture carried under these names before is taken out; its pixels stay the bytes
    they were. Raises StudioError (``picture_not_png``, ``picture_png_damaged``).
    """
    from ategnatos.pictures.metadata import embed_texts, strip

    texts = {}
    if stored.ui is not None:
        texts["workflow"] = json.dumps(stored.ui)
    if stored.api is not None:
        texts["prompt"] = json.dumps(stored.api)
    return embed_texts(strip(png), texts)


def card(name: str, stored: Stored) -> bytes:
    """A plain card with the workflow's name and its nodes, as PNG."""
    from PIL import Image, ImageDraw

    from ategnatos.pictures.lettering import Lettering

    picture = Image.new("RGB", (_WIDTH, _HEIGHT), _PAPER)
    draw = ImageDraw.Draw(picture)
    room = _WIDTH - 2 * _MARGIN
    title = Lettering(name, 34, bold=True)
    title.draw(draw, (_MARGIN, _MARGIN), title.lines(room, 1)[0], _INK)
    place = _MARGIN + 64
    for line in _lines(stored):
        text = Lettering(line, 18)
        text.draw(draw, (_MARGIN, place), text.lines(room, 1)[0], _FAINT)
        place += 28
    output = io.BytesIO()
    picture.save(output, "PNG")
    return output.getvalue()


def _lines(stored: Stored) -> list[str]:
    nodes: list[Any]
    if stored.ui is not None:
        nodes = [node.get("type") for node in stored.ui["nodes"]]
    else:
        nodes = [node.get("class_type") for node in (stored.api or {}).values()]
    counted = Counter(str(one) for one in nodes if one)
    names = [f"{name} x {many}" if many > 1 else name for name, many in counted.most_common(6)]
    more = len(counted) - len(names)
    return [f"{len(nodes)} nodes", *names, *([f"and {more} more kinds"] if more > 0 else [])]
