"""How to provoke every error code of the eye."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

from ategnatos.art.manners import manner_of
from ategnatos.commands.eye.speaking import speaker
from ategnatos.eye import acting, exchange, say, suggest
from ategnatos.eye.leans import leans
from ategnatos.eye.record import Speaker
from ategnatos.grimoire.project import Project

ANN = Speaker("ann", "user:ann", "day:2026-11-21")


def now() -> datetime:
    return datetime(2026, 11, 21, 10, tzinfo=UTC)


def studio(folder: Path) -> Project:
    return Project.create(folder / "studio")


def liking(folder: Path, text: str = "warm light", polarity: str = "prefer") -> Project:
    project = studio(folder)
    what = say.identity("style", text, polarity, "all")
    say.add(project, what, ANN, now=now())
    return project


def eye_unknown(folder: Path) -> None:
    say.confirm(studio(folder), "p1", ANN, now=now())


def eye_words(folder: Path) -> None:
    say.identity("colour", "teal", "prefer", "all")


def eye_standing(folder: Path) -> None:
    project = liking(folder)
    say.retire(project, "p1", ANN, now=now())
    say.confirm(project, "p1", ANN, now=now())


def eye_speaker(folder: Path) -> None:
    with mock.patch.dict(os.environ, {"CLAUDECODE": "1"}):
        speaker("")


def eye_evidence(folder: Path) -> None:
    what = say.identity("style", "ink", "prefer", "all")
    say.add(studio(folder), what, ANN, now=now(), evidence=["e00000099"])


def eye_suggestion(folder: Path) -> None:
    suggest.find(suggest.suggest(studio(folder)), "s00000000")


def eye_never(folder: Path) -> None:
    project = liking(folder, "red", "never")
    found, _ = leans(project)
    acting.act(found, manner_of((), "starter"), "a crimson gem", "", acting.Situation())


def eye_empty(folder: Path) -> None:
    exchange.export(studio(folder), "ann", now=now())


def eye_file(folder: Path) -> None:
    found = exchange.export(liking(folder), "ann", now=now())
    found["events"][0]["line"] = found["events"][0]["line"].replace("warm", "cold")
    file = folder / "ann.json"
    file.write_text(json.dumps(found))
    exchange.read_file(file)


CASES: dict[str, Callable[[Path], None]] = {
    "eye_unknown": eye_unknown,
    "eye_words": eye_words,
    "eye_standing": eye_standing,
    "eye_speaker": eye_speaker,
    "eye_evidence": eye_evidence,
    "eye_suggestion": eye_suggestion,
    "eye_never": eye_never,
    "eye_empty": eye_empty,
    "eye_file": eye_file,
}
