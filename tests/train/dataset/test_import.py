"""Import: folders, zips and the studio; names, captions, and archives made to harm."""

from __future__ import annotations

import os
import stat
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.project import Project
from ategnatos.train.dataset import record, store
from ategnatos.train.dataset.difference import between
from ategnatos.train.dataset.importing import archive, bring
from ategnatos.train.dataset.importing.bring import Brought
from ategnatos.train.dataset.importing.naming import free_name, safe_name
from tests.conftest import Run
from tests.train.dataset.hostile import encoded
from tests.train.dataset.pictures import asset

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)


def take(project: Project, *sources: Path) -> Brought:
    offered = bring.gather(project, list(sources), None)
    return bring.bring(project, "ann", offered, actor="user:ann", now=NOW)


def png(colour: str) -> bytes:
    return encoded(Image.new("RGB", (32, 24), colour), "PNG")


def test_a_folder_with_captions_and_everything_else(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    (folder / "10_ann").mkdir(parents=True)
    (folder / "10_ann" / "a.png").write_bytes(png("red"))
    (folder / "10_ann" / "a.txt").write_text("ann, smiling", encoding="utf-8")
    (folder / "b.PNG").write_bytes(png("blue"))
    (folder / "b.txt").write_bytes(b"caf\xe9")
    (folder / "c.png").write_bytes(png("lime"))
    (folder / "c.caption").write_text("  \n", encoding="utf-8")
    (folder / "alone.txt").write_text("no picture", encoding="utf-8")
    (folder / "README.md").write_text("hello", encoding="utf-8")
    (folder / ".DS_Store").write_bytes(b"x")
    (folder / "link.png").symlink_to(folder / "b.PNG")
    os.mkfifo(folder / "pipe.png")
    brought = take(project, folder)
    assert brought.version is not None
    pictures = brought.version.by_name()
    assert set(pictures) == {"10_ann/a.png", "b.PNG", "c.png"}
    caption = pictures["10_ann/a.png"].caption
    assert caption is not None
    assert (caption.text, caption.author) == ("ann, smiling", "imported")
    assert (pictures["b.PNG"].width, pictures["b.PNG"].height) == (32, 24)
    assert pictures["b.PNG"].notes == {"caption_file": "not UTF-8"}
    assert pictures["c.png"].caption is None
    assert pictures["c.png"].notes == {"caption_file": "empty"}
    assert dict(brought.left_out) == {
        "alone.txt": "a caption without its picture",
        "README.md": "it is no picture",
        "link.png": "it is a link",
        "pipe.png": "it is a device, pipe or socket",
    }


def test_importing_again_changes_nothing_and_new_bytes_make_a_version(
    project: Project, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.png").write_bytes(png("red"))
    (folder / "b.png").write_bytes(png("blue"))
    take(project, folder)
    again = take(project, folder)
    assert again.version is not None
    assert (again.version.number, again.unchanged, again.added) == (1, 2, [])
    with record.edit(project, "ann", actor="user:ann", because="c", now=NOW) as draft:
        draft.caption("a.png", "ann", author="person")
    (folder / "a.png").write_bytes(png("green"))
    changed = take(project, folder)
    assert changed.version is not None
    assert (changed.version.number, changed.replaced) == (3, ["a.png"])
    found = between(record.load(project, "ann", 2), changed.version)
    assert set(found["changed"]) == {"a.png"}
    caption = changed.version.by_name()["a.png"].caption
    assert caption is not None
    assert caption.author == "person"
    old = record.load(project, "ann", 1)
    path = record.picture_path(project, old, "a.png")
    assert path.read_bytes() == png("red")


def test_two_sources_with_one_name_keep_both(project: Project, tmp_path: Path) -> None:
    for name, colour in (("one", "red"), ("two", "blue")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "A.png").write_bytes(png(colour))
    brought = take(project, tmp_path / "one", tmp_path / "two")
    assert brought.added == ["A.png", "A-2.png"]
    assert take(project, tmp_path / "two").unchanged == 1


def test_a_zip_made_to_harm_harms_nothing(project: Project, tmp_path: Path) -> None:
    path = tmp_path / "in.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("good/a.png", png("red"))
        file.writestr("good/a.txt", "ann")
        file.writestr("../../escaped.png", png("blue"))
        file.writestr("/etc/absolute.png", png("blue"))
        link = zipfile.ZipInfo("link.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        file.writestr(link, "/etc/passwd")
        file.writestr("bomb.png", bytes(40_000_000))
        file.writestr("inner.zip", b"PK\x03\x04")
    brought = take(project, path)
    assert brought.version is not None
    assert [one.name for one in brought.version.pictures] == ["good/a.png"]
    assert brought.captions == 1
    assert dict(brought.left_out) == {
        "../../escaped.png": "its name leads out of the archive",
        "/etc/absolute.png": "its name leads out of the archive",
        "link.png": "it is a link",
        "bomb.png": "it unfolds to far more than it holds",
        "inner.zip": "it is no picture",
    }
    assert not list(tmp_path.rglob("escaped*"))


def test_what_a_zip_says_of_its_sizes_is_not_believed(project: Project, tmp_path: Path) -> None:
    path = tmp_path / "in.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.png", png("red"))
        file.writestr("bomb.png", bytes(40_000_000))
    raw = bytearray(path.read_bytes())
    # The directory's entry of the bomb: its unfolded size becomes 1,000 bytes.
    at = raw.rindex(b"bomb.png") - 46
    assert raw[at : at + 4] == b"PK\x01\x02"
    raw[at + 24 : at + 28] = (1000).to_bytes(4, "little")
    path.write_bytes(raw)
    brought = take(project, path)
    assert brought.version is not None
    sizes = {one.name: one.size for one in brought.version.pictures}
    assert sizes["a.png"] == len(png("red"))
    assert sizes.get("bomb.png", 0) <= 1000
    assert sum(f.stat().st_size for f in store.home(project, "ann").rglob("*") if f.is_file()) < 1e5


def test_a_cut_off_zip_is_refused_whole(project: Project, tmp_path: Path) -> None:
    path = tmp_path / "in.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a.png", png("red"))
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(StudioError) as refusal:
        take(project, path)
    assert refusal.value.code is archive.ARCHIVE_REFUSED
    assert record.names(project) == []


def test_approved_assets_come_in_once_with_their_prompts(project: Project) -> None:
    asset(project, "owl", png("red"), "a brown owl")
    offered = bring.gather(project, [], "Brown")
    brought = bring.bring(project, "ann", offered, actor="user:ann", now=NOW)
    assert brought.version is not None
    (picture,) = brought.version.pictures
    assert picture.caption is not None
    assert picture.caption.text == "a brown owl"
    assert (picture.rights.kind, picture.rights.by) == ("generated", "starter")
    again = bring.gather(project, [], "")
    assert bring.bring(project, "ann", again, actor="user:ann", now=NOW).unchanged == 1
    with pytest.raises(StudioError):
        bring.gather(project, [], "zebra")


def test_the_commands_say_what_they_did(project: Project, tmp_path: Path, run: Run) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.png").write_bytes(png("red"))
    command = ("train", "dataset", "import", folder, "--as", "ann", "--json")
    dry = run(*command, "--dry-run", cwd=project.root)
    assert dry.data["pictures"] == 1
    assert record.names(project) == []
    assert run(*command, cwd=project.root).data["added"] == ["a.png"]
    (folder / "b.png").write_bytes(png("blue"))
    run(*command, cwd=project.root)
    changed = run("train", "dataset", "diff", "ann", "--json", cwd=project.root)
    assert changed.data["added"] == ["b.png"]
    listed = run("train", "dataset", "list", "--json", cwd=project.root)
    assert [one["pictures"] for one in listed.data["datasets"]] == [2]
    aside = run("train", "dataset", "quarantine", "ann", "b.png", "--json", cwd=project.root)
    assert [one["name"] for one in aside.data["quarantine"]] == ["b.png"]
    shown = run("train", "dataset", "show", "ann", "--pictures", "--json", cwd=project.root)
    assert [one["name"] for one in shown.data["files"]] == ["a.png"]


@given(st.text(min_size=0, max_size=400))
def test_a_name_from_outside_is_always_a_safe_one(given_name: str) -> None:
    name = safe_name(given_name.encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape"))
    parts = name.split("/")
    assert all(part and part[0] != "." and len(part.encode()) <= 220 for part in parts)
    assert all(ord(letter) >= 32 for letter in name)
    assert safe_name(name) == name


@given(st.lists(st.sampled_from(["a.png", "A.png", "a-2.png", "b", "x/a.png"]), max_size=12))
def test_no_name_is_given_twice_whatever_the_capitals(wanted: list[str]) -> None:
    taken: set[str] = set()
    found = [free_name(name, taken) for name in wanted]
    assert len({name.casefold() for name in found}) == len(found)
