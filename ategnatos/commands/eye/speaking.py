"""Who speaks: the person whose taste it is, who writes it down, and in which session."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import StudioError

if TYPE_CHECKING:
    from ategnatos.eye.record import Speaker

SESSION = "CLAUDE_CODE_SESSION_ID"


def now() -> datetime:
    """The time of an act."""
    return datetime.now(UTC)


def speaker(said_by: str) -> Speaker:
    """Whoever says it now. Raises StudioError (``eye_speaker``) for an agent naming nobody."""
    from ategnatos.eye.record import Speaker
    from ategnatos.eye.say import EYE_SPEAKER
    from ategnatos.guard.actor import actor, login

    who = actor()
    named = " ".join(said_by.split())
    if not named and who.startswith("agent:"):
        raise StudioError(
            EYE_SPEAKER,
            "An agent has no taste of its own here: whose words are these? Nothing was written.",
            hint="Ask the person, and after a clear yes add --said-by with their name.",
        )
    run = os.environ.get(SESSION, "").strip()
    # The person's own day, not that of Greenwich: an evening is one session.
    session = f"session:{run}" if run else f"day:{datetime.now().astimezone().date().isoformat()}"
    return Speaker(named or login(), who, session)
