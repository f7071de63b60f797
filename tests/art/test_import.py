"""Pictures from elsewhere become candidates: byte for byte, once, whatever they are called."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ategnatos.art import result_licence
from ategnatos.grimoire import journal
from ategnatos.grimoire.documents import edit
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.files import sha256_file
from ategnatos.grimoire.jobs import database, store
from ategnatos.grimoire.project import Project
from tests.conftest import AtTerminal, Run

RECORDED = Path(__file__).parents[1] / "pictures" / "recorded"
WEBUI = (
    "a red potion <lora:owl:0.8>\nNegative prompt: blurry\n"
    "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 42, Size: 96x96, Model: base"
)


def picture(path: Path, seed: int = 1, **texts: str) -> Path:
    random = np.random.default_rng(seed)
    chunks = PngInfo()
    for keyword, text in texts.items():
        chunks.add_text(keyword, text)
    Image.fromarray(random.integers(0, 256, (96, 96, 3), np.uint8)).save(path, pnginfo=chunks)
    return path


def test_a_web_ui_picture_is_a_candidate_that_is_varied_and_approved_and_exported(
    run: Run, project: Project, tmp_path: Path, at_terminal: AtTerminal
) -> None:
    source = picture(tmp_path / "old.png", parameters=WEBUI)
    made = run("art", "import", str(source), "--json", cwd=project.root).data
    assert (made["imported"], made["rights"]) == (1, "unknown")
    one = made["pictures"][0]
    assert one["candidate"] == "j1#1"
    assert one["tool"] == "web UI (A1111)"
    assert Path(one["path"]).read_bytes() == source.read_bytes()
    shown = run("art", "show", "j1#1", "--json", cwd=project.root).data
    assert shown["candidates"][0]["settings"]["sampler"] == "Euler a"
    assert (shown["state"], shown["candidates"][0]["seed"]) == ("awaiting_review", 42)
    found = run("art", "search", "potion", "--json", cwd=project.root)
    assert "j1" in json.dumps(found.data)
    vary = ("art", "vary", "j1#1", "--change", "blue", "--count", "1")
    varied = run(*vary, "--json", cwd=project.root).data
    assert (varied["engine"], varied["parent"]) == ("starter", "j1#1")
    assert "<lora" not in varied["prompt"]
    done = at_terminal(["art", "approve", "j1#1"], cwd=project.root, answers=["yes"])
    assert done.code == 0, done.out
    out = run("art", "export", "j1#1", "--as", "potion", "--json", cwd=project.root)
    assert out.code == 0, out.out


@pytest.mark.parametrize("name", ["credentials.jpg", "credentials.webp", "credentials.png"])
def test_signed_files_keep_every_byte_and_their_format(
    run: Run, project: Project, name: str
) -> None:
    made = run("art", "import", str(RECORDED / name), "--json", cwd=project.root).data
    kept = Path(made["pictures"][0]["path"])
    assert kept.suffix == Path(name).suffix
    assert sha256_file(kept) == sha256_file(RECORDED / name)
    assert run("art", "sheet", "j1", "--json", cwd=project.root).code == 0


def test_the_same_bytes_are_one_candidate_under_any_name(
    run: Run, project: Project, tmp_path: Path
) -> None:
    folder = tmp_path / "pictures"
    (folder / "deep" / ".hidden").mkdir(parents=True)
    first = picture(folder / "a.png")
    (folder / "deep" / "b.png").write_bytes(first.read_bytes())
    picture(folder / "deep" / ".hidden" / "c.png", 2)
    hostile = os.fsencode(folder) + b"/\xff\x1b[31m\n$(rm -rf).png"
    picture(folder / "d.png", 3).rename(os.fsdecode(hostile))
    (folder / "notes.txt").write_text("no picture")
    (folder / "broken.png").write_bytes(first.read_bytes()[:200])
    (folder / "link.png").symlink_to("/etc/passwd")
    made = run("art", "import", str(folder), "--json", cwd=project.root).data
    assert (made["imported"], made["known"], len(made["skipped"])) == (2, 1, 2)
    assert all("\x1b" not in one["file"] for one in made["pictures"])
    again = run("art", "import", str(folder), "--rights", "mine", "--json", cwd=project.root).data
    assert (again["imported"], again["known"]) == (0, 3)
    with database.connect(project) as db:
        jobs = store.jobs(db)
    assert {job.request["imported"]["rights"] for job in jobs} == {"mine"}
    assert len(jobs) == 2


def test_a_dry_run_writes_nothing(run: Run, project: Project, tmp_path: Path) -> None:
    source = picture(tmp_path / "a.png")
    made = run("art", "import", str(source), "--dry-run", "--json", cwd=project.root).data
    assert (made["imported"], made["pictures"][0]["candidate"]) == (1, None)
    assert not Path(made["pictures"][0]["path"]).exists()


def test_a_file_that_is_gone_comes_back(run: Run, project: Project, tmp_path: Path) -> None:
    source = picture(tmp_path / "a.png")
    kept = Path(
        run("art", "import", str(source), "--json", cwd=project.root).data["pictures"][0]["path"]
    )
    kept.unlink()
    again = run("art", "import", str(source), "--json", cwd=project.root).data
    assert (again["imported"], kept.read_bytes()) == (0, source.read_bytes())


def test_one_file_that_is_no_picture_is_refused(run: Run, project: Project, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("no")
    refused = run("art", "import", str(tmp_path / "a.png"), "--json", cwd=project.root)
    assert (refused.code, refused.envelope["error"]["code"]) == (1, "picture_unknown")


def test_a_seed_larger_than_the_database_holds_is_kept_in_words(
    run: Run, project: Project, tmp_path: Path
) -> None:
    graph: dict[str, Any] = {"3": {"class_type": "KSampler", "inputs": {"seed": 2**64 - 1}}}
    source = picture(tmp_path / "a.png", prompt=json.dumps(graph))
    assert run("art", "import", str(source), "--json", cwd=project.root).code == 0
    with database.connect(project) as db:
        assert store.get(db, 1).request["imported"]["says"]["seed"] == 2**64 - 1
    assert run("art", "search", "imported", "--json", cwd=project.root).code == 0


def test_an_import_that_was_killed_is_finished_by_the_same_command(
    run: Run, project: Project, tmp_path: Path
) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(24):
        picture(folder / f"{number}.png", number)
    command = [sys.executable, "-m", "ategnatos", "art", "import", str(folder), "--json"]
    process = subprocess.Popen(command, cwd=project.root, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    outputs = project.root / "workspace" / "outputs" / "import"
    # Dead wherever it is once it has begun; should it be quicker, nothing is left to finish.
    while process.poll() is None and time.monotonic() < deadline:
        if outputs.is_dir() and len(list(outputs.iterdir())) >= 3:
            process.send_signal(signal.SIGKILL)
            break
    process.wait(60)
    made = run("art", "import", str(folder), "--json", cwd=project.root).data
    assert made["imported"] + made["known"] == 24
    with database.connect(project) as db:
        kept = store.all_candidates(db)
        jobs = store.jobs(db)
    assert (len(kept), len(jobs)) == (24, 24)
    told = [event.references["job"] for event in journal.read(project, kinds={"art.imported"})]
    assert sorted(told) == sorted(job.name for job in jobs)


@pytest.mark.parametrize(("rights", "released"), [("unknown", False), ("mine", True)])
def test_rights_that_nobody_knows_block_a_release_under_a_commercial_policy(
    run: Run, project: Project, tmp_path: Path, rights: str, released: bool
) -> None:
    source = picture(tmp_path / "old.png", parameters=WEBUI)
    assert run("art", "import", str(source), "--rights", rights, cwd=project.root).code == 0
    vary = ("art", "vary", "j1#1", "--change", "blue", "--count", "1")
    assert run(*vary, "--json", cwd=project.root).code == 0
    with edit(project, "policy") as policy:
        policy.commercial = True
    with database.connect(project) as db:
        jobs = store.jobs(db)
    for job in jobs:
        terms = result_licence.terms_of(project, job)
        if released:
            assert result_licence.require(project, terms) == ()
        else:
            with pytest.raises(StudioError) as refused:
                result_licence.require(project, terms)
            assert refused.value.code.code == "licence_unknown"


def test_clean_leaves_imported_pictures_alone(run: Run, project: Project, tmp_path: Path) -> None:
    source = picture(tmp_path / "old.png")
    made = run("art", "import", str(source), "--json", cwd=project.root).data
    assert run("clean", "--waiting", "--json", cwd=project.root).code == 0
    assert Path(made["pictures"][0]["path"]).is_file()
