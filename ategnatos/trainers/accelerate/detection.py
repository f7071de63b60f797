"""Whether the torch trainer can be run on a machine."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ategnatos.trainers import Installed
from ategnatos.trainers.installs import missing_modules

if TYPE_CHECKING:
    from ategnatos.trainers import Ask

MODULES = ("ategnatos", "torch", "accelerate", "diffusers", "peft", "transformers")
_HINT = "pip install 'ategnatos[torch]'"
_QUESTION = (
    "import sys; from importlib.metadata import version as v;"
    "print(v('ategnatos'), v('torch'), v('diffusers'), sys.executable)"
)


def detect(ask: Ask, given: str = "") -> Installed:
    """Ask the machine's Pythons, or the ``given`` one, for the packages. Never raises, and imports
    no torch.
    """
    lacking = list(MODULES)
    for python in dict.fromkeys((given,) if given else (sys.executable, "python3", "python")):
        absent = missing_modules(ask, python, MODULES)
        lacking = min(lacking, absent, key=len)
        if absent:
            continue
        try:
            status, said = ask((python, "-c", _QUESTION))
        except Exception as error:  # noqa: BLE001 - a machine that cannot be asked has no trainer
            return Installed(False, f"The machine could not be asked: {error}", hint=_HINT)
        words = said.split(maxsplit=3)
        if status == 0 and len(words) == 4:
            own, torch, diffusers, where = words
            return Installed(
                True,
                f"ategnatos {own} with torch {torch} and diffusers {diffusers} is installed.",
                python=where.strip(),
                version=diffusers,
            )
    return Installed(
        False,
        f"No Python there has all it takes: {', '.join(lacking)} "
        f"{'is' if len(lacking) == 1 else 'are'} missing.",
        hint=_HINT,
        missing=tuple(lacking),
    )
