"""Many writers, kill -9 and a full disk: the record stays readable and loses nothing confirmed."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ategnatos.grimoire import content, documents, drift, journal
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.project import Project
from ategnatos.grimoire.schemas.studio import Model

WRITER = """
import sys
from pathlib import Path
from ategnatos.grimoire import documents, journal
from ategnatos.grimoire.project import Project
from ategnatos.grimoire.schemas.studio import Model
project, who, count = Project(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3])
events = len(sys.argv) > 4
for n in range(count):
    with documents.edit(project, "studio") as studio:
        studio.models.append(Model(name=f"{who}-{n}"))
    if events:
        journal.append(project, "noted", actor=who, data={"n": n})
    print(n, flush=True)
"""

EDITS = 100


def start(project: Project, who: str, count: int, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(project.root), who, str(count), *more],
        stdout=subprocess.PIPE,
        text=True,
    )


def test_four_writers_lose_no_edit(project: Project) -> None:
    writers = [start(project, f"w{number}", EDITS) for number in range(4)]
    for writer in writers:
        writer.communicate()
    assert [writer.returncode for writer in writers] == [0] * 4
    names = [model.name for model in documents.read(project, "studio").models]
    assert len(names) == 4 * EDITS
    for number in range(4):
        mine = [name for name in names if name.startswith(f"w{number}-")]
        assert mine == [f"w{number}-{n}" for n in range(EDITS)]
    assert all(one.state is drift.State.CLEAN for one in drift.check(project))


def test_kill_9_at_any_moment_loses_nothing_confirmed(disk_project: Project) -> None:
    project = disk_project
    chance = random.Random(20260)
    expected = events = 0
    for round_number in range(12):
        who = f"r{round_number}"
        writer = start(project, who, 500, "and events")
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(chance.uniform(0.0, 0.12))
        writer.send_signal(signal.SIGKILL)
        confirmed = 1 + writer.stdout.read().count("\n")
        writer.wait()

        names = [model.name for model in documents.read(project, "studio").models]
        mine = [name for name in names if name.startswith(f"{who}-")]
        assert mine == [f"{who}-{n}" for n in range(len(mine))]
        assert confirmed <= len(mine) <= confirmed + 1
        assert len(names) == expected + len(mine)
        expected = len(names)

        report = journal.verify(project)
        assert report.sound
        noted = [e for e in journal.read(project, {"noted"}) if e.actor == who]
        assert confirmed <= len(noted) <= confirmed + 1
        events += len(noted)

        edited = [d for d in drift.check(project) if d.state is drift.State.EDITED]
        assert not edited, "a crash is not taken for somebody's edit"
        with documents.edit(project, "studio") as studio:
            studio.environment.cuda = who
        assert all(one.state is drift.State.CLEAN for one in drift.check(project))
    assert len(list(journal.read(project, {"noted"}))) == events


@pytest.fixture
def small_disk(tmp_path: Path, template: Project) -> Iterator[Project]:
    """A studio on a disk of 512 KiB of its own."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k,mode=755", "tmpfs", str(disk)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip(f"a tmpfs cannot be mounted here: {mounted.stderr.strip()}")
    try:
        yield Project(Path(shutil.copytree(template.root, disk / "studio")).resolve())
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def fill_up(project: Project) -> None:
    with (project.workspace / "ballast").open("wb", buffering=0) as ballast:
        try:
            while True:
                ballast.write(b"x" * 4096)
        except OSError:
            return


def fill_journal(project: Project) -> None:
    for n in range(200):
        journal.append(project, "noted", actor="test", data={"n": n, "text": "x" * 300})


@pytest.mark.tmpfs
def test_a_full_disk_leaves_the_old_state_and_says_so(small_disk: Project) -> None:
    project = small_disk
    with documents.edit(project, "studio") as studio:
        studio.environment.cuda = "12.10"
    journal.append(project, "noted", actor="test")
    png = b"p" * 8192
    content.put_candidate(project, "default", "0" * 16, "starter", 1, png)
    fill_up(project)

    def state() -> dict[str, bytes]:
        files = (path for path in project.root.rglob("*") if path.is_file())
        return {str(path): path.read_bytes() for path in files if path.suffix != ".lock"}

    before = state()
    with pytest.raises(StudioError) as raised, documents.edit(project, "studio") as edited:
        edited.models.extend(Model(name=f"model {n}", settings="x" * 100) for n in range(100))
    assert raised.value.code.code == "disk_full"
    assert "as it was before" in raised.value.message
    assert documents.read(project, "studio").environment.cuda == "12.10"

    with pytest.raises(StudioError) as raised:
        fill_journal(project)
    assert raised.value.code.code == "disk_full"
    assert journal.verify(project).sound

    for store in (
        lambda: content.put_candidate(project, "default", "0" * 16, "starter", 2, png),
        lambda: content.freeze(project, "potion", png, "png"),
    ):
        with pytest.raises(StudioError) as raised:
            store()
        assert raised.value.code.code == "disk_full"

    after = state()
    journal_files = {str(project.journal_path), str(project.state / "journal.head")}
    changed = {path for path in before | after if before.get(path) != after.get(path)}
    assert changed <= journal_files, "nothing half-written is left behind"

    (project.workspace / "ballast").unlink()
    with documents.edit(project, "studio") as studio:
        studio.environment.cuda = "13.0"
    journal.append(project, "noted", actor="test")
    assert all(one.state is drift.State.CLEAN for one in drift.check(project))
    assert json.loads((project.state / "studio.json").read_text())["environment"]["cuda"] == "13.0"
