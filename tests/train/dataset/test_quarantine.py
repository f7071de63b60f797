"""What is set aside leaves its caption with the picture that stays, and undo gives it back."""

from __future__ import annotations

import io
from importlib.resources import files

from PIL import Image

from ategnatos.grimoire.project import Project
from ategnatos.train.dataset import quarantine, record
from ategnatos.train.dataset.version import Caption
from tests.conftest import Run
from tests.train.dataset.pictures import NOW, dataset

WHO = {"actor": "user:ann", "now": NOW}


def owl(times: int) -> bytes:
    """One packaged owl, ``times`` as large."""
    raw = (files("ategnatos.starter") / "owls" / "03.png").read_bytes()
    with Image.open(io.BytesIO(raw)) as small:
        large = small.resize((times * small.width, times * small.height), Image.Resampling.NEAREST)
    output = io.BytesIO()
    large.save(output, "PNG")
    return output.getvalue()


def say(project: Project, name: str, text: str, author: str) -> None:
    with record.edit(project, "owls", actor="user:ann", because="words", now=NOW) as draft:
        draft.caption(name, text, author=author)


def caption(project: Project, name: str) -> Caption | None:
    return record.load(project, "owls").by_name()[name].caption


def test_a_copys_caption_stays_with_the_one_that_is_kept(project: Project, run: Run) -> None:
    dataset(project, count=2, bytes_of=lambda index: owl(index + 1))
    say(project, "001.png", "an owl, small", "model looker")
    said = caption(project, "001.png")
    command = ("train", "dataset", "dedup", "owls", "--apply")
    told = run(*command, cwd=project.root).out
    assert "002.png had no caption and has that of 001.png now, by model looker." in told
    assert caption(project, "002.png") == said
    back = run("train", "dataset", "quarantine", "owls", "--undo", cwd=project.root).out
    assert "001.png took its caption back from 002.png" in back
    assert (caption(project, "001.png"), caption(project, "002.png")) == (said, None)
    again = run(*command, "--json", cwd=project.root).data
    assert again["handed"] == [{"from": "001.png", "to": "002.png", "author": "model looker"}]


def test_a_caption_of_its_own_stays_and_a_persons_comes_first(project: Project) -> None:
    dataset(project, count=4)
    for name, author in (("001.png", "model looker"), ("002.png", "person"), ("004.png", "person")):
        say(project, name, f"by {author} for {name}", author)
    keepers = {"001.png": "003.png", "002.png": "003.png"}
    moved = quarantine.set_aside(
        project, "owls", dict.fromkeys(keepers, "a copy"), keepers=keepers, **WHO
    )
    assert moved.handed == {"002.png": "003.png"}
    kept = quarantine.set_aside(
        project, "owls", {"003.png": "a copy"}, keepers={"003.png": "004.png"}, **WHO
    )
    assert kept.handed == {}
    standing = caption(project, "004.png")
    assert standing is not None
    assert standing.text == "by person for 004.png"


def test_what_was_written_since_is_not_taken_back(project: Project) -> None:
    dataset(project, count=2)
    say(project, "001.png", "an owl", "person")
    keepers = {"001.png": "002.png"}
    quarantine.set_aside(project, "owls", {"001.png": "a copy"}, keepers=keepers, **WHO)
    say(project, "002.png", "an owl, looking left", "person")
    back = quarantine.bring_back(project, "owls", [], **WHO)
    assert back.handed == {}
    assert [one.text for one in back.version.by_name()["002.png"].captions] == [
        "an owl",
        "an owl, looking left",
    ]


def test_what_was_handed_on_twice_goes_back_the_same_way(project: Project) -> None:
    dataset(project, count=3)
    say(project, "001.png", "an owl", "person")
    before = record.load(project, "owls")
    for name, keeper in (("001.png", "002.png"), ("002.png", "003.png")):
        quarantine.set_aside(project, "owls", {name: "a copy"}, keepers={name: keeper}, **WHO)
    last = caption(project, "003.png")
    assert last is not None
    assert last.author == "person"
    back = quarantine.bring_back(project, "owls", [], **WHO)
    assert back.handed == {"002.png": "003.png", "001.png": "002.png"}
    assert back.version.digest() == before.digest()
