"""The vocabulary of the starter model, read from the package's data file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

WORDS_PATH = (
    Path(__file__).resolve().parents[2] / "ategnatos" / "knowledge" / "data" / "starter_words.json"
)


@dataclass(frozen=True)
class Words:
    """Canonical names with the words that mean them; `ramps` are hex colours, dark to light."""

    kinds: dict[str, list[str]]
    colours: dict[str, list[str]]
    ramps: dict[str, list[str]]
    sizes: dict[str, list[str]]
    styles: dict[str, list[str]]
    fillers: list[str]

    def known(self) -> list[str]:
        """Return every known word once, in file order."""
        groups = [*self.kinds.values(), *self.colours.values()]
        groups += [*self.sizes.values(), *self.styles.values(), self.fillers]
        return list(dict.fromkeys(word for group in groups for word in group))


def load_words(path: Path = WORDS_PATH) -> Words:
    """Read the vocabulary from `path`."""
    document = json.loads(path.read_text(encoding="utf-8"))
    colours = document["colours"]
    return Words(
        kinds=document["kinds"],
        colours={name: entry["words"] for name, entry in colours.items()},
        ramps={name: entry["ramp"] for name, entry in colours.items()},
        sizes=document["sizes"],
        styles=document["styles"],
        fillers=document["fillers"],
    )
