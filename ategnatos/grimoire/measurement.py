"""What every measurement of a training says of itself: which run of which plan, and where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from ategnatos.grimoire.schemas.base import Part


class Measurement(Part):
    """``machine`` is the computer, or the provider with its GPU; ``gpu`` the card's own name, ""
    where it has none; ``digest`` that of the plan as it was.
    """

    run: str
    machine: str
    gpu: str = ""
    at: str
    plan: str
    digest: str
    family: str
    trainer: str

    def instead(self, rows: Sequence[Self]) -> list[Self]:
        """The rows with this one last, in place of what the same run measured there before."""
        here = (self.run, self.machine)
        return [one for one in rows if (one.run, one.machine) != here] + [self]
