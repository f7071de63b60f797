"""What a check found: where, what is wrong, what would be right, and what happens otherwise."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Effect(StrEnum):
    """What the server makes of it when it is sent all the same."""

    REFUSED = "refused"  # it refuses the whole prompt
    DROPPED = "dropped"  # it runs the rest and leaves this output out without a word
    FAILS = "fails"  # it accepts the prompt, and the run ends in an error
    UNSAFE = "unsafe"  # it may do it, and we do not ask for it
    CHANGED = "changed"  # it runs something else than what is written
    NOTE = "note"  # worth knowing; nothing is wrong


BLOCKING = frozenset({Effect.REFUSED, Effect.DROPPED, Effect.FAILS, Effect.UNSAFE})


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding. ``code`` is a stable name; ``message`` a sentence for people.

    ``allowed`` says in words what may stand there, ``nearest`` is the closest allowed value, and
    ``mend`` the command or step that puts it right.
    """

    code: str
    effect: Effect
    message: str
    node: str = ""
    class_type: str = ""
    input: str = ""
    given: Any = None
    allowed: str = ""
    nearest: Any = None
    mend: str = ""

    @property
    def blocks(self) -> bool:
        """Whether sending the graph would not give what it says."""
        return self.effect in BLOCKING

    def as_json(self) -> dict[str, Any]:
        """The finding as JSON values, without what is empty."""
        return {key: value for key, value in asdict(self).items() if value not in ("", None)}


def blocking(findings: list[Finding]) -> list[Finding]:
    """Those that must be mended before the graph is sent."""
    return [one for one in findings if one.blocks]
