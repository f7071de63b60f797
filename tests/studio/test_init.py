"""Making a studio, and coming back to it: what the user wrote is never changed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from ategnatos.grimoire import journal
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.project import FOLDERS, Project
from ategnatos.studio import pack, pack_record
from ategnatos.studio.init import Made, init_studio
from ategnatos.studio.pack import PackFile
from ategnatos.studio.pack_plan import Action
from tests.conftest import Run

SKILL = ".claude/skills/art/SKILL.md"


@pytest.fixture
def studio(project: Project) -> Path:
    return project.root


def files_of(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file() and "locks" not in path.parts
    }


def actions(made: Made) -> dict[str, Action]:
    return {step.path: step.action for step in made.steps}


def newer_pack(monkeypatch: pytest.MonkeyPatch, *, without: str = "") -> None:
    """The program now brings a pack in which every text has one more line."""
    files = tuple(
        PackFile(one.path, one.content + b"\nA newer line.\n")
        for one in pack.load()
        if one.path != without
    )
    monkeypatch.setattr(pack, "load", lambda home=None: files)


def test_a_fresh_studio_has_zones_record_pack_permissions_and_gitignore(studio: Path) -> None:
    assert all((studio / folder).is_dir() for folder in FOLDERS)
    for name in ("studio", "art", "train", "eye"):
        assert (studio / f".claude/skills/{name}/SKILL.md").is_file()
    assert (studio / "CLAUDE.md").is_file()
    assert "exports/" in (studio / ".gitignore").read_text().splitlines()
    rules = json.loads((studio / ".claude/settings.json").read_text())["permissions"]
    assert "Bash(ategnatos *)" in rules["allow"]
    assert "Edit(/exports/**)" in rules["deny"]


def test_it_is_written_into_the_journal(studio: Path) -> None:
    events = list(journal.read(Project(studio)))
    assert [event.kind for event in events] == ["studio.prepared"]
    assert SKILL in events[0].data["written"]


def test_a_second_run_changes_no_byte(studio: Path) -> None:
    before = files_of(studio)
    made = init_studio(studio)
    assert not made.changes
    assert files_of(studio) == before


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    made = init_studio(tmp_path / "studio", dry_run=True)
    assert made.changes
    assert not (tmp_path / "studio").exists()


def test_what_was_in_the_folder_stays_and_ours_is_laid_beside(tmp_path: Path) -> None:
    (tmp_path / "CLAUDE.md").write_text("Mine.\n")
    (tmp_path / ".claude").mkdir()
    (tmp_path / ".claude/settings.json").write_text('{"model": "opus", "permissions": {}}')
    (tmp_path / ".gitignore").write_text("node_modules/\n*.pem")
    made = init_studio(tmp_path)
    assert (tmp_path / "CLAUDE.md").read_text() == "Mine.\n"
    assert actions(made)["CLAUDE.md"] is Action.BESIDE
    assert (tmp_path / "CLAUDE.md.new").read_text().startswith("# Ategnatos")
    assert json.loads((tmp_path / ".claude/settings.json").read_text())["model"] == "opus"
    ignored = (tmp_path / ".gitignore").read_text().splitlines()
    assert ignored[:2] == ["node_modules/", "*.pem"]
    assert "exports/" in ignored
    assert ignored.count("*.pem") == 1


def test_what_the_user_took_out_again_is_not_put_back(tmp_path: Path) -> None:
    (tmp_path / "CLAUDE.md").write_text("Mine.\n")
    (tmp_path / ".gitignore").write_text("")
    init_studio(tmp_path)
    (tmp_path / "CLAUDE.md.new").unlink()
    (tmp_path / ".gitignore").write_text("mine\n")
    settings = tmp_path / ".claude/settings.json"
    settings.write_text('{"permissions": {"allow": ["Skill(art)"]}}')
    made = init_studio(tmp_path)
    assert not made.changes
    assert actions(made)["CLAUDE.md"] is Action.KEPT
    assert (tmp_path / ".gitignore").read_text() == "mine\n"
    assert json.loads(settings.read_text()) == {"permissions": {"allow": ["Skill(art)"]}}


def test_a_missing_file_comes_back(studio: Path) -> None:
    (studio / SKILL).unlink()
    made = init_studio(studio)
    assert actions(made)[SKILL] is Action.CREATED
    assert (studio / SKILL).is_file()


def test_a_newer_pack_waits_for_an_upgrade(studio: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = files_of(studio)
    newer_pack(monkeypatch)
    assert set(actions(init_studio(studio)).values()) == {Action.OUTDATED}
    assert files_of(studio) == before


def test_an_upgrade_replaces_ours_keeps_theirs_and_shows_both(
    studio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (studio / SKILL).write_text("My own skill.\n")
    newer_pack(monkeypatch)
    made = init_studio(studio, upgrade=True)
    done = actions(made)
    assert done.pop(SKILL) is Action.BESIDE
    assert set(done.values()) == {Action.UPDATED}
    assert (studio / SKILL).read_text() == "My own skill.\n"
    assert (studio / f"{SKILL}.new").read_text().endswith("A newer line.\n")
    assert (studio / "CLAUDE.md").read_text().endswith("A newer line.\n")
    diffs = {step.path: step.diff() for step in made.steps}
    assert "-My own skill." in diffs[SKILL]
    assert "+A newer line." in diffs["CLAUDE.md"]
    assert not init_studio(studio, upgrade=True).changes, "a second upgrade has nothing to do"


def test_a_changed_file_whose_pack_text_is_the_same_is_left_in_peace(studio: Path) -> None:
    (studio / SKILL).write_text("My own skill.\n")
    made = init_studio(studio, upgrade=True)
    assert actions(made)[SKILL] is Action.KEPT
    assert not made.changes


def test_a_file_that_left_the_pack_goes_unless_it_is_theirs(
    studio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer_pack(monkeypatch, without=SKILL)
    assert actions(init_studio(studio, upgrade=True))[SKILL] is Action.REMOVED
    assert not (studio / SKILL).exists()


def test_a_changed_file_that_left_the_pack_stays(
    studio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (studio / SKILL).write_text("My own skill.\n")
    newer_pack(monkeypatch, without=SKILL)
    assert actions(init_studio(studio, upgrade=True))[SKILL] is Action.KEPT
    assert (studio / SKILL).read_text() == "My own skill.\n"


def test_the_version_moves_only_when_nothing_is_behind(
    studio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer_pack(monkeypatch)
    monkeypatch.setattr("ategnatos.studio.init.__version__", "9.0")
    init_studio(studio)
    assert pack_record.read(Project(studio)).version != "9.0"
    init_studio(studio, upgrade=True)
    assert pack_record.read(Project(studio)).version == "9.0"


@pytest.mark.parametrize("damage", ["", "[]", "{", '{"version": 1}', '{"files": []}'])
def test_a_spoilt_list_of_files_costs_nothing_of_the_users(studio: Path, damage: str) -> None:
    (studio / SKILL).write_text("My own skill.\n")
    pack_record.path_of(Project(studio)).write_text(damage)
    made = init_studio(studio)
    assert made.spoilt_record
    assert (studio / SKILL).read_text() == "My own skill.\n"
    assert not init_studio(studio).spoilt_record


def test_broken_settings_are_left_alone_and_reported(studio: Path) -> None:
    settings = studio / ".claude/settings.json"
    settings.write_text('{"permissions": {},}')
    made = init_studio(studio)
    assert made.rules.problem is not None
    assert settings.read_text() == '{"permissions": {},}'


def test_an_older_hook_of_ours_is_renewed_and_said(studio: Path, run: Run) -> None:
    path = studio / ".claude/settings.json"
    settings = json.loads(path.read_text())
    settings["hooks"]["PostToolUse"][0]["matcher"] = "Bash"
    path.write_text(json.dumps(settings))
    assert "ategnatos-fence PostToolUse" in run("doctor", cwd=studio).out
    told = run("init", cwd=studio).out
    assert "Renewed in .claude/settings.json" in told
    assert "hooks.PostToolUse ategnatos-fence PostToolUse" in told
    assert "NotebookEdit" in json.loads(path.read_text())["hooks"]["PostToolUse"][0]["matcher"]
    assert "nothing was changed" in run("init", cwd=studio).out


def test_a_link_that_leads_out_of_the_studio_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "studio").mkdir()
    (tmp_path / "studio/.claude").symlink_to(outside)
    with pytest.raises(StudioError) as raised:
        init_studio(tmp_path / "studio")
    assert raised.value.code.code == "zone_escape"
    assert list(outside.iterdir()) == []
    assert not (tmp_path / "studio/grimoire").exists()


def test_a_folder_that_may_not_be_written_is_refused_in_a_dry_run_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(StudioError) as raised:
        init_studio(tmp_path / "studio", dry_run=True)
    assert raised.value.code.code == "write_failed"


def test_pages_written_by_hand_in_the_earlier_layout_are_seen_and_kept(tmp_path: Path) -> None:
    (tmp_path / "grimoire").mkdir()
    (tmp_path / "grimoire/studio.md").write_text("# My studio\n")
    made = init_studio(tmp_path)
    assert made.earlier_layout
    assert (tmp_path / "grimoire/studio.md").read_text() == "# My studio\n"
