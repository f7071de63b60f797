"""The eye as a user meets it: said, shown, previewed, and in the record of a picture."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ategnatos.grimoire import journal
from ategnatos.grimoire.project import Project
from ategnatos.knowledge.taste import knowledge
from tests.conftest import Ran, Run

FAST = ("--steps", "2", "--count", "1", "--size", "64x64")


def eye(run: Run, project: Project, *words: str) -> Ran:
    return run("eye", *words, "--json", cwd=project.root)


def draw(run: Run, project: Project, prompt: str, *more: str) -> Ran:
    return run("art", "generate", prompt, *FAST, *more, "--json", cwd=project.root)


def test_an_empty_eye_changes_nothing_and_one_that_adds_nothing_neither(
    run: Run, project: Project
) -> None:
    before = draw(run, project, "a potion", "--dry-run").data
    assert before["taste"] is None
    eye(run, project, "add", "painterly")
    after = draw(run, project, "a potion", "--dry-run").data
    assert after["binding"] == before["binding"]
    assert after["request"] == before["request"]


def test_what_the_eye_added_is_in_the_order_the_record_and_the_history(
    run: Run, project: Project
) -> None:
    plain = draw(run, project, "a potion", "--dry-run").data
    eye(run, project, "add", "I like shiny things", "--words", "shiny")
    eye(run, project, "add", "never red", "--polarity", "never")
    made = draw(run, project, "a potion").data
    assert made["binding"] != plain["binding"]
    assert made["prompt"] == "a potion, shiny"
    assert [(one["preference"], one["where"]) for one in made["taste"]["added"]] == [
        ("p2", "negative"),
        ("p1", "prompt"),
    ]
    (ordered,) = journal.read(project, ("art.ordered",))
    assert ordered.data["taste"] == made["taste"]
    assert ordered.data["taste"]["asked"] == "a potion"
    assert (ordered.data["request"]["prompt"], ordered.data["request"]["negative"]) == (
        "a potion shiny",
        "red",
    )
    told = run("art", "history", "j1", cwd=project.root).out
    assert "the eye added: red (p2), shiny (p1)" in told
    left = draw(run, project, "a potion", "--no-eye", "--dry-run").data
    assert left["binding"] == plain["binding"]
    # The same words typed by hand are the same pictures: the eye is no part of the identity.
    by_hand = draw(run, project, "a potion, shiny", "--negative", "red", "--no-eye", "--dry-run")
    assert by_hand.data["binding"] == made["binding"]
    assert by_hand.data["stands_as"] == "j1"


def test_a_never_refuses_the_prompt_and_the_variation(run: Run, project: Project) -> None:
    draw(run, project, "a potion")
    eye(run, project, "add", "no red", "--polarity", "never")
    for refused in (
        draw(run, project, "a crimson potion"),
        run("art", "vary", "j1#1", "--change", "red", "--json", cwd=project.root),
    ):
        assert refused.envelope["error"]["code"] == "eye_never"
    varied = run(
        *("art", "vary", "j1#1", "--change", "red", "--no-eye", "--count", "1", "--dry-run"),
        "--json",
        cwd=project.root,
    )
    assert "red" in varied.data["request"]["prompt"]


def test_a_projects_taste_counts_where_it_is_named(run: Run, project: Project) -> None:
    eye(run, project, "add", "shiny", "--scope", "project:tales")
    assert draw(run, project, "a gem", "--dry-run").data["taste"] is None
    assert draw(run, project, "a gem", "--for", "tales", "--dry-run").data["taste"]["added"]


def test_preview_is_exactly_what_generate_does(run: Run, project: Project) -> None:
    for words in (("add", "shiny"), ("add", "red", "--polarity", "never"), ("add", "oil paint")):
        eye(run, project, *words)
    shown = eye(run, project, "preview", "--family", "starter", "--prompt", "a gem").data
    made = draw(run, project, "a gem", "--dry-run").data
    assert shown["added"] == made["taste"]["added"]
    assert [one["preference"] for one in shown["left_out"]] == ["p3"]
    sdxl = eye(run, project, "preview", "--family", "sdxl", "--prompt", "an owl").data
    assert sdxl["negative"] == "(red:1.3)"
    told = run("eye", "preview", "--family", "sdxl", cwd=project.root).out
    assert "+ prompt: oil paint" in told
    assert "p3 (1 session): oil paint" in told


def test_an_agent_must_say_whose_words_they_are(
    run: Run, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAUDECODE", "1")
    monkeypatch.setenv("CLAUDE_CODE_SESSION_ID", "5f0e3c1a-1111-2222-3333-444455556666")
    assert eye(run, project, "add", "ink").envelope["error"]["code"] == "eye_speaker"
    assert not list(journal.read(project, ("eye.statement",)))
    eye(run, project, "add", "ink", "--said-by", "Ann")
    (event,) = journal.read(project, ("eye.statement",))
    assert event.actor.startswith("agent:claude-code")
    assert event.data["said_by"] == "Ann"
    assert event.data["session"] == "session:5f0e3c1a-1111-2222-3333-444455556666"
    assert not eye(run, project, "confirm", "p1", "--said-by", "Ann").data["counted"]
    monkeypatch.setenv("CLAUDE_CODE_SESSION_ID", "another")
    assert eye(run, project, "confirm", "p1", "--said-by", "Ann").data["counted"]


def test_show_names_what_disagrees_and_finds_by_name_and_category(
    run: Run, project: Project
) -> None:
    eye(run, project, "add", "teal", "--category", "color")
    eye(run, project, "add", "teal", "--polarity", "avoid")
    shown = eye(run, project, "show")
    assert shown.data["conflicts"][0]["outcome"] == "neither is followed"
    assert "disagree" in shown.envelope["warnings"][0]
    assert len(eye(run, project, "show", "color").data["preferences"]) == 1
    assert eye(run, project, "show", "p2").data["preferences"][0]["polarity"] == "avoid"
    assert eye(run, project, "show", "p9").envelope["error"]["code"] == "eye_unknown"


def test_an_empty_eye_says_what_to_do(run: Run, project: Project) -> None:
    told = run("eye", "show", cwd=project.root)
    assert told.code == 0
    assert "eye add" in told.out
    assert eye(run, project, "suggest").data["suggestions"] == []


def test_a_dry_run_of_add_shows_the_words_and_writes_nothing(run: Run, project: Project) -> None:
    told = eye(run, project, "add", "I like warm light", "--dry-run").data
    assert told["words"] == ["warm light"]
    assert not list(journal.read(project, ("eye.statement",)))
    assert json.loads((project.state / "eye.json").read_text())["preferences"] == []


@pytest.mark.parametrize("family", ["sdxl", "flux2", "pony", "starter"])
def test_a_built_prompt_has_the_same_taste_and_generate_adds_nothing_twice(
    run: Run, project: Project, family: str
) -> None:
    for words in (("add", "shiny"), ("add", "red", "--polarity", "never")):
        eye(run, project, *words)
    asked = ("a gem", "--family", family, "--json")
    built = run("art", "prompt", *asked, cwd=project.root).data
    shown = eye(run, project, "preview", "--prompt", "a gem", "--family", family).data
    parts = [one for one in built["parts"] if one["source"] == "eye"]
    assert sorted(one["where"] for one in parts) == sorted(one["where"] for one in shown["added"])
    again = eye(
        *(run, project, "preview", "--prompt", built["prompt"], "--negative", built["negative"]),
        *("--family", family),
    )
    assert again.data["added"] == []
    plain = run("art", "prompt", *asked, "--no-eye", cwd=project.root).data
    assert not [one for one in plain["parts"] if one["source"] == "eye"]


def test_the_linter_knows_what_must_never_be(run: Run, project: Project) -> None:
    eye(run, project, "add", "glossy 3D", "--polarity", "never")
    line = ("art", "lint", "an owl, glossy 3D", "--family", "sdxl", "--json")
    told = json.loads(run(*line, cwd=project.root).out)
    assert "forbidden" in [one["code"] for one in told["data"]["findings"]]


def test_the_skills_page_of_categories_says_what_the_data_says() -> None:
    page = (Path(__file__).parents[2] / ".claude/skills/eye/resources/categories.md").read_text()
    for name, category in knowledge().categories.items():
        row = f"| `{name}` | {category.about} | {'; '.join(category.examples)} |"
        assert row in page
