"""A LoRA that somebody chose is put to use at once, with its rights, and taken out again."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ategnatos.art import result_licence
from ategnatos.art.loras import LORA_CHANGED, LORA_FAMILY, LORA_UNKNOWN
from ategnatos.grimoire import documents, journal
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.jobs import database
from ategnatos.grimoire.jobs import store as jobs
from ategnatos.grimoire.project import Project
from ategnatos.grimoire.schemas.runs import RunRow
from ategnatos.guard.policy import Policy
from ategnatos.train.checkpoints import ledger, ledger_file
from ategnatos.train.dataset import record as datasets
from ategnatos.train.dataset.version import Rights
from ategnatos.train.registering import placing, registering
from ategnatos.trainers import Checkpoint
from tests.conftest import Run
from tests.train.dataset.pictures import dataset
from tests.train.registering import chosen

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def licensed(judged: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The same of pictures that may not be sold; in the home of ``judged``."""
    rights = Rights("licensed", "CC-BY-NC-4.0", "https://x.test", "Bo")
    project = chosen.studio(tmp_path_factory.mktemp("licensed"), rights)
    chosen.decided(project)
    return project


def _late(project: Project) -> Path:
    return project.root / "workspace/training/owl/output/late.safetensors"


def test_registering_puts_the_file_and_every_record_in_place(run: Run, studio: Project) -> None:
    dry = run("train", "register", "owl", "--dry-run", "--json", cwd=studio.root).data
    assert dry["dry_run"]
    assert documents.read(studio, "loras").loras == []
    data = run("train", "register", "owl", "--json", cwd=studio.root).data
    digest = hashlib.sha256(_late(studio).read_bytes()).hexdigest()
    assert (data["name"], data["checkpoint"], data["sha256"]) == ("owl", "late", digest)
    assert (data["weight"], data["weight_low"], data["weight_high"]) == (0.8, 0.5, 1.0)
    assert data["trigger"] == chosen.TRIGGER
    placed = Path(data["location"])
    assert placed.read_bytes() == _late(studio).read_bytes()
    assert placed.is_relative_to(studio.root / "workspace" / "models")
    (row,) = documents.read(studio, "studio").loras
    assert (row.name, row.trigger, row.location) == ("owl", chosen.TRIGGER, str(placed))
    assert row.weight_range == "0.5-1, best 0.8"
    (entry,) = documents.read(studio, "models").files
    assert (entry.kind, entry.family, entry.sha256) == ("lora", "starter", digest)
    assert entry.facts["dataset_licence"] == "own work"
    (event,) = journal.read(studio, (registering.EVENT,))
    assert event.references["sha256"] == digest
    view = (studio.root / "grimoire" / "loras.md").read_text(encoding="utf-8")
    assert chosen.TRIGGER in view
    assert "owl/1: late" in view


def test_registering_again_changes_nothing_and_completes_what_was_cut_short(
    run: Run, studio: Project
) -> None:
    first = run("train", "register", "owl", "--json", cwd=studio.root).data
    assert run("train", "register", "owl", "--json", cwd=studio.root).data["fresh"] is False
    assert len(list(journal.read(studio, (registering.EVENT,)))) == 1
    Path(first["location"]).unlink()
    with documents.edit(studio, "studio") as document:
        document.loras = []
    run("train", "register", "owl", cwd=studio.root)
    assert Path(first["location"]).is_file()
    assert [one.name for one in documents.read(studio, "studio").loras] == ["owl"]


def test_art_generate_uses_it_by_name_with_its_trigger_and_weight(
    run: Run, studio: Project
) -> None:
    run("train", "register", "owl", "--as", "inky", cwd=studio.root)
    made = ["--size", "32x32", "--steps", "2", "--count", "1", "--json"]
    with_it = run("art", "generate", "a red potion", "--lora", "inky", *made, cwd=studio.root)
    request = _request(studio, with_it.data["job"])
    assert request["prompt"].startswith(chosen.TRIGGER)
    (use,) = request["loras"]
    assert (use["name"], use["weight"], use["trigger"]) == ("inky", 0.8, chosen.TRIGGER)
    assert any("Added the trigger of inky" in text for text in with_it.envelope["warnings"])
    named = f"a {chosen.TRIGGER}"
    plain = run("art", "generate", named, "--lora", "inky:1.0", *made, cwd=studio.root)
    assert _request(studio, plain.data["job"])["prompt"] == named
    assert not any("trigger of" in text for text in plain.envelope["warnings"])
    far = run("art", "generate", named, "--lora", "inky:1.5", *made, cwd=studio.root)
    assert any("nobody has seen it" in text for text in far.envelope["warnings"])
    pictures = [
        np.asarray(Image.open(one["candidates"][0]["path"]).convert("RGB"))
        for one in (plain.data, far.data)
    ]
    assert (pictures[0] != pictures[1]).any()


def _request(project: Project, name: str) -> dict:
    with database.connect(project) as db:
        return jobs.get(db, int(str(name).removeprefix("j"))).request


def test_the_rights_of_its_pictures_are_those_of_what_it_makes(
    run: Run, tmp_path: Path, licensed: Project
) -> None:
    project = chosen.copied(licensed, tmp_path)
    data = run("train", "register", "owl", "--json", cwd=project.root).data
    assert data["licence"] == "CC-BY-NC-4.0"
    assert data["rights"]["commercial"] == "no"
    assert any("Bo" in text for text in data["notes"])
    words = ["--lora", "owl", "--size", "32x32", "--steps", "2", "--count", "1", "--json"]
    made = run("art", "generate", "a potion", *words, cwd=project.root).data
    with database.connect(project) as db:
        job = jobs.get(db, int(str(made["job"]).removeprefix("j")))
    found = result_licence.strictest(result_licence.terms_of(project, job))
    assert (found.commercial, found.by) == ("no", "dataset of owl")


def test_a_project_that_sells_registers_nothing_that_forbids_it(
    tmp_path: Path, licensed: Project
) -> None:
    with pytest.raises(StudioError) as refused:
        registering.plan(
            licensed, "owl", Policy(commercial=True), name="", folder=lambda engine: tmp_path
        )
    assert refused.value.code.code == "training_refused"


def test_nothing_is_registered_that_nobody_chose(run: Run, tmp_path: Path) -> None:
    project = chosen.studio(tmp_path)
    failed = run("train", "register", "owl", "--json", cwd=project.root).envelope["error"]
    assert failed["code"] == "lora_verdict_missing"
    assert not (project.root / "workspace" / "models").exists()


def test_another_file_than_the_one_that_was_signed_for_is_refused(
    run: Run, studio: Project
) -> None:
    raw = bytearray(_late(studio).read_bytes())
    raw[-1] ^= 1
    _late(studio).write_bytes(raw)
    failed = run("train", "register", "owl", "--json", cwd=studio.root).envelope["error"]
    assert failed["code"] == "evaluation_files"
    assert documents.read(studio, "loras").loras == []


def test_a_name_that_another_file_has_is_refused(run: Run, studio: Project) -> None:
    run("train", "register", "owl", cwd=studio.root)
    with documents.edit(studio, "loras") as document:
        document.loras[0].sha256 = "0" * 64
    failed = run("train", "register", "owl", "--json", cwd=studio.root).envelope["error"]
    assert failed["code"] == "lora_registered"
    assert run("train", "register", "owl", "--as", "owl-2", cwd=studio.root).code == 0


def test_a_file_in_use_that_was_changed_is_not_used(run: Run, studio: Project) -> None:
    data = run("train", "register", "owl", "--json", cwd=studio.root).data
    Path(data["location"]).write_bytes(b"something else")
    failed = run("art", "generate", "an owl", "--lora", "owl", "--json", cwd=studio.root)
    assert failed.envelope["error"]["code"] == LORA_CHANGED.code
    assert run("train", "register", "owl", cwd=studio.root).code == 1


def test_a_lora_of_another_family_is_refused_with_those_that_fit(run: Run, studio: Project) -> None:
    run("train", "register", "owl", cwd=studio.root)
    with documents.edit(studio, "loras") as document:
        row = document.loras[0]
        document.loras = [row, row.model_copy(update={"name": "ink", "family": "sdxl/base"})]
    order = ["art", "generate", "an owl", "--json", "--dry-run"]
    failed = run(*order, "--lora", "ink", cwd=studio.root).envelope["error"]
    assert failed["code"] == LORA_FAMILY.code
    assert failed["details"]["fitting"] == ["owl"]
    comfy = [*order, "--engine", "comfyui", "--server", "127.0.0.1:9"]
    failed = run(*comfy, "--family", "flux1/dev", "--lora", "ink", cwd=studio.root)
    assert failed.envelope["error"]["code"] == LORA_FAMILY.code
    near = run(*comfy, "--family", "pony", "--lora", "ink", cwd=studio.root)
    assert any("shares its layers" in text for text in near.envelope["warnings"])


def test_a_name_that_nothing_has_is_refused_with_the_names_there_are(
    run: Run, studio: Project
) -> None:
    run("train", "register", "owl", cwd=studio.root)
    failed = run("art", "generate", "x", "--lora", "nobody", "--json", cwd=studio.root)
    error = failed.envelope["error"]
    assert error["code"] == LORA_UNKNOWN.code
    assert error["details"]["known"] == ["owl"]
    assert run("art", "lint", "a potion", "--lora", "owl", "--json", cwd=studio.root).code in (0, 1)


def test_unregistering_takes_it_all_back_and_loses_nothing(run: Run, studio: Project) -> None:
    data = run("train", "register", "owl", "--json", cwd=studio.root).data
    dry = run("train", "unregister", "owl", "--dry-run", "--json", cwd=studio.root).data
    assert dry["file"] == "removed"
    assert Path(data["location"]).is_file()
    done = run("train", "unregister", "owl", "--because", "too blue", "--json", cwd=studio.root)
    assert done.data["file"] == "removed"
    assert not Path(data["location"]).exists()
    assert _late(studio).is_file()
    for name, rows in (("loras", "loras"), ("studio", "loras"), ("models", "files")):
        assert getattr(documents.read(studio, name), rows) == []
    again = run("train", "unregister", "owl", "--json", cwd=studio.root).envelope["error"]
    assert again["code"] == "lora_not_registered"
    assert run("train", "register", "owl", cwd=studio.root).code == 0


def test_the_last_copy_of_a_lora_is_moved_aside_and_never_deleted(
    run: Run, studio: Project
) -> None:
    data = run("train", "register", "owl", "--json", cwd=studio.root).data
    _late(studio).unlink()
    done = run("train", "unregister", "owl", "--json", cwd=studio.root).data
    assert done["file"] == "moved"
    assert hashlib.sha256(Path(done["aside"]).read_bytes()).hexdigest() == data["sha256"]


def test_a_file_is_put_in_place_whole_or_not_at_all(tmp_path: Path) -> None:
    source = tmp_path / "source.safetensors"
    source.write_bytes(b"x" * 100)
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    target = tmp_path / "loras" / "owl.safetensors"
    assert placing.put(source, target, digest) is True
    assert placing.put(source, target, digest) is False
    other = target.with_name("other.safetensors")
    with pytest.raises(StudioError):
        placing.put(source, other, "0" * 64)
    target.write_bytes(b"somebody's")
    with pytest.raises(StudioError):
        placing.put(source, target, digest)
    assert target.read_bytes() == b"somebody's"
    assert [one.name for one in target.parent.iterdir()] == ["owl.safetensors"]


def test_a_verdict_on_an_older_evaluation_does_not_cover_a_newer_one(studio: Project) -> None:
    from ategnatos.train.evaluation import record, verdict

    one = record.load(studio, "owl")
    newer = record.save(replace(one, number=2, digest="1" * 64))
    assert verdict.standing(studio, "owl", newer) is None
    found = verdict.standing(studio, "owl")
    assert found is not None
    assert found.evaluation == 1


def test_a_later_verdict_on_the_same_file_is_what_counts_from_then_on(
    run: Run, studio: Project
) -> None:
    run("train", "register", "owl", cwd=studio.root)
    chosen.decided(studio, "late@0.5")
    data = run("train", "register", "owl", "--json", cwd=studio.root).data
    assert (data["weight"], data["fresh"]) == (0.5, True)
    (row,) = documents.read(studio, "loras").loras
    (told,) = documents.read(studio, "studio").loras
    assert (row.weight, told.weight_range) == (0.5, "0.5-0.8, best 0.5")
    assert len(list(journal.read(studio, (registering.EVENT,)))) == 2
    assert run("train", "unregister", "owl", "--json", cwd=studio.root).data["file"] == "removed"


def test_an_evaluation_that_is_named_is_the_one_whose_winner_is_registered(
    run: Run, studio: Project
) -> None:
    from ategnatos.train.evaluation import record

    record.save(replace(record.load(studio, "owl"), number=2, digest="1" * 64))
    failed = run("train", "register", "owl/2", "--json", cwd=studio.root).envelope["error"]
    assert failed["code"] == "lora_verdict_missing"
    assert "train verdict owl/2" in failed["hint"]
    assert run("train", "register", "owl/1", "--json", cwd=studio.root).data["weight"] == 0.8


def test_what_lay_there_before_it_was_registered_is_left_there(run: Run, studio: Project) -> None:
    there = studio.root / "workspace/models/loras/owl.safetensors"
    there.parent.mkdir(parents=True)
    there.write_bytes(_late(studio).read_bytes())
    run("train", "register", "owl", cwd=studio.root)
    done = run("train", "unregister", "owl", "--json", cwd=studio.root).data
    assert done["file"] == "own"
    assert there.is_file()


def test_the_only_file_is_not_removed_under_its_other_name(run: Run, studio: Project) -> None:
    """The run's folder and the engine's are one, by way of a link."""
    data = run("train", "register", "owl", "--json", cwd=studio.root).data
    digest, place = data["sha256"], Path(data["location"])
    _late(studio).unlink()
    _late(studio).symlink_to(place)
    done = run("train", "unregister", "owl", "--json", cwd=studio.root).data
    assert done["file"] == "moved"
    assert hashlib.sha256(Path(done["aside"]).read_bytes()).hexdigest() == digest


def test_a_lora_in_use_from_one_folder_is_not_put_into_a_second_one(studio: Project) -> None:
    def register(folder: Path) -> registering.Registered:
        return registering.register(
            studio,
            "owl",
            Policy(),
            name="owl",
            folder=lambda engine: folder,
            inventory=lambda *said: None,
            actor="user:ann",
            now=NOW,
        )

    first = register(studio.root / "one")
    with pytest.raises(StudioError) as refused:
        register(studio.root / "two")
    assert refused.value.code is registering.LORA_REGISTERED
    assert not (studio.root / "two").exists()
    first.path.unlink()
    assert register(studio.root / "two").path.is_file()
    (row,) = documents.read(studio, "loras").loras
    assert row.location == str(studio.root / "two" / "owl.safetensors")


def test_the_trigger_is_added_where_it_only_stands_inside_another_word() -> None:
    from ategnatos.art import loras
    from ategnatos.engines import LoraUse, Request

    found = [loras.Found(LoraUse("owl", "x", 1.0, "", "owl"), "starter", registered=True)]
    assert loras.called(Request("a bowl", 1), found)[0].prompt == "owl, a bowl"
    assert loras.called(Request("an OWL, flying", 1), found)[0].prompt == "an OWL, flying"


def _trained(project: Project, number: int = 1) -> None:
    """The plan of that version was run, and what was evaluated is of that run."""
    from ategnatos.train.evaluation import record

    with documents.edit(project, "runs") as document:
        document.runs = [
            RunRow(
                id="owl-1",
                plan="owl",
                number=number,
                digest="0" * 64,
                dataset="owls",
                dataset_version=1,
                trainer="starter",
                state="finished",
                created_at="2026-11-21T12:00:00Z",
                folder="workspace/training/owl/runs/owl-1",
            )
        ]
    record.save(replace(record.load(project, "owl"), run="owl-1"))


def test_prior_pictures_are_those_of_the_plan_that_was_run(studio: Project) -> None:
    """A later version of the plan without them takes no licence away, nor does a later version of
    the pictures."""
    from ategnatos.train.plan import store

    theirs = Rights("licensed", "CC-BY-NC-4.0", "https://x.test", "Bo")
    dataset(studio, "anyowl", 2, rights=theirs)
    for prior in ("anyowl", ""):
        store.change(
            studio, "owl", {"regularisation": prior}, actor="user:ann", because="x", now=NOW
        )
    _trained(studio, 2)
    with datasets.edit(studio, "anyowl", actor="user:ann", because="x", now=NOW) as draft:
        for name in list(draft.pictures):
            draft.change(name, rights=Rights("own"))
    assert store.load(studio, "owl").plan.regularisation == ""
    row, _, _ = registering.plan(studio, "owl", Policy(), name="", folder=lambda _: studio.root)
    assert row.licence == "CC-BY-NC-4.0"


def _saved(project: Project) -> tuple[Path, str]:
    """The run has one of what is looked at as a save in its ledger, of that name."""
    from ategnatos.train.evaluation import planning, record

    _trained(project)
    folder = project.root / "workspace/training/owl/runs/owl-1"
    (folder / "output").mkdir(parents=True)
    shutil.copy(_late(project), folder / "output" / "late.safetensors")
    found = Checkpoint(folder / "output" / "late.safetensors", None, 8, None, final=True)
    entry = ledger.record(folder, found, step=8, now=NOW, over=True)
    assert entry is not None
    one = record.load(project, "owl")
    cells = tuple(
        replace(cell, checkpoint=entry.name) if cell.checkpoint == "late" else cell
        for cell in one.cells
    )
    files = tuple(
        replace(file, name=entry.name) if file.name == "late" else file for file in one.checkpoints
    )
    renamed = replace(one, cells=cells, checkpoints=files)
    record.save(replace(renamed, digest=planning.digest_again(renamed)))
    return folder, entry.name


def _marks(folder: Path) -> list[str]:
    (entry,) = ledger.read(folder).entries
    return [one["by"] for one in entry.used]


def test_a_checkpoint_is_marked_as_used_for_as_long_as_a_lora_is_made_of_it(
    run: Run, tmp_path: Path
) -> None:
    project = chosen.studio(tmp_path)
    folder, save = _saved(project)
    chosen.decided(project, f"{save}@0.8")
    for name in ("owl", "owl", "inky"):
        run("train", "register", "owl", "--as", name, cwd=project.root)
    assert _marks(folder) == ["lora owl", "lora inky"]
    run("train", "unregister", "owl", "--dry-run", cwd=project.root)
    assert _marks(folder) == ["lora owl", "lora inky"]
    run("train", "unregister", "owl", cwd=project.root)
    assert _marks(folder) == ["lora inky"]
    run("train", "unregister", "inky", cwd=project.root)
    assert _marks(folder) == []
    assert ledger_file.rebuild(folder)[0].used == ()


def test_who_was_killed_while_registering_can_still_take_it_all_back(
    run: Run, studio: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file in place and nothing written down yet: it is known to be ours."""

    class Killed(BaseException):
        pass

    def killed(*said: object) -> None:
        raise Killed

    with pytest.raises(Killed):
        registering.register(
            studio,
            "owl",
            Policy(),
            name="owl",
            folder=lambda engine: studio.root / "workspace/models/loras",
            inventory=killed,
            actor="user:ann",
            now=NOW,
        )
    place = studio.root / "workspace/models/loras/owl.safetensors"
    assert place.is_file()
    run("train", "register", "owl", cwd=studio.root)
    assert run("train", "unregister", "owl", "--json", cwd=studio.root).data["file"] == "removed"
    assert not place.exists()


def test_who_was_killed_while_taking_it_back_can_finish_it(
    run: Run, studio: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the file, with every other row gone: the same command again leaves nothing behind."""
    from ategnatos.train.registering import undoing

    run("train", "register", "owl", cwd=studio.root)
    place = studio.root / "workspace/models/loras/owl.safetensors"

    class Killed(BaseException):
        pass

    def killed(*said: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(undoing.os, "unlink", killed)
        with pytest.raises(Killed):
            undoing.unregister(studio, "owl", because="", actor="user:ann", now=NOW)
    assert place.is_file()
    assert run("train", "unregister", "owl", "--json", cwd=studio.root).data["file"] == "removed"
    assert not place.exists()
    assert documents.read(studio, "loras").loras == []


@pytest.mark.parametrize(
    "edited",
    [{"dataset": "free", "dataset_digest": "1" * 64}, {"trigger": "x"}, {"dataset": "free"}],
)
def test_a_record_that_was_edited_after_the_verdict_is_not_what_was_judged(
    run: Run, studio: Project, edited: dict[str, str]
) -> None:
    """Pictures with kinder rights cannot be put in the place of those it was trained on."""
    from ategnatos.train.evaluation import record

    dataset(studio, "free", 2, rights=Rights("public-domain"))
    record.save(replace(record.load(studio, "owl"), **edited))
    failed = run("train", "register", "owl", "--json", cwd=studio.root).envelope["error"]
    assert failed["code"] in {"lora_verdict_missing", "plan_dataset"}
    assert documents.read(studio, "loras").loras == []
