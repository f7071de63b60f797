"""Plans as a user meets them: made from presets, changed, compared, explained, translated."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ategnatos.grimoire import journal
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.project import Project
from ategnatos.train.plan import fields, presets, store
from ategnatos.trainers.plan import Plan, read
from tests.conftest import Run
from tests.trainers import plans


def test_a_plan_from_the_dataset_to_the_files_of_a_trainer(project: Project, run: Run) -> None:
    version = plans.pictures(project)
    at = ("--project", project.root, "--json")
    made = run(
        "train", "plan", "new", "owl", "--dataset", "owls", "--family", "sdxl", "rank=16", *at
    ).data
    assert made["plan"]["dataset_digest"] == version.digest()
    assert made["plan"]["trigger"] == "zrvkowl"
    assert made["plan"]["training"] == "character"
    assert {"kohya", "simpletuner", "ai-toolkit"} <= set(made["trainers"])

    again = run("train", "plan", "new", "owl", "--dataset", "owls", "--family", "sdxl", *at)
    assert again.envelope["error"]["code"] == "plan_exists"

    changed = run("train", "plan", "set", "owl", "steps=200", "learning-rate=0.5", *at).data
    assert changed["number"] == 2
    assert changed["changed"]["epochs"] == {"from": 15, "to": 0}
    same = run("train", "plan", "set", "owl", "steps=200", *at).data
    assert same["number"] == 2
    assert run("train", "plan", "diff", "owl", *at).data["changed"].keys() == {
        "epochs",
        "steps",
        "learning_rate",
    }

    shown = run("train", "plan", "show", "owl", "--explain", *at).data
    told = {one["name"]: one for one in shown["explained"]}
    assert set(told) == set(Plan.model_fields)
    assert told["rank"]["because"] == "chosen by you; standard has 32"
    assert "preset standard" in told["optimizer"]["because"]
    assert [one["name"] for one in run("train", "plan", "list", *at).data["plans"]] == ["owl"]

    dry = run("train", "config", "owl", "--trainer", "kohya", "--dry-run", *at).data
    assert dry["steps"] == 200
    place = Path(dry["place"])
    assert not place.exists()
    config = run("train", "config", "owl", "--trainer", "kohya", *at).data
    assert (place / "kohya.toml").read_text() == config["files"]["kohya.toml"]
    assert len(list((place / "dataset").rglob("*.png"))) == config["pictures"] == 6
    assert config["command"][0] == "{python}"
    placed = run(
        "train",
        "config",
        "owl",
        "--trainer",
        "ai_toolkit",
        "--home",
        "/opt/ai",
        "--python",
        "/opt/ai/venv/bin/python",
        *at,
    ).data
    assert placed["cwd"] == "/opt/ai"
    assert placed["command"][:2] == ["/opt/ai/venv/bin/python", "run.py"]

    made_of = [one.references["version"] for one in journal.read(project, {store.VERSION_EVENT})]
    assert made_of == [1, 2]


def test_an_old_file_of_ours_goes_and_a_strangers_stays(project: Project, run: Run) -> None:
    plans.pictures(project)
    at = ("--project", project.root, "--json")
    sample = json.dumps([{"prompt": "zrvkowl"}])
    run("train", "plan", "new", "owl", "--dataset", "owls", "--family", "sdxl", *at)
    run("train", "plan", "set", "owl", f"samples={sample}", "sample_every_epochs=1", *at)
    place = Path(run("train", "config", "owl", "--trainer", "kohya", *at).data["place"])
    assert (place / "samples.json").is_file()
    (place / "mine.txt").write_text("mine")
    run("train", "plan", "set", "owl", "samples=[]", *at)
    run("train", "config", "owl", "--trainer", "kohya", *at)
    assert not (place / "samples.json").exists()
    assert (place / "mine.txt").read_text() == "mine"


def test_the_questions_of_an_interview(run: Run, project: Project) -> None:
    asked = run("train", "plan", "fields", "--interview", "--json").data
    assert all(one["question"] for one in asked["fields"])
    every = {one["name"]: one for one in run("train", "plan", "fields", "--json").data["fields"]}
    assert every["optimizer"]["choices"][0] == "adamw"
    assert every["preset"]["choices"] == ["quick", "standard", "thorough"]
    assert every["rank"]["least"] == 1
    assert {one["name"] for one in asked["fields"]} < set(every)


@pytest.mark.parametrize("family", presets.known().families)
@pytest.mark.parametrize("preset", presets.known().presets)
def test_every_preset_of_every_family_is_a_plan(family: str, preset: str) -> None:
    made = store.draft(
        "owl", family=family, preset=preset, dataset=("owls", 1, "d" * 64), values={}
    )
    assert read(made.facts()) == made
    if presets.is_flow(family):
        assert made.noise_offset == 0
        assert made.optimizer != "prodigy" or made.learning_rate == 1.0


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"steps": 100}, "either 'epochs' or 'steps'"),
        ({"rank": "32"}, "rank: input should be a valid integer"),
        ({"batch": 1.5}, "batch"),
        ({"schedule": "constant", "warmup": 0.1}, "no warm-up"),
        ({"cache_text": True, "shuffle_captions": True}, "'cache_text'"),
        ({"block_swap": 4, "gradient_checkpointing": False}, "gradient_checkpointing"),
        ({"resolution": 1000}, "multiple of 64"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"rnk": 3}, "rnk"),
    ],
)
def test_what_cannot_be_is_refused_with_why(values: dict[str, object], says: str) -> None:
    plan = store.draft(
        "owl", family="sdxl/base", preset="standard", dataset=("owls", 1, "d" * 64), values={}
    )
    with pytest.raises(StudioError) as refused:
        plan.change(**values)
    assert says in " ".join(refused.value.details["problems"])


@settings(max_examples=60, deadline=None)
@given(
    rank=st.integers(1, 1024),
    rate=st.floats(1e-8, 10),
    text=st.text(max_size=40),
    flip=st.booleans(),
)
def test_a_plan_says_the_same_after_a_round_trip(
    rank: int, rate: float, text: str, flip: bool
) -> None:
    base = store.draft(
        "owl", family="sdxl/base", preset="quick", dataset=("owls", 1, "d" * 64), values={}
    )
    made = base.change(rank=rank, learning_rate=rate, ground=text, flip=flip)
    again = read(json.loads(json.dumps(made.facts())))
    assert again.digest() == made.digest()
    assert (made.digest() == base.digest()) == (made == base)


def test_what_is_shown_of_a_switch_can_be_said_of_it() -> None:
    assert fields.parse(["flip=no", "ema=Yes", "trigger=no"]) == {
        "flip": False,
        "ema": True,
        "trigger": "no",
    }


def test_values_as_words() -> None:
    assert fields.parse(["rank=16", "trigger=42", "flip=true", "learning-rate=1e-4"]) == {
        "rank": 16,
        "trigger": "42",
        "flip": True,
        "learning_rate": 1e-4,
    }
    with pytest.raises(StudioError):
        fields.parse(["dataset_digest=x"])


@pytest.mark.parametrize("trigger", ["two\nlines", " blue owl", "tab\tinside"])
def test_a_trigger_is_one_line(project: Project, trigger: str) -> None:
    with pytest.raises(StudioError, match="one line"):
        plans.plan(plans.pictures(project), "sdxl", trigger=trigger)


@pytest.mark.parametrize(
    ("said", "key"),
    [
        ("flux2", "flux2/klein-base-4b"),
        ("krea2", "krea2/raw"),
        ("ernie-image", "ernie-image/base"),
        ("sdxl", "sdxl/base"),
        ("flux2/klein-4b", "flux2/klein-4b"),
    ],
)
def test_a_family_without_a_variant_is_one_that_can_be_trained(said: str, key: str) -> None:
    from ategnatos.train.plan import choosing

    assert choosing.family(said) == key
    assert ("No trainer trains" in choosing.usual_variant(said, key)) == (
        key.endswith(("klein-base-4b", "raw")) or said == "ernie-image"
    )


def test_a_plan_that_goes_to_another_family_takes_the_presets_values_along(
    project: Project, run: Run
) -> None:
    plans.pictures(project)
    at = ("--project", project.root, "--json")
    run("train", "plan", "new", "owl", "--dataset", "owls", "--family", "sdxl", "rank=24", *at)
    run("train", "plan", "set", "owl", "steps=300", *at)
    moved = run("train", "plan", "set", "owl", "family=flux1", *at)
    fresh = run("train", "plan", "new", "other", "--dataset", "owls", "--family", "flux1", *at)
    now = run("train", "plan", "show", "owl", *at).data
    same = {"name", "rank", "epochs", "steps"}
    assert {one: value for one, value in now["plan"].items() if one not in same} == {
        one: value for one, value in fresh.data["plan"].items() if one not in same
    }
    assert (now["plan"]["rank"], now["plan"]["steps"], now["plan"]["epochs"]) == (24, 300, 0)
    assert set(now["chosen"]) == {"family", "rank", "steps"}
    back = run("train", "plan", "set", "owl", "family=sdxl", *at).data
    assert back["changed"].keys() == moved.data["changed"].keys()


def test_what_is_set_in_another_way_says_how(project: Project, run: Run) -> None:
    plans.pictures(project)
    at = ("--project", project.root, "--json")
    run("train", "plan", "new", "owl", "--dataset", "owls", "--family", "sdxl", *at)
    refused = run("train", "plan", "set", "owl", "dataset_version=2", *at).envelope["error"]
    assert "--dataset-version" in refused["hint"]


def test_a_trainer_that_does_not_know_the_family_says_so_and_names_who_does(
    project: Project, run: Run
) -> None:
    plans.pictures(project)
    at = ("--project", project.root, "--json")
    run("train", "plan", "new", "owl", "--dataset", "owls", "--family", "starter", *at)
    refused = run("train", "config", "owl", "--trainer", "kohya", *at).envelope["error"]
    assert refused["code"] == "trainer_cannot"
    assert "does not know starter" in refused["message"]
    assert "--trainer starter" in refused["hint"]
    gate = run("train", "gates", "owl", "--trainer", "kohya", *at).data["gates"][1]
    assert "does not know starter" in gate["why"]


@pytest.mark.parametrize("trainer", ["starter", "accelerate"])
def test_a_validation_without_pictures_set_apart_is_told(
    project: Project, run: Run, trainer: str
) -> None:
    plans.pictures(project)
    at = ("--project", project.root, "--json")
    run("train", "plan", "new", "owl", "--dataset", "owls", "--family", "starter", *at)
    run("train", "plan", "set", "owl", "validation=true", *at)
    words = ("train", "config", "owl", "--trainer", trainer, "--dry-run", *at)
    told = {one["field"]: one["kind"] for one in run(*words).data["losses"]}
    assert told.get("validation") == "dropped"


def test_the_base_that_accelerate_would_fetch_is_looked_for_by_gate_three(
    project: Project,
) -> None:
    from ategnatos.train.gates.environment import needs

    version = plans.pictures(project)
    bare = plans.plan(version, "sdxl/base", model="")
    wanted = needs.of(bare, "accelerate")
    assert dict(wanted.what) == {"stabilityai/stable-diffusion-xl-base-1.0": "base model"}
    assert needs.of(plans.plan(version, "sdxl/base"), "accelerate").what == {}


def test_what_it_is_for_and_what_was_changed_since_stands_on_a_page(
    project: Project, run: Run
) -> None:
    plans.pictures(project)
    at = ("--project", project.root)
    new = ("train", "plan", "new", "owl", "--dataset", "owls", "--family", "sdxl")
    page = project.grimoire / "training" / "owl" / "intent.md"
    run(*new, "--because", "night scenes | book two", "--dry-run", *at)
    assert not page.exists()
    run(*new, "--because", "night scenes | book two", *at)
    told = page.read_text(encoding="utf-8")
    assert "What it is for: night scenes \\| book two" in told
    assert "| A character, a style or an object? | character |" in told
    assert "Changed since" not in told
    run("train", "plan", "set", "owl", "rank=8", "--because", "a small one will do", *at)
    told = page.read_text(encoding="utf-8")
    assert "night scenes" in told
    assert "| 2 | rank 32 -> 8 | a small one will do |" in told
    run("train", "plan", "new", "other", "--dataset", "owls", "--family", "sdxl", *at)
    other = page.parent.parent / "other" / "intent.md"
    assert "What it is for: nobody said" in other.read_text(encoding="utf-8")
