"""Pictures with captions that pass gate 1: the package's owls, larger and on a ground."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path

TRIGGER = "ategnatos owl"
# Each caption differs: two that are the same stop the gate.
_GROUNDS = {
    "grey stone": (120, 120, 126),
    "dry sand": (203, 178, 122),
    "dark moss": (66, 88, 52),
    "old snow": (214, 220, 228),
}
_PLACES = ("left of the middle", "high up", "close to the lower edge", "in the middle")


def make(folder: Path, count: int, side: int = 64) -> None:
    """Write ``count`` of them to ``folder``, ``side`` pixels each way; sixteen at most."""
    from PIL import Image

    folder.mkdir(parents=True)
    with as_file(files("ategnatos.starter") / "owls") as owls:
        sources = sorted(owls.glob("*.png"))[:count]
        for number, path in enumerate(sources):
            ground = list(_GROUNDS)[number % len(_GROUNDS)]
            place = _PLACES[number // len(_GROUNDS)]
            made = Image.new("RGB", (side, side), _GROUNDS[ground])
            with Image.open(path) as owl:
                large = owl.convert("RGBA").resize((side, side), Image.Resampling.NEAREST)
            made.paste(large, (0, 0), large)
            made.save(folder / path.name)
            said = (
                f"{TRIGGER}, {path.with_suffix('.txt').read_text('utf-8').strip()}, seen from the"
                f" front, round eyes, sitting {place} on {ground}, flat colours, soft light"
            )
            (folder / path.name).with_suffix(".txt").write_text(said + "\n", "utf-8")
