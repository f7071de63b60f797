"""The doctor sees each kind of damage, says what it means, and names what mends it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ategnatos.engines import Health
from ategnatos.grimoire import documents, journal
from ategnatos.grimoire.jobs import database
from ategnatos.grimoire.project import Project
from ategnatos.studio import checks
from ategnatos.studio.checks import claude, machine, store
from ategnatos.studio.checks.finding import Finding, Outcome
from ategnatos.studio.engine_states import EngineState, look

SKILL = ".claude/skills/art/SKILL.md"


def not_well(project: Project) -> list[Finding]:
    return [one for one in checks.of_a_studio(project) if one.outcome is not Outcome.OK]


def test_a_fresh_studio_is_well(studio: Project) -> None:
    assert not_well(studio) == []


def break_json(project: Project) -> None:
    (project.state / "eye.json").write_text("{")


def newer_document(project: Project) -> None:
    (project.state / "studio.json").write_text('{"_schema_version": "99.0"}')


def edit_page(project: Project) -> None:
    page = project.grimoire / "studio.md"
    page.chmod(0o644)
    page.write_text(page.read_text() + "by hand\n")


def lose_page(project: Project) -> None:
    (project.grimoire / "eye.md").unlink()


def break_journal(project: Project) -> None:
    for _ in range(5):
        journal.append(project, "test", actor="test")
    lines = project.journal_path.read_bytes().splitlines(keepends=True)
    project.journal_path.write_bytes(b"".join([lines[0], *lines[2:]]))


def break_database(project: Project) -> None:
    project.database.write_bytes(b"not a database" * 1000)


def newer_database(project: Project) -> None:
    with database.connect(project) as db:
        db.execute("PRAGMA user_version=99")


def lose_export(project: Project) -> None:
    with documents.edit(project, "manifest") as manifest:
        from ategnatos.grimoire.schemas.manifest import ManifestEntry

        path = "exports/loose/a/v1/a.png"
        manifest.entries.append(
            ManifestEntry(name="a", version=1, path=path, sha256="0" * 64, size=1)
        )


def lose_folder(project: Project) -> None:
    (project.workspace / "datasets").rmdir()


def lose_skill(project: Project) -> None:
    (project.root / SKILL).unlink()


def break_front_matter(project: Project) -> None:
    (project.root / SKILL).write_text("---\nname: art\ndescription: broken: yaml\n---\n")


def break_rule(project: Project) -> None:
    (project.root / ".claude/rules/mine.md").write_text("---\npaths: [\n---\n")


def break_settings(project: Project) -> None:
    (project.root / ".claude/settings.json").write_text('{"permissions": {},}')


def break_local_settings(project: Project) -> None:
    (project.root / ".claude/settings.local.json").write_text("{ // comment\n}")


def lose_settings(project: Project) -> None:
    (project.root / ".claude/settings.json").unlink()


@pytest.mark.parametrize(
    ("damage", "check", "mend"),
    [
        (break_json, "documents", "ategnatos grimoire restore eye"),
        (newer_document, "documents", "pip install --upgrade"),
        (edit_page, "pages", "ategnatos grimoire render studio"),
        (lose_page, "pages", "ategnatos grimoire render eye"),
        (break_journal, "journal", "ategnatos grimoire verify"),
        (break_database, "database", "ategnatos"),
        (newer_database, "database", "pip install --upgrade"),
        (lose_export, "exports", "a.png"),
        (lose_folder, "folders", "ategnatos init"),
        (lose_skill, "skill pack", "ategnatos init"),
        (break_front_matter, "skills and rules", "double quotes"),
        (break_rule, "skills and rules", "---"),
        (break_settings, "settings", "json.tool"),
        (break_local_settings, "settings", "json.tool"),
        (lose_settings, "settings", "ategnatos init"),
    ],
)
def test_damage_is_a_failed_check_with_its_meaning_and_its_mend(
    studio: Project, damage: Callable[[Project], None], check: str, mend: str
) -> None:
    damage(studio)
    found = [one for one in not_well(studio) if one.outcome is Outcome.FAILED]
    assert check in {one.check for one in found}
    for one in found:
        assert one.means
        assert one.mend
    assert any(mend in one.mend for one in found if one.check == check)


def test_a_picture_that_is_gone_or_changed_is_named(project: Project, add_job) -> None:
    add_job(None, None, "approved")
    pictures = sorted(project.outputs.rglob("*.png"))
    pictures[0].unlink()
    pictures[1].write_bytes(b"changed")
    found = [one.found for one in not_well(project) if one.check == "pictures"]
    assert found == ["1 missing: j1#1", "1 changed since they were made: j1#2"]


def test_a_line_that_a_crash_cut_off_is_only_noted(studio: Project) -> None:
    with studio.journal_path.open("ab") as file:
        file.write(b'{"actor":')
    (found,) = not_well(studio)
    assert found.outcome is Outcome.NOTE
    assert "9 bytes" in found.found


def test_unfinished_files_of_dead_processes_are_noted(studio: Project) -> None:
    path = studio.outputs / ".tmp-abc"
    path.write_bytes(b"12345")
    os.utime(path, (time.time() - 7200,) * 2)
    (found,) = not_well(studio)
    assert (found.check, found.mend) == ("leftovers", "ategnatos clean")


def test_rules_that_the_user_took_out_are_only_noted(studio: Project) -> None:
    (studio.root / ".claude/settings.json").write_text("{}")
    (found,) = not_well(studio)
    assert found.outcome is Outcome.NOTE


def test_a_pack_of_another_version_is_noted(
    studio: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claude, "__version__", "9.0")
    (found,) = not_well(studio)
    assert "--upgrade" in found.mend


@pytest.mark.parametrize(("free", "outcome"), [(1 << 20, "failed"), (1 << 30, "note")])
def test_a_disk_that_is_nearly_full_is_seen(
    project: Project, monkeypatch: pytest.MonkeyPatch, free: int, outcome: str
) -> None:
    class Disk:
        f_bavail, f_frsize = free, 1

    monkeypatch.setattr("os.statvfs", lambda path: Disk)
    (found,) = store.disk_space(project)
    assert found.outcome == outcome


@pytest.mark.parametrize("kind", ["nfs4", "fuse.sshfs", "9p"])
def test_a_network_mount_is_a_failure(
    project: Project, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(store, "kind_of_mount", lambda path: kind)
    (found,) = store.file_system(project)
    assert found.outcome is Outcome.FAILED


def test_a_network_mount_is_no_failure_where_the_jobs_are_on_a_server(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "kind_of_mount", lambda path: "nfs4")
    monkeypatch.setenv("ATEGNATOS_DATABASE_URL", "postgresql://somewhere/studio")
    (found,) = store.file_system(project)
    assert found.outcome is Outcome.OK


def test_folders_that_may_not_be_written_are_named(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: path != project.exports)
    (found,) = store.folders(project)
    assert found.outcome is Outcome.FAILED
    assert str(project.exports) in found.found


def test_a_check_that_breaks_is_itself_a_finding(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Project) -> list[Finding]:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(checks, "OF_A_STUDIO", (("one", broken), ("two", store.leftovers)))
    first, second = checks.of_a_studio(project)
    assert first.outcome is Outcome.FAILED
    assert "ZeroDivisionError: oops" in first.found
    assert second.outcome is Outcome.OK


def test_an_engine_that_is_not_well_breaks_or_does_not_load_is_a_finding(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Sick:
        label = "sick engine"

        def health(self) -> Health:
            return Health(ok=False, message="No model.", hint="Fetch it.")

    class Broken:
        @property
        def label(self) -> str:
            raise KeyError("x")

    for engine, said in ((Sick(), "No model."), (Broken(), "KeyError")):
        monkeypatch.setattr(
            "ategnatos.studio.engine_states.load_engine", lambda name, engine=engine: engine
        )
        state = look("any", closely=True)
        assert not state.ok
        assert said in state.message
        assert state.hint
    monkeypatch.undo()
    assert not look("no-such-engine", closely=False).ok


@pytest.mark.parametrize(
    ("others_work", "label", "outcome"),
    [
        (True, "a model on a server", Outcome.NOTE),
        (True, "", Outcome.FAILED),
        (False, "a model on a server", Outcome.FAILED),
    ],
    ids=["its server is down", "it is broken", "nothing else works"],
)
def test_an_engine_that_cannot_work_stops_nobody_while_another_can(
    monkeypatch: pytest.MonkeyPatch, others_work: bool, label: str, outcome: Outcome
) -> None:
    states = (
        EngineState("far", False, label, "Nothing answers.", "Start it."),
        EngineState("near", others_work, "near", "How it is.", "Mend it."),
    )
    monkeypatch.setattr(machine, "look_at_all", lambda *, closely: states)
    first = next(machine.engines())
    assert first.outcome is outcome
    assert first.mend == "Start it."


def test_an_old_python_and_another_system_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "OLDEST_PYTHON", (99, 0))
    monkeypatch.setattr("platform.system", lambda: "Windows")
    assert next(machine.python()).outcome is Outcome.FAILED
    assert next(machine.system()).outcome is Outcome.FAILED


def test_a_program_that_a_shell_does_not_find_is_noted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert next(machine.command()).outcome is Outcome.NOTE
    other = tmp_path / "ategnatos"
    other.write_text("#!/usr/bin/python3\n")
    other.chmod(0o755)
    assert "another" in next(machine.command()).means or str(other) in next(machine.command()).found


def test_every_finding_is_json(studio: Project) -> None:
    facts = [one.facts() for one in [*checks.of_the_machine(), *checks.of_a_studio(studio)]]
    assert json.loads(json.dumps(facts)) == facts
