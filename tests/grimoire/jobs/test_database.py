"""Two drivers behave as one; what cannot be trusted is not opened."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from ategnatos.grimoire import mounts
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.jobs import database, migrations
from ategnatos.grimoire.project import Project
from tests import postgres


def test_rows_are_read_by_name_and_by_position_and_writes_are_undone(either: Project) -> None:
    with database.connect(either) as db:
        db.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT, c REAL)")
        with database.writing(db):
            db.executemany("INSERT INTO t VALUES (?, ?, ?)", [(1, "100%?", 0.5), (2, None, 2)])
        row = db.execute("SELECT b, c, a FROM t WHERE a=?", (1,)).fetchone()
        assert (row["a"], row["b"], row[1]) == (1, "100%?", 0.5)
        assert dict(row) == {"a": 1, "b": "100%?", "c": 0.5}
        with pytest.raises(ZeroDivisionError), database.writing(db):
            db.execute("DELETE FROM t").rowcount / 0
        assert db.execute("SELECT COUNT(*) FROM t").fetchone()[0] == 2
        assert db.execute("UPDATE t SET b=? WHERE b LIKE '1%'", ("x",)).rowcount == 1
    with database.connect(either) as db:
        assert [row["b"] for row in db.execute("SELECT b FROM t ORDER BY a")] == ["x", None]


def test_one_writer_at_a_time_so_that_what_was_read_stays_true(either: Project) -> None:
    with database.connect(either) as db:
        db.execute("CREATE TABLE counter (n INTEGER)")
        db.execute("INSERT INTO counter VALUES (0)")

    def count() -> None:
        with database.connect(either) as db:
            for _ in range(10):
                with database.writing(db):
                    seen = db.execute("SELECT n FROM counter").fetchone()[0]
                    db.execute("UPDATE counter SET n=?", (seen + 1,))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.connect(either) as db:
        assert db.execute("SELECT n FROM counter").fetchone()[0] == 40


def test_eight_that_open_a_new_studio_at_once_make_one_schema(either: Project) -> None:
    found: list[int] = []

    def look() -> None:
        with database.connect(either) as db:
            found.append(db.execute("SELECT COUNT(*) FROM job").fetchone()[0])

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [0] * 8


def test_a_studio_of_the_first_schema_is_brought_up_to_date_and_keeps_its_jobs(
    project: Project,
) -> None:
    with closing(sqlite3.connect(project.database, isolation_level=None)) as first:
        for statement in migrations.statements(0, "sqlite"):
            first.execute(statement)
        first.execute("PRAGMA user_version=1")
        first.execute(
            "INSERT INTO job (kind, state, engine, recipe_id, base, take, binding, asked,"
            " request, created_at, updated_at) VALUES"
            " ('image', 'awaiting_review', 'starter', 'prompt', 'b', 0, 'b', 'a potion', '{}',"
            " '2026-11-20T12:00:00Z', '2026-11-20T12:00:00Z')"
        )
        first.execute(
            "INSERT INTO candidate (job, number, path, sha256, bytes, width, height, seed,"
            " settings) VALUES (1, 1, 'p', 's', 1, 1, 1, 7, '{}')"
        )
    from ategnatos.grimoire.jobs import store

    with database.connect(project) as db:
        (job,) = store.jobs(db)
        assert (job.state, job.asked) == ("awaiting_review", "a potion")
        assert [one.seed for one in store.candidates(db, 1)] == [7]
        assert db.execute("PRAGMA user_version").fetchone()[0] == migrations.VERSION


def test_sqlite_waits_for_the_disk_and_checks_references(project: Project) -> None:
    with database.connect(project) as db:
        said = {
            name: db.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
        }
    full = 2
    assert said == {
        "journal_mode": "wal",
        "synchronous": full,
        "busy_timeout": 30_000,
        "foreign_keys": 1,
    }


def test_the_clock_of_sqlite_is_the_one_handed_in_and_that_of_postgres_the_servers(
    either: Project,
) -> None:
    with database.connect(either, clock=lambda: 7.0) as db:
        if db.dialect == "sqlite":
            assert db.now() == 7.0
        else:
            assert abs(db.now() - time.time()) < 60


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("server:/art {} nfs4 rw 0 0", "nfs4"),
        ("//server/art {} cifs rw 0 0", "cifs"),
        ("/dev/sdb1 {} ext4 rw 0 0", "ext4"),
    ],
)
def test_the_nearest_mount_decides_and_the_later_of_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, kind: str
) -> None:
    folder = tmp_path / "a studio"
    place = str(folder).replace(" ", "\\040")
    table = tmp_path / "mounts"
    table.write_text(f"/dev/sda1 / ext4 rw 0 0\nx {place} tmpfs rw 0 0\n{line.format(place)}\n")
    monkeypatch.setattr(mounts, "_TABLE", table)
    assert mounts.kind_of_mount(folder / "grimoire") == kind
    assert mounts.kind_of_mount(tmp_path) == "ext4"


def test_the_mounts_of_macos_are_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = (
        "/dev/disk1s5s1 on / (apfs, sealed, local, read-only, journaled)\n"
        "//me@nas/my art on /Volumes/my art (smbfs, nodev, nosuid, mounted by me)\n"
    )
    monkeypatch.setattr(mounts, "_TABLE", tmp_path / "no such file")
    monkeypatch.setattr("sys.platform", "darwin")

    class Done:
        stdout = said

    monkeypatch.setattr("subprocess.run", lambda *_, **__: Done)
    assert mounts.kind_of_mount(Path("/Volumes/my art/studio")) == "smbfs"
    assert mounts.kind_of_mount(Path("/Users/me")) == "apfs"


@pytest.mark.postgres
def test_two_studios_do_not_share_a_database(
    server: postgres.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATEGNATOS_DATABASE_URL", server.fresh("shared"))
    one, other = Project.create(tmp_path / "one"), Project.create(tmp_path / "other")
    with database.connect(one):
        pass
    with pytest.raises(StudioError) as refused, database.connect(other):
        pass
    assert refused.value.code is database.DATABASE_OTHER
    (other.state / "postgres.id").write_text(refused.value.details["studio"] + "\n")
    with database.connect(other):
        pass


@pytest.mark.postgres
def test_a_newer_schema_on_the_server_is_refused(
    server: postgres.Server, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATEGNATOS_DATABASE_URL", server.fresh("newer"))
    with database.connect(project) as db:
        db.execute("UPDATE ategnatos_schema SET version=999")
    with pytest.raises(StudioError) as refused, database.connect(project):
        pass
    assert refused.value.code is database.DATABASE_NEWER


@pytest.mark.postgres
def test_a_server_that_is_gone_is_said_without_its_password(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "postgresql://studio:hunter2secret@127.0.0.1:1/x"
    monkeypatch.setenv("ATEGNATOS_DATABASE_URL", url)
    with pytest.raises(StudioError) as refused, database.connect(project):
        pass
    assert refused.value.code is database.DATABASE_UNREACHABLE
    assert "hunter2" not in str(refused.value) + repr(refused.value.details)
