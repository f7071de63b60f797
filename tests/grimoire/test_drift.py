"""An edit of a page or of its JSON is seen, line by line, and nobody's text is lost."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ategnatos.grimoire import documents, drift, views
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.markdown import escape, unescape
from ategnatos.grimoire.project import Project
from ategnatos.grimoire.schemas.eye import EarlierPreference, Preference
from ategnatos.grimoire.schemas.studio import Model


@pytest.fixture
def page(project: Project) -> Path:
    """The studio's page, with something on it."""
    with documents.edit(project, "studio") as studio:
        studio.environment.cuda = "12.10"
        studio.models.append(Model(name="Pony V6 XL", settings="CFG 7"))
    return views.path_of(project, "studio")


def rewrite(path: Path, old: str, new: str) -> str:
    text = path.read_text()
    assert old in text
    path.chmod(0o644)
    path.write_text(text.replace(old, new))
    return text.replace(old, new)


def looked(project: Project) -> drift.Drift:
    return drift.check(project, ["studio"])[0]


def test_a_page_is_read_only_and_says_so(page: Path) -> None:
    first = page.read_text().split("\n")[0]
    assert first.startswith("<!-- GENERATED - DO NOT EDIT. Use /studio to modify")
    assert re.search(r"\(json [0-9a-f]{16}, text [0-9a-f]{16}, layout \d+\) -->$", first)
    assert stat.S_IMODE(page.stat().st_mode) == 0o444


def test_what_was_recorded_is_clean(project: Project, page: Path) -> None:
    assert looked(project).state is drift.State.CLEAN


def test_an_edited_page_is_seen_with_its_lines(project: Project, page: Path) -> None:
    rewrite(page, "12.10", "13.0")
    found = looked(project)
    assert found.state is drift.State.EDITED
    line = page.read_text().split("\n").index("- **CUDA**: 13.0") + 1
    assert found.differences == [
        drift.Difference("studio.md", line, "- **CUDA**: 12.10", "- **CUDA**: 13.0")
    ]


def test_an_edited_json_is_seen_with_its_lines(project: Project, page: Path) -> None:
    path = project.state / "studio.json"
    rewrite(path, '"12.10"', '"13.0"')
    found = looked(project)
    assert found.state is drift.State.EDITED
    (difference,) = found.differences
    assert difference.file == "studio.json"
    assert path.read_text().split("\n")[difference.line - 1] == '    "cuda": "13.0",'
    assert difference.was == '    "cuda": "12.10",'


def test_an_edit_of_both_is_told_apart(project: Project, page: Path) -> None:
    rewrite(project.state / "studio.json", '"12.10"', '"13.0"')
    rewrite(page, "CFG 7", "CFG 8")
    assert {one.file for one in looked(project).differences} == {"studio.json", "studio.md"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("| Pony V6 XL |", "| Pony  V6 XL |"),
        ("# Studio", "# My studio"),
        ("\n\n## Models", "\n## Models"),
        ("layout", "layuot"),
        ("GENERATED", "Generated"),
        ("(json ", "(json 0000000000000000, text 0000000000000000, layout 1) ("),
        ("12.10", ""),
    ],
)
def test_the_smallest_edit_is_seen(project: Project, page: Path, old: str, new: str) -> None:
    rewrite(page, old, new)
    assert looked(project).state is drift.State.EDITED
    assert looked(project).differences


def test_an_edit_together_with_its_hash_is_seen(project: Project, page: Path) -> None:
    from ategnatos.grimoire.files import sha256_bytes

    text = rewrite(page, "12.10", "13.0")
    body = text.partition("\n")[2].encode()
    page.write_text(re.sub("text [0-9a-f]{16}", f"text {sha256_bytes(body)[:16]}", text, count=1))
    assert looked(project).state is drift.State.EDITED


def test_rendering_brings_the_page_back_and_keeps_the_edit(project: Project, page: Path) -> None:
    before = page.read_text()
    edited = rewrite(page, "12.10", "13.0")
    done = drift.render(project, "studio")
    assert done is not None
    assert done.edited is not None
    assert done.edited.name == "studio.md.edited"
    assert done.edited.read_text() == edited
    assert page.read_text() == before
    assert looked(project).state is drift.State.CLEAN


def test_a_second_edit_does_not_push_the_first_out(project: Project, page: Path) -> None:
    texts = set()
    for number in range(3):
        texts.add(rewrite(page, "12.10", f"13.{number}"))
        drift.render(project, "studio")
    assert {path.read_text() for path in page.parent.glob("*.edited*")} == texts


def test_an_edit_through_the_program_keeps_a_hand_edit_too(project: Project, page: Path) -> None:
    edited = rewrite(page, "12.10", "13.0")
    with documents.edit(project, "studio") as studio:
        studio.environment.primary = "RTX 4090"
    assert page.with_name("studio.md.edited").read_text() == edited
    assert looked(project).state is drift.State.CLEAN


def test_the_page_before_is_kept(project: Project, page: Path) -> None:
    before = page.read_text()
    with documents.edit(project, "studio") as studio:
        studio.environment.cuda = "13.0"
    assert page.with_name("studio.md.bak").read_text() == before


def test_a_hand_edit_of_the_json_is_taken_over_when_rendered(project: Project, page: Path) -> None:
    rewrite(project.state / "studio.json", '"12.10"', '"13.0"')
    done = drift.render(project, "studio")
    assert done is not None
    assert done.adopted
    assert "13.0" in page.read_text()
    assert looked(project).state is drift.State.CLEAN


def test_a_hand_edit_of_evidence_is_never_taken_over(project: Project) -> None:
    path = project.state / "assets.json"
    rewrite(path, '"assets": []', '"assets": [], "forged": true')
    drift.render(project, "assets")
    assert drift.check(project, ["assets"])[0].state is drift.State.EDITED


def test_a_page_that_is_gone_is_missing(project: Project, page: Path) -> None:
    page.unlink()
    assert looked(project).state is drift.State.VIEW_MISSING
    drift.render(project, "studio")
    assert looked(project).state is drift.State.CLEAN


def test_a_page_of_an_older_program_is_behind_and_not_edited(
    project: Project, page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "LAYOUT", views.LAYOUT + 1)
    assert looked(project).state is drift.State.VIEW_BEHIND


def test_a_damaged_document_is_named_with_its_backup(project: Project, page: Path) -> None:
    (project.state / "studio.json").write_text("{")
    found = looked(project)
    assert found.state is drift.State.DAMAGED
    assert "backup" in found.message


def test_checking_changes_nothing(project: Project, page: Path) -> None:
    rewrite(page, "12.10", "13.0")
    files = [path for path in project.root.rglob("*") if path.is_file()]
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}
    drift.check(project)
    after = [path for path in project.root.rglob("*") if path.is_file()]
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in after} == before


def test_a_page_by_hand_waits_for_its_import(project: Project) -> None:
    page = views.path_of(project, "studio")
    page.unlink()
    page.write_text("# Studio\n\nmine\n")
    assert looked(project).state is drift.State.HANDWRITTEN
    with pytest.raises(StudioError) as raised:
        drift.render(project, "studio")
    assert "migrate" in raised.value.hint
    assert page.read_text() == "# Studio\n\nmine\n"


@given(st.text())
def test_any_text_fits_one_cell_and_comes_back(text: str) -> None:
    cell = escape(text)
    assert unescape(cell) == text
    assert len(cell.splitlines()) <= 1
    assert cell == cell.strip()
    assert not re.search(r"(?<!\\)(\\\\)*\|", cell), "no bar that would end the cell"


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None
)
@given(names=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=12), max_size=4))
def test_a_table_has_a_line_a_row_whatever_the_text(project: Project, names: list[str]) -> None:
    with documents.edit(project, "studio") as studio:
        studio.models = [Model(name=name) for name in names]
    text = views.path_of(project, "studio").read_text()
    rows = text.split("## Models")[1].split("## LoRAs")[0].strip("\n").split("\n")[2:]
    cells = [unescape(row.split(" |", 1)[0].removeprefix("| ")) for row in rows if row]
    assert len(rows) == len(names) or not names
    if not any("|" in name for name in names):
        assert cells == [name for name in names if rows]


def _preference(name: str, category: str, text: str, **more: object) -> Preference:
    proof = {
        "studio": "0" * 16,
        "event": "e00000001",
        "sha256": "0" * 64,
        "at": "2026-11-21T10:00:00Z",
        "kind": "statement",
        "stance": "for",
        "session": "day:2026-11-21",
    }
    fields = {"id": name, "key": "0" * 16, "category": category, "text": text, **more}
    return Preference.model_validate({**fields, "evidence": [proof]})


def test_the_taste_page_reads_as_people_wrote_it(project: Project) -> None:
    with documents.edit(project, "eye") as eye:
        eye.preferences += [
            _preference("p1", "color", "Warm palettes", confirmations=5),
            _preference("p2", "texture", "flat vector", polarity="avoid", confirmations=1),
            _preference("p3", "anti_preferences", "stock photos", polarity="never"),
            _preference("p4", "model_combos", "Pony + CFG 7", approvals=3),
            _preference("p5", "Lighting", "rim light", scope="family:sdxl"),
            _preference("p6", "color", "teal", standing="retired"),
        ]
        eye.earlier.append(EarlierPreference(category="style", text="ink", confirmations=2))
    text = views.path_of(project, "eye").read_text()
    for line in (
        "## Color\n\n- Warm palettes [confirmed: 5 sessions] (p1)\n\n",
        "- AVOID: flat vector [confirmed: 1 session] (p2)\n",
        "## Anti-Preferences\n\n- NEVER: stock photos (p3)\n",
        "- Pony + CFG 7 [3 approvals] (p4)\n",
        "## Lighting\n\n- rim light [only family:sdxl] (p5)\n",
        "## No longer counted\n\n- teal [retired] (p6)\n",
        "- Style: ink [confirmed: 2 sessions] (old1)\n",
    ):
        assert line in text
