"""A picture made once more: what differs is said before, how far it agrees afterwards."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ategnatos.art import reproduce, steps
from ategnatos.engines import load_engine
from ategnatos.grimoire import journal
from ategnatos.grimoire.jobs import database, store
from ategnatos.grimoire.project import Project
from tests.comfyui.fake import FakeComfyUI
from tests.conftest import Run
from tests.engines.test_comfyui_contract import serving

ORDER = ("art", "generate", "a red potion", "--steps", "2", "--size", "64x64", "-n", "2", "--json")


@pytest.fixture
def made(run: Run, project: Project) -> Project:
    assert run(*ORDER, cwd=project.root).code == 0
    return project


def recorded(project: Project, **changed: Any) -> None:
    """Change what the record says of the second candidate's settings."""
    with database.connect(project) as db:
        one = store.get_candidate(db, 1, 2)
        text = json.dumps({**one.settings, **changed})
        db.execute("UPDATE candidate SET settings=? WHERE job=1 AND number=2", (text,))


def test_the_starter_model_gives_the_same_bytes(run: Run, made: Project) -> None:
    found = run("art", "reproduce", "j1#2", "--json", cwd=made.root).data
    assert (found["agreement"], found["differences"], found["path"]) == ("bytes", [], None)
    (event,) = journal.read(made, kinds={"art.reproduced"})
    assert event.references["candidate"] == "j1#2"
    assert event.data["agreement"] == "bytes"
    assert "agree" in run("art", "reproduce", "j1#2", cwd=made.root).out


def test_every_picture_says_which_program_made_it(made: Project) -> None:
    with database.connect(made) as db:
        versions = store.get_candidate(db, 1, 1).settings["versions"]
    assert set(versions) == {"ategnatos", "numpy", "processor"}
    assert versions["numpy"] == np.__version__


def test_another_version_is_said_and_the_pixels_may_agree_all_the_same(
    run: Run, made: Project
) -> None:
    recorded(made, versions={"ategnatos": "0.0.1", "numpy": np.__version__})
    told = run("art", "reproduce", "j1#2", "--dry-run", "--json", cwd=made.root).data
    assert {one["name"]: one["decides"] for one in told["differences"]} == {
        "ategnatos": False,
        "processor": False,
    }
    assert not list(journal.read(made, kinds={"art.reproduced"}))
    found = run("art", "reproduce", "j1#2", "--json", cwd=made.root).data
    # The file on disk was written with other words beside the same pixels.
    assert (found["agreement"], found["changed_pixels"]) == ("pixels", 0)
    assert Path(found["path"]).is_file()


def test_other_weights_stop_it_before_any_pixel(run: Run, made: Project) -> None:
    recorded(made, model_sha256="0" * 64)
    refused = run("art", "reproduce", "j1#2", "--json", cwd=made.root)
    assert refused.code == 1
    error = refused.envelope["error"]
    assert error["code"] == "lock_differs"
    assert error["details"]["differences"][0]["name"] == "model"
    assert not list(journal.read(made, kinds={"art.reproduced"}))
    anyway = run("art", "reproduce", "j1#2", "--anyway", "--json", cwd=made.root).data
    assert anyway["differing_settings"] == ["model_sha256"]


def test_a_picture_that_came_out_otherwise_is_told_pixel_by_pixel(made: Project) -> None:
    engine = load_engine("starter")
    job, one = reproduce.of(made, 1, 2)
    planned = reproduce.plan(made, engine, job, one)
    image = steps.made_by(engine, planned.request, None).images[0]
    with Image.open(io.BytesIO(image.png)) as opened:
        pixels = np.array(opened)
    pixels[0, 0, 3] ^= 7
    output = io.BytesIO()
    Image.fromarray(pixels).save(output, "PNG")
    found = reproduce.compared(made, planned, replace(image, png=output.getvalue()))
    assert (found.agreement, found.changed_pixels, found.most) == ("settings", 1, 7)
    (made.root / one.path).unlink()
    lost = reproduce.compared(made, planned, replace(image, png=output.getvalue()))
    assert lost.changed_pixels is None


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeComfyUI]:
    for name in ("XDG_STATE_HOME", "XDG_RUNTIME_DIR", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    with serving() as (fake, server):
        monkeypatch.setenv("ATEGNATOS_COMFYUI_URL", server.url)
        yield fake


def test_comfyui_says_server_device_and_node_packages(
    run: Run, project: Project, fake: FakeComfyUI
) -> None:
    custom = dict(fake.object_info["VAEDecode"], python_module="custom_nodes.better-vae")
    fake.object_info["VAEDecode"] = custom
    words = ("--engine", "comfyui", "--family", "sd15/base")
    assert run(*ORDER, *words, cwd=project.root).code == 0
    with database.connect(project) as db:
        versions = store.get_candidate(db, 1, 1).settings["versions"]
    assert {"comfyui", "pytorch", "device"} <= set(versions)
    package = "node package better-vae"
    assert versions[package].startswith("declared ")
    same = run("art", "reproduce", "j1#1", "--json", cwd=project.root).data
    assert (same["agreement"], same["differences"]) == ("bytes", [])
    # The package was changed: its node takes one more input.
    more = {**custom["input"], "optional": {"tiles": ["INT", {"default": 1}]}}
    fake.object_info["VAEDecode"] = {**custom, "input": more}
    told = run("art", "reproduce", "j1#1", "--json", cwd=project.root).data
    assert [one["name"] for one in told["differences"]] == [package]
    # Nothing but the version differs, and the file is written in the words of then.
    assert told["agreement"] == "bytes"
