"""A document keeps every value as it was given, or refuses and changes nothing."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import Field

from ategnatos.grimoire import documents, history, schemas
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.project import Project
from ategnatos.grimoire.schemas.base import Document, Migration
from ategnatos.grimoire.schemas.studio import Model, StudioDocument

AWKWARD = [
    "12.10",
    "0012",
    "null",
    "a|b",
    "a\nb",
    "\r\n",
    '"',
    "'",
    "\\",
    "🎨",
    "<br>",
    "&lt;",
    " x ",
]
AWKWARD += [
    "",
    "true",
    "1e3",
    "-0",
    "$(id)",
    "`id`",
    "\x00",
    "\x1b[31m",
    "\u2028",
    "NaN",
    "{}",
    "*b*",
]
TEXT = st.sampled_from(AWKWARD) | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def state(project: Project) -> dict[str, bytes]:
    """Every byte of the record but locks."""
    files = (path for path in project.grimoire.rglob("*") if path.is_file())
    return {str(p): p.read_bytes() for p in files if p.suffix != ".lock"}


def refused(code: str, project: Project, name: str = "studio") -> StudioError:
    before = state(project)
    with pytest.raises(StudioError) as raised, documents.edit(project, name) as document:
        document.environment.cuda = "changed"
    assert raised.value.code.code == code
    assert state(project) == before
    return raised.value


@pytest.mark.parametrize("value", AWKWARD)
def test_text_stays_the_text_it_was(project: Project, value: str) -> None:
    with documents.edit(project, StudioDocument) as studio:
        studio.environment.cuda = value
        studio.models.append(Model(name=value, settings=value))
    read = documents.read(project, StudioDocument)
    assert read.environment.cuda == value
    assert (read.models[0].name, read.models[0].settings) == (value, value)
    assert json.loads((project.state / "studio.json").read_text())["environment"]["cuda"] == value


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
UNKNOWN = st.dictionaries(st.from_regex("x_[a-z]{1,8}", fullmatch=True), JSON, max_size=3)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None
)
@given(rows=st.lists(st.tuples(TEXT, TEXT, UNKNOWN), max_size=3), unknown=UNKNOWN)
def test_known_and_unknown_fields_survive_an_edit(
    project: Project, rows: list[tuple[str, str, dict[str, Any]]], unknown: dict[str, Any]
) -> None:
    path = project.state / "studio.json"
    payload = json.loads(path.read_text())
    payload |= unknown
    payload["models"] = [{"name": name, "settings": value, **more} for name, value, more in rows]
    path.write_text(json.dumps(payload))
    with documents.edit(project, "studio") as studio:
        studio.environment.primary = "another"
    after = json.loads(path.read_text())
    assert {key: after[key] for key in unknown} == unknown
    for (name, value, more), row in zip(rows, after["models"], strict=True):
        assert (row["name"], row["settings"]) == (name, value)
        assert {key: row[key] for key in more} == more


@pytest.mark.parametrize("value", [12, 12.1, None, True, ["x"]])
def test_what_is_not_text_is_refused_where_text_is_due(project: Project, value: Any) -> None:
    before = state(project)
    with pytest.raises(StudioError) as raised, documents.edit(project, "studio") as studio:
        studio.environment.cuda = value
    assert raised.value.code.code == "document_invalid"
    assert "environment.cuda" in raised.value.message
    assert state(project) == before


@pytest.mark.parametrize("value", ["8188", 0, 65536, -1, 8188.5])
def test_a_port_is_a_number_in_range(project: Project, value: Any) -> None:
    before = state(project)
    with pytest.raises(StudioError), documents.edit(project, "studio") as studio:
        studio.environment.comfyui.port = value
    assert state(project) == before


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", object()])
def test_what_json_cannot_say_is_refused(project: Project, value: Any) -> None:
    before = state(project)
    with pytest.raises(StudioError) as raised, documents.edit(project, "studio") as studio:
        studio.environment.extra_thing = value
    assert raised.value.code.code == "document_invalid"
    assert state(project) == before


def test_the_words_not_a_number_are_ordinary_text(project: Project) -> None:
    with documents.edit(project, "studio") as studio:
        studio.environment.primary = "NaN and Infinity"
    assert documents.read(project, "studio").environment.primary == "NaN and Infinity"


def test_an_error_inside_the_block_changes_nothing(project: Project) -> None:
    before = state(project)
    with pytest.raises(ZeroDivisionError), documents.edit(project, "studio") as studio:
        studio.environment.cuda = str(1 / len(studio.models))
    assert state(project) == before


def test_a_row_given_as_a_plain_object_becomes_a_row(project: Project) -> None:
    with documents.edit(project, "studio") as studio:
        studio.models.append({"name": "Pony"})
    assert documents.read(project, StudioDocument).models[0] == Model(name="Pony")
    assert "| Pony |" in (project.grimoire / "studio.md").read_text()


def test_an_edit_that_changes_nothing_writes_nothing(project: Project) -> None:
    before = state(project)
    with documents.edit(project, "studio"):
        pass
    assert state(project) == before


def test_the_time_is_handed_in(project: Project) -> None:
    with documents.edit(project, "studio", now=datetime(2026, 1, 2, 3, 4, tzinfo=UTC)) as studio:
        studio.environment.cuda = "13.0"
    assert documents.read(project, "studio").generated_at == "2026-01-02T03:04:00.000000Z"


def test_the_file_says_its_schema_version(project: Project) -> None:
    payload = json.loads((project.state / "studio.json").read_text())
    assert payload["_schema_version"] == "1.0"
    assert payload["_generated_at"].endswith("Z")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" ",
        b"{",
        b"[]",
        b"null",
        b"1 2",
        b"\xff\xfe",
        b'{"a": 1, "a": 2}',
        b'{"x": NaN}',
        b'{"models": [{"type": "no name"}]}',
        b'{"environment": {"comfyui": {"port": true}}}',
        b'{"environment": {"cuda": 12.1}}',
        b'{"_schema_version": "one"}',
        b"[" * 100_000,
    ],
    ids=range(14),
)
def test_a_damaged_file_is_refused_and_its_backup_named(project: Project, content: bytes) -> None:
    with documents.edit(project, "studio") as studio:
        studio.environment.cuda = "12.10"
    (project.state / "studio.json").write_bytes(content)
    error = refused("document_corrupt", project)
    backup = Path(error.details["backup"])
    assert backup.name in error.hint
    assert json.loads(backup.read_text())["environment"]["cuda"] == "12.10"


def test_a_damaged_backup_is_passed_over(project: Project) -> None:
    for version in ("12.8", "12.9"):
        with documents.edit(project, "studio") as studio:
            studio.environment.cuda = version
    newest = history.newest_good(project, StudioDocument)
    assert newest is not None
    newest.path.write_bytes(b"{")
    (project.state / "studio.json").write_bytes(b"")
    backup = Path(refused("document_corrupt", project).details["backup"])
    assert json.loads(backup.read_text())["environment"]["cuda"] == "12.8"


def test_a_document_that_disappeared_is_not_taken_for_an_empty_one(project: Project) -> None:
    (project.state / "studio.json").unlink()
    refused("document_missing", project)


@pytest.mark.parametrize("version", ["1.1", "2.0", "10.0", "1.0.1"])
def test_a_newer_schema_is_refused(project: Project, version: str) -> None:
    path = project.state / "studio.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"_schema_version": version}))
    assert "pip install" in refused("document_newer", project).hint


def test_a_document_of_before_versions_is_taken_over(project: Project) -> None:
    instance = {"id": "7", "provider": "vastai", "cost_hr": "0.30", "note": "kept"}
    old = {"environment": {"cuda": "12.4"}, "active_instances": [instance], "mine": [1]}
    (project.state / "studio.json").write_text(json.dumps(old))
    with documents.edit(project, "studio"):
        pass
    after = json.loads((project.state / "studio.json").read_text())
    assert after["_schema_version"] == "1.0"
    assert after["mine"] == [1]
    row = after["active_instances"][0]
    assert (row["id"], row["cost_per_hour"], row["note"]) == ("7", "0.30", "kept")
    kept = [path.read_text() for path in (project.state / "backups" / "studio").glob("found-*")]
    assert json.dumps(old) in kept


class Shelf(Document):
    """A document of a test: one declaration makes it known."""

    name = "shelf"
    title = "Shelf"
    version = "2.0"
    books: list[str] = Field(default_factory=list)

    @staticmethod
    def _rename(payload: dict[str, Any]) -> dict[str, Any]:
        payload["books"] = payload.pop("volumes")
        return payload | {"_schema_version": "2.0"}

    migrations: ClassVar[dict[str, Migration]] = {"1.0": _rename}

    def body(self) -> str:
        """The list."""
        return "# Shelf\n"


def test_a_new_document_is_one_declaration_and_an_old_one_is_migrated(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schemas, "_declared", dict(schemas._declared))
    schemas.declare(Shelf)
    path = project.state / "shelf.json"
    path.write_text('{"_schema_version": "1.0", "volumes": ["Loomis"]}')
    assert documents.read(project, Shelf).books == ["Loomis"]
    assert "volumes" in path.read_text(), "reading changes nothing"
    with documents.edit(project, "shelf") as shelf:
        shelf.books.append("Gurney")
    assert json.loads(path.read_text())["books"] == ["Loomis", "Gurney"]
    assert "shelf" in schemas.names()


def test_the_states_before_and_after_are_kept(project: Project) -> None:
    for number in range(30):
        with documents.edit(project, "studio") as studio:
            studio.environment.cuda = f"12.{number}"
    kept = [json.loads(b.path.read_text()) for b in history.good(project, StudioDocument)]
    assert [state["environment"]["cuda"] for state in kept[:20]] == [
        f"12.{number}" for number in range(29, 9, -1)
    ]


def test_a_hand_edit_is_kept_before_it_is_edited_over(project: Project) -> None:
    path = project.state / "studio.json"
    by_hand = path.read_text().replace('"cuda": ""', '"cuda":   "12.3"')
    path.write_text(by_hand)
    with documents.edit(project, "studio") as studio:
        assert studio.environment.cuda == "12.3"
        studio.environment.cuda = "12.4"
    folder = project.state / "backups" / "studio"
    assert by_hand in [kept.read_text() for kept in folder.glob("*.json")]


def test_a_snapshot_made_of_hard_links_keeps_its_bytes(project: Project) -> None:
    with documents.edit(project, "studio") as studio:
        studio.environment.cuda = "12.0"
    links = project.root / "links"
    before = {}
    for number, path in enumerate(p for p in project.grimoire.rglob("*") if p.is_file()):
        links.mkdir(exist_ok=True)
        os.link(path, links / str(number))
        before[str(number)] = path.read_bytes()
    for number in range(25):
        with documents.edit(project, "studio") as studio:
            studio.environment.cuda = f"13.{number}"
    assert {path.name: path.read_bytes() for path in links.iterdir()} == before
