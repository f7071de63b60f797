"""A dataset of small drawn pictures, made in a moment, for tests that are not about pictures."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from PIL import Image, ImageDraw

from ategnatos.grimoire import content, documents
from ategnatos.grimoire.files import sha256_bytes
from ategnatos.grimoire.project import Project
from ategnatos.grimoire.schemas.assets import Asset
from ategnatos.train.dataset import record, store
from ategnatos.train.dataset.captions import protocol
from ategnatos.train.dataset.version import Picture, Rights, Source, Version

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
CONTENTS = (
    "sitting on a branch at night, upper body, front view, calm expression, tall trees behind it",
    "flying over a river in daylight, full body, from the side, mountains far away, open beak",
    "perched on a stone wall, close-up, from behind, grey rain, a village street below",
    "standing on a table indoors, full body, three-quarter view, lamplight from the right, books",
    "sleeping in a hollow tree, close-up, from above, soft light, leaves all around its body",
    "landing on snow at sunset, wide shot, from below, plain background, both wings spread wide",
)
# What differs between pictures of one thing, each value of the coverage matrix among them.
VIEWS = (
    "sitting on a branch, upper body, front view, calm expression, forest, night, dark trees",
    "flying over a river, full body, from the side, daylight, mountains, open beak, wings spread",
    "perched on a wall, close-up, from behind, overcast, village street, wet stones, moss below",
    "standing on a table, full body, three-quarter view, smiling, indoors, lamp light, old books",
    "sleeping in a nest, close-up, from above, sunset, plain background, leaves around its body",
    "holding a key, wide shot, from below, angry expression, city, night, tall houses behind it",
)
STYLE = "digital illustration, thick outlines, flat colours, smooth shading, simplified shapes"


def drawn(seed: int, size: tuple[int, int] = (96, 96), form: str = "PNG") -> bytes:
    """A picture unlike that of any other seed, encoded."""
    image = Image.new("RGB", size, (seed * 53 % 256, seed * 97 % 256, seed * 29 % 256))
    draw = ImageDraw.Draw(image)
    left, top = seed * 7 % 40, seed * 11 % 40
    draw.ellipse((left, top, left + 40, top + 50), fill=(255 - seed * 31 % 256, 40, seed % 256))
    output = io.BytesIO()
    image.save(output, form)
    return output.getvalue()


def dataset(
    project: Project,
    name: str = "owls",
    count: int = 6,
    *,
    sizes: Sequence[tuple[int, int]] = ((96, 96),),
    settings: Mapping[str, Any] | None = None,
    captioned: bool = False,
    rights: Rights = Rights("own"),  # noqa: B008 - frozen
    bytes_of: Callable[[int], bytes] | None = None,
) -> Version:
    """A dataset of ``count`` pictures 001.png ...; ``captioned`` gives each a good caption."""
    chosen = {"trigger": "zrvkowl", "training": "character", **(settings or {})}
    with record.edit(project, name, actor="user:ann", because="seed", now=NOW, new=True) as draft:
        draft.settings.update(chosen)
        for index in range(count):
            size = sizes[index % len(sizes)]
            raw = bytes_of(index) if bytes_of else drawn(index + 1, size)
            sha, length, _ = store.put(project, name, [raw])
            called = f"{index + 1:03d}.png"
            source = Source("folder", "/in", called, record.stamp(NOW))
            draft.pictures[called] = Picture(called, sha, length, *size, source, rights)
            if captioned:
                repeated = f"{CONTENTS[index % len(CONTENTS)]}, number {index + 1} of a series"
                parts = {"content": repeated, "style": STYLE}
                text = protocol.compose(chosen["trigger"], parts)
                draft.caption(called, text, author="person", parts=parts)
    assert draft.version is not None
    return draft.version


def asset(project: Project, name: str, raw: bytes, prompt: str) -> None:
    """An asset of the studio's own, as an export leaves it."""
    path, version = content.freeze(project, name, raw, "png")
    with documents.edit(project, "assets") as document:
        document.assets = [
            Asset(
                name=name,
                version=version,
                path=str(path.relative_to(project.root)),
                sha256=sha256_bytes(raw),
                source_sha256=sha256_bytes(raw),
                job="j1",
                candidate=0,
                recipe_id="owls",
                binding="0" * 16,
                engine="starter",
                prompt=prompt,
                seed=1,
                verdict_event="e00000001",
                exported_at="2026-11-21T10:00:00Z",
            )
        ]
