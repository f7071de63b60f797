"""Briefs: what an asset is for and how it must measure, said before the first picture is made.

An asset is named ``site/owl``: a project and a name within it. The journal's event carries the
whole brief, the database its newest state, and the pages under ``grimoire/projects`` show it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire import content, journal
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.jobs import assets, database, store
from ategnatos.grimoire.locks import hold

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from ategnatos.grimoire.jobs.assets import Asset
    from ategnatos.grimoire.jobs.database import Database
    from ategnatos.grimoire.project import Project

BRIEF_NAME = ErrorCode("brief_name", "An asset is named by its project and its name: site/owl.")
BRIEF_UNKNOWN = ErrorCode("brief_unknown", "There is no brief of that name, or there are several.")
BRIEF_EXISTS = ErrorCode("brief_exists", "There is a brief of that name already.")
BRIEF_EMPTY = ErrorCode("brief_empty", "A brief says nothing, or something it cannot.")

EVENT_KIND = "art.briefed"
LONGEST_TEXT = 2000
MOST_LINES = 50

# Names that already mean a version or a job.
_TAKEN = re.compile(r"[vjVJ]?\d+")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person says of an asset; None leaves a field as it is, empty clears it.

    ``specs`` are names of asset specifications, ``sizes`` further (width, height) in pixels.
    """

    subject: str | None = None
    purpose: str | None = None
    audience: str | None = None
    specs: Sequence[str] | None = None
    sizes: Sequence[tuple[int, int]] | None = None
    formats: Sequence[str] | None = None
    constraints: Sequence[str] | None = None
    notes: str | None = None


def studio_folder(project: Project) -> Path:
    """Where a studio keeps data files of its own."""
    return project.grimoire / "knowledge"


def parse_name(text: str) -> tuple[str, str]:
    """Project and asset of ``site/owl``. Raises StudioError (``brief_name``, ``name_invalid``)."""
    project, slash, name = text.strip().partition("/")
    if not slash or "/" in name:
        raise StudioError(
            BRIEF_NAME,
            f"{text!r} names no asset: that is a project and a name. Nothing was written.",
            hint="Write it like: ategnatos art brief new site/owl --subject 'an owl mascot'",
            given=text,
        )
    project = content.check_name(project.strip(), "project")
    name = content.check_name(name.strip(), "asset name")
    if _TAKEN.fullmatch(name) or _TAKEN.fullmatch(project):
        raise StudioError(
            BRIEF_NAME,
            f"{text!r} would be taken for a version or a job; nothing was written.",
            hint="Choose a name with a word in it, such as site/owl.",
            given=text,
        )
    return project, name


def find(db: Database, text: str) -> Asset:
    """The asset meant by ``site/owl``, or by ``owl`` where only one project has it.

    Raises StudioError (``brief_unknown``).
    """
    found = look(db, text)
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(one.full_name for one in found)
        raise StudioError(
            BRIEF_UNKNOWN,
            f"{text!r} is the name of {len(found)} assets: {names}. Nothing was done.",
            hint=f"Name the project too, like {found[0].full_name}.",
            given=text,
        )
    raise unknown(db, text)


def look(db: Database, text: str) -> list[Asset]:
    """The assets that ``text`` may mean; none where there is no such brief."""
    project, slash, name = text.strip().partition("/")
    if slash:
        one = assets.find(db, project.strip(), name.strip())
        return [] if one is None else [one]
    return assets.named(db, text.strip())


def unknown(db: Database | None, text: str) -> StudioError:
    """The refusal of a name that no brief has, with the nearest. None: nothing was ever written."""
    known = [] if db is None else [one.full_name for one in assets.every(db, limit=2000)]
    short = {name.partition("/")[2]: name for name in reversed(known)}
    near = get_close_matches(text, known, n=1) or [
        short[one] for one in get_close_matches(text, short, n=1)
    ]
    return StudioError(
        BRIEF_UNKNOWN,
        f"There is no brief called {text!r}; nothing was done.",
        hint=(f"Did you mean {near[0]!r}? " if near else "")
        + "See them: ategnatos art brief list. A new one: ategnatos art brief new site/owl"
        " --subject 'an owl mascot'",
        given=text,
        near=near,
    )


def planned(
    project: Project, before: Mapping[str, Any], wanted: Wanted, *, now: str
) -> dict[str, Any]:
    """The brief ``before`` with what is wanted, as JSON values; nothing is written.

    Specifications are resolved to their sizes here, so that an agreed brief stays as it was
    agreed when the data change. Raises StudioError (``asset_spec``, ``brief_empty``).
    """
    from ategnatos.knowledge import asset_specs

    brief = {**_EMPTY, **before}
    for name in ("subject", "purpose", "audience", "notes"):
        said = getattr(wanted, name)
        if said is not None:
            brief[name] = _line(name, said)
    for name in ("formats", "constraints"):
        said = getattr(wanted, name)
        if said is not None:
            brief[name] = _lines(name, said)
    brief["formats"] = [one.lower().lstrip(".") for one in brief["formats"]]
    if wanted.specs is not None:
        home = studio_folder(project)
        chosen = [asset_specs.find(name, home) for name in _lines("specs", wanted.specs)]
        brief["specs"] = [
            {"name": one.name, "title": one.title, "source": one.source, "date": one.date}
            for one in chosen
        ]
        brief["rules"] = list(dict.fromkeys(rule for one in chosen for rule in one.constraints))
        brief["outputs"] = [
            *({**_output(out), "of": one.name} for one in chosen for out in one.outputs),
            *(out for out in brief["outputs"] if not out.get("of")),
        ]
    if wanted.sizes is not None:
        own = [
            {"name": f"{width}x{height}", "width": width, "height": height}
            for width, height in wanted.sizes
        ]
        brief["outputs"] = [*(out for out in brief["outputs"] if out.get("of")), *own]
    if not brief["subject"]:
        raise StudioError(
            BRIEF_EMPTY,
            "The brief does not say what to draw; nothing was written.",
            hint="Add it in a few words: --subject 'an owl mascot'",
        )
    return brief


def rules(brief: Mapping[str, Any]) -> list[str]:
    """What must hold of every picture: the person's constraints, then those of the kinds."""
    return list(dict.fromkeys([*brief["constraints"], *brief.get("rules", ())]))


def write(
    project: Project,
    name: str,
    wanted: Wanted,
    *,
    fresh: bool,
    actor: str,
    now: datetime,
) -> tuple[Asset, bool]:
    """Write a new brief down, or change one; (asset, whether anything changed).

    Raises StudioError (``brief_exists``, ``brief_unknown``, and those of :func:`planned`).
    """
    with hold(project, "briefs"), database.connect(project) as db:
        folder, short, before = standing(db, name, fresh=fresh)
        brief = planned(project, before.brief if before else {}, wanted, now=store.iso(now))
        if before is not None and brief == {**_EMPTY, **before.brief}:
            return before, False
        event = journal.append(
            project,
            EVENT_KIND,
            actor=actor,
            references={"asset": f"{folder}/{short}"},
            data={"brief": brief, "revision": 1 if before is None else before.revision + 1},
            now=now,
        )
        # What the journal masked is masked here too.
        kept = event.data["brief"]
        made = assets.put(db, folder, short, kept, event=event.id, now=store.iso(now))
        from ategnatos.art import pages

        pages.render(project, db, made)
    return made, True


def standing(db: Database, name: str, *, fresh: bool) -> tuple[str, str, Asset | None]:
    """Project, name and present state of the asset to write.

    Raises StudioError (``brief_exists`` where a new one is there, ``brief_unknown`` where one to
    change is not).
    """
    if not fresh:
        found = find(db, name)
        return found.project, found.name, found
    folder, short = parse_name(name)
    there = assets.find(db, folder, short)
    if there is not None:
        raise StudioError(
            BRIEF_EXISTS,
            f"There is a brief {there.full_name} already (revision {there.revision}); nothing was"
            " written.",
            hint=f"Change it: ategnatos art brief edit {there.full_name} --purpose '...'",
        )
    return folder, short, None


_EMPTY: dict[str, Any] = {
    "subject": "",
    "purpose": "",
    "audience": "",
    "specs": [],
    "rules": [],
    "outputs": [],
    "formats": [],
    "constraints": [],
    "notes": "",
}


def _output(out: Any) -> dict[str, Any]:
    facts = {"name": out.name, "width": out.width, "height": out.height}
    if out.formats:
        facts["formats"] = list(out.formats)
    if out.note:
        facts["note"] = out.note
    return facts


def _line(name: str, text: str) -> str:
    said = " ".join(text.split())
    if len(said) > LONGEST_TEXT:
        raise StudioError(
            BRIEF_EMPTY,
            f"The {name} has {len(said)} characters, and a brief takes {LONGEST_TEXT} in one"
            " field; nothing was written.",
            hint="Say it shorter, or keep the long form in a file beside.",
        )
    return said


def _lines(name: str, texts: Sequence[str]) -> list[str]:
    said = list(dict.fromkeys(line for line in (_line(name, text) for text in texts) if line))
    if len(said) > MOST_LINES:
        raise StudioError(
            BRIEF_EMPTY,
            f"There are {len(said)} {name}, and a brief takes {MOST_LINES}; nothing was written.",
            hint="Keep those that decide.",
        )
    return said
