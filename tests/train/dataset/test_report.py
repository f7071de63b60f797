"""The coach says what is missing, the report decides, and gate 1 speaks of the very files."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from PIL import Image

from ategnatos.grimoire import journal
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.project import Project
from ategnatos.guard.policy import Policy
from ategnatos.knowledge import loader
from ategnatos.train.dataset import record, store
from ategnatos.train.dataset.captions.protocol import TYPES, Wanted
from ategnatos.train.dataset.coach import coverage, shopping, sizes
from ategnatos.train.dataset.report import gate, sheets, writing
from ategnatos.train.dataset.version import Caption, Picture, Rights, Source, Version
from tests.conftest import Ran, Run
from tests.train.dataset.pictures import NOW, STYLE, VIEWS, dataset, drawn

OWL = Wanted("owls", "zrvkowl", "character")


def told(*contents: str, answers: dict[str, str] | None = None) -> list[Picture]:
    return [
        Picture(
            f"{i}.png",
            f"{i:064x}",
            1,
            1,
            1,
            Source("folder", "", "x", ""),
            captions=(Caption(f"zrvkowl, {text}, {STYLE}", "person", "", {"content": text}),),
            notes={"answers": answers} if answers else {},
        )
        for i, text in enumerate(contents)
    ]


def row(rows: tuple[coverage.Row, ...], name: str) -> dict[str, int]:
    (found,) = (one for one in rows if one.name == name)
    return {cell.value: len(cell.pictures) for cell in found.cells if cell.pictures}


def test_the_matrix_counts_words_answers_and_measures() -> None:
    rows = coverage.matrix(told(*VIEWS), OWL, {f"{1:064x}": {"brightness": 0.9}})
    assert row(rows, "angle") == {
        "front": 1,
        "three-quarter": 1,
        "side": 1,
        "behind": 1,
        "above": 1,
        "below": 1,
    }
    assert row(rows, "palette") == {"bright": 1}
    # What the agent answered goes before what the words say.
    answered = coverage.matrix(told(*VIEWS[:2], answers={"angle": "behind"}), OWL, {})
    assert row(answered, "angle") == {"behind": 2}
    # What nobody told is untold, not guessed.
    silent = coverage.matrix(told("an owl"), OWL, {})
    assert all(one.told == 0 for one in silent)
    # "soft shading" is technique and tells nothing of the light.
    assert "expression" not in {one.name for one in coverage.matrix([], Wanted("d", "x"), {})}


def listed(
    pictures: list[Picture], related: tuple[shopping.Related, ...] = ()
) -> shopping.Shopping:
    rows = coverage.matrix(pictures, OWL, {})
    advice = sizes.advise(len(pictures), "character")
    return shopping.shopping(rows, advice, related, len(pictures))


def test_the_shopping_list_says_what_to_find_and_what_to_leave_out() -> None:
    front = [VIEWS[0].replace("night", f"night {i}") for i in range(16)]
    made = listed(told(*front, *VIEWS[1:5]))
    says = [one.says for one in made.more]
    assert any(re.fullmatch(r"1 more from behind \(there is one\)\.", one) for one in says), says
    assert any("more from below (there is none)" in one for one in says)
    assert any(one.value == "front" and "16 of 20" in one.says for one in made.fewer)
    # 16 of 20 with at most 60 %: of 10 left, 6 are from the front; of 27, 16 are.
    (front_line,) = (one for one in made.fewer if one.value == "front")
    assert front_line.says == "16 of 20 are from the front: add 7 that are not, or leave 10 out."
    alone = listed(told(*["an owl, front view"] * 6))
    assert [one.says for one in alone.more if one.value == "front"] == [
        "6 of 6 are from the front: add 4 that are not."
    ]
    copies = shopping.Related("copies", ("a", "b", "c"), 1, "b")
    series = shopping.Related("series", tuple(f"f{i}" for i in range(12)), 4)
    lists = listed(told(*VIEWS * 3), (copies, series))
    assert [one.says for one in lists.fewer][-2:] == [
        "3 times the same picture (a, b, c): keep b.",
        "12 frames of one series (f0, f1, f2, f3 ...): keep 4.",
    ]


def test_nothing_is_bought_for_what_the_captions_do_not_say() -> None:
    made = listed(told(*["an owl on something"] * 12))
    assert {one.dimension for one in made.look} >= {"angle", "light", "pose"}
    assert [one for one in made.more if one.dimension] == []


def test_the_shares_wanted_can_be_had_together() -> None:
    varied = listed(told(*VIEWS * 5))
    assert [one for one in varied.more if one.dimension == "angle"] == []


@pytest.mark.parametrize("training", TYPES)
def test_sizes_are_told_with_their_sources(training: str) -> None:
    entry = loader.read("dataset_sizes").content["types"][training]
    verdicts = [
        sizes.advise(n, training).verdict
        for n in (0, entry["least"], entry["from"], entry["to"] + 1, entry["most"] + 1)
    ]
    assert verdicts == ["few", "under", "good", "over", "many"]
    assert all(one["source"] for one in sizes.advise(20, training).voices)


def good(project: Project, count: int = 18, **more: object) -> Version:
    dataset(project, count=count, bytes_of=lambda i: drawn(i * 5 + 1, (160, 120 + i * 2)))
    with record.edit(project, "owls", actor="a", because="c", now=NOW) as draft:
        for index, name in enumerate(sorted(draft.pictures)):
            content = f"{VIEWS[index % 6]}, branch {index} of the year, moss and lichen"
            parts = {"content": content, "style": STYLE}
            draft.caption(name, f"zrvkowl, {content}, {STYLE}", author="person", parts=parts)
    return record.load(project, "owls")


def written(project: Project) -> tuple[writing.Weighed, Path]:
    weighed = writing.weigh(project, record.load(project, "owls"), Policy())
    return weighed, writing.write(project, weighed, actor="user:ann", now=NOW)


def test_a_good_set_is_go_and_its_page_shows_it(project: Project) -> None:
    good(project)
    weighed, path = written(project)
    stops = [one.says for one in weighed.decision.reasons if one.stops]
    assert (weighed.decision.verdict, stops) == ("GO", [])
    assert path == project.grimoire / "training" / "owls" / "dataset-report.md"
    text = path.read_text()
    assert text.startswith("# owls: GO\n")
    for link in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text):
        with Image.open(path.parent / link) as image:
            image.load()
    for heading in ("Shopping list", "Samples", "What it shows", "Captions", "How many"):
        assert f"## {heading}" in text
    assert len(re.findall(r"report/sample-\d", text)) == sheets.SAMPLES
    (event,) = journal.read(project, {writing.EVENT})
    assert event.references["digest"] == weighed.digest
    assert gate.state(project, "owls").open


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d.change("001.png", captions=()), "1 pictures have no caption"),
        (lambda d: d.caption("001.png", "an owl", author="person"), "Captions hold errors"),
        (
            lambda d: d.change("001.png", rights=Rights("generated", by="PixelLab")),
            "may not be trained on: PixelLab",
        ),
        (lambda d: [d.pictures.pop(n) for n in list(d.pictures)[4:]], "too few for a character"),
        (lambda d: d.pictures.clear(), "There is no picture in it"),
    ],
)
def test_what_stops_a_training_is_no_go_with_the_next_command(
    project: Project, change: object, says: str
) -> None:
    good(project)
    with record.edit(project, "owls", actor="a", because="x", now=NOW) as draft:
        change(draft)  # type: ignore[operator]
    weighed, path = written(project)
    assert weighed.decision.verdict == "NO-GO"
    stops = [one for one in weighed.decision.reasons if one.stops]
    assert any(says in one.says for one in stops), stops
    assert all(one.then.startswith("ategnatos ") for one in stops)
    assert path.read_text().startswith("# owls: NO-GO\n")
    found = gate.state(project, "owls")
    assert (found.open, found.why) == (False, "its report says NO-GO")


def test_a_broken_picture_and_a_leak_stop_it(project: Project) -> None:
    good(project)
    same = drawn(3, (110, 100))
    with record.edit(project, "owls", actor="a", because="x", now=NOW) as draft:
        for name, raw, split in (
            ("cut.jpg", drawn(90, (200, 200), "JPEG")[:500], "train"),
            ("one.png", same, "train"),
            ("two.png", same, "validation"),
        ):
            sha, size, _ = store.put(project, "owls", [raw])
            source = Source("folder", "", name, "")
            draft.pictures[name] = Picture(name, sha, size, 9, 9, source, Rights("own"))
            draft.change(name, split=split)
            draft.caption(name, f"zrvkowl, {name}, {VIEWS[0]}, {STYLE}", author="person")
    weighed, path = written(project)
    stops = " ".join(one.says for one in weighed.decision.reasons if one.stops)
    assert "1 pictures cannot be used (cut.jpg)" in stops
    assert "The same picture is trained on and measured with: one.png, two.png" in stops
    assert "## The same picture more than once" in path.read_text()


def test_changing_anything_closes_the_gate_and_going_back_opens_it(project: Project) -> None:
    before = good(project)
    _, path = written(project)
    assert gate.require(project, "owls").digest == before.digest()
    with record.edit(project, "owls", actor="a", because="x", now=NOW) as draft:
        had = draft.picture("001.png")
        draft.caption("001.png", "zrvkowl, another text", author="person")
    with pytest.raises(StudioError, match="changed since its report"):
        gate.require(project, "owls")
    # The version that was reported is still what it was: a run may refer to it.
    assert gate.state(project, "owls", version=before.number).open
    with record.edit(project, "owls", actor="a", because="back", now=NOW) as draft:
        draft.pictures["001.png"] = had
    assert gate.state(project, "owls").open
    picture = record.picture_path(project, record.load(project, "owls"), "001.png")
    os.chmod(picture, 0o644)
    with picture.open("ab") as file:
        file.write(b"x")
    assert gate.state(project, "owls").why == "the file of 001.png was changed on the disk"
    picture.unlink()
    assert gate.state(project, "owls").why == "the file of 001.png is gone"
    # The page is for people: editing it opens nothing and closes nothing.
    path.write_text("# owls: GO\n")
    assert not gate.state(project, "owls").open


def test_hostile_words_do_not_break_the_page(project: Project) -> None:
    good(project)
    name = "a](javascript:x) <b> `x` | # *.png"
    with record.edit(project, "owls", actor="a", because="x", now=NOW) as draft:
        one = draft.pictures.pop("001.png")
        draft.pictures[name] = Picture(
            name, one.sha256, one.size, one.width, one.height, one.source, one.rights
        )
        draft.caption(name, "zrvkowl, <script>alert(1)</script>\n# GO\n![x](y)", author="person")
    text = written(project)[1].read_text()
    assert "<script>" not in text
    assert "\n# GO" not in text
    assert "![x](y)" not in text
    assert "](javascript:x)" not in text.replace("a\\](javascript", "").replace("`a](java", "")


def train(run: Run, project: Project, *words: str) -> Ran:
    return run("train", "dataset", *words, "--json", cwd=project.root)


def test_coach_report_and_gate_by_the_commands(run: Run, project: Project) -> None:
    good(project)
    assert train(run, project, "report", "owls", "--gate").envelope["error"]["code"] == (
        "dataset_gate"
    )
    coached = train(run, project, "coach", "owls").data
    assert coached["size"]["verdict"] == "good"
    assert {one["dimension"] for one in coached["coverage"]} >= {"angle", "light"}
    dry = train(run, project, "report", "owls", "--dry-run").data
    assert (dry["verdict"], dry["report"]) == ("GO", None)
    assert not (project.grimoire / "training" / "owls" / "dataset-report.md").exists()
    made = train(run, project, "report", "owls").data
    assert made["gate"]["open"] is True
    assert train(run, project, "report", "owls", "--gate").data["gate"]["open"] is True
    train(run, project, "captions", "write", "owls", "001.png", "--text", "no trigger here")
    closed = train(run, project, "report", "owls", "--gate")
    assert closed.envelope["error"]["code"] == "dataset_gate"
    refused = train(run, project, "report", "owls")
    assert (refused.code, refused.envelope["error"]["code"]) == (1, "dataset_no_go")
    assert json.dumps(refused.envelope["data"])  # all of it has a JSON form
    words = run("train", "dataset", "coach", "owls", cwd=project.root)
    assert "From where it is seen" in words.out
    assert run("train", "dataset", "report", "owls", cwd=project.root).out.startswith("NO-GO")
