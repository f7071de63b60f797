"""The inventory, and the commands over it."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ategnatos.grimoire import documents
from ategnatos.grimoire.project import Project
from ategnatos.studio.models import places
from ategnatos.studio.models import scan as room
from tests.conftest import Run
from tests.studio.comfyui.conftest import make_comfyui
from tests.studio.models.conftest import LORA, METADATA, FileServer, safetensors
from tests.studio.models.test_header import SDXL

NOW = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A folder like ComfyUI's: one of each kind, one that is a login page, one in a subfolder."""
    root = tmp_path / "models"
    for name in ("checkpoints", "loras/style", "vae"):
        (root / name).mkdir(parents=True)
    (root / "checkpoints" / "pony.safetensors").write_bytes(safetensors(SDXL))
    (root / "loras" / "style" / "cat.safetensors").write_bytes(safetensors(LORA, METADATA))
    (root / "loras" / "page.safetensors").write_text("<!doctype html><title>Sign in</title>")
    (root / "vae" / "old.pt").write_bytes(b"\x80\x02 pickled")
    (root / "vae" / "put_vae_here").write_text("")
    (root / "vae" / ".hidden.pt").write_text("")
    return root


def scanned(project: Project, models: Path, **options: bool) -> room.Scanned:
    where = places.places(models, None, {})
    return room.scan(project, where, now=lambda: NOW, **options)  # type: ignore[arg-type]


def test_every_file_is_known_by_hash_kind_and_family(project: Project, models: Path) -> None:
    result = scanned(project, models)
    found = {Path(one.name).name: one for one in documents.read(project, "models").files}
    assert sorted(found) == ["cat.safetensors", "old.pt", "page.safetensors", "pony.safetensors"]
    assert len(result.new) == 4
    pony, cat = found["pony.safetensors"], found["cat.safetensors"]
    assert (pony.kind, pony.family, pony.how) == ("checkpoint", "pony", "name")
    assert (cat.kind, cat.family, cat.triggers) == ("lora", "sd15", ["sks cat", "red hair"])
    assert cat.name == "style/cat.safetensors"
    assert cat.sha256 == hashlib.sha256(Path(cat.path).read_bytes()).hexdigest()
    assert "web page" in found["page.safetensors"].problem
    assert "pickle" in found["old.pt"].facts["format"]
    assert "pony.safetensors" in (project.grimoire / "models.md").read_text()


def test_a_hash_is_computed_once(project: Project, models: Path) -> None:
    first = scanned(project, models)
    second = scanned(project, models)
    assert first.hashed_bytes > 0
    assert (second.hashed_bytes, second.new, second.changed, second.gone) == (0, [], [], [])
    cat = models / "loras" / "style" / "cat.safetensors"
    facts = cat.stat()
    cat.write_bytes(safetensors({**LORA, "x.lora_up.weight": (1,)}, METADATA))
    os.utime(cat, ns=(facts.st_atime_ns, facts.st_mtime_ns + 1))
    third = scanned(project, models)
    assert third.changed == ["style/cat.safetensors"]
    assert third.hashed_bytes == cat.stat().st_size


def test_bytes_changed_behind_the_times_back_are_seen_by_verify(
    project: Project, models: Path, run: Run
) -> None:
    scanned(project, models)
    pony = models / "checkpoints" / "pony.safetensors"
    data, facts = bytearray(pony.read_bytes()), pony.stat()
    data[-1] ^= 1
    with pony.open("r+b") as file:
        file.write(data)
    os.utime(pony, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert scanned(project, models).changed == []
    ran = run("studio", "models", "verify", "pony", "--project", project.root, "--json")
    assert (ran.code, ran.envelope["error"]["code"]) == (1, "models_differ")
    assert "other bytes" in ran.envelope["data"]["files"][0]["problem"]


def test_without_hashes_the_rest_is_known(project: Project, models: Path) -> None:
    assert scanned(project, models, hashes=False).hashed_bytes == 0
    assert all(not one.sha256 for one in documents.read(project, "models").files)
    assert scanned(project, models).hashed_bytes > 0


def test_a_file_that_is_gone_is_taken_off_and_others_stay(
    project: Project, models: Path, tmp_path: Path
) -> None:
    scanned(project, models)
    (models / "loras" / "page.safetensors").unlink()
    other = tmp_path / "other" / "loras"
    other.mkdir(parents=True)
    (other / "b.safetensors").write_bytes(safetensors(LORA))
    assert scanned(project, tmp_path / "other").gone == []
    assert scanned(project, models).gone == ["page.safetensors"]
    assert len(documents.read(project, "models").files) == 4


def test_folders_linked_in_a_circle_are_walked_once(project: Project, models: Path) -> None:
    (models / "loras" / "again").symlink_to(models / "loras")
    assert len(scanned(project, models).files) == 4


def test_a_file_in_the_wrong_folder_is_said(project: Project, models: Path) -> None:
    (models / "checkpoints" / "x.safetensors").write_bytes(safetensors(LORA))
    found = scanned(project, models).files
    problem = next(one.problem for one in found if one.name == "x.safetensors")
    assert problem == "it lies among the checkpoint files and is a lora"


def test_the_studio_learns_its_models_and_keeps_a_persons_words(
    project: Project, models: Path, run: Run
) -> None:
    with documents.edit(project, "studio") as studio:
        from ategnatos.grimoire.schemas.studio import Lora

        studio.loras.append(Lora(name="cat", trigger="my own word", weight_range="0.5"))
    where = ("--models", models, "--project", project.root)
    ran = run("studio", "models", "scan", *where, "--json")
    assert ran.data["problems"][0]["path"].endswith("page.safetensors")
    studio = documents.read(project, "studio")
    assert [(one.name, one.type, one.base) for one in studio.models] == [
        ("pony", "checkpoint", "pony")
    ]
    assert "steps, CFG" in studio.models[0].settings
    assert (studio.loras[0].trigger, studio.loras[0].trained_on) == (
        "my own word",
        "v1-5-pruned.safetensors",
    )
    assert run("studio", "models", "scan", *where, "--json").data["recorded"] == []


def test_the_commands_over_the_inventory(project: Project, models: Path, run: Run) -> None:
    where = ("--project", project.root, "--json")
    planned = run("studio", "models", "scan", "--models", models, "--dry-run", *where)
    assert len(planned.data["files"]) == 4
    assert documents.read(project, "models").files == []
    scanned(project, models)
    loras = run("studio", "models", "list", "--kind", "lora", "--family", "sd15", *where).data
    assert [one["name"] for one in loras["files"]] == ["style/cat.safetensors"]
    path = str(models / "loras" / "style" / "cat.safetensors")
    for name in ("cat", "cat.safetensors", "style/cat.safetensors", path):
        assert run("studio", "models", "where", name, *where).data["paths"] == [path]
    folder = run("studio", "models", "where", "--kind", "upscaler", "--models", models, *where)
    assert folder.data["paths"] == [str(models / "upscale_models")]
    missing = run("studio", "models", "where", "cta.safetensors", *where)
    assert "cat.safetensors" in missing.envelope["error"]["hint"]
    assert run("studio", "models", "verify", "cat", *where).data["bad"] == 0


def test_one_file_is_added_with_a_persons_words(project: Project, models: Path, run: Run) -> None:
    file = models / "checkpoints" / "pony.safetensors"
    said = ("--good-for", "heroes", "--licence", "FAIPL", "--settings", "24 steps")
    ran = run("studio", "models", "add", file, *said, "--project", project.root, "--json")
    assert ran.data["file"]["licence"] == "FAIPL"
    model = documents.read(project, "studio").models[0]
    assert (model.good_for, model.settings) == ("heroes", "24 steps")
    bare = run("studio", "models", "add", file, "--project", project.root, "--json").data
    assert any("--good-for" in step for step in bare["next"])
    page = models / "loras" / "page.safetensors"
    refused = run("studio", "models", "add", page, "--project", project.root, "--json")
    assert refused.envelope["error"]["code"] == "model_unusable"


def test_extra_folders_of_comfyui_are_looked_into(tmp_path: Path) -> None:
    from ategnatos.studio.comfyui import installs

    folder = make_comfyui(tmp_path / "ComfyUI")
    shared = tmp_path / "shared"
    (shared / "Lora").mkdir(parents=True)
    (folder / "extra_model_paths.yaml").write_text(
        f"a111:\n  base_path: {shared}\n  loras: |\n    Lora\n    None\n  is_default: true\n"
    )
    found = places.places(None, installs.one(folder), {})
    assert places.Place(shared / "Lora", "lora") in found
    (folder / "extra_model_paths.yaml").write_text("a: [")
    assert places.places(None, installs.one(folder), {})


def test_a_download_is_put_on_record(
    project: Project, server: FileServer, run: Run, tmp_path: Path
) -> None:
    where = ("--models", tmp_path / "M", "--project", project.root, "--json")
    planned = run("studio", "models", "download", server.url, "--kind", "lora", "--dry-run", *where)
    assert planned.data["path"] == str(tmp_path / "M" / "loras" / "file.safetensors")
    assert server.seen == []
    ran = run("studio", "models", "download", server.url, "--folder", "loras", *where)
    assert (ran.data["kind"], ran.data["family"], ran.data["fresh"]) == ("lora", "sd15", True)
    entry = documents.read(project, "models").files[0]
    assert (entry.source, entry.sha256) == (server.url, ran.data["sha256"])
    assert documents.read(project, "studio").loras[0].trigger == "sks cat, red hair"
    again = run("studio", "models", "download", server.url, "--folder", "loras", *where)
    assert again.data["fresh"] is False
    escape = run("studio", "models", "download", server.url, "--kind", "lora",
                 "--name", "../../x.safetensors", *where)  # fmt: skip
    assert escape.envelope["error"]["code"] == "path_outside"
    assert run("studio", "models", "download", server.url, *where).envelope["error"]["code"] == (
        "download_unclear"
    )
