"""How to provoke every error code of what is said of a dataset: captions, structure, rights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ategnatos.commands.contract import Call
from ategnatos.commands.train.dataset import captions_judge, captions_make
from ategnatos.grimoire.project import Project
from ategnatos.train.dataset.captions import captioner, protocol, rounds, running, tokens
from tests.train.dataset.pictures import NOW, dataset


def studio(folder: Path) -> Project:
    return Project.create(folder / "studio")


def caption_plan(folder: Path) -> None:
    protocol.parse_trigger("one, two")


def tokenizer_unreadable(folder: Path) -> None:
    broken = folder / "tokenizer.json"
    broken.write_text("{}")
    tokens.from_file(broken)


def captioner_unknown(folder: Path) -> None:
    captioner.load("nobody")


class _Blind:
    name = "blind"

    def look(self, pictures: object, template: object) -> list[dict[str, object]]:
        raise RuntimeError("no eyes")


def captioner_failed(folder: Path) -> None:
    project = studio(folder)
    dataset(project, count=1)
    running.run(
        project,
        "owls",
        _Blind(),
        what="both",
        batch=1,
        most=0,
        actor="agent:blind",
        now=lambda: NOW,
        say=lambda _: None,
    )


def caption_round(folder: Path) -> None:
    project = studio(folder)
    dataset(project, count=1)
    rounds.find(project, "owls", "0123456789abcdef")


def caption_answers(folder: Path) -> None:
    project = studio(folder)
    made = rounds.open_round(project, dataset(project, count=1))
    assert made is not None
    rounds.take(project, made, "no list", author="person", actor="user:ann", now=NOW)


def captions_refused(folder: Path) -> None:
    project = studio(folder)
    made = rounds.open_round(project, dataset(project, count=1))
    assert made is not None
    given = folder / "answers.json"
    given.write_text('[{"number": 7}]')
    call = Call("set", project_option=project.root)
    answer = captions_make.set_answers(call, "owls", made.id, str(given))
    assert answer.failed is not None
    raise answer.failed


def captions_broken(folder: Path) -> None:
    project = studio(folder)
    dataset(project, count=1)
    answer = captions_judge.lint(Call("lint", project_option=project.root), "owls")
    assert answer.failed is not None
    raise answer.failed


CASES: dict[str, Callable[[Path], None]] = {
    "caption_plan": caption_plan,
    "tokenizer_unreadable": tokenizer_unreadable,
    "captioner_unknown": captioner_unknown,
    "captioner_failed": captioner_failed,
    "caption_round": caption_round,
    "caption_answers": caption_answers,
    "captions_refused": captions_refused,
    "captions_broken": captions_broken,
}
