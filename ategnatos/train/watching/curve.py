"""The curve of a run: ``metrics.jsonl`` in its folder, one line a step, only ever added to.

    {"step":12,"loss":0.1041,"rate":0.0001,"seconds":1.92,"at":1795284000.0}

``epoch``, ``validation``, ``vram_mib`` and ``average`` stand where they are known. A line of the
step before completes it. A line of an earlier step begins the curve anew from there: a resumed run
trains those steps again, and what it did the first time stays in the file.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ategnatos.grimoire.files import explained, write_all
from ategnatos.train.watching.values import Point

NAME = "metrics.jsonl"
_PIECE = 1 << 22
_FIELDS = ("rate", "seconds", "epoch", "validation", "vram_mib")


@dataclass(frozen=True, slots=True)
class Curve:
    """``points`` by rising step, thinned where that was asked for; ``steps`` is how many there are.

    ``broken`` counts lines that are no lines of a curve: a write that a power cut broke off.
    """

    points: tuple[Point, ...]
    steps: int
    broken: int = 0

    @property
    def last(self) -> Point | None:
        """The newest point."""
        return self.points[-1] if self.points else None


def append(folder: Path, points: Iterable[Point]) -> None:
    """Add points to the curve of the run in ``folder``; on the disk when it returns.

    After a line that was broken off, the next begins on a line of its own. Raises StudioError
    (``disk_full``, ``write_failed``).
    """
    text = "".join(line(one) for one in points)
    if not text:
        return
    path = folder / NAME
    with explained(path, "The curve ends earlier; nothing of it is lost."):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            size = os.fstat(descriptor).st_size
            torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
            write_all(descriptor, (("\n" if torn else "") + text).encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def line(point: Point) -> str:
    """One line of the file. NaN is written as the text ``"nan"``: JSON has none."""
    said: dict[str, Any] = {"step": point.step, "loss": _written(point.loss)}
    for name in _FIELDS:
        value = getattr(point, name)
        if value is not None or name in ("rate", "seconds"):
            said[name] = _written(value)
    said["at"] = point.at
    if point.average:
        said["average"] = True
    return json.dumps(said, separators=(",", ":"), allow_nan=False) + "\n"


def read(folder: Path, points: int | None = None) -> Curve:
    """The curve of the run in ``folder``; empty where there is none.

    ``points``: at most so many, chosen so that no extreme is lost; each is as it was written.
    Raises OSError where the file cannot be read.
    """
    rows: list[Any] = []
    broken = 0
    for piece in _pieces(folder / NAME):
        good, bad = _parsed(piece)
        broken += bad
        rows += good
    rows = _in_order(rows)
    count = len(rows)
    if points is not None and count > points:
        from ategnatos.train.watching.thinning import thin

        keep = thin([_number(row.get("loss")) for row in rows], points)
        rows = [rows[number] for number in keep]
    return Curve(tuple(map(_point, rows)), count, broken)


# --- inside -----------------------------------------------------------------------------------


def _pieces(path: Path) -> Iterator[bytes]:
    """Some megabytes of whole lines at a time; a last line without its end is not one yet."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        rest = b""
        while piece := file.read(_PIECE):
            end = piece.rfind(b"\n") + 1
            if end:
                yield rest + piece[:end]
                rest = piece[end:]
            else:
                rest += piece


def _parsed(piece: bytes) -> tuple[list[Any], int]:
    """Rows of whole lines: all in one reading, or one by one where one of them is broken."""
    lines = piece.split(b"\n")
    try:
        rows = json.loads(b"[" + b",".join(filter(None, lines)) + b"]")
        if all(type(row) is dict and type(row.get("step")) is int for row in rows):
            return rows, 0
    except ValueError:
        pass
    good, bad = [], 0
    for one in filter(None, lines):
        try:
            row = json.loads(one)
        except ValueError:
            bad += 1
            continue
        if type(row) is dict and type(row.get("step")) is int:
            good.append(row)
        else:
            bad += 1
    return good, bad


def _in_order(rows: list[Any]) -> list[Any]:
    """Rows by rising step: the same step is completed, an earlier one begins anew from there."""
    steps = [row["step"] for row in rows]
    if all(map(int.__lt__, steps, steps[1:])):
        return rows
    kept: list[Any] = []
    for row in rows:
        while kept and kept[-1]["step"] > row["step"]:
            kept.pop()
        if kept and kept[-1]["step"] == row["step"]:
            said = {key: value for key, value in row.items() if value is not None}
            kept[-1] = {**kept[-1], **said}
        else:
            kept.append(row)
    return kept


def _point(row: dict[str, Any]) -> Point:
    epoch, vram = _number(row.get("epoch")), _number(row.get("vram_mib"))
    return Point(
        row["step"],
        _number(row.get("loss")),
        _number(row.get("rate")),
        _number(row.get("seconds")),
        _number(row.get("at")) or 0.0,
        None if epoch is None or math.isnan(epoch) else int(epoch),
        _number(row.get("validation")),
        None if vram is None or math.isnan(vram) else int(vram),
        row.get("average") is True,
    )


def _number(value: Any) -> float | None:
    if isinstance(value, int | float):
        return float(value)
    return {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}.get(str(value))


def _written(value: float | None) -> float | str | None:
    if value is None or math.isfinite(value):
        return value
    return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"


def merged(point: Point, later: Point) -> Point:
    """A point completed by what was said later of the same step."""
    known = {name: getattr(later, name) for name in ("loss", *_FIELDS)}
    known = {name: value for name, value in known.items() if value is not None}
    return replace(point, at=later.at or point.at, average=later.average or point.average, **known)
