"""A round of captioning: shown with numbers, answered as JSON, resumed by running it again."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.project import Project
from ategnatos.train.dataset import record
from ategnatos.train.dataset.captions import captioner, protocol, rounds, running, templates
from ategnatos.train.dataset.version import Version
from tests.conftest import Ran, Run
from tests.train.dataset.pictures import CONTENTS, NOW, STYLE, dataset, drawn


def answer(number: int, **more: Any) -> dict[str, Any]:
    content = f"{CONTENTS[number % len(CONTENTS)]}, picture {number}"
    return {"number": number, "content": content, "style": STYLE, **more}


def take(project: Project, made: rounds.Round, given: Any) -> rounds.Taken:
    return rounds.take(project, made, given, author="model m", actor="agent:m", now=NOW)


def opened(project: Project, version: Version, **more: Any) -> rounds.Round:
    made = rounds.open_round(project, version, **more)
    assert made is not None
    return made


def test_a_round_shows_numbers_and_comes_again_until_it_is_answered(project: Project) -> None:
    version = dataset(project, count=7)
    first = opened(project, version, batch=3)
    assert opened(project, version, batch=3) == first
    assert [name for name, _ in first.pictures] == ["001.png", "002.png", "003.png"]
    with Image.open(first.sheet) as sheet:
        assert sheet.width > 400
    for number in (1, 2, 3):
        assert rounds.single(first, number).suffix == ".png"
        with Image.open(rounds.single(first, number)) as one:
            one.load()
    taken = take(project, first, {"answers": [answer(1), answer(3, answers={"angle": "front"})]})
    assert taken.saved == ("001.png", "003.png")
    assert [(one.number, one.why) for one in taken.refused] == [
        (2, "there is no answer for this number")
    ]
    after = record.load(project, "owls")
    assert after.pictures[0].caption is not None
    assert after.pictures[0].caption.text == f"zrvkowl, {CONTENTS[1]}, picture 1, {STYLE}"
    assert after.pictures[0].caption.author == "model m"
    assert after.pictures[2].notes["answers"] == {"angle": "front"}
    again = opened(project, after, batch=3)
    assert [name for name, _ in again.pictures] == ["002.png", "004.png", "005.png"]
    log = [json.loads(line) for line in rounds.log_path(project, "owls").read_text().splitlines()]
    assert [one["picture"] for one in log] == ["002.png"]


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("a string", "an answer is an object"),
        ({"number": True, "content": "x"}, "must be a whole number"),
        ({"number": 99, "content": "x"}, "must be a whole number"),
        ({"number": 1, "caption": "x"}, "fields that nobody asked for"),
        ({"number": 1, "content": "x"}, "'style' is missing"),
        ({"number": 1, "content": 3, "style": STYLE}, "'content' is missing"),
        ({**answer(1), "content": "a zrvkowl on a branch"}, "holds the trigger"),
        ({**answer(1), "content": "possibly an owl"}, "guesses ('possibly')"),
        ({**answer(1), "content": "an owl\ufffd"}, "characters that no text has"),
        ({"number": 1, "content": "an owl", "style": "ink"}, "at least 30 are needed"),
        ({**answer(1), "content": "an owl, " * 400}, "Shorten it"),
        ({**answer(1), "content": "x" * 5000}, "longer than"),
        ({**answer(1), "answers": {"mood": "good"}}, "nobody asked 'mood'"),
        ({**answer(1), "answers": {"angle": "sideways"}}, "'angle' is one of"),
        ({**answer(1), "answers": ["front"]}, "must be an object"),
        ({"number": 1, "skip": "  "}, "must say why"),
    ],
)
def test_a_bad_answer_is_refused_with_why_and_the_good_one_beside_it_saved(
    project: Project, bad: Any, why: str
) -> None:
    version = dataset(project, count=2)
    made = opened(project, version)
    taken = take(project, made, [bad, answer(2)])
    assert taken.saved == ("002.png",)
    assert why in taken.refused[0].why


def test_two_passes_make_one_caption(project: Project) -> None:
    version = dataset(project, count=2)
    assert rounds.open_round(project, version, what="style") is None
    content = opened(project, version, what="content")
    take(project, content, [{"number": n, "content": CONTENTS[n]} for n in (1, 2)])
    half = record.load(project, "owls")
    assert half.pictures[0].caption is not None
    assert half.pictures[0].caption.text == f"zrvkowl, {CONTENTS[1]}"
    style = opened(project, half, what="style")
    assert style.id != content.id
    taken = take(project, style, [{"number": n, "style": STYLE} for n in (1, 2)])
    whole = taken.version.pictures[0]
    assert whole.caption is not None
    assert whole.caption.text == f"zrvkowl, {CONTENTS[1]}, {STYLE}"
    assert whole.captions[0].text == f"zrvkowl, {CONTENTS[1]}"
    assert rounds.open_round(project, taken.version, what="style") is None


def test_what_was_skipped_comes_last_and_what_was_changed_is_refused(project: Project) -> None:
    version = dataset(project, count=3)
    made = opened(project, version, batch=1)
    take(project, made, [{"number": 1, "skip": "all black"}])
    after = record.load(project, "owls")
    assert after.pictures[0].notes == {"skipped": "all black"}
    assert [name for name, _ in opened(project, after).pictures] == [
        "002.png",
        "003.png",
        "001.png",
    ]
    whole = opened(project, after)
    with record.edit(project, "owls", actor="a", because="taken out", now=NOW) as draft:
        del draft.pictures["002.png"]
    taken = take(project, whole, [answer(1), answer(2), answer(3)])
    assert taken.saved == ("003.png", "001.png")
    assert "changed or taken out" in taken.refused[0].why
    assert "skipped" not in record.load(project, "owls").by_name()["001.png"].notes


def test_broken_pictures_are_passed_over_and_named(project: Project) -> None:
    version = dataset(
        project, count=4, bytes_of=lambda i: b"broken" + bytes([i]) if i in (0, 2) else drawn(i)
    )
    made = opened(project, version, batch=2)
    assert [name for name, _ in made.pictures] == ["002.png", "004.png"]
    assert made.broken == ("001.png", "003.png")
    looker = Looker()
    assert ran(project, looker, batch=1).broken == ("001.png", "003.png")
    with pytest.raises(StudioError) as left:
        rounds.open_round(project, record.load(project, "owls"))
    assert left.value.code.code == "pictures_unshowable"
    assert looker.calls == [["002.png"], ["004.png"]]


def test_every_pass_and_type_has_a_template_without_a_gap(project: Project) -> None:
    for training in protocol.TYPES:
        for dialect in protocol.DIALECTS:
            like = protocol.Wanted("d", "zrvk", training, dialect)
            for what in templates.passes():
                made = templates.template(what, like)
                assert "{" not in " ".join([made["ask"], *made["rules"]])
                assert bool(made["questions"]) == ("content" in made["parts"])


class Looker:
    """A captioner that looks at the real pixels, and fails where it is told to."""

    name = "looker"

    def __init__(self, fail_at: int = -1) -> None:
        self.calls: list[list[str]] = []
        self._fail_at = fail_at

    def look(
        self, pictures: Sequence[captioner.Look], template: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        self.calls.append([one.picture for one in pictures])
        if len(self.calls) - 1 == self._fail_at:
            raise OSError("the model went away")
        answers = []
        for one in pictures:
            with Image.open(io.BytesIO(one.path.read_bytes())) as image:
                red = image.convert("RGB").resize((1, 1)).getpixel((0, 0))[0]  # type: ignore[index]
            answers.append(answer(one.number) | {"content": f"{CONTENTS[0]}, red {red}"})
        assert template["trigger"] == "zrvkowl"
        return answers


def ran(project: Project, looker: captioner.Captioner, **more: Any) -> running.Done:
    chosen = {"what": "both", "batch": 2, "most": 0, **more}
    return running.run(
        project, "owls", looker, actor="agent:m", now=lambda: NOW, say=lambda _: None, **chosen
    )


def test_a_captioner_that_fails_keeps_what_was_done_and_goes_on(project: Project) -> None:
    dataset(project, count=5)
    with pytest.raises(StudioError) as refused:
        ran(project, Looker(fail_at=1))
    assert refused.value.code.code == "captioner_failed"
    assert sum(bool(one.captions) for one in record.load(project, "owls").pictures) == 2
    assert "the model went away" in rounds.log_path(project, "owls").read_text()
    second = Looker()
    done = ran(project, second, most=2)
    assert second.calls == [["003.png", "004.png"]]
    done = ran(project, second)
    assert done.saved == ("005.png",)
    assert [one.caption.author for one in record.load(project, "owls").pictures if one.caption] == [
        "model looker"
    ] * 5


def test_a_captioner_of_a_strangers_package_is_found_by_its_entry_point(
    run: Run, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset(project, count=2)
    home = tmp_path / "site"
    (home / "stranger-1.dist-info").mkdir(parents=True)
    (home / "stranger-1.dist-info" / "METADATA").write_text("Name: stranger\nVersion: 1\n")
    (home / "stranger-1.dist-info" / "entry_points.txt").write_text(
        "[ategnatos.captioners]\nstranger = stranger_eyes:Eyes\n"
    )
    (home / "stranger_eyes.py").write_text(
        "class Eyes:\n    name = 'eyes'\n    def look(self, pictures, template):\n"
        f"        return [{{'number': p.number, 'content': {CONTENTS[0]!r} + p.picture,"
        f" 'style': {STYLE!r}}} for p in pictures]\n"
    )
    monkeypatch.syspath_prepend(os.fspath(home))
    try:
        words = ("train", "dataset", "captions", "run", "owls", "--with")
        made = run(*words, "stranger", "--json", cwd=project.root)
        assert made.data["saved"] == ["001.png", "002.png"]
        refused = run(*words, "nobody", "--json", cwd=project.root)
        assert refused.envelope["error"]["code"] == "captioner_unknown"
        assert "stranger" in refused.envelope["error"]["hint"]
    finally:
        sys.modules.pop("stranger_eyes", None)


def captions(run: Run, project: Project, *words: str) -> Ran:
    return run("train", "dataset", "captions", *words, "--json", cwd=project.root)


def test_an_agents_round_by_the_commands(
    run: Run, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset(project, count=3, settings={"trigger": ""})
    planned = captions(run, project, "plan", "owls", "--trigger", "zrvkowl", "--type", "character")
    assert planned.data["trigger_tokens"] == 4
    asked = captions(run, project, "next", "owls", "--batch", "10").data
    assert Path(asked["sheet"]).is_file()
    assert [one["number"] for one in asked["pictures"]] == [1, 2, 3]
    assert all(Path(one["file"]).is_file() for one in asked["pictures"])
    assert asked["answer_with"]["round"] == asked["round"]
    monkeypatch.setenv("CLAUDECODE", "1")
    given = tmp_path / "answers.json"
    given.write_text(json.dumps({"answers": [answer(1), answer(2), {"number": 3, "content": "x"}]}))
    taken = captions(run, project, "set", "owls", asked["round"], str(given))
    assert taken.code == 1
    assert taken.envelope["error"]["code"] == "captions_refused"
    assert taken.envelope["data"]["saved"] == ["001.png", "002.png"]
    assert taken.envelope["data"]["left"] == 1
    again = captions(run, project, "next", "owls").data
    given.write_text(json.dumps({"answers": [answer(1)]}))
    done = captions(run, project, "set", "owls", again["round"], str(given), "--by", "vlm-2")
    assert done.data["left"] == 0
    authors = [one.caption.author for one in record.load(project, "owls").pictures if one.caption]
    assert authors == ["model claude-code", "model claude-code", "model vlm-2"]
    assert captions(run, project, "next", "owls").data["round"] is None
    linted = captions(run, project, "lint", "owls")
    assert linted.code == 0, linted.envelope
    assert linted.data["authors"] == {
        "model claude-code": {"captions": 2, "refused": 1},
        "model vlm-2": {"captions": 1, "refused": 0},
    }
    # Another trigger composes the captions anew; their words and authors stay.
    captions(run, project, "plan", "owls", "--trigger", "qorvowl")
    (first, *_) = record.load(project, "owls").pictures
    assert first.caption is not None
    assert first.caption.text.startswith("qorvowl, ")
    assert first.caption.author == "model claude-code"


def test_captions_are_written_linted_fixed_and_converted_by_the_commands(
    run: Run, project: Project
) -> None:
    dataset(project, count=2, captioned=True)
    before = record.load(project, "owls").number
    would = captions(run, project, "write", "owls", "001.png", "--content", "x", "--dry-run")
    assert would.data["caption"] == f"zrvkowl, x, {STYLE}"
    assert record.load(project, "owls").number == before
    captions(run, project, "write", "owls", "001.png", "--text", "the image shows a owl, zrvkowl")
    linted = captions(run, project, "lint", "owls")
    assert linted.code == 1
    assert linted.envelope["error"]["code"] == "captions_broken"
    shown = captions(run, project, "fix", "owls").data
    assert (shown["applied"], len(shown["proposals"])) == (False, 1)
    captions(run, project, "fix", "owls", "--apply")
    (first, second) = record.load(project, "owls").pictures
    assert first.caption is not None
    assert first.caption.text == "zrvkowl, a owl"
    captions(run, project, "convert", "owls", "--to", "json", "--apply")
    (_, second) = record.load(project, "owls").pictures
    assert second.caption is not None
    assert json.loads(second.caption.text)["content"].startswith("flying over a river")
    words = run("train", "dataset", "captions", "lint", "owls", cwd=project.root)
    assert "2 of 2 pictures have a caption" in words.out
