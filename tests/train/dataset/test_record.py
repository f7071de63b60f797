"""A dataset is a record: versions that never change, bound to a digest."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ategnatos.grimoire import journal
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.project import Project
from ategnatos.train.dataset import record, store
from ategnatos.train.dataset.version import Picture, Rights, Source

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
WHO = {"actor": "user:ann", "now": NOW}


def picture(name: str, sha: str = "0" * 64) -> Picture:
    return Picture(name, sha, 10, 8, 8, Source("folder", "/in", name, record.stamp(NOW)))


def make(project: Project, *names: str) -> None:
    with record.edit(project, "ann", because="import", new=True, **WHO) as draft:  # type: ignore[arg-type]
        for name in names:
            draft.pictures[name] = picture(name)


def change(project: Project, because: str = "edit"):  # type: ignore[no-untyped-def]
    return record.edit(project, "ann", because=because, **WHO)  # type: ignore[arg-type]


def test_every_edit_is_a_version_and_the_old_one_stays(project: Project) -> None:
    make(project, "b.png", "a.png")
    with change(project) as draft:
        draft.caption("a.png", "ann, smiling", author="person", parts={"content": "smiling"})
        draft.change("b.png", rights=Rights("own"))
    assert draft.version.number == 2
    first, second = record.load(project, "ann", 1), record.load(project, "ann")
    assert [one.name for one in first.pictures] == ["a.png", "b.png"]
    assert first.pictures[0].caption is None
    caption = second.pictures[0].caption
    assert caption is not None
    assert (caption.text, caption.author) == ("ann, smiling", "person")
    assert second.pictures[1].rights.kind == "own"
    assert first.digest() != second.digest()
    events = list(journal.read(project, {record.VERSION_EVENT}))
    assert [one.references["digest"] for one in events] == [first.digest(), second.digest()]


def test_an_edit_that_changes_nothing_makes_no_version(project: Project) -> None:
    make(project, "a.png")
    with change(project) as draft:
        draft.caption("a.png", "x", author="imported")
    with change(project) as draft:
        draft.caption("a.png", "x", author="imported")
    assert draft.version.number == 2 == record.load(project, "ann").number


def test_going_back_gives_the_same_digest(project: Project) -> None:
    make(project, "a.png")
    with change(project) as draft:
        draft.settings["trigger"] = "ann"
    with change(project) as draft:
        del draft.settings["trigger"]
    assert record.load(project, "ann", 3).digest() == record.load(project, "ann", 1).digest()


def test_a_block_that_raises_changes_nothing(project: Project) -> None:
    make(project, "a.png")

    def fail() -> None:
        with change(project) as draft:
            draft.settings["x"] = 1
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert record.load(project, "ann").number == 1


def test_a_version_whose_file_was_changed_is_not_read(project: Project) -> None:
    make(project, "a.png")
    path = record.version_path(project, "ann", 1)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b"a.png", b"b.png"))
    with pytest.raises(StudioError, match="cannot be trusted"):
        record.load(project, "ann")


def test_a_file_is_stored_once_and_comes_back_from_quarantine(project: Project) -> None:
    sha, size, path = store.put(project, "ann", [b"pic", b"ture"])
    assert (size, path.read_bytes()) == (7, b"picture")
    assert path.stat().st_mode & 0o777 == 0o444
    assert store.put(project, "ann", [b"picture"])[2] == path
    aside = store.set_aside(project, "ann", "sub/a.png", sha, still_needed=False)
    assert not path.exists()
    assert aside.read_bytes() == b"picture"
    assert store.path_of(project, "ann", "sub/a.png", sha) == aside
    assert store.bring_back(project, "ann", "sub/a.png", sha) == path
    assert path.read_bytes() == b"picture"
    assert not aside.exists()
    assert not list(path.parents[1].glob(".tmp-*"))
