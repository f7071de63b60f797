"""The form of a caption: ``{trigger}, {content}, {style}``.

Content and technique are kept apart where they are known (``Caption.parts``), so that each can be
judged and changed alone. A caption that came as one text has no parts and keeps its text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from ategnatos.train.dataset.version import Version

CAPTION_PLAN = ErrorCode("caption_plan", "What the captions should be like cannot be as given.")

TYPES = ("character", "style", "object")
DIALECTS = ("prose", "tags", "json")
PARTS = ("content", "style")

_LONGEST_TRIGGER = 60


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the captions of one dataset should be like.

    ``training`` is character, style or object. ``family`` is a model family by its key, or "";
    ``tokenizer`` a tokenizer file that the user gave, or "".
    """

    dataset: str
    trigger: str = ""
    training: str = "style"
    dialect: str = "prose"
    family: str = ""
    tokenizer: str = ""

    def facts(self) -> dict[str, str]:
        """What is kept in the settings of a dataset, all of it text."""
        return {
            "trigger": self.trigger,
            "training": self.training,
            "dialect": self.dialect,
            "family": self.family,
            "tokenizer": self.tokenizer,
        }


@dataclass(frozen=True, slots=True)
class Told:
    """One picture with its caption; ``measured`` are facts of the audit (0 to 1) by their name."""

    picture: str
    text: str
    parts: Mapping[str, str]
    measured: Mapping[str, float]


def wanted(version: Version) -> Wanted:
    """What was settled for a dataset; the defaults where nothing was."""
    return from_facts(version.dataset, version.settings)


def from_facts(dataset: str, settings: Mapping[str, Any]) -> Wanted:
    """What a dataset's settings say."""
    base = Wanted(dataset)
    given = {name: str(settings.get(name) or default) for name, default in base.facts().items()}
    return Wanted(dataset, **given)


def told(
    version: Version, measured: Mapping[str, Mapping[str, float]] | None = None
) -> tuple[Told, ...]:
    """Every picture of a version with its caption that counts ("" where it has none).

    ``measured`` are facts by the picture's SHA-256.
    """
    return tuple(
        Told(
            picture.name,
            picture.caption.text if picture.caption else "",
            picture.caption.parts if picture.caption else {},
            (measured or {}).get(picture.sha256, {}),
        )
        for picture in version.pictures
    )


def compose(trigger: str, parts: Mapping[str, str], dialect: str = "prose") -> str:
    """The caption that a trigger and parts make, on one line.

    >>> compose("zrvk", {"content": "an owl", "style": "ink"})
    'zrvk, an owl, ink'
    """
    pieces = [trigger, *(one_line(parts.get(name, "")) for name in PARTS)]
    if dialect == "json":
        import json

        fields = dict(zip(("trigger", *PARTS), pieces, strict=True))
        return json.dumps({k: v for k, v in fields.items() if v}, ensure_ascii=False)
    return ", ".join(piece.strip(" ,") for piece in pieces if piece.strip(" ,"))


def body(text: str, trigger: str) -> str:
    """A caption without the trigger in front."""
    if trigger and text[: len(trigger)].lower() == trigger.lower():
        rest = text[len(trigger) :]
        if not rest or not (rest[0].isalnum() or rest[0] in "_-"):
            return rest.lstrip(" ,.:;")
    return text


def one_line(text: str) -> str:
    """``text`` with every run of white space as one blank."""
    return " ".join(text.split())


def phrases(text: str) -> list[str]:
    """The pieces between commas, full stops and semicolons, in lower case."""
    return [piece for raw in re.split(r"[,;\n]|\.(?:\s|$)", text.lower()) if (piece := raw.strip())]


def spoken(text: str, words: Sequence[str]) -> list[str]:
    """Those of ``words`` that stand in ``text`` as whole words; longer ones hide shorter ones.

    ``words`` are in lower case. "oil painting" found hides the "painting" inside it.
    """
    lower, found = text.lower(), []
    taken = bytearray(len(lower))
    for word in sorted(words, key=len, reverse=True):
        start = lower.find(word)
        while start >= 0:
            end = start + len(word)
            if _alone(lower, start, end) and not any(taken[start:end]):
                taken[start:end] = b"\1" * (end - start)
                found.append((start, word))
                break
            start = lower.find(word, start + 1)
    return [word for _, word in sorted(found)]


def _alone(text: str, start: int, end: int) -> bool:
    before, after = text[start - 1 : start], text[end : end + 1]
    return not any(one.isalnum() or one in ("_", "-") for one in (before, after) if one)


def parse_trigger(text: str) -> str:
    """A trigger as it may be used. Raises StudioError (``caption_plan``)."""
    trigger = one_line(unicodedata.normalize("NFC", text))
    bad = next((c for c in trigger if c in ',.;:"[]{}()|<>\\' or not c.isprintable()), None)
    if not trigger or bad is not None or len(trigger) > _LONGEST_TRIGGER:
        why = "it is empty" if not trigger else f"it holds {bad!r}" if bad else "it is too long"
        raise StudioError(
            CAPTION_PLAN,
            f"{text[:80]!r} cannot be a trigger: {why}. Nothing was changed.",
            hint="Take one made-up word of letters, such as 'zrvkink'.",
            given=text[:80],
        )
    return trigger


def parse_choice(text: str, known: Sequence[str], what: str) -> str:
    """One of ``known``. Raises StudioError (``caption_plan``)."""
    if text.strip().lower() in known:
        return text.strip().lower()
    raise StudioError(
        CAPTION_PLAN,
        f"{text[:80]!r} is no {what}; nothing was changed.",
        hint=f"It is one of: {', '.join(known)}.",
        given=text[:80],
        known=list(known),
    )
