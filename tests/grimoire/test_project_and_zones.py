"""A studio is found from anywhere inside it, and no name leads out of its zones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.project import Project
from ategnatos.grimoire.zones import Zone, resolve

RELAXED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)


def refused(code: str, project: Project, zone: Zone, name: str | Path, **options: bool) -> None:
    with pytest.raises(StudioError) as raised:
        resolve(project, zone, name, **options)
    assert raised.value.code.code == code


def test_a_studio_is_found_by_walking_up(project: Project) -> None:
    deep = project.workspace / "outputs" / "a" / "b"
    deep.mkdir(parents=True)
    assert Project.find(deep) == project


def test_a_studio_without_its_first_document_is_still_found(project: Project) -> None:
    (project.state / "studio.json").unlink()
    assert Project.find(project.root) == project


def test_the_environment_names_a_studio(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATEGNATOS_PROJECT", str(project.root))
    assert Project.find(tmp_path) == project


def test_an_option_is_stronger_than_the_environment(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATEGNATOS_PROJECT", str(tmp_path))
    assert Project.find(tmp_path, explicit=project.root) == project


def test_a_mistyped_option_does_not_land_in_the_studio_around_it(project: Project) -> None:
    with pytest.raises(StudioError) as raised:
        Project.find(explicit=project.workspace)
    assert raised.value.code.code == "no_project"


def test_a_hand_written_grimoire_is_recognised_and_the_way_on_is_named(tmp_path: Path) -> None:
    (tmp_path / "grimoire").mkdir()
    (tmp_path / "grimoire" / "studio.md").write_text("# Studio\n")
    with pytest.raises(StudioError) as raised:
        Project.find(tmp_path)
    assert "grimoire migrate" in raised.value.hint


def test_a_linked_state_folder_is_no_studio(tmp_path: Path, project: Project) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "grimoire").symlink_to(project.grimoire)
    with pytest.raises(StudioError):
        Project.find(explicit=other)


def test_making_a_studio_twice_changes_nothing(project: Project) -> None:
    def snapshot() -> dict[str, tuple[bytes, int]]:
        files = (path for path in project.root.rglob("*") if path.is_file())
        return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}

    before = snapshot()
    Project.create(project.root)
    assert snapshot() == before


def test_making_a_studio_keeps_a_hand_written_page(tmp_path: Path) -> None:
    page = tmp_path / "grimoire" / "studio.md"
    page.parent.mkdir()
    page.write_text("# Studio\n\nmine\n")
    Project.create(tmp_path)
    assert page.read_text() == "# Studio\n\nmine\n"


@pytest.mark.parametrize("name", ["a.png", "..foo", "a..b", "...", "-rf", "ä 画.png", "a\nb", "*"])
def test_ordinary_and_odd_names_stay_usable(project: Project, name: str) -> None:
    assert resolve(project, Zone.WORKSPACE, name) == project.workspace / name


@pytest.mark.parametrize(
    "name", ["..", "../x", "a/../../x", "a/..", "/etc/passwd", "outputs/../../grimoire/.state"]
)
def test_a_name_that_leads_out_is_refused(project: Project, name: str) -> None:
    refused("zone_escape", project, Zone.WORKSPACE, name)


@pytest.mark.parametrize("name", ["", "a\0b", "\0", "\ud800"])
def test_what_no_file_system_stores_is_refused(project: Project, name: str) -> None:
    refused("path_unsafe", project, Zone.WORKSPACE, name)


def test_a_sibling_that_shares_a_prefix_is_another_folder(project: Project) -> None:
    sibling = project.root / "exports-old"
    sibling.mkdir()
    (sibling / "a.png").write_bytes(b"x")
    refused("zone_escape", project, Zone.EXPORTS, sibling / "a.png")
    (project.exports / "link").symlink_to(sibling)
    refused("zone_escape", project, Zone.EXPORTS, "link/a.png")


def test_an_absolute_path_inside_the_zone_is_taken(project: Project) -> None:
    inside = project.exports / "a.png"
    assert resolve(project, Zone.EXPORTS, inside) == inside


@pytest.mark.parametrize("target", ["/etc", "../grimoire/.state", "/dev/null", "nowhere/../../.."])
def test_a_link_that_leads_out_is_refused(project: Project, target: str) -> None:
    (project.workspace / "link").symlink_to(target)
    refused("zone_escape", project, Zone.WORKSPACE, "link")
    refused("zone_escape", project, Zone.WORKSPACE, "link/deeper.png")


def test_a_dangling_link_that_leads_out_is_refused(project: Project, tmp_path: Path) -> None:
    (project.workspace / "link").symlink_to(tmp_path / "not yet there")
    refused("zone_escape", project, Zone.WORKSPACE, "link")


def test_a_link_that_stays_inside_is_followed(project: Project) -> None:
    (project.workspace / "link").symlink_to("outputs")
    assert resolve(project, Zone.WORKSPACE, "link/a.png") == project.outputs / "a.png"


def test_links_in_a_circle_are_refused(project: Project) -> None:
    (project.workspace / "a").symlink_to("b")
    (project.workspace / "b").symlink_to("a")
    refused("zone_escape", project, Zone.WORKSPACE, "a")


def test_a_zone_that_is_itself_a_link_out_is_refused(project: Project) -> None:
    project.exports.rename(project.root.parent / "moved")
    project.exports.symlink_to(project.root.parent / "moved")
    refused("zone_escape", project, Zone.EXPORTS, "a.png")


def test_devices_pipes_and_sockets_are_not_files(project: Project) -> None:
    os.mkfifo(project.workspace / "pipe")
    refused("path_special", project, Zone.WORKSPACE, "pipe")


def test_lengths_are_counted_in_bytes(project: Project) -> None:
    assert resolve(project, Zone.WORKSPACE, "ä" * 127)
    refused("path_too_long", project, Zone.WORKSPACE, "ä" * 128)
    refused("path_too_long", project, Zone.WORKSPACE, "/".join(["x" * 200] * 21))


def test_the_system_zone_is_read_and_not_written(project: Project) -> None:
    assert resolve(project, Zone.SYSTEM, "skills/art/SKILL.md")
    refused("zone_read_only", project, Zone.SYSTEM, "settings.json", for_writing=True)


def test_a_missing_file_is_named_when_it_must_exist(project: Project) -> None:
    refused("path_missing", project, Zone.WORKSPACE, "no.png", must_exist=True)
    refused("path_missing", project, Zone.WORKSPACE, "no/where.png", must_exist=True)


PIECES = st.sampled_from(
    ["..", ".", "a", "outputs", "link_in", "link_out", "loop", "..x", "exports", "", "/", "\0", "ä"]
)


@RELAXED
@given(pieces=st.lists(PIECES | st.text(max_size=8), max_size=6), zone=st.sampled_from(list(Zone)))
def test_whatever_the_name_the_answer_lies_inside_the_zone(
    project: Project, pieces: list[str], zone: Zone
) -> None:
    home = project.root / zone.value
    home.mkdir(exist_ok=True)
    for name, target in (("link_in", "."), ("link_out", "/"), ("loop", "loop")):
        if not (home / name).is_symlink():
            (home / name).symlink_to(target)
    try:
        found = resolve(project, zone, "/".join(pieces))
    except StudioError:
        return
    real = Path(os.path.realpath(found))
    assert real == home or home in real.parents
