"""How one browser wants the page: dark or light, plain words or the role-playing ones.

It lies in cookies of that browser, which decide nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ategnatos.knowledge import lore

LOOKS = ("dark", "light", "system")
_LOOK, _WORDS = "ategnatos-look", "ategnatos-words"


@dataclass(frozen=True, slots=True)
class Appearance:
    """``look`` is one of ``LOOKS``; ``lore`` is whether the role-playing words are shown."""

    look: str = LOOKS[0]
    lore: bool = False

    def word(self, key: str, *, capital: bool = True) -> str:
        """The word for a key as a page shows it, with a capital unless it stands in a sentence.

        KeyError for a key that the lore file does not know.
        """
        name = lore.name(key, lore=self.lore)
        return name[0].upper() + name[1:] if capital else name


def of(cookies: Mapping[str, str]) -> Appearance:
    """What the cookies say; what they do not say is dark and plain."""
    look = cookies.get(_LOOK, "")
    return Appearance(look if look in LOOKS else LOOKS[0], cookies.get(_WORDS) == "lore")
