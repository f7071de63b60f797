"""Which secrets there are: a data file, and a rule for those that are not in it."""

from __future__ import annotations

import difflib
import re

from pydantic import BaseModel, ConfigDict, Field

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.guard.values.shown import shown
from ategnatos.knowledge.loader import load

SECRET_UNKNOWN = ErrorCode("secret_unknown", "There is no secret of that name.")

VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+", re.ASCII)


class SecretKind(BaseModel):
    """One secret: ``variables`` in the order in which they are looked at, the first being the
    name under which it is stored.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    label: str
    variables: tuple[str, ...] = Field(min_length=1)
    needed_for: str
    obtain: str = ""
    advice: str = ""

    @property
    def stored_as(self) -> str:
        """The key in the keyring and in the file."""
        return self.variables[0]


class SecretKinds(BaseModel):
    """The data file."""

    secrets: dict[str, SecretKind]


def kinds() -> dict[str, SecretKind]:
    """Every secret of the data file by its name."""
    return load("secrets", SecretKinds).secrets


def kind_of(name: str) -> tuple[str, SecretKind]:
    """The secret called ``name``, or read from a variable of that name: its name and its facts.

    A name such as MYCLOUD_API_KEY that no data file knows is a secret of a plug-in. Raises
    StudioError (``secret_unknown``).
    """
    known = kinds()
    if name.lower() in known:
        return name.lower(), known[name.lower()]
    for own, kind in known.items():
        if name.upper() in kind.variables:
            return own, kind
    if VARIABLE.fullmatch(name) and len(name) <= 64:
        return name, SecretKind(label=name, variables=(name,), needed_for="a plug-in of yours")
    near = difflib.get_close_matches(name[:64].lower(), known, n=1)
    raise StudioError(
        SECRET_UNKNOWN,
        f"There is no secret called {shown(name)}. Nothing was done.",
        hint=(f"Did you mean {near[0]}? " if near else "")
        + f"There are: {', '.join(known)}; or the name of a variable, like MYCLOUD_API_KEY.",
        known=list(known),
    )
