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


def _laid_out(folder: Path, *, captioned: bool = True, **ask: object) -> None:
    from ategnatos.train.dataset.structure import kohya, prepare, stage
    from ategnatos.train.dataset.structure.layout import Frame

    project = studio(folder)
    version = dataset(project, count=2, captioned=captioned)
    frame = Frame("kohya", "owls", 256)
    plan = prepare.prepare(project, version, frame, prepare.Ask(**ask))  # type: ignore[arg-type]
    place = folder / "somebodys"
    place.mkdir()
    (place / "thesis.txt").write_text("x")
    stage.put(project, kohya.lay_out(plan, place), place, {"dataset": "owls"})


def structure_option(folder: Path) -> None:
    from ategnatos.train.dataset.structure import arithmetic

    arithmetic.parse_repeats("often")


def captions_missing(folder: Path) -> None:
    _laid_out(folder, captioned=False)


def concept_unknown(folder: Path) -> None:
    from ategnatos.train.dataset.structure import concepts

    _laid_out(folder, concepts=concepts.parse("3_style,5_knight"))


def structure_not_ours(folder: Path) -> None:
    _laid_out(folder)


def nothing_to_train(folder: Path) -> None:
    from ategnatos.train.dataset.structure import prepare
    from ategnatos.train.dataset.structure.layout import Frame

    project = studio(folder)
    version = dataset(project, count=1, captioned=True, bytes_of=lambda _: b"no picture")
    prepare.prepare(project, version, Frame("kohya", "owls", 256), prepare.Ask())


def rights_term(folder: Path) -> None:
    from ategnatos.train.dataset import rights

    rights.parse_kind("found on the internet")


def training_refused(folder: Path) -> None:
    from ategnatos.guard.policy import Policy
    from ategnatos.train.dataset import rights
    from ategnatos.train.dataset.version import Rights

    version = dataset(studio(folder), count=1, rights=Rights("generated", by="PixelLab"))
    rights.require(version, Policy())


def rights_unknown(folder: Path) -> None:
    from ategnatos.guard.policy import Policy
    from ategnatos.train.dataset import rights
    from ategnatos.train.dataset.version import Rights

    version = dataset(studio(folder), count=1, rights=Rights())
    rights.require(version, Policy(commercial=True))


def dataset_gate(folder: Path) -> None:
    from ategnatos.train.dataset.report import gate

    project = studio(folder)
    dataset(project, count=1)
    gate.require(project, "owls")


def dataset_no_go(folder: Path) -> None:
    from ategnatos.commands.train.dataset import report

    project = studio(folder)
    dataset(project, count=2)
    answer = report.report(Call("report", project_option=project.root, quiet=True), "owls")
    assert answer.failed is not None
    raise answer.failed


def pictures_unshowable(folder: Path) -> None:
    project = studio(folder)
    rounds.open_round(project, dataset(project, count=1, bytes_of=lambda _: b"no picture"))


CASES: dict[str, Callable[[Path], None]] = {
    "caption_plan": caption_plan,
    "tokenizer_unreadable": tokenizer_unreadable,
    "captioner_unknown": captioner_unknown,
    "captioner_failed": captioner_failed,
    "caption_round": caption_round,
    "pictures_unshowable": pictures_unshowable,
    "caption_answers": caption_answers,
    "captions_refused": captions_refused,
    "captions_broken": captions_broken,
    "dataset_gate": dataset_gate,
    "dataset_no_go": dataset_no_go,
    "structure_option": structure_option,
    "captions_missing": captions_missing,
    "concept_unknown": concept_unknown,
    "structure_not_ours": structure_not_ours,
    "nothing_to_train": nothing_to_train,
    "rights_term": rights_term,
    "training_refused": training_refused,
    "rights_unknown": rights_unknown,
}
