"""Names and ids: what may be part of a file name, a record and a message without harm."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.guard.values.shown import shown

ID_INVALID = ErrorCode("id_invalid", "The text is not an id of ours.")
CHOICE_UNKNOWN = ErrorCode("choice_unknown", "The value is none of those that exist.")

LONGEST_ID = 128
_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9_-])?", re.ASCII)


def parse_id(text: str, *, field: str = "The id", longest: int = LONGEST_ID) -> str:
    """ASCII letters, digits, ``.``, ``_`` and ``-``; begins with a letter or digit, has no
    ``..`` and does not end in a dot. Raises StudioError (``id_invalid``).
    """
    if not isinstance(text, str) or not _ID.fullmatch(text) or ".." in text or len(text) > longest:
        raise StudioError(
            ID_INVALID,
            f"{field} {shown(text)} is not taken as an id. Nothing was done.",
            hint=f"Use up to {longest} letters, digits, dots, hyphens and underscores, beginning"
            " with a letter or digit: my-studio_2.v1",
        )
    return text


def parse_choice(
    text: str,
    known: Iterable[str],
    *,
    field: str = "The value",
    aliases: Mapping[str, str] | None = None,
) -> str:
    """``text`` as one of ``known``, in its stored spelling.

    Upper and lower case are the same; ``aliases`` maps other names to stored ones (``vast`` to
    ``vastai``). Which names exist is the caller's to say, from what is installed. Raises
    StudioError (``choice_unknown``), naming the nearest.
    """
    wanted = text.lower()
    wanted = (aliases or {}).get(wanted, wanted)
    stored = {name.lower(): name for name in known}
    if wanted in stored:
        return stored[wanted]
    import difflib

    near = difflib.get_close_matches(wanted[:LONGEST_ID], stored, n=1)
    everything = ", ".join(sorted(stored.values())) or "none is installed"
    raise StudioError(
        CHOICE_UNKNOWN,
        f"{field} {shown(text)} does not exist. Nothing was done.",
        hint=(f"Did you mean {stored[near[0]]}? " if near else "") + f"There are: {everything}.",
        known=sorted(stored.values()),
    )
