"""A studio for ``benchmarks/web.py``: distinct files of 1024 pixels by the thousand."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SIDE, LARGE = 1024, 2000


def studio(folder: Path, count: int) -> object:
    """A studio with ``count`` distinct pictures of 1024 pixels in jobs of four, no two files the
    same. The oldest 2,000, which a review begins with, are as large as a photograph.
    """
    from ategnatos.grimoire.jobs import database, job_words, store
    from ategnatos.grimoire.project import Project
    from tests.guard import keys

    project = Project.create(folder / "studio")
    keys.made(project, 4)
    large, light = painted(0.35), painted(0.0)
    with database.connect(project) as db:
        job = dict(db.execute("SELECT * FROM job WHERE id=1").fetchone())
        rows = [dict(row) for row in db.execute("SELECT * FROM candidate WHERE job=1")]
        with database.writing(db):
            for number in range(2, count // 4 + 1):
                binding = f"{number:016x}"
                insert(db, "job", {**job, "id": number, "binding": binding, "asked": asked(number)})
                place = project.workspace / "outputs" / "bench" / binding / "starter"
                place.mkdir(parents=True)
                for row in rows:
                    which = number * 4 + row["number"]
                    base = (large if which < LARGE else light)[which % len(light)]
                    data = marked(base, f"picture {which}")
                    path = place / f"{row['number']:03}.png"
                    path.write_bytes(data)
                    known = {
                        "job": number,
                        "path": str(path.relative_to(project.root)),
                        "sha256": hashlib.sha256(data).hexdigest(),
                        "bytes": len(data),
                        "width": SIDE,
                        "height": SIDE,
                        "seed": which,
                    }
                    insert(db, "candidate", {**row, **known})
        job_words.catch_up(db)
        assert store.get(db, count // 4).asked == asked(count // 4)
    return project


def asked(number: int) -> str:
    """What a job was asked for."""
    return f"thing {number}"


def insert(db: Any, table: str, values: dict[str, Any]) -> None:
    """One row."""
    marks = ",".join("?" * len(values))
    db.execute(f"INSERT INTO {table} ({','.join(values)}) VALUES ({marks})", list(values.values()))


def painted(grain: float) -> list[bytes]:
    """Twelve pictures as PNG: a lit ball on a ground, with the grain of a photograph or none."""
    made = []
    chance = np.random.default_rng(7)
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    for turn in range(12):
        colour = chance.uniform(40, 230, 3)
        ball = np.clip(1.2 - 3 * np.hypot(x - 0.5, y - 0.45 - turn / 60), 0, 1)[..., None]
        ground = (0.4 + 0.6 * y)[..., None] * colour[::-1]
        picture = ground * (1 - ball) + ball * colour
        picture += chance.normal(0, 1 + 14 * grain, picture.shape) if grain else 0
        out = io.BytesIO()
        Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(out, "PNG", compress_level=1)
        made.append(out.getvalue())
    return made


def marked(png: bytes, text: str) -> bytes:
    """The same picture as another file: a text chunk before its end."""
    chunk = b"tEXt" + b"Comment\x00" + text.encode()
    whole = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return png[:-12] + whole + png[-12:]
