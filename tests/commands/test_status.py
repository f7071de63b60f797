"""``ategnatos status``: one page for a person, the same facts for a machine."""

from __future__ import annotations

import pytest

from ategnatos.grimoire import documents
from ategnatos.grimoire.project import Project


def test_the_page_names_everything_a_person_asks_for(run, project: Project) -> None:
    ran = run("status", cwd=project.root)
    assert ran.code == 0
    for title in ("Waits for you", "Running", "Approved", "Bills", "Engines", "Machine", "Record"):
        assert title in ran.out
    assert "nothing costs money now" in ran.out
    assert "\x1b" not in ran.out


def test_the_same_is_there_for_a_machine(run, project: Project) -> None:
    data = run("status", "--json", cwd=project.root).data
    assert data["studio"] == str(project.root)
    assert data["bills"] == {"instances": [], "per_hour_usd": "0", "price_unknown": 0}
    assert data["waiting"] == data["running"] == data["drift"] == data["problems"] == []
    assert data["next"] == ["ategnatos art generate 'a red potion, outlined'"]


def test_what_bills_is_said_with_its_price(run, project: Project) -> None:
    from ategnatos.grimoire.schemas.studio import Instance

    with documents.edit(project, "studio") as studio:
        studio.active_instances = [
            Instance(id="pod-1", provider="runpod", gpu="L4", status="up", cost_per_hour="0.43")
        ]
    ran = run("status", cwd=project.root)
    assert "0.43 dollars an hour" in ran.out
    assert "pod-1" in ran.out


def test_damage_is_said_with_the_next_command_and_is_no_failure(run, project: Project) -> None:
    (project.state / "studio.json").write_text("{")
    ran = run("status", cwd=project.root)
    assert ran.code == 0
    assert "Problems" in ran.out
    assert "ategnatos doctor" in ran.out


def test_an_escape_sequence_in_the_record_does_not_reach_the_terminal(
    run, project: Project
) -> None:
    from ategnatos.grimoire.schemas.studio import Instance

    with documents.edit(project, "studio") as studio:
        studio.active_instances = [Instance(id="\x1b[2Jpod", status="up")]
    ran = run("status", cwd=project.root)
    assert "\x1b" not in ran.out
    assert "\\x1b[2Jpod" in ran.out


def test_outside_a_studio_it_says_how_to_make_one(run, tmp_path) -> None:
    ran = run("status", "--json", cwd=tmp_path)
    assert (ran.code, ran.envelope["error"]["code"]) == (1, "no_project")
    assert "ategnatos init" in ran.envelope["error"]["hint"]


@pytest.mark.parametrize("folder", ["workspace/outputs", "grimoire/.state", "exports"])
def test_it_works_from_any_folder_of_the_studio(run, project: Project, folder: str) -> None:
    assert run("status", "--json", cwd=project.root / folder).data["studio"] == str(project.root)


def test_it_imports_nothing_heavy(program, project: Project) -> None:
    """An agent asks this all day: no picture, no model, no driver is loaded for it."""
    ran = program("status", "--json", cwd=project.root, PYTHONPROFILEIMPORTTIME="1")
    assert ran.code == 0
    imported = {line.rpartition("|")[2].strip() for line in ran.err.splitlines()}
    heavy = {"numpy", "PIL", "pynvml", "psutil", "yaml", "filelock", "rich", "ategnatos.art"}
    assert imported & heavy == set()
