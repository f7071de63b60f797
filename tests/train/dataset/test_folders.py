"""A folder audited where it lies, and kohya's folders: what they say is kept."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from PIL import Image

from ategnatos.grimoire.project import Project
from ategnatos.train.dataset import record
from ategnatos.train.dataset.importing import bring, kohya_folders
from tests.conftest import Run
from tests.train.dataset import generated


def fill(folder: Path, count: int, seed: int) -> None:
    folder.mkdir(parents=True)
    for n in range(count):
        image = generated.picture(np.random.default_rng([seed, n]), 160, 200)
        image.save(folder / f"{n}.png")
        (folder / f"{n}.txt").write_text(f"zrvk, picture {n}", encoding="utf-8")


def state(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_is_audited_where_it_lies(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    fill(folder, 3, 1)
    whole = (folder / "0.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "again.png").write_bytes(whole)
    with Image.open(folder / "1.png") as small:
        small.resize((2 * small.width, 2 * small.height)).save(folder / "larger.png")
    (folder / "link.png").symlink_to(folder / "1.png")
    before = state(tmp_path)
    # No studio is needed, and none is made.
    said = run("train", "dataset", "audit", "mine", "--workers", "1", "--json", cwd=tmp_path)
    assert said.code == 1
    assert said.envelope["error"]["code"] == "audit_stops"
    assert "dataset import" in said.envelope["error"]["hint"]
    data = said.envelope["data"]
    found = {(one["code"], one["file"]) for one in data["findings"]}
    copies = {file for code, file in found if code == "duplicate"}
    assert ("truncated", "cut.png") in found
    assert len(copies & {"0.png", "again.png"}) == 1
    assert "1.png" in copies
    assert (data["pictures"], data["captions"]["captioned"]) == (6, 3)
    assert [one["name"] for one in data["left_out"]] == ["link.png"]
    assert state(tmp_path) == before


def test_what_kohyas_folders_say_is_kept_and_recommended(
    run: Run, project: Project, tmp_path: Path
) -> None:
    root = project.root
    fill(tmp_path / "in" / "10_zrvk knight", 3, 2)
    fill(tmp_path / "in" / "3_style", 2, 3)
    said = run("train", "dataset", "audit", f"{tmp_path}/in", "--json", cwd=root).envelope["data"]
    assert [one["why"] for one in said["findings"] if one["code"] == "kohya_folders"] == [
        "--concepts 3_style,10_zrvk-knight"
    ]
    brought = run("train", "dataset", "import", tmp_path / "in", "--as", "two", "--json", cwd=root)
    assert brought.envelope["data"]["concepts"] == "3_style,10_zrvk-knight"
    notes = {one.name: one.notes for one in record.load(project, "two").pictures}
    assert notes["10_zrvk knight/0.png"] == {
        "concept": "zrvk-knight",
        "repeats": 10,
        "class_words": "zrvk knight",
    }
    run("train", "dataset", "rights", "two", "--kind", "own", cwd=root)
    one = run("train", "dataset", "structure", "two", "--dry-run", "--json", cwd=root)
    assert "--concepts 3_style,10_zrvk-knight" in one.envelope["warnings"][0]
    assert len(one.envelope["data"]["concepts"]) == 1
    told = ("--concepts", one.envelope["data"]["concepts_imported"])
    both = run("train", "dataset", "structure", "two", *told, "--json", cwd=root).envelope["data"]
    assert {(each["name"], each["repeats"], each["pictures"]) for each in both["concepts"]} == {
        ("style", 3, 2),
        ("zrvk-knight", 10, 3),
    }
    laid = {path.name for path in (Path(both["place"]) / "train").iterdir()}
    assert laid == {"3_style", "10_zrvk-knight"}


def test_a_picture_of_no_such_folder_leaves_nothing_to_recommend(
    project: Project, tmp_path: Path
) -> None:
    fill(tmp_path / "in" / "10_knight", 1, 4)
    fill(tmp_path / "in" / "2024_summer", 1, 5)
    offered = bring.gather(project, [tmp_path / "in"], None)
    now = datetime(2026, 11, 21, 10, tzinfo=UTC)
    version = bring.bring(project, "ann", offered, actor="user:ann", now=now).version
    assert version is not None
    assert kohya_folders.recommended(version.pictures) == ""
    knights = [one for one in version.pictures if one.name.startswith("10_")]
    assert kohya_folders.recommended(knights) == "10_knight"
