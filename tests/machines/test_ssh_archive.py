"""Copies where rsync is missing: the same promises, kept with ssh and tar."""

from __future__ import annotations

import os
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ategnatos.grimoire.errors import StudioError
from ategnatos.machines import MACHINE_COPY
from ategnatos.machines.ssh import archive, transfer
from ategnatos.machines.ssh.link import Link
from tests.machines.sshd import Server
from tests.machines.wire import Wire

pytestmark = pytest.mark.sshd

NAMES = ["plain", "with space", "-rf", "$(touch pwned)", "a;b", "quote'\"", "ü—", "a:b", "*", "\n"]
LONG = "n" * 180


class Bare(Link):
    """A machine with no program but those that every system has, and perhaps not all of them."""

    def shell(self, line: str, **given: object) -> object:  # type: ignore[override]
        return Link.shell(self, f'PATH="$HOME/few"; {line}', **given)  # type: ignore[arg-type]


@pytest.fixture
def few(server: Server) -> Iterator[Path]:
    folder = server.home / "few"
    folder.mkdir()
    for name in ("sh", "tar", "mkdir", "find", "mv", "rm", "env"):
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    yield folder
    for one in server.home.iterdir():
        shutil.rmtree(one) if one.is_dir() else one.unlink()


def bare(server: Server, port: int | None = None) -> Bare:
    return Bare(server.address(port), waits=(0.0, 0.0))


def test_files_of_any_name_go_there_and_come_back_without_rsync(
    server: Server, few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So small a piece that there are several.
    monkeypatch.setattr(archive, "_PIECE_BYTES", 800)
    source = tmp_path / "source"
    for name in NAMES:
        (source / name / LONG / "empty").mkdir(parents=True)
        (source / name / name).write_text(name * 20)
    (source / "twice").hardlink_to(source / "plain" / "plain")
    (source / "link").symlink_to("/etc/passwd")
    link = bare(server)
    (server.home / "up" / "-o deep").mkdir(parents=True)
    (server.home / "up" / "-o deep" / "twice").write_text("what was there before")
    transfer.push(link, source, "up/-o deep")
    transfer.pull(link, "up/-o deep", tmp_path / "back")
    for name in NAMES:
        assert (tmp_path / "back" / name / name).read_text() == name * 20
        assert (tmp_path / "back" / name / LONG / "empty").is_dir()
    assert (tmp_path / "back" / "twice").read_text() == "plain" * 20
    assert not (tmp_path / "back" / "link").exists()
    transfer.push(link, source / "-rf" / "-rf", "-rf.txt")
    transfer.pull(link, "-rf.txt", tmp_path / "-one")
    assert (tmp_path / "-one").read_text() == "-rf" * 20
    assert not list(server.home.rglob("pwned"))
    assert not list(server.home.rglob(f"{archive.PART}*"))
    assert not list(tmp_path.rglob(f"{archive.PART}*"))


def test_a_cut_copy_is_made_again_and_leaves_no_half_file(
    server: Server, few: Path, wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer.shutil, "which", lambda name: None)
    data = os.urandom(2 << 20)
    (server.home / "big").write_bytes(data)
    wire.cut_after = 1 << 20
    link = bare(server, wire.port)
    transfer.pull(link, "big", tmp_path / "big")
    assert (wire.cuts, (tmp_path / "big").read_bytes()) == (1, data)
    link = Bare(link.address, waits=())
    wire.cut_after = 1 << 20
    with pytest.raises(StudioError) as error:
        transfer.pull(link, "big", tmp_path / "other" / "big")
    assert error.value.code is MACHINE_COPY
    assert list((tmp_path / "other").iterdir()) == []


def test_nothing_is_taken_from_a_machine_but_plain_files_in_their_own_folder(
    server: Server, few: Path, tmp_path: Path
) -> None:
    folder = server.home / "odd"
    folder.mkdir()
    (folder / "plain").write_text("x")
    (folder / "up").symlink_to("..")
    (folder / "deep").mkdir()
    (folder / "deep" / "file").write_text("y")
    os.mkfifo(folder / "pipe")
    link = bare(server)
    transfer.pull(link, "odd", tmp_path / "got")
    assert sorted(one.name for one in (tmp_path / "got").rglob("*")) == ["deep", "file", "plain"]

    (tmp_path / "mine").mkdir()
    (tmp_path / "into").mkdir()
    (tmp_path / "into" / "deep").symlink_to(tmp_path / "mine")
    with pytest.raises(StudioError) as error:
        transfer.pull(link, "odd", tmp_path / "into")
    assert "is a link here" in error.value.message
    assert list((tmp_path / "mine").iterdir()) == []

    # A machine whose tar is not what it seems: names that lead out.
    lying = few / "tar"
    lying.unlink()
    tar = shutil.which("tar")
    lying.write_text(f"#!/bin/sh\nexec {tar} -P --transform 's,^,../,' \"$@\"\n")
    lying.chmod(0o755)
    transfer.pull(link, "odd", tmp_path / "out" / "got")
    assert not (tmp_path / "out" / "plain").exists()
    assert [one.name for one in (tmp_path / "out").rglob("*")] == ["got"]


@pytest.mark.parametrize("odd", [{"path": "a\0b"}, {"mtime": "1e300"}], ids=["name", "time"])
def test_a_copy_of_what_cannot_be_here_says_so(
    server: Server, few: Path, tmp_path: Path, odd: dict[str, str]
) -> None:
    (server.home / "odd").mkdir()
    entry = tarfile.TarInfo("./file")
    entry.pax_headers = odd
    with tarfile.open(few / "made", "w", format=tarfile.PAX_FORMAT) as made:
        made.addfile(entry)
    lying = few / "tar"
    lying.unlink()
    lying.write_text(f"#!/bin/sh\nexec {shutil.which('cat')} '{few / 'made'}'\n")
    lying.chmod(0o755)
    with pytest.raises(StudioError) as error:
        transfer.pull(bare(server), "odd", tmp_path / "got")
    assert error.value.code is MACHINE_COPY
    assert not list((tmp_path / "got").rglob("*"))


def test_what_cannot_be_copied_without_rsync_is_said(
    server: Server, few: Path, tmp_path: Path
) -> None:
    link = bare(server)
    (tmp_path / "file").write_text("x")
    (server.home / "place").mkdir()
    with pytest.raises(StudioError) as error:
        transfer.push(link, tmp_path / "file", "place")
    assert error.value.code is MACHINE_COPY
    assert list((server.home / "place").iterdir()) == []
    (few / "tar").unlink()
    with pytest.raises(StudioError) as error:
        transfer.push(link, tmp_path / "file", "x")
    assert "neither rsync nor tar" in error.value.message
