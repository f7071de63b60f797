"""What a built prompt takes from the brief and from the library: the rooms meet here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ategnatos.commands.terminal import plain
from ategnatos.grimoire.errors import StudioError
from ategnatos.prompts.build import AVOID, PREFER, Preference, Snippet

if TYPE_CHECKING:
    from rich.console import Console

    from ategnatos.art.proven import Related
    from ategnatos.commands.contract import Call
    from ategnatos.prompts.manner import Manner

# "no text", "without a hat": what follows must not be there.
_WITHOUT = re.compile(r"(?:no|without|never|not)\s+(?:an?\s+|any\s+)?(.+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Proven:
    """What the library knows of the like, and the words that it gives."""

    snippets: Sequence[Snippet] = ()
    related: Sequence[Related] = ()

    @property
    def facts(self) -> list[dict[str, Any]]:
        """The entries for a machine."""
        return [
            {
                "entry": one.entry.full_name,
                "prompt": one.prompt,
                "shared_words": list(one.shared),
                "approvals": one.entry.approvals,
                "notes": [note["text"] for note in one.entry.notes],
            }
            for one in self.related
        ]

    def draw(self, console: Console) -> None:
        """The entries for a person."""
        if not self.related:
            return
        console.print()
        console.print("Worked before:")
        for one in self.related:
            notes = "".join(f"  {note['text']}" for note in one.entry.notes[-1:])
            told = f"  library/{one.entry.full_name}.md  {one.prompt}  ({one.entry.approvals}"
            console.print(plain(f"{told} approved){notes}"), soft_wrap=True)


def constraints(brief: Mapping[str, Any]) -> list[Preference]:
    """A person's constraints as words for the prompt and for the negative.

    The rules of a kind of asset ("readable at 16 pixels") are for eyes: no model reads them.
    """
    found = []
    for text in brief["constraints"]:
        without = _WITHOUT.fullmatch(text)
        why = f"the brief asks: {text}"
        found.append(
            Preference(text, PREFER, why) if without is None else Preference(without[1], AVOID, why)
        )
    return found


def proven(
    call: Call, manner: Manner, family: str, words: str, liked: Sequence[Preference]
) -> Proven:
    """What the library offers for ``words``; nothing outside a studio.

    What the eye adds, or rules out, is left to the eye.
    """
    from ategnatos.art import proven as room
    from ategnatos.grimoire.jobs import database
    from ategnatos.grimoire.project import NO_PROJECT

    try:
        project = call.project()
    except StudioError as error:
        if error.code is NO_PROJECT:
            return Proven()
        raise
    if not database.exists(project):
        return Proven()
    from ategnatos.knowledge.feedback import STARTER_FAMILY

    if family == STARTER_FAMILY:
        kept_under = family
    else:
        from ategnatos.knowledge import families

        kept_under = families.find(family).family
    with database.connect(project) as db:
        near = room.related(db, kept_under, words)
    without = [one.text for one in liked]
    return Proven(tuple(room.snippets(near, manner, words, without=without)), tuple(near))
