"""What is stored stays what it was: candidates, frozen files and their manifest."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ategnatos.grimoire import content
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.files import sha256_bytes
from ategnatos.grimoire.project import Project

PLACE = ("default", "0123456789abcdef", "starter", 1)


def listed(project: Project, name: str, data: bytes, **more: Any) -> dict[str, Any]:
    path, version = content.freeze(project, name, data, "png")
    entry = {
        "name": name,
        "version": version,
        "path": path.relative_to(project.root).as_posix(),
        "sha256": sha256_bytes(data),
        "size": len(data),
    } | more
    content.manifest_add(project, entry)
    return entry


def test_a_candidate_lies_where_the_design_says(project: Project) -> None:
    stored = content.put_candidate(project, *PLACE, b"png")
    assert stored.path == project.outputs / "default" / "0123456789abcdef" / "starter" / "001.png"
    assert (stored.sha256, stored.size) == (sha256_bytes(b"png"), 3)
    assert list(stored.path.parent.iterdir()) == [stored.path]


def test_the_same_bytes_again_change_nothing(project: Project) -> None:
    first = content.put_candidate(project, *PLACE, b"png")
    before = first.path.stat()
    assert content.put_candidate(project, *PLACE, b"png") == first
    assert first.path.stat().st_mtime_ns == before.st_mtime_ns


def test_other_bytes_are_refused_and_the_first_stay(project: Project) -> None:
    first = content.put_candidate(project, *PLACE, b"png")
    with pytest.raises(StudioError) as raised:
        content.put_candidate(project, *PLACE, b"other")
    assert raised.value.code.code == "candidate_exists"
    assert first.path.read_bytes() == b"png"
    assert list(first.path.parent.iterdir()) == [first.path]


@pytest.mark.parametrize(
    ("recipe", "binding", "engine", "number"),
    [
        ("..", "0" * 16, "starter", 1),
        ("a/b", "0" * 16, "starter", 1),
        ("", "0" * 16, "starter", 1),
        ("default", "0" * 15, "starter", 1),
        ("default", "G" * 16, "starter", 1),
        ("default", "0" * 16, "../x", 1),
        ("default", "0" * 16, "starter", -1),
        ("default", "0" * 16, "starter", 10**6),
    ],
)
def test_a_place_that_is_none_is_refused(
    project: Project, recipe: str, binding: str, engine: str, number: int
) -> None:
    with pytest.raises(StudioError) as raised:
        content.put_candidate(project, recipe, binding, engine, number, b"png")
    assert raised.value.code.code == "name_invalid"


def test_a_folder_of_candidates_that_is_a_link_out_is_refused(
    project: Project, tmp_path: Path
) -> None:
    (project.outputs / "default").symlink_to(tmp_path)
    with pytest.raises(StudioError) as raised:
        content.put_candidate(project, *PLACE, b"png")
    assert raised.value.code.code == "zone_escape"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(name=st.text(max_size=30) | st.from_regex(r"[\w.\-]{1,12}", fullmatch=True))
def test_a_name_that_is_taken_makes_one_plain_folder(project: Project, name: str) -> None:
    try:
        normal = content.check_name(name)
    except StudioError:
        return
    assert content.check_name(normal) == normal
    assert Path(normal).name == normal
    assert not normal.startswith((".", "-"))
    assert len(normal.encode()) <= content.NAME_BYTES
    assert normal.isprintable()


@pytest.mark.parametrize(
    "name", ["potion", "Trank_2", "魔法薬", "e\u0301tude", "दवा", "v1.2-final"]
)
def test_names_of_any_script_are_taken(project: Project, name: str) -> None:
    path, version = content.freeze(project, name, b"x", "png")
    assert version == 1
    assert path.read_bytes() == b"x"


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", ".hidden", "-rf", "a/b", "a\\b", "a b", "a\0b", "x" * 201, "\ud800", "🎨"],
)
def test_other_names_are_refused(project: Project, name: str) -> None:
    with pytest.raises(StudioError) as raised:
        content.freeze(project, name, b"x", "png")
    assert raised.value.code.code == "name_invalid"
    assert list(project.exports.iterdir()) == []


@pytest.mark.parametrize("suffix", ["", "PNG", ".png", "p/g", "p\n", "toolongone"])
def test_a_suffix_is_a_plain_suffix(project: Project, suffix: str) -> None:
    with pytest.raises(StudioError):
        content.freeze(project, "potion", b"x", suffix)


def test_two_forms_of_one_letter_are_one_name(project: Project) -> None:
    assert content.freeze(project, "e\u0301tude", b"1", "png")[1] == 1
    assert content.freeze(project, "\u00e9tude", b"2", "png")[1] == 2


def test_a_frozen_file_is_read_only_and_a_change_is_a_new_version(project: Project) -> None:
    first, one = content.freeze(project, "potion", b"1", "png")
    second, two = content.freeze(project, "potion", b"2", "webp")
    assert (one, two) == (1, 2)
    assert first == project.exports / "loose" / "potion" / "v1" / "potion.png"
    assert second == project.exports / "loose" / "potion" / "v2" / "potion.webp"
    assert (first.read_bytes(), second.read_bytes()) == (b"1", b"2")
    assert stat.S_IMODE(first.stat().st_mode) == 0o444
    assert content.frozen_versions(project, "potion") == [1, 2]
    assert sorted(p.name for p in first.parents[1].iterdir()) == ["v1", "v2"]


def test_the_number_of_a_deleted_version_is_not_used_again(project: Project) -> None:
    entry = listed(project, "potion", b"1")
    path = project.root / entry["path"]
    path.unlink()
    path.parent.rmdir()
    assert content.freeze(project, "potion", b"2", "png")[1] == 2


FREEZER = """
import sys
from pathlib import Path
from ategnatos.grimoire import content
from ategnatos.grimoire.project import Project
for n in range(20):
    path, version = content.freeze(
        Project(Path(sys.argv[1])), "potion", f"{sys.argv[2]}-{n}".encode(), "png"
    )
    print(version, path.read_text())
"""


def test_two_processes_never_take_one_version(project: Project) -> None:
    freezers = [
        subprocess.Popen(
            [sys.executable, "-c", FREEZER, str(project.root), str(number)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(3)
    ]
    printed = [
        line.split() for freezer in freezers for line in freezer.communicate()[0].split("\n")
    ]
    taken = {int(words[0]): words[1] for words in printed if words}
    assert sorted(taken) == list(range(1, 61))
    home = project.exports / "loose" / "potion"
    assert {v: (home / f"v{v}" / "potion.png").read_text() for v in taken} == taken


def test_the_manifest_lists_what_is_frozen_once(project: Project) -> None:
    entry = listed(project, "potion", b"1", provenance={"seed": 7}, own_field="kept")
    content.manifest_add(project, entry)
    manifest = content.manifest_read(project)
    assert [(e.name, e.version, e.sha256) for e in manifest.entries] == [
        ("potion", 1, sha256_bytes(b"1"))
    ]
    assert '"own_field": "kept"' in (project.exports / "manifest.json").read_text()
    assert content.verify_exports(project) == []


def test_an_entry_must_describe_its_file(project: Project) -> None:
    entry = listed(project, "potion", b"1")
    for lie in (
        {"version": 2, "sha256": "0" * 64},
        {"version": 2, "path": "exports/loose/potion/v2/potion.png"},
        {"version": 2, "path": "grimoire/studio.md"},
        {"version": 2, "path": "exports/../grimoire/studio.md"},
        {"version": 2, "path": "/etc/passwd"},
    ):
        with pytest.raises(StudioError) as raised:
            content.manifest_add(project, entry | lie)
        assert raised.value.code.code == "manifest_untrue"


def test_an_entry_is_never_replaced(project: Project) -> None:
    entry = listed(project, "potion", b"1")
    path, _ = content.freeze(project, "potion", b"2", "png")
    other = {
        "path": path.relative_to(project.root).as_posix(),
        "sha256": sha256_bytes(b"2"),
    }
    with pytest.raises(StudioError) as raised:
        content.manifest_add(project, entry | other)
    assert raised.value.code.code == "manifest_conflict"


def test_an_entry_that_is_none_is_refused(project: Project) -> None:
    with pytest.raises(StudioError) as raised:
        content.manifest_add(project, {"name": "potion", "version": "one"})
    assert raised.value.code.code == "document_invalid"


def test_a_changed_missing_or_writable_export_is_named(project: Project) -> None:
    for name in ("changed", "missing", "writable", "sound"):
        listed(project, name, name.encode())
    home = project.exports / "loose"
    (home / "changed" / "v1" / "changed.png").unlink()
    (home / "changed" / "v1" / "changed.png").write_bytes(b"other")
    (home / "missing" / "v1" / "missing.png").unlink()
    (home / "writable" / "v1" / "writable.png").chmod(0o644)
    found = {problem.name: problem.problem for problem in content.verify_exports(project)}
    assert found == {"changed": "changed", "missing": "missing", "writable": "writable"}
