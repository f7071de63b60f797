"""Prior pictures are those of the version that the plan names, from gate 1 to the folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from ategnatos.grimoire import documents
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.project import Project
from ategnatos.train.dataset import record
from ategnatos.train.dataset import store as files
from ategnatos.train.gates import pictures
from ategnatos.train.plan import laying, store
from tests.conftest import Run
from tests.train.dataset.pictures import dataset
from tests.train.gates import ready


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project.create(tmp_path_factory.mktemp("prior") / "studio")
    ready.pictures(project)
    dataset(project, "anyowl", 3, captioned=True)
    version = record.load(project, "owls")
    store.new(
        project,
        "owl",
        family="starter",
        preset="quick",
        dataset=(version.dataset, version.number, version.digest()),
        values={**ready.SMALL, "trigger": "zrvkowl", "regularisation": "anyowl"},
        actor="user:ann",
        now=ready.NOW,
    )
    return project


@pytest.fixture
def studio(made: Project, tmp_path: Path) -> Project:
    import shutil

    shutil.copytree(made.root, tmp_path / "studio", symlinks=True)
    return Project.find(explicit=tmp_path / "studio")


def _later(project: Project) -> None:
    with record.edit(project, "anyowl", actor="a", because="one less", now=ready.NOW) as draft:
        draft.pictures.pop(sorted(draft.pictures)[0])


def _laid(project: Project) -> int:
    kept = store.load(project, "owl")
    found = laying.ready(project, kept.plan, "starter", project.root / "workspace" / "x").dataset
    return sum(one.pictures for one in found.subsets if one.regularisation)


def test_the_plan_keeps_the_version_that_was_the_newest_when_it_was_made(studio: Project) -> None:
    kept = store.load(studio, "owl")
    first = record.load(studio, "anyowl")
    assert (kept.plan.regularisation_version, kept.plan.regularisation_digest) == (
        first.number,
        first.digest(),
    )
    _later(studio)
    assert record.load(studio, "anyowl").number == first.number + 1
    assert _laid(studio) == 3
    gate = pictures.state(studio, kept)
    assert gate.open
    assert gate.facts["prior"] == {
        "dataset": "anyowl",
        "version": first.number,
        "digest": first.digest(),
    }


def test_a_later_version_is_taken_where_it_is_asked_for(run: Run, studio: Project) -> None:
    _later(studio)
    order = ("train", "plan", "set", "owl", "--json", "--regularisation-version")
    dry = run(*order, "newest", "--dry-run", cwd=studio.root).data
    data = run(*order, "newest", cwd=studio.root).data
    assert data["changed"]["regularisation_version"]["to"] == 2
    assert (dry["changed"], dry["digest"]) == (data["changed"], data["digest"])
    assert _laid(studio) == 2
    assert run(*order, "1", cwd=studio.root).data["changed"]["regularisation_version"]["to"] == 1
    assert run("train", "plan", "set", "owl", "rank=4", cwd=studio.root).code == 0
    assert _laid(studio) == 3
    missing = run(*order, "7", cwd=studio.root).envelope["error"]
    assert missing["code"] == "dataset_unknown"
    run("train", "plan", "set", "owl", "regularisation=", cwd=studio.root)
    assert store.load(studio, "owl").plan.regularisation_version == 0
    assert run(*order, "newest", cwd=studio.root).envelope["error"]["code"] == "plan_field"
    unknown = run("train", "plan", "set", "owl", "regularisation=nobody", "--json", cwd=studio.root)
    assert unknown.envelope["error"]["code"] == "dataset_unknown"


def test_prior_pictures_with_other_bytes_close_the_first_gate(studio: Project) -> None:
    one = record.load(studio, "anyowl").pictures[0]
    path = files.path_of(studio, "anyowl", one.name, one.sha256)
    path.chmod(0o644)
    path.write_bytes(b"something else")
    gate = pictures.state(studio, store.load(studio, "owl"))
    assert not gate.open
    assert "prior pictures 'anyowl'" in gate.why


def test_another_version_under_the_same_number_is_refused(studio: Project) -> None:
    kept = store.load(studio, "owl")
    other = kept.plan.change(regularisation_digest="0" * 64)
    with pytest.raises(StudioError) as refused:
        laying.ready(studio, other, "starter", studio.root / "workspace" / "x")
    assert refused.value.code is laying.PLAN_DATASET


def test_a_plan_from_before_versions_were_named_keeps_its_digest_and_has_to_name_one(
    run: Run, studio: Project
) -> None:
    with documents.edit(studio, "plans") as document:
        row = document.find("owl").versions[-1]
        for name in ("regularisation_version", "regularisation_digest"):
            del row.plan[name]
    old = store.load(studio, "owl")
    from ategnatos.grimoire.files import canonical_json, sha256_bytes

    assert old.digest == sha256_bytes(canonical_json(row.plan))
    gate = pictures.state(studio, old)
    assert not gate.open
    assert "names no version of its prior pictures" in gate.why
    run(*gate.command.split()[1:], cwd=studio.root)
    assert pictures.state(studio, store.load(studio, "owl")).open
