"""From a prompt to gate 1: approved pictures become a dataset that a trainer may be given."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ategnatos.grimoire import journal
from ategnatos.grimoire.project import Project
from ategnatos.train.dataset import record, store
from tests.conftest import AtTerminal, Ran, Run

THINGS = ("potion", "cat", "ghost", "slime", "lantern", "chest", "pumpkin", "skull", "fish", "boot")
SIDES = (
    "close-up, front view, plain background, soft light from the left",
    "full body, from the side, dark background, hard light from above",
    "close-up, three-quarter view, transparent background, even light",
    "full body, from above, plain background, warm light, long shadow",
    "wide shot, from behind, plain background, cold light, small on the sheet",
)
STYLE = "pixel art, thick outlines, limited palette, hard shading, simplified shapes"


def _approve(run: Run, project: Project, made: dict[str, Any]) -> None:
    """As a person's act leaves it; one of them is really asked for at a terminal."""
    (one,) = made["candidates"]
    journal.append(
        project,
        "art.verdict",
        actor="person:ann",
        references={"candidate": one["candidate"], "sha256": one["sha256"]},
        data={"verdict": "approved", "reason": None, "gate": "unsigned"},
    )


def test_approved_pictures_become_a_dataset_and_open_gate_one(
    run: Run, at_terminal: AtTerminal, project: Project, tmp_path: Path
) -> None:
    for number, thing in enumerate(THINGS):
        words = f"a {thing}, outlined"
        size = ("--steps", "2", "--size", "64x64", "--count", "1", "--json")
        made = run("art", "generate", words, *size, cwd=project.root).data
        candidate = made["candidates"][0]["candidate"]
        if number:
            _approve(run, project, made)
        else:
            asked = at_terminal(["art", "approve", candidate], cwd=project.root, answers=["yes"])
            assert asked.code == 0, asked.out
        named = ("art", "export", candidate, "--as", thing, "--json")
        assert run(*named, cwd=project.root).code == 0

    def dataset(*words: str) -> Ran:
        return run("train", "dataset", *words, "--json", cwd=project.root)

    one = dataset("import", "--query", "potion", "--as", "things").data
    assert (one["pictures"], one["captions"]) == (1, 1)
    (picture,) = record.load(project, "things").pictures
    assert picture.caption is not None
    assert picture.caption.text == "a potion, outlined"
    brought = dataset("import", "--approved", "--as", "things").data
    assert (brought["pictures"], len(brought["added"]), brought["unchanged"]) == (10, 9, 1)

    dataset("captions", "plan", "things", "--trigger", "zrvkthing", "--type", "character")
    asked_for = dataset("captions", "next", "things", "--batch", "10").data
    answers = []
    for shown in asked_for["pictures"]:
        thing = next(thing for thing in THINGS if thing in shown["name"])
        assert shown["seed"] == f"a {thing}, outlined"
        number = THINGS.index(thing)
        content = f"a {thing} standing alone, {SIDES[number % len(SIDES)]}, number {number} of ten"
        answers.append({"number": shown["number"], "content": content, "style": STYLE})
    given = tmp_path / "answers.json"
    given.write_text(json.dumps({"answers": answers}), encoding="utf-8")
    taken = dataset("captions", "set", "things", asked_for["round"], str(given))
    assert (taken.code, taken.data["left"]) == (0, 0)

    audited = dataset("audit", "things")
    assert audited.code == 0, audited.envelope["error"]
    alike = dataset("dedup", "things", "--hashes").data
    assert alike["copies"] == []
    assert sorted(alike["hashes"]) == sorted(
        one.name for one in record.load(project, "things").pictures
    )
    assert {len(one["phash256"]) for one in alike["hashes"].values()} == {64}
    for trainer in ("kohya", "ai-toolkit", "simpletuner"):
        laid = dataset("structure", "things", "--trainer", trainer, "--resolution", "512")
        assert laid.code == 0, laid.envelope
        assert (laid.data["pictures"], laid.data["captions"]) == (10, 10)
    made = dataset("report", "things").data
    assert (made["verdict"], made["gate"]["open"]) == ("GO", True)

    (first, *_) = record.load(project, "things").pictures
    path = store.file_path(project, "things", first.sha256)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes() + b"more")
    closed = dataset("report", "things", "--gate")
    assert closed.envelope["error"]["code"] == "dataset_gate"
