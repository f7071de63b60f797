"""A recipe run: every output known before, made once, found again, and whole after a kill."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ategnatos.art.recipes import origin, reading, running, shelf
from ategnatos.grimoire import journal
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.files import sha256_file
from ategnatos.grimoire.jobs import database, store
from ategnatos.grimoire.project import Project
from tests.art.potion_recipe import POTION, add_words, content, noon, planned, put, studio
from tests.conftest import Run
from tests.waiting import wait_until

RED_BIG = "25f00a7f77540555"


def pictures(project: Project) -> dict[str, str]:
    """Every candidate on disk with its hash, by its path below the outputs."""
    return {
        path.relative_to(project.outputs).as_posix(): sha256_file(path)
        for path in project.outputs.rglob("[0-9]*.png")
    }


def everything(project: Project) -> dict[str, bytes]:
    return {
        path.relative_to(project.root).as_posix(): path.read_bytes()
        for path in project.root.rglob("*")
        if path.is_file()
    }


def test_levers_name_the_binding_the_seeds_and_the_places(tmp_path: Path, run: Run) -> None:
    project = studio(tmp_path)
    asked = ("art", "run", POTION, "--colour", "red", "--size=big", "--concepts", "3")
    data = run(*asked, "--json", cwd=project.root).data
    assert [one["binding"] for one in data["outputs"]] == [RED_BIG] * 3
    assert [one["seed"] for one in data["outputs"]] == [31337, 31338, 31339]
    home = project.outputs / POTION / RED_BIG / "starter"
    assert [one["path"] for one in data["outputs"]] == [
        str(home / f"{number:03d}.png") for number in range(3)
    ]
    with database.connect(project) as db:
        made = [store.get_candidate(db, number, 1) for number in (1, 2, 3)]
        first = origin.of(store.get(db, 1))
    assert [project.root / one.path for one in made] == [
        home / f"{number:03d}.png" for number in range(3)
    ]
    assert len({one.sha256 for one in made}) == 3
    assert first is not None
    assert (first.recipe_id, first.binding, first.levers) == (
        POTION,
        RED_BIG,
        {"colour": "red", "size": "big"},
    )
    assert (first.output_kind, first.engine_key, first.child) == ("object.potion", "starter", 0)


def test_a_dry_run_tells_every_output_and_writes_nothing(tmp_path: Path, run: Run) -> None:
    project = studio(tmp_path)
    before = everything(project)
    data = run("art", "run", POTION, "--all", "--dry-run", "--json", cwd=project.root).data
    assert (data["planned"], data["to_make"], data["found"]) == (6, 6, 0)
    assert everything(project) == before


def test_what_stands_is_found_and_only_the_rest_is_made(tmp_path: Path, run: Run) -> None:
    project = studio(tmp_path)
    swept = ("art", "run", POTION, "--size", "big", "--sweep", "colour", "--json")
    assert run(*swept, cwd=project.root).data["made"] == 3
    stood = pictures(project)
    again = run(*swept, cwd=project.root).data
    assert (again["made"], again["found"]) == (0, 3)
    more = run(*swept, "--concepts", "2", cwd=project.root).data
    assert (more["made"], more["found"]) == (3, 3)
    assert {path: pictures(project)[path] for path in stood} == stood
    assert len(pictures(project)) == 6


def test_a_picture_that_is_gone_is_made_again_to_the_byte(tmp_path: Path, run: Run) -> None:
    project = studio(tmp_path)
    asked = ("art", "run", POTION, "--colour", "blue", "--size", "small", "--json")
    run(*asked, cwd=project.root)
    before = pictures(project)
    (project.outputs / next(iter(before))).unlink()
    assert run(*asked, cwd=project.root).data["made"] == 1
    assert pictures(project) == before


@pytest.mark.parametrize(
    ("levers", "said", "known"),
    [
        (["--color", "red", "--size", "big"], "no lever 'color'", ["colour", "size"]),
        (["--colour", "mauve", "--size", "big"], "no value 'mauve'", ["red", "green", "blue"]),
        (["--colour", "red"], "needs a value for 'size'", {"size": ["small", "big"]}),
        (["--colour", "red", "--sweep", "colour", "--size", "big"], "both swept and set", None),
    ],
)
def test_what_a_recipe_does_not_offer_is_refused_with_what_it_does(
    tmp_path: Path, run: Run, levers: list[str], said: str, known: Any
) -> None:
    project = studio(tmp_path)
    before = everything(project)
    done = run("art", "run", POTION, *levers, "--json", cwd=project.root)
    error = done.envelope["error"]
    assert (done.code, error["code"]) == (1, "lever")
    assert said in error["message"]
    assert error["details"].get("known") == known
    assert everything(project) == before


@pytest.mark.parametrize("levers", [["red"], ["--colour"], ["--size", "big", "--size", "big"]])
def test_levers_that_are_no_options_are_refused(
    tmp_path: Path, run: Run, levers: list[str]
) -> None:
    done = run("art", "run", POTION, *levers, "--json", cwd=studio(tmp_path).root)
    assert (done.code, done.envelope["error"]["code"]) == (1, "usage")


def test_a_sweep_killed_in_the_middle_is_finished_with_nothing_doubled_or_lost(
    tmp_path: Path, run: Run
) -> None:
    slow = content(locked_fields={"steps": 3})
    project, calm = studio(tmp_path, slow), studio(tmp_path / "calm", slow)
    asked = ("art", "run", POTION, "--all", "--json")
    process = subprocess.Popen(
        [sys.executable, "-m", "ategnatos", *asked],
        cwd=project.root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_until(lambda: len(pictures(project)) >= 2)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    done = run(*asked, cwd=project.root).data
    assert (done["planned"], len(done["outputs"])) == (6, 6)
    assert {one["state"] for one in done["outputs"]} == {"awaiting_review"}
    run(*asked, cwd=calm.root)
    assert pictures(project) == pictures(calm)
    with database.connect(project) as db:
        assert [len(store.candidates(db, job.id)) for job in store.jobs(db)] == [1] * 6
    ordered = [event.references["job"] for event in journal.read(project, kinds={"art.ordered"})]
    assert sorted(ordered) == [f"j{number}" for number in range(1, 7)]
    assert run(*asked, cwd=project.root).data["made"] == 0


def test_a_queued_run_is_carried_out_by_a_worker(tmp_path: Path, run: Run) -> None:
    project = studio(tmp_path)
    asked = ("art", "run", POTION, "--size", "big", "--sweep", "colour", "--json")
    queued = run(*asked, "--queue", cwd=project.root).data
    assert (queued["queued"], queued["made"], pictures(project)) == (3, 0, {})
    assert run("jobs", "work", "--until-idle", "--json", cwd=project.root).data["steps"] == 3
    assert run(*asked, cwd=project.root).data["found"] == 3


def test_a_new_kind_lever_engine_key_and_asset_format_are_data(tmp_path: Path, run: Run) -> None:
    """Nothing of the package is touched: one file in the studio names all four."""
    project = studio(tmp_path)
    add_words(
        project,
        {
            "kinds": {"charm": {"about": "Hangs.", "concept_gate": False, "asset_format": "medal"}},
            "levers": {"shine": {"about": "How it shines.", "values": ["shiny", "flat"]}},
            "engine_keys": {
                "clay": {"about": "Modelled.", "engine": "starter", "prompt": "what_to_model"}
            },
            "asset_formats": {
                "medal": {"about": "Small.", "format": "webp", "width": 48, "height": 48}
            },
        },
    )
    charm = "market.charm.gem.v1"
    new = ("art", "recipe", "new", charm, "--lever", "shine", "--prompt", "clay: a {shine} gem")
    run(*new, "--size", "64", "--lock", "steps=2", "--json", cwd=project.root)
    assert run("art", "recipe", "validate", charm, cwd=project.root).code == 0
    data = run("art", "run", charm, "--sweep", "shine", "--json", cwd=project.root).data
    assert [one["engine_key"] for one in data["outputs"]] == ["clay", "clay"]
    assert [one["output_kind"] for one in data["outputs"]] == ["charm.gem", "charm.gem"]
    assert all(f"/{charm}/" in path and "/clay/" in path for path in map(_path, data["outputs"]))
    from ategnatos.art.recipes import vocabulary

    name, file = vocabulary.of(project).asset_format_of("charm.gem")
    assert (name, file.format, file.width) == ("medal", "webp", 48)


def _path(output: dict[str, Any]) -> str:
    assert Path(output["path"]).is_file()
    return str(output["path"])


def test_no_child_has_a_seed_past_the_last(tmp_path: Path) -> None:
    project = studio(tmp_path, content(locked_fields={"seed_production": 2**53 - 2}))
    levers = [{"colour": "red", "size": "big"}]
    seeds = [one.seed for one in planned(project, POTION, levers, concepts=2)]
    assert seeds == [2**53 - 2, 2**53 - 1]
    with pytest.raises(StudioError) as refused:
        planned(project, POTION, levers, concepts=3)
    assert refused.value.code.code == "recipe_cannot"


def test_no_lever_can_hide_an_option_of_the_command(run: Run) -> None:
    """Whatever option the command gets, a recipe may not call a lever so."""
    options = set(re.findall(r"--([a-z][a-z-]*)", run("art", "run", "--help").out))
    options -= {"hair", "mood"}  # of the example
    assert "concepts" in options
    assert {one.replace("-", "_") for one in options} <= reading.RESERVED


def test_what_was_made_is_listed_with_its_levers_and_verdict(tmp_path: Path, run: Run) -> None:
    project = studio(tmp_path)
    listed = ("art", "recipe", "candidates", POTION, "--json")
    assert run(*listed, cwd=project.root).data["candidates"] == []
    run("art", "run", POTION, "--colour", "red", "--size", "big", cwd=project.root)
    (row,) = run(*listed, cwd=project.root).data["candidates"]
    assert (row["candidate"], row["binding"], row["verdict"]) == ("j1#1", RED_BIG, None)
    assert row["levers"] == {"colour": "red", "size": "big"}


def test_one_job_an_engine_key(tmp_path: Path, run: Run) -> None:
    project = Project.create(tmp_path / "studio")
    add_words(project, {"engine_keys": {"clay": {"about": "Modelled.", "engine": "starter"}}})
    said = {"prompt": "a {size} {colour} potion"}
    put(project, content(prompt_templates_by_backend={"starter": said, "clay": said}))
    asked = ("art", "run", POTION, "--colour", "red", "--size", "big", "--json")
    data = run(*asked, "--on", "clay", cwd=project.root).data
    assert [one["engine_key"] for one in data["outputs"]] == ["clay"]
    data = run(*asked, cwd=project.root).data
    assert [one["engine_key"] for one in data["outputs"]] == ["starter", "clay"]
    assert (data["made"], data["found"]) == (1, 1)


def test_an_enforced_palette_is_all_the_colours_there_are(tmp_path: Path, run: Run) -> None:
    palette = ["#101820", "#d52f3b", "#ffffff", "#7ec8e3"]
    enforced = content(locked_fields={"palette": palette}, default_palette_enforcement=True)
    project = studio(tmp_path, enforced)
    asked = ("art", "run", POTION, "--colour", "red", "--size", "big", "--json")
    (output,) = run(*asked, cwd=project.root).data["outputs"]
    image = Image.open(output["path"]).convert("RGBA")
    seen = {pixel[:3] for pixel in image.get_flattened_data() if pixel[3] > 0}
    assert seen <= {tuple(bytes.fromhex(one[1:])) for one in palette}
    assert len(seen) > 1


def test_the_taste_of_a_person_is_in_the_prompt_unless_it_is_left_out(
    tmp_path: Path, run: Run
) -> None:
    project = studio(tmp_path)
    added = run("eye", "add", "shiny", "--category", "style", "--json", cwd=project.root)
    assert added.code == 0, added
    asked = ("art", "run", POTION, "--colour", "red", "--size", "big", "--dry-run", "--json")
    data = run(*asked, cwd=project.root).data
    assert "shiny" in data["outputs"][0]["prompt"]
    assert data["taste_words"]
    bare = run(*asked, "--no-eye", cwd=project.root).data
    assert "shiny" not in bare["outputs"][0]["prompt"]
    assert bare["outputs"][0]["binding"] == RED_BIG


def test_a_recipe_changed_in_place_is_refused_and_bump_keeps_both(tmp_path: Path, run: Run) -> None:
    project = studio(tmp_path)
    asked = ("art", "run", "alchemy.object.potion.v1", "--colour", "red", "--size", "big")
    run(*asked, cwd=project.root)
    put(project, content(locked_fields={"steps": 3}))
    refused = run(*asked, "--json", cwd=project.root)
    assert refused.envelope["error"]["code"] == "recipe_changed"
    assert run("art", "recipe", "validate", cwd=project.root).code == 1
    bumped = run("art", "recipe", "bump", POTION, "--json", cwd=project.root).data
    assert (bumped["recipe"], bumped["restored"]) == ("alchemy.object.potion.v2", True)
    assert run(*asked, "--json", cwd=project.root).data["found"] == 1
    second = ("art", "run", "alchemy.object.potion", *asked[3:], "--json")
    data = run(*second, cwd=project.root).data
    assert data["recipe"] == "alchemy.object.potion.v2"
    assert {path.split("/")[0] for path in pictures(project)} == {POTION, data["recipe"]}


def test_a_file_that_a_used_recipe_names_is_part_of_it(tmp_path: Path) -> None:
    project = studio(tmp_path, content(locked_fields={"loras": [{"name": "workspace/owl.st"}]}))
    lora = project.workspace / "owl.st"
    lora.write_bytes(b"first")
    shelf.freeze(project, shelf.load(project, POTION), actor="ann", now=noon)
    lora.write_bytes(b"second")
    with pytest.raises(StudioError) as refused:
        shelf.load(project, POTION)
    assert refused.value.code is shelf.RECIPE_CHANGED
    assert refused.value.details["changed"][0]["field"] == "workspace/owl.st"


def test_clean_leaves_the_pictures_of_siblings_alone(tmp_path: Path, run: Run) -> None:
    """A failed child shares its folder with others whose pictures may not be recorded yet."""
    project = studio(tmp_path)
    outputs = planned(project, POTION, [{"colour": "red", "size": "big"}], concepts=2)
    recipe = shelf.load(project, POTION)
    with database.connect(project) as db:
        running.put_down(project, db, recipe, outputs, now=noon, actor="user:ann")
        db.execute("UPDATE job SET state='failed', runnable=0, failed_in='generating' WHERE id=1")
    folder = project.outputs / POTION / RED_BIG / "starter"
    folder.mkdir(parents=True)
    for number in range(2):
        (folder / f"{number:03d}.png").write_bytes(b"x")
    run("clean", "--outputs", "--confirm", cwd=project.root)
    assert (folder / "001.png").exists()


def test_two_runs_at_once_make_each_output_once(tmp_path: Path) -> None:
    project = studio(tmp_path)
    command = [sys.executable, "-m", "ategnatos", "art", "run", POTION, "--all", "--json"]
    both = [
        subprocess.Popen(command, cwd=project.root, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [json.loads(one.communicate(timeout=120)[0]) for one in both]
    assert [one["ok"] for one in said] == [True, True], said
    with database.connect(project) as db:
        assert [len(store.candidates(db, job.id)) for job in store.jobs(db)] == [1] * 6
    assert len(list(journal.read(project, kinds={"art.ordered"}))) == 6
